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

// silence is since when the store has not answered. It has a question and a goroutine
// of its own: whatever else waits for a store that hangs, it is noticed at once.
type silence struct {
	returned chan struct{} // capacity 1: the store answers again

	mu    sync.Mutex // guards what follows
	since time.Time  // when the first question without an answer was put; zero: none
}

func newSilence() *silence { return &silence{returned: make(chan struct{}, 1)} }

// ask notes that a question is put. It counts from now on if no answer comes.
func (s *silence) ask(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		s.since = now
	}
}

// answer notes that the store answered; failed says whether a question before this one
// was not.
func (s *silence) answer(failed bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.since = time.Time{}
	if failed {
		s.announce()
	}
}

// announce has whoever waits for returned go on.
func (s *silence) announce() {
	select {
	case s.returned <- struct{}{}:
	default:
	}
}

// lasts is for how long the store has not answered, counted from the first question
// without an answer.
func (s *silence) lasts(now time.Time) time.Duration {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.since.IsZero() {
		return 0
	}
	return now.Sub(s.since)
}

// probe asks the store whether it is there until ctx ends.
func (e *Engine) probe(ctx context.Context) {
	failed := false
	for {
		e.silence.ask(e.Now())
		if err := e.probeOnce(ctx); err != nil {
			failed = true
		} else {
			e.silence.answer(failed)
			e.troubles.pass()
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
