package quarantinetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"cordon/quarantine"
)

// Journal is a quarantine.Journal in memory that outlives the engines writing it, as a
// disk outlives processes.
type Journal struct {
	mu      sync.Mutex // guards what follows
	delay   time.Duration
	refuses bool
	entries []quarantine.JournalEntry
	times   []time.Time
}

var _ quarantine.Journal = (*Journal)(nil)

// ErrRefused is what a Journal answers that was made to refuse.
var ErrRefused = errors.New("the journal refuses entries")

// Refuse makes the journal refuse entries, or accept them again.
func (l *Journal) Refuse(refuses bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuses = refuses
}

// SetDelay says how long an append takes from now on.
func (l *Journal) SetDelay(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = d
}

// Entries returns everything in the journal.
func (l *Journal) Entries() []quarantine.JournalEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]quarantine.JournalEntry(nil), l.entries...)
}

// Append implements quarantine.Journal.
func (l *Journal) Append(ctx context.Context, entries ...quarantine.JournalEntry) error {
	l.mu.Lock()
	delay := l.delay
	l.mu.Unlock()
	if delay > 0 {
		select {
		case <-time.After(delay):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.refuses {
		return ErrRefused
	}
	for _, e := range entries {
		if e.Durable != nil {
			e.Durable()
			e.Durable = nil
		}
		l.entries, l.times = append(l.entries, e), append(l.times, time.Now())
	}
	return nil
}

// Replay implements quarantine.Journal.
func (l *Journal) Replay(_ context.Context, fn func(quarantine.JournalEntry, time.Time) error) error {
	l.mu.Lock()
	entries, times := append([]quarantine.JournalEntry(nil), l.entries...), l.times
	l.mu.Unlock()
	for i, e := range entries {
		if err := fn(e, times[i]); err != nil {
			return err
		}
	}
	return nil
}
