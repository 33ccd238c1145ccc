package app

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/engine"
	"cordon/radiusx/bng"
	"cordon/store/journal"
)

// CheckJournal reports what the journal in dir shows to be owed that could not be sent
// with this configuration; the journal may be in use. Redis is not asked. Its whole chain
// is verified first: a *journal.DamageError says where it is broken.
func CheckJournal(ctx context.Context, dir string, parts *Parts) error {
	if _, err := journal.Verify(dir); err != nil {
		return fmt.Errorf("verify the journal in %s: %w", dir, err)
	}
	fleet, err := bng.NewFleet(parts.Fleet)
	if err != nil {
		return err
	}
	found, err := engine.JournalUnserved(ctx, inspected(dir), parts.Names, fleet.CanRelease)
	if err != nil {
		return fmt.Errorf("read the journal in %s: %w", dir, err)
	}
	return engine.UnservedError(found)
}

// inspected is a journal that is only read.
type inspected string

// Append implements quarantine.Journal.
func (inspected) Append(context.Context, ...quarantine.JournalEntry) error {
	return errors.New("the journal is only read")
}

// Replay implements quarantine.Journal.
func (dir inspected) Replay(_ context.Context, fn func(quarantine.JournalEntry, time.Time) error) error {
	return journal.Inspect(string(dir), replayed(fn))
}
