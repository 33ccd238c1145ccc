package quarantinetest

import (
	"context"
	"errors"
	"sync"
	"time"

	"cordon/quarantine"
)

// Log is a quarantine.Log in memory that outlives the engines writing it, as a
// disk outlives processes.
type Log struct {
	mu      sync.Mutex // guards what follows
	delay   time.Duration
	refuses bool
	entries []quarantine.LogEntry
	times   []time.Time
}

var _ quarantine.Log = (*Log)(nil)

// ErrRefused is what a Log answers that was told to refuse.
var ErrRefused = errors.New("the log refuses entries")

// Refuse makes the log refuse entries, or take them again.
func (l *Log) Refuse(refuses bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuses = refuses
}

// SetDelay says how long an append takes from now on.
func (l *Log) SetDelay(d time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.delay = d
}

// Entries returns everything in the log.
func (l *Log) Entries() []quarantine.LogEntry {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]quarantine.LogEntry(nil), l.entries...)
}

// Append implements quarantine.Log.
func (l *Log) Append(ctx context.Context, entries ...quarantine.LogEntry) error {
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

// Replay implements quarantine.Log.
func (l *Log) Replay(_ context.Context, fn func(quarantine.LogEntry, time.Time) error) error {
	l.mu.Lock()
	entries, times := append([]quarantine.LogEntry(nil), l.entries...), l.times
	l.mu.Unlock()
	for i, e := range entries {
		if err := fn(e, times[i]); err != nil {
			return err
		}
	}
	return nil
}
