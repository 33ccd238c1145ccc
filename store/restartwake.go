package store

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"
)

// wakeTimeout is how long waking all because of a restart may take: some hundred
// short calls at a hundred thousand open cases.
const wakeTimeout = time.Minute

// restartWakes is the wake-ups because of restarts that are under way in this process.
type restartWakes struct {
	mu       sync.Mutex // guards what follows
	underWay map[string]*restartWake
}

// restartWake is one of them, for one restart of a BNG.
type restartWake struct {
	done chan struct{} // closed once err is set
	err  error
}

// wakeRestarted makes every open case due because BNGs restarted, by name and moment,
// unless all were woken for these restarts before: a BNG repeats an Accounting-On
// until it is answered, and some make do with no answer at all.
//
// That all were woken is noted after the last of them was. A restart that was stored
// by a process that died before that wakes all when the BNG repeats it. If ctx ends
// first the waking goes on, and whoever comes with the same restart again waits for
// it, so that what takes longer than a caller has is done all the same.
func (s *Store) wakeRestarted(ctx context.Context, now time.Time, restarted map[string]time.Time) error {
	if len(restarted) == 0 {
		return nil
	}
	bngs := slices.Collect(maps.Keys(restarted))
	woken, err := s.client.HMGet(ctx, s.keys.woken(), bngs...).Result()
	if err != nil && !refused(err) { // what is no hash, no wake-up was noted in
		return fmt.Errorf("ask for which restarts all were woken: %w", err)
	}
	for i, bng := range bngs {
		if err == nil && wokenFor(woken[i], restarted[bng]) {
			continue
		}
		w := s.restartWake(ctx, bng, now, restarted[bng])
		select {
		case <-w.done:
			if w.err != nil {
				return w.err
			}
		case <-ctx.Done():
			return fmt.Errorf("wake open cases after a restart of %s: %w", bng, ctx.Err())
		}
	}
	return nil
}

// restartWake joins the wake-up for a restart, or begins it. It ends by itself, after
// wakeTimeout at the latest.
func (s *Store) restartWake(ctx context.Context, bng string, now, restart time.Time) *restartWake {
	s.wakes.mu.Lock()
	defer s.wakes.mu.Unlock()
	key := bng + "@" + ms(restart)
	if w := s.wakes.underWay[key]; w != nil {
		return w
	}
	w := &restartWake{done: make(chan struct{})}
	if s.wakes.underWay == nil {
		s.wakes.underWay = map[string]*restartWake{}
	}
	s.wakes.underWay[key] = w
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), wakeTimeout)
	go func() {
		defer cancel()
		w.err = s.wakeFor(ctx, bng, now, restart)
		s.wakes.mu.Lock()
		defer s.wakes.mu.Unlock()
		delete(s.wakes.underWay, key)
		close(w.done)
	}()
	return w
}

// wakeFor wakes all because of one restart, and notes that.
func (s *Store) wakeFor(ctx context.Context, bng string, now, restart time.Time) error {
	if err := s.WakeAll(ctx, now); err != nil {
		return err
	}
	if err := s.client.HSet(ctx, s.keys.woken(), bng, ms(restart)).Err(); err != nil && !refused(err) {
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
