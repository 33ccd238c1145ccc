package store

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// TakeDue implements quarantine.DueSet.
func (s *Store) TakeDue(
	ctx context.Context, lane quarantine.Lane, now time.Time, lease time.Duration, n int, term uint64,
) ([]quarantine.Due, error) {
	until := fromMilli(now.Add(lease).UnixMilli())
	c := &call{
		script: leaseDueScript,
		keys:   []string{s.keys.due(lane), s.keys.open(), s.keys.term(), s.keys.dueAsked()},
		args:   []any{strconv.FormatUint(term, 10), ms(now), leaseScore(until), n},
	}
	s.run(ctx, []*call{c})
	subscribers, err := c.cmd.StringSlice()
	if errors.Is(err, redis.Nil) {
		return nil, quarantine.ErrNotSender
	}
	if err != nil {
		return nil, fmt.Errorf("lease due work: %w", s.failure(ctx, c))
	}
	leased := make([]quarantine.Due, len(subscribers))
	for i, subscriber := range subscribers {
		leased[i] = quarantine.Due{Lane: lane, Subscriber: subscriber, Until: until}
	}
	return leased, nil
}

// leaseScore marks a lease by half a millisecond: every other score is whole,
// so a wake-up can never look like the lease it interrupts.
func leaseScore(until time.Time) string { return ms(until) + ".5" }

// FinishDue implements quarantine.DueSet. Without a next due time the lease is
// left to expire: whoever leases the work then finds out whether anything is left to do.
func (s *Store) FinishDue(ctx context.Context, d quarantine.Due, next time.Time) error {
	if next.IsZero() {
		return nil
	}
	c := &call{
		script: finishDueScript,
		keys:   []string{s.keys.due(d.Lane), s.keys.dueAsked()},
		args:   []any{d.Subscriber, leaseScore(d.Until), ms(next)},
	}
	s.run(ctx, []*call{c})
	if err := s.failure(ctx, c); err != nil {
		return fmt.Errorf("finish work on %s: %w", d.Subscriber, err)
	}
	return nil
}

// WakeAll implements quarantine.DueSet. The list of open cases is read at once,
// which takes Redis some 0.1 us a case, and not with a cursor: a cursor means
// nothing to another server, and after a failover in between cases would be left
// out. Whoever opens a case after that makes it due. The cases themselves are woken
// slice by slice, each a few milliseconds of Redis' time.
func (s *Store) WakeAll(ctx context.Context, now time.Time) error {
	open, err := s.client.HKeys(ctx, s.keys.open()).Result()
	if err != nil {
		return fmt.Errorf("list open cases: %w", err)
	}
	due := now
	for slice := range slices.Chunk(open, quarantine.WakeSlice) {
		if err := s.wake(ctx, now, due, slice); err != nil {
			return err
		}
		due = due.Add(quarantine.WakeEvery)
	}
	return nil
}

// runAndAsk runs calls, and when they have been carried out asks which of the
// subscribers have an open case. A case that is opened after that is due by itself.
func (s *Store) runAndAsk(ctx context.Context, calls []*call, subscribers []string) (open []string, err error) {
	if len(subscribers) == 0 {
		s.run(ctx, calls)
		return nil, nil
	}
	ask := &call{command: "HMGET", keys: []string{s.keys.open()}}
	for _, subscriber := range subscribers {
		ask.args = append(ask.args, subscriber)
	}
	// One server carries out a pipeline in its order, several do not.
	together := !s.cluster
	if together {
		calls = append(slices.Clip(calls), ask)
	}
	if again := s.run(ctx, calls); again || !together {
		s.run(ctx, []*call{ask})
	}
	answers, err := ask.cmd.Slice()
	if err != nil {
		return nil, fmt.Errorf("look for open cases: %w", err)
	}
	for i, subscriber := range subscribers {
		if answers[i] != nil {
			open = append(open, subscriber)
		}
	}
	return open, nil
}

// wake makes the open cases of subscribers due: those being released at now, the
// others at due.
func (s *Store) wake(ctx context.Context, now, due time.Time, subscribers []string) error {
	c := &call{
		script: wakeScript,
		keys:   []string{s.keys.open(), s.keys.due(quarantine.LaneRelease), s.keys.due(quarantine.LaneRestrict)},
		args:   []any{ms(now), ms(due)},
	}
	for _, subscriber := range subscribers {
		c.args = append(c.args, subscriber)
	}
	s.run(ctx, []*call{c})
	if err := s.failure(ctx, c); err != nil {
		return fmt.Errorf("wake open cases: %w", err)
	}
	return nil
}
