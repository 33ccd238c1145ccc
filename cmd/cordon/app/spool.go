package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"cordon/store/spool"
)

// openSpool opens what keeps accounting while Redis is unreachable.
func (a *App) openSpool(ctx context.Context) (err error) {
	a.host, err = spool.Open(ctx, spool.HostConfig{
		Dir: a.cfg.Journal.Dir, Max: int64(a.cfg.Accounting.Spool.Max), Next: a.store, Journal: a.journal, Alone: a.alone,
	})
	if err != nil {
		return err
	}
	a.life.cleanUp("accounting spool", a.host.Close)
	a.spool, a.deadLetters = a.host.Spool, a.host.DeadLetters
	if a.host.MovedAside != nil {
		a.log.Error("the accounting spool cannot be read and is moved aside", zap.Error(a.host.MovedAside))
	}
	if n := a.host.Waiting(); n > 0 {
		a.log.Info("accounting of an earlier run waits in the spool", zap.Int("records", n))
	}
	return nil
}

// aloneFor is how long accounting may be answered that Redis does not accept.
func aloneFor(cfg *Config) time.Duration {
	if cfg.Accounting.Spool.Max == 0 {
		return 0
	}
	return cfg.Accounting.Spool.AloneFor.Std()
}

// alone says why the spool may accept nothing.
func (a *App) alone() error {
	if a.engine == nil {
		return errors.New("this instance is starting")
	}
	return a.engine.Alone()
}

// logSpool logs when accounting begins to go into the spool, when the spool is drained,
// and what it did not accept.
func (a *App) logSpool(last *spool.Stats) {
	a.logAside()
	if a.spool == nil {
		return
	}
	now := a.spool.Stats()
	switch {
	case now.Waiting > 0 && last.Waiting == 0:
		a.log.Warn("Redis does not accept accounting: it is answered and goes into the spool", zap.Int("records", now.Waiting))
	case now.Waiting == 0 && last.Waiting > 0:
		a.log.Info("accounting spool is drained", zap.Uint64("drained", now.Drained))
	}
	if now.Alone > last.Alone {
		a.log.Error("accounting is not answered: this instance has been cut off from Redis for too long",
			zap.Uint64("records", now.Alone-last.Alone), zap.NamedError("reason", a.alone()))
	}
	if lost := now.Full + now.NoRoom + now.Failed; lost > last.Full+last.NoRoom+last.Failed {
		a.log.Error("accounting is not answered: Redis is unreachable and the spool accepts no more",
			zap.Uint64("full", now.Full-last.Full), zap.Uint64("no_room", now.NoRoom-last.NoRoom), zap.Uint64("disk_fails", now.Failed-last.Failed))
	}
	*last = now
}

// logAside logs once an hour while a spool that was moved aside is there.
func (a *App) logAside() {
	if dir := a.host.Damaged(); dir != "" && time.Since(a.asideLogged) >= time.Hour {
		a.log.Error("no address is attributed: accounting that was answered cannot be read; remove the folder to go on without it",
			zap.String("dir", dir))
		a.asideLogged = time.Now()
	}
}

// logDeadLetters logs, at most once an hour, that records were set aside which Redis
// cannot hold.
func (a *App) logDeadLetters(logged *deadLetterLine) {
	now := a.deadLetters.Stats()
	if now.Events == logged.events || time.Since(logged.at) < time.Hour {
		return
	}
	a.log.Error("Redis cannot store accounting records, since another program wrote to their keys: they are set aside, and their addresses "+
		"are not attributed until the next Start",
		zap.String("file", a.deadLetters.Pending()), zap.Uint64("records", now.Events-logged.events), zap.String("bng", now.BNG),
		zap.String("reason", now.Reason))
	*logged = deadLetterLine{now.Events, time.Now()}
}

type deadLetterLine struct {
	events uint64
	at     time.Time
}

// probeDeadLetters is the line of /readyz?verbose about them.
func (a *App) probeDeadLetters(context.Context) error {
	file := a.deadLetters.Pending()
	if file == "" {
		return nil
	}
	return fmt.Errorf("Redis could not hold the accounting records in %s: see the reasons there, repair the keys, remove the file", file)
}

// probeSpool is the line of /readyz?verbose about the spool.
func (a *App) probeSpool(context.Context) error {
	if dir := a.host.Damaged(); dir != "" {
		return fmt.Errorf("no address is attributed while %s is there: accounting in it was answered and cannot be read", dir)
	}
	if a.spool == nil {
		return nil
	}
	oldest, some := a.spool.Oldest()
	if !some {
		return a.spool.Check()
	}
	waits := fmt.Errorf("%d records wait for Redis, since %s", a.spool.Stats().Waiting, oldest.UTC().Format(time.RFC3339))
	return errors.Join(waits, a.spool.Check())
}
