package store

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// wakeRestarted makes every open case due because BNGs restarted, by name and moment,
// unless all were woken for these restarts before: a BNG repeats an Accounting-On
// until it is answered, and some make do with no answer at all.
//
// That all were woken is noted after the last of them was. A restart that was stored
// by a process that died before that wakes all when the BNG repeats it.
func (s *Store) wakeRestarted(ctx context.Context, now time.Time, restarted map[string]time.Time) error {
	if len(restarted) == 0 {
		return nil
	}
	var bngs []string
	for bng := range restarted {
		bngs = append(bngs, bng)
	}
	woken, err := s.client.HMGet(ctx, s.keys.woken(), bngs...).Result()
	if err != nil && !refused(err) { // what is no hash, no wake-up was noted in
		return fmt.Errorf("ask for which restarts all were woken: %w", err)
	}
	var noted []any
	for i, bng := range bngs {
		if err != nil || !wokenFor(woken[i], restarted[bng]) {
			noted = append(noted, bng, ms(restarted[bng]))
		}
	}
	if len(noted) == 0 {
		return nil
	}
	if err := s.WakeAll(ctx, now); err != nil {
		return err
	}
	if err := s.client.HSet(ctx, s.keys.woken(), noted...).Err(); err != nil && !refused(err) {
		return fmt.Errorf("note for which restart all were woken: %w", err)
	}
	return nil
}

// wokenFor reports whether a value of the hash says that all were woken for the
// restart. A later one does not: of two that arrive in the wrong order only the
// newest is in force, and that is asked for.
func wokenFor(value any, restart time.Time) bool {
	text, _ := value.(string)
	at, err := strconv.ParseInt(text, 10, 64)
	return err == nil && at == restart.UnixMilli()
}
