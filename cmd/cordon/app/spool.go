package app

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"go.uber.org/zap"
	"golang.org/x/sys/unix"

	"cordon/store/journal"
	"cordon/store/spool"
)

// spoolLeaves is what the spool leaves free on the disk, in octets: the log lies
// on it too, and wants its reserve back after every use of it.
const spoolLeaves = 2 * journal.DefaultReserveBytes

// openSpool opens what keeps accounting while Redis is away.
func (a *App) openSpool(ctx context.Context) error {
	if a.cfg.Accounting.Spool.Max == 0 {
		return nil
	}
	dir := filepath.Join(a.cfg.Journal.Dir, "spool")
	s, err := spool.New(ctx, spool.Config{
		Dir: dir, Max: int64(a.cfg.Accounting.Spool.Max), Next: a.store, Room: func() error { return roomFor(a.journal, dir) },
	})
	if err != nil {
		return fmt.Errorf("%s: %w", dir, err)
	}
	a.spool = s
	a.life.cleanUp("accounting spool", s.Close)
	if n := s.Stats().Waiting; n > 0 {
		a.log.Info("accounting of an earlier run waits in the spool", zap.Int("records", n))
	}
	return nil
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

// tellSpool writes a line when accounting begins to go into the spool, when it
// is through, and now and then about what the spool did not take.
func (a *App) tellSpool(told *spool.Stats) {
	if a.spool == nil {
		return
	}
	now := a.spool.Stats()
	switch {
	case now.Waiting > 0 && told.Waiting == 0:
		a.log.Warn("Redis does not take accounting: it is kept in the spool and answered", zap.Int("records", now.Waiting))
	case now.Waiting == 0 && told.Waiting > 0:
		a.log.Info("the accounting spool is empty again", zap.Uint64("drained", now.Drained), zap.Uint64("unstorable", now.Unstored))
	}
	if lost := now.Full + now.NoRoom + now.Failed; lost > told.Full+told.NoRoom+told.Failed {
		a.log.Error("accounting is not answered: Redis is away and the spool takes no more",
			zap.Uint64("full", now.Full-told.Full), zap.Uint64("no_room", now.NoRoom-told.NoRoom), zap.Uint64("disk_fails", now.Failed-told.Failed))
	}
	*told = now
}

// spoolTrouble is what /readyz?verbose tells of the spool.
func (a *App) spoolTrouble(context.Context) error {
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
