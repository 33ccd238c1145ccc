package spool

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"cordon/quarantine"
	"cordon/store/journal"
)

// How the spool is drained.
const (
	drainEvents = 256  // at least so many at a time, if there are; each gets Config.Timeout
	holdBelow   = 1024 // fewer events than this left: new ones are held until the rest is stored

	firstPause = 100 * time.Millisecond // after the store did not answer; doubled each time
	maxPause   = 5 * time.Second
)

// Run drains the spool, in order, and retries with exponential back-off, until ctx
// ends.
func (s *Spool) Run(ctx context.Context) error {
	wait := firstPause
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-s.wake:
		}
		err := s.RunOnce(ctx)
		s.note(err)
		if err == nil {
			wait = firstPause
			continue
		}
		s.nudge()
		pause(ctx, wait/2+rand.N(wait)) //nolint:gosec // jitter, not keys
		wait = min(2*wait, maxPause)
	}
}

func (s *Spool) note(drainErr error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drainErr = drainErr
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// RunOnce drains what is in the spool now. If that leaves little, new events are held
// until the rest is stored too, and go to the store directly from then on. An error
// means that the store is unreachable, or that the journal cannot be read.
func (s *Spool) RunOnce(ctx context.Context) error {
	if err := s.drain(ctx); err != nil {
		return err
	}
	if !s.hold() {
		s.nudge()
		return nil
	}
	defer s.resume()
	if err := s.drain(ctx); err != nil {
		return err
	}
	s.clear(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spooling = false
	return nil
}

// hold has new events wait and waits for those being appended, which takes as long as
// the disk and not the store. It returns false if too many are in the spool.
func (s *Spool) hold() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.backlog.events >= holdBelow {
		return false
	}
	s.resumed = make(chan struct{})
	for s.appending > 0 {
		s.idle.Wait()
	}
	return true
}

func (s *Spool) resume() {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.resumed)
	s.resumed = nil
}

// drain stores, in order, what was in the journal when it was called.
func (s *Spool) drain(ctx context.Context) error {
	first, some := s.next()
	if !some {
		return nil
	}
	var events []quarantine.SessionEvent
	var last uint64
	flush := func() error {
		if len(events) == 0 {
			return nil
		}
		if err := s.deliver(ctx, events); err != nil {
			return err
		}
		s.done(last, len(events))
		events = events[:0]
		return nil
	}
	err := s.journal.Replay(ctx, first, func(r journal.Record) error {
		more, err := decode(r)
		if err != nil {
			return err
		}
		if events, last = append(events, more...), r.Seq; len(events) < drainEvents {
			return nil
		}
		return flush()
	})
	if err != nil {
		return err
	}
	return flush()
}

func (s *Spool) next() (seq uint64, some bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.backlog.first, !s.backlog.empty()
}

// done removes what was drained from the backlog and frees its space.
func (s *Spool) done(seq uint64, events int) {
	s.mu.Lock()
	s.backlog.done(seq, events)
	s.stats.Drained += uint64(events)
	s.mu.Unlock()
	_, _ = s.journal.Expire(seq + 1) // what stays is drained again after a restart, no more
}

// clear empties the journal before events go to the store directly: what stays there
// would be drained again after a restart, behind newer events.
func (s *Spool) clear(ctx context.Context) {
	if s.journal.Rotate(ctx) != nil {
		return // the disk fails, and Writable says so; draining again is harmless
	}
	_, next := s.journal.Bounds()
	_, _ = s.journal.Expire(next) // the same
}

// deliver stores events.
func (s *Spool) deliver(ctx context.Context, events []quarantine.SessionEvent) error {
	trying, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	errs := s.cfg.Next.Record(trying, events)
	if len(errs) != len(events) {
		return errAnswer
	}
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

var errAnswer = errors.New("the session store did not answer for each event")
