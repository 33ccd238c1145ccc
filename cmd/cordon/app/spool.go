package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"cordon/store/journal"
	"cordon/store/spool"
)

// spoolLeaves is what the spool leaves free on the disk, in octets: the log lies
// on it too, and wants its reserve back after every use of it.
const spoolLeaves = 2 * journal.DefaultReserveBytes

// openSpool opens what keeps accounting while Redis is away. One that was turned
// off is opened until it is handed over.
func (a *App) openSpool(ctx context.Context) error {
	a.setAside = spool.NewAside(spool.AsideConfig{File: filepath.Join(a.cfg.Journal.Dir, "unstorable.ndjson"), Next: a.store})
	dir, most := filepath.Join(a.cfg.Journal.Dir, "spool"), int64(a.cfg.Accounting.Spool.Max)
	var err error
	if a.aside, err = damaged(dir); err != nil {
		return fmt.Errorf("look for spools that were moved aside: %w", err)
	}
	if most == 0 {
		if _, err := os.Lstat(dir); errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		most = spool.MinMax // an earlier run may have left something in it
	}
	open := func() (*spool.Spool, error) {
		return spool.New(ctx, spool.Config{
			Dir: dir, Max: most, Next: a.setAside, Room: func() error { return roomFor(a.journal, dir) }, Alone: a.alone,
		})
	}
	s, err := open()
	if errors.Is(err, journal.ErrDamaged) || errors.Is(err, spool.ErrForm) {
		a.log.Error("the accounting spool cannot be read and is moved aside", zap.String("dir", dir), zap.Error(err))
		aside := fmt.Sprintf("%s%s-%d", dir, asideSuffix, time.Now().UnixNano())
		if err = os.Rename(dir, aside); err == nil {
			a.aside = append(a.aside, aside)
			s, err = open()
		}
	}
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	if a.cfg.Accounting.Spool.Max == 0 && s.Stats().Waiting == 0 {
		return s.Close()
	}
	a.spool = s
	a.life.cleanUp("accounting spool", s.Close)
	if n := s.Stats().Waiting; n > 0 {
		a.log.Info("accounting of an earlier run waits in the spool", zap.Int("records", n))
	}
	return nil
}

// aloneFor is how long accounting may be answered that Redis does not take.
func aloneFor(cfg *Config) time.Duration {
	if cfg.Accounting.Spool.Max == 0 {
		return 0
	}
	return cfg.Accounting.Spool.AloneFor.Std()
}

// alone says why the spool may take nothing.
func (a *App) alone() error {
	if a.engine == nil {
		return errors.New("this instance is starting")
	}
	return a.engine.Alone()
}

// spooled is how many answered records wait for Redis.
func (a *App) spooled() int {
	if a.spool == nil {
		return 0
	}
	return a.spool.Stats().Waiting
}

// asideSuffix is added to the name of a spool that could not be read. Accounting
// does not wait for a person to look at it; judging by accounting does, for
// records that were answered are missing.
const asideSuffix = ".damaged"

// damaged lists what was moved aside from dir.
func damaged(dir string) (aside []string, err error) {
	beside, err := os.ReadDir(filepath.Dir(dir))
	for _, e := range beside {
		if strings.HasPrefix(e.Name(), filepath.Base(dir)+asideSuffix+"-") {
			aside = append(aside, filepath.Join(filepath.Dir(dir), e.Name()))
		}
	}
	return aside, err
}

// spoolAside returns a folder that was moved aside at this start or an earlier
// one and still lies there; "" if there is none.
func (a *App) spoolAside() string {
	for _, dir := range a.aside {
		if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
			return dir
		}
	}
	return ""
}

// roomFor says why the spool may not grow: the log comes first.
func roomFor(log *journal.Journal, dir string) error {
	if err := log.Writable(); errors.Is(err, journal.ErrFull) {
		return err
	}
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return fmt.Errorf("look at the disk: %w", err)
	}
	if free := int64(disk.Bavail) * int64(disk.Bsize); free < spoolLeaves { //nolint:unconvert // the fields' types differ by system
		return fmt.Errorf("%d MiB are free and %d MiB are left to the log", free>>20, spoolLeaves>>20)
	}
	return nil
}

// logSpool writes a line when accounting begins to go into the spool, when it
// is through, and now and then about what the spool did not take.
func (a *App) logSpool(told *spool.Stats) {
	a.logAside()
	if a.spool == nil {
		return
	}
	now := a.spool.Stats()
	switch {
	case now.Waiting > 0 && told.Waiting == 0:
		a.log.Warn("Redis does not take accounting: it is kept in the spool and answered", zap.Int("records", now.Waiting))
	case now.Waiting == 0 && told.Waiting > 0:
		a.log.Info("the accounting spool is empty again", zap.Uint64("drained", now.Drained))
	}
	if now.Alone > told.Alone {
		a.log.Error("accounting is not answered: this instance has been cut off from Redis for too long", zap.Uint64("records", now.Alone-told.Alone), zap.NamedError("reason", a.alone()))
	}
	if lost := now.Full + now.NoRoom + now.Failed; lost > told.Full+told.NoRoom+told.Failed {
		a.log.Error("accounting is not answered: Redis is away and the spool takes no more",
			zap.Uint64("full", now.Full-told.Full), zap.Uint64("no_room", now.NoRoom-told.NoRoom), zap.Uint64("disk_fails", now.Failed-told.Failed))
	}
	*told = now
}

// logAside writes a line now and then while a spool that was moved aside is there.
func (a *App) logAside() {
	if dir := a.spoolAside(); dir != "" && time.Since(a.asideLogged) >= time.Hour {
		a.log.Error("no address is attributed: accounting that was answered cannot be read; take the folder away to go on without it", zap.String("dir", dir))
		a.asideLogged = time.Now()
	}
}

// logSetAside writes a line when records were set aside that Redis cannot hold, at
// most once an hour.
func (a *App) logSetAside(logged *setAsideLine) {
	now := a.setAside.Stats()
	if now.Events == logged.events || time.Since(logged.at) < time.Hour {
		return
	}
	a.log.Error("Redis cannot hold accounting records, for another program wrote what stands in their place: they are set aside, and their addresses are nobody's until the next Start",
		zap.String("file", a.setAside.Waiting()), zap.Uint64("records", now.Events-logged.events), zap.String("bng", now.BNG), zap.String("reason", now.Reason))
	*logged = setAsideLine{now.Events, time.Now()}
}

type setAsideLine struct {
	events uint64
	at     time.Time
}

// setAsideTrouble is the line of /readyz?verbose about them.
func (a *App) setAsideTrouble(context.Context) error {
	file := a.setAside.Waiting()
	if file == "" {
		return nil
	}
	return fmt.Errorf("Redis could not hold the accounting records in %s: see the reasons there, repair the keys, take the file away", file)
}

// spoolTrouble is what /readyz?verbose tells of the spool.
func (a *App) spoolTrouble(context.Context) error {
	if dir := a.spoolAside(); dir != "" {
		return fmt.Errorf("no address is attributed while %s is there: accounting in it was answered and cannot be read", dir)
	}
	if a.spool == nil {
		return nil
	}
	oldest, some := a.spool.Oldest()
	if !some {
		return a.spool.Trouble()
	}
	waits := fmt.Errorf("%d records wait for Redis, since %s", a.spool.Stats().Waiting, oldest.UTC().Format(time.RFC3339))
	return errors.Join(waits, a.spool.Trouble())
}
