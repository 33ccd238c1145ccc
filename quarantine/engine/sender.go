package engine

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// The sender lock: how long it lasts, how often it is renewed, and how long
// before its end restricting stops.
const (
	lockLasts  = 10 * time.Second
	lockRenew  = 3 * time.Second
	lockMargin = 2 * time.Second
)

// sender is this instance's claim to be the one that restricts.
type sender struct {
	lock   quarantine.SenderLock
	holder string
	now    func() time.Time

	mu    sync.Mutex // guards what follows
	term  uint64
	until time.Time       // by our clock, counted from before the lock was asked for
	reign context.Context // ends when restricting has to stop; nil without the lock
	end   *time.Timer     // ends reign
}

// may returns the term to write with, and whether this instance may restrict.
func (s *sender) may() (term uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.term, s.now().Before(s.until.Add(-lockMargin))
}

// during returns a context that ends with ctx, or when this instance may not
// restrict any more.
func (s *sender) during(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.reign == nil {
		cancel()
		return ctx, cancel
	}
	stop := context.AfterFunc(s.reign, cancel)
	return ctx, func() { stop(); cancel() }
}

// lasts notes until when the lock is held. s.mu is held.
func (s *sender) lasts(until time.Time) {
	s.until = until
	left := until.Add(-lockMargin).Sub(s.now())
	if s.reign != nil && s.end.Stop() {
		s.end.Reset(left)
		return
	}
	reign, depose := context.WithCancel(context.Background())
	s.reign, s.end = reign, time.AfterFunc(left, depose)
}

// lost notes that the lock is another's. s.mu is held.
func (s *sender) lost() {
	s.term, s.until = 0, time.Time{}
	if s.reign != nil {
		s.end.Reset(0)
		s.reign = nil
	}
}

// campaign takes or renews the lock; gained tells that the term is a new one.
func (s *sender) campaign(ctx context.Context) (gained bool, err error) {
	asked := s.now()
	term, held, err := s.lock.Campaign(ctx, s.holder, lockLasts)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !held {
		s.lost()
		return false, nil
	}
	gained = term != s.term || !s.until.After(asked)
	s.term = term
	s.lasts(asked.Add(lockLasts))
	return gained, nil
}

// campaign keeps this instance in the election until ctx ends, then resigns.
func (e *Engine) campaign(ctx context.Context) {
	for {
		gained, err := e.sender.campaign(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			e.troubles.tell(zap.WarnLevel, "sender election failed", zap.Error(err))
		case gained:
			e.Logger.Info("this instance is the sender now", zap.String("instance", e.Instance))
			e.wakeAll()
			e.nudge()
		}
		wait := lockRenew
		if err != nil {
			wait = time.Second
		}
		if !sleep(ctx, wait) {
			e.resign(ctx)
			return
		}
	}
}

// resign gives the lock up at the end, so that another instance need not wait.
func (e *Engine) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := e.Store.Resign(ctx, e.Holder); err != nil {
		e.Logger.Info("sender lock not given back; it ends by itself", zap.Error(err))
	}
}
