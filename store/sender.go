package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// Campaign implements quarantine.SenderLease. The lease lasts ttl by Redis' clock
// from when Redis received the request, which is not before the call: the holder must
// count from before it.
func (s *Store) Campaign(ctx context.Context, holder string, ttl time.Duration) (term uint64, held bool, err error) {
	if holder == "" || ttl < time.Millisecond {
		return 0, false, fmt.Errorf("campaign for sender: holder %q must not be empty, ttl %s must be at least 1 ms", holder, ttl)
	}
	c := &call{
		script: senderScript,
		keys:   []string{s.keys.sender(), s.keys.term()},
		args:   []any{holder, strconv.FormatInt(ttl.Milliseconds(), 10)},
	}
	s.run(ctx, []*call{c})
	answer, err := c.cmd.Slice()
	if err != nil {
		return 0, false, fmt.Errorf("campaign for sender: %w", err)
	}
	if len(answer) != 2 {
		return 0, false, unexpected("sender", answer)
	}
	text, _ := answer[1].(string)
	term, err = strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, false, unexpected("sender", answer)
	}
	return term, answer[0] == int64(1), nil
}

// probe asks the servers that hold the control state whether it can be written. One that
// answers may refuse to: it is full, a replica by now, or short of replicas.
func (s *Store) probe(ctx context.Context) error {
	c := &call{script: probeScript, keys: []string{s.keys.probe()}, args: []any{ttl(time.Minute)}}
	s.run(ctx, []*call{c})
	if err := c.cmd.Err(); err != nil {
		return fmt.Errorf("write to redis: %w", err)
	}
	return nil
}

// Resign implements quarantine.SenderLease.
func (s *Store) Resign(ctx context.Context, holder string) error {
	c := &call{script: resignScript, keys: []string{s.keys.sender()}, args: []any{holder}}
	s.run(ctx, []*call{c})
	if err := c.cmd.Err(); err != nil {
		return fmt.Errorf("resign as sender: %w", err)
	}
	return nil
}
