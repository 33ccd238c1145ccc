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

// sender is this instance's lease as the one that restricts. Two clocks count, the longer
// time of both: most count no time during which the machine is suspended, and the wall
// clock can be set back.
type sender struct {
	lock   quarantine.SenderLease
	holder string
	now    func() time.Time
	uptime func() time.Duration

	mu    sync.Mutex // guards what follows
	term  uint64
	held  bool
	asked instant         // before the lock was asked for last
	reign context.Context // ends when restricting has to stop; nil without the lock
	end   *time.Timer     // ends reign, where time goes on
	stop  func()          // ends reign
}

func (s *sender) instant() instant { return instant{s.now().Round(0), s.uptime()} }

// since is how long ago a moment is.
func (s *sender) since(t instant) time.Duration {
	now := s.instant()
	return max(now.wall.Sub(t.wall), now.uptime-t.uptime)
}

// may returns the term to write with, and whether this instance may restrict. It is to
// be asked right before each transmission of a restriction.
func (s *sender) may() (term uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok = s.held && s.since(s.asked) < lockLasts-lockMargin
	if !ok && s.reign != nil { // the timer does not count a suspension
		s.end.Stop()
		s.stop()
		s.reign = nil
	}
	return s.term, ok
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

// lasts notes that the lock is held, as asked for at a moment. s.mu is held.
func (s *sender) lasts(asked instant) {
	s.held, s.asked = true, asked
	left := lockLasts - lockMargin - s.since(asked)
	if s.reign != nil && s.end.Stop() {
		s.end.Reset(left)
		return
	}
	reign, depose := context.WithCancel(context.Background())
	s.reign, s.stop, s.end = reign, depose, time.AfterFunc(left, depose)
}

// lost notes that the lock is another's. s.mu is held.
func (s *sender) lost() {
	s.term, s.held = 0, false
	if s.reign != nil {
		s.end.Reset(0)
		s.reign = nil
	}
}

// campaign takes or renews the lock; gained tells that the term is a new one.
func (s *sender) campaign(ctx context.Context) (gained bool, err error) {
	asked := s.instant()
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
	gained = !s.held || term != s.term || s.since(s.asked) >= lockLasts
	s.term = term
	s.lasts(asked)
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
