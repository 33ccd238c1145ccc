package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Publish implements quarantine.Completeness.
func (s *Store) Publish(ctx context.Context, instance string, complete time.Time, ttl time.Duration) error {
	if instance == "" || ttl < time.Millisecond {
		return fmt.Errorf("publish completeness: instance %q, %s: want a name and at least 1 ms", instance, ttl)
	}
	c := &call{
		script: publishScript,
		keys:   []string{s.keys.complete()},
		args:   []any{instance, ms(complete), strconv.FormatInt(ttl.Milliseconds(), 10)},
	}
	s.run(ctx, []*call{c})
	if err := c.cmd.Err(); err != nil {
		return fmt.Errorf("publish completeness: %w", err)
	}
	return nil
}

// Complete implements quarantine.Completeness.
func (s *Store) Complete(ctx context.Context, except string) (complete time.Time, others bool, err error) {
	c := &call{script: completeScript, keys: []string{s.keys.complete()}, args: []any{except}}
	s.run(ctx, []*call{c})
	text, err := c.cmd.Text()
	switch {
	case err != nil:
		return time.Time{}, false, fmt.Errorf("read how far accounting is worked: %w", err)
	case text == "":
		return time.Time{}, false, nil
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return time.Time{}, false, unexpected("complete", text)
	}
	return fromMilli(n), true, nil
}
