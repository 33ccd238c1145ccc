package engine

import (
	"context"
	"sync"
	"time"
)

// How the store is probed: how long after an answer, and the timeout of a probe.
const (
	probeEvery   = time.Second
	probeTimeout = 2 * time.Second
)

// storeHealth is since when the store has been unreachable. The probe has a goroutine of its own: it
// notices at once, whatever else waits for a store that hangs.
type storeHealth struct {
	returned chan struct{} // capacity 1: the store answers again

	mu               sync.Mutex // guards what follows
	unreachableSince time.Time  // when the first unanswered probe was sent; zero: none
}

func newStoreHealth() *storeHealth { return &storeHealth{returned: make(chan struct{}, 1)} }

// probing notes that a probe is sent. The outage counts from now if it is not answered.
func (s *storeHealth) probing(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unreachableSince.IsZero() {
		s.unreachableSince = now
	}
}

// answered notes that the store answered; failed: a probe before this one was not answered.
func (s *storeHealth) answered(failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.unreachableSince = time.Time{}
	if failed {
		s.signal()
	}
}

// signal wakes the goroutine that waits for returned.
func (s *storeHealth) signal() {
	select {
	case s.returned <- struct{}{}:
	default:
	}
}

// unreachableFor returns for how long the store has not answered, from the first unanswered probe.
func (s *storeHealth) unreachableFor(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unreachableSince.IsZero() {
		return 0
	}
	return now.Sub(s.unreachableSince)
}

// probe probes the store until ctx ends.
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
