package store

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// TakeDue implements quarantine.DueSet.
func (s *Store) TakeDue(ctx context.Context, lane quarantine.Lane, now time.Time, lease time.Duration, n int, term uint64) ([]quarantine.Due, error) {
	until := fromMilli(now.Add(lease).UnixMilli())
	c := &call{
		script: takeScript,
		keys:   []string{s.keys.due(lane), s.keys.open(), s.keys.term(), s.keys.dueAsked()},
		args:   []any{strconv.FormatUint(term, 10), ms(now), leaseScore(until), n},
	}
	s.run(ctx, []*call{c})
	subscribers, err := c.cmd.StringSlice()
	if errors.Is(err, redis.Nil) {
		return nil, quarantine.ErrNotSender
	}
	if err != nil {
		return nil, fmt.Errorf("take due work: %w", err)
	}
	taken := make([]quarantine.Due, len(subscribers))
	for i, subscriber := range subscribers {
		taken[i] = quarantine.Due{Lane: lane, Subscriber: subscriber, Until: until}
	}
	return taken, nil
}

// leaseScore marks a lease by half a millisecond: every other score is whole,
// so a wake-up can never look like the lease it interrupts.
func leaseScore(until time.Time) string { return ms(until) + ".5" }

// FinishDue implements quarantine.DueSet. Without a next look the lease is left
// to run out: what is no longer wanted is found so when it is taken again.
func (s *Store) FinishDue(ctx context.Context, d quarantine.Due, next time.Time) error {
	if next.IsZero() {
		return nil
	}
	c := &call{
		script: finishScript,
		keys:   []string{s.keys.due(d.Lane), s.keys.dueAsked()},
		args:   []any{d.Subscriber, leaseScore(d.Until), ms(next)},
	}
	s.run(ctx, []*call{c})
	if err := c.cmd.Err(); err != nil {
		return fmt.Errorf("finish work on %s: %w", d.Subscriber, err)
	}
	return nil
}

// WakeAll implements quarantine.DueSet.
func (s *Store) WakeAll(ctx context.Context, now time.Time) error {
	return s.wake(ctx, now, nil)
}

// wakeOpen makes the open cases of subscribers due at now. Hardly any of them has
// one, and that is asked first: a case that is opened after the answer is due by
// itself.
func (s *Store) wakeOpen(ctx context.Context, now time.Time, subscribers []string) error {
	c := &call{command: "HMGET", keys: []string{s.keys.open()}}
	for _, subscriber := range subscribers {
		c.args = append(c.args, subscriber)
	}
	s.run(ctx, []*call{c})
	open, err := c.cmd.Slice()
	if err != nil {
		return fmt.Errorf("look for open cases: %w", err)
	}
	var with []string
	for i, subscriber := range subscribers {
		if open[i] != nil {
			with = append(with, subscriber)
		}
	}
	if len(with) == 0 {
		return nil
	}
	return s.wake(ctx, now, with)
}

// wake makes the open cases of subscribers due at now, or all of them if none
// is named.
func (s *Store) wake(ctx context.Context, now time.Time, subscribers []string) error {
	c := &call{
		script: wakeScript,
		keys:   []string{s.keys.open(), s.keys.due(quarantine.LaneRelease), s.keys.due(quarantine.LaneRestrict)},
		args:   []any{ms(now)},
	}
	for _, subscriber := range subscribers {
		c.args = append(c.args, subscriber)
	}
	s.run(ctx, []*call{c})
	if err := c.cmd.Err(); err != nil {
		return fmt.Errorf("wake open cases: %w", err)
	}
	return nil
}
