package engine

import (
	"context"
	"sync"
	"time"
)

// How the store is asked whether it is there: how long after an answer, and how long
// one question may take.
const (
	probeEvery   = time.Second
	probeTimeout = 2 * time.Second
)

// storeHealth is since when the store has not answered. It has a question and a goroutine
// of its own: whatever else waits for a store that hangs, it is noticed at once.
type storeHealth struct {
	returned chan struct{} // capacity 1: the store answers again

	mu               sync.Mutex // guards what follows
	unreachableSince time.Time  // when the first question without an answer was put; zero: none
}

func newStoreHealth() *storeHealth { return &storeHealth{returned: make(chan struct{}, 1)} }

// probing notes that a question is put. It counts from now on if no answer comes.
func (s *storeHealth) probing(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unreachableSince.IsZero() {
		s.unreachableSince = now
	}
}

// answered notes that the store answered; failed says whether a question before this one
// was not.
func (s *storeHealth) answered(failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreachableSince = time.Time{}
	if failed {
		s.signal()
	}
}

// signal has whoever waits for returned go on.
func (s *storeHealth) signal() {
	select {
	case s.returned <- struct{}{}:
	default:
	}
}

// unreachableFor is for how long the store has not answered, counted from the first question
// without an answer.
func (s *storeHealth) unreachableFor(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unreachableSince.IsZero() {
		return 0
	}
	return now.Sub(s.unreachableSince)
}

// probe asks the store whether it is there until ctx ends.
func (e *Engine) probe(ctx context.Context) {
	failed := false
	for {
		e.storeHealth.probing(e.Now())
		if err := e.probeOnce(ctx); err != nil {
			failed = true
		} else {
			e.storeHealth.answered(failed)
			e.limited.logResolved()
			failed = false
		}
		if !sleep(ctx, probeEvery) {
			return
		}
	}
}

func (e *Engine) probeOnce(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	_, err := e.Store.KnownVerdicts(ctx, nil) // nothing is asked but whether it works
	return err
}
