package app

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
	"cordon/store/journal"
)

// domainJournal is the journal as the domain sees it.
type domainJournal struct{ journal *journal.Journal }

var _ quarantine.Journal = domainJournal{}

// Append implements quarantine.Journal.
func (l domainJournal) Append(ctx context.Context, entries ...quarantine.JournalEntry) error {
	_, err := l.journal.Append(ctx, journalEntries(entries)...)
	return err
}

// Replay implements quarantine.Journal.
func (l domainJournal) Replay(ctx context.Context, fn func(quarantine.JournalEntry, time.Time) error) error {
	return l.journal.Replay(ctx, 0, replayed(fn))
}

// replayed reads a record as an entry; erased ones are left out.
func replayed(fn func(quarantine.JournalEntry, time.Time) error) func(journal.Record) error {
	return func(r journal.Record) error {
		if r.Erased {
			return nil
		}
		return fn(quarantine.JournalEntry{Kind: quarantine.EntryKind(r.Kind), Key: r.Key, Body: r.Payload, Reserved: r.Reserved}, r.Time)
	}
}

func journalEntries(entries []quarantine.JournalEntry) []journal.Entry {
	converted := make([]journal.Entry, len(entries))
	for i, e := range entries {
		converted[i] = journal.Entry{Kind: journal.Kind(e.Kind), Key: e.Key, Payload: e.Body, Reserved: e.Reserved}
		if e.Durable != nil {
			converted[i].Tag = e.Durable
		}
	}
	return converted
}

// durable reports to those who wrote the records that they are durable: before the journal asks
// what to carry, so that nothing falls between two segments.
func durable(records []journal.Record) {
	for _, r := range records {
		if done, ok := r.Tag.(func()); ok {
			done()
		}
	}
}

// openJournal opens this host's journal. Whatever is outstanding is carried into
// each new segment, so that old ones may go.
func (a *App) openJournal() error {
	var err error
	a.journal, err = journal.Open(journal.Config{
		Dir:       a.cfg.Journal.Dir,
		Committed: durable,
		Checkpoint: func() []journal.Entry {
			if a.engine == nil {
				return nil
			}
			return journalEntries(a.engine.Checkpoint())
		},
	})
	if err != nil {
		return fmt.Errorf("open the journal in %s: %w", a.cfg.Journal.Dir, err)
	}
	a.life.cleanUp("journal", a.journal.Close)
	if r := a.journal.Recovery(); r.Octets > 0 {
		a.log.Warn("journal ended in an unfinished entry, which is dropped", zap.String("segment", r.Segment),
			zap.Int64("bytes", r.Octets), zap.String("reason", r.Reason), zap.Bool("cut", r.Cut))
	}
	return nil
}

// upkeepEvery is how often segments that are not needed any more are removed.
const upkeepEvery = time.Hour

// keepJournal removes old segments until ctx ends.
func (a *App) keepJournal(ctx context.Context) error {
	ticker := time.NewTicker(upkeepEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if n, err := a.journal.ExpireOlder(time.Now().Add(-a.cfg.Attribution.VerdictRetention())); err != nil {
				a.log.Error("old journal segments cannot be removed", zap.Error(err))
			} else if n > 0 {
				a.log.Info("old journal segments removed", zap.Int("segments", n))
			}
		}
	}
}
