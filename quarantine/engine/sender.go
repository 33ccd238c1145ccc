package engine

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// The sender lease: its time to live, how often it is renewed, and how long before its end
// restricting stops.
const (
	leaseTTL    = 10 * time.Second
	leaseRenew  = 3 * time.Second
	leaseMargin = 2 * time.Second
)

// sender is this instance's lease as the one that restricts. The longer time of two clocks counts:
// most do not count a suspension of the machine, and the wall clock can be set back.
type sender struct {
	lease  quarantine.SenderLease
	holder string
	now    func() time.Time
	uptime func() time.Duration

	mu       sync.Mutex // guards what follows
	term     uint64
	held     bool
	asked    instant         // before the lease was asked for last
	leaseCtx context.Context // ends when restricting has to stop; nil without the lease
	end      *time.Timer     // ends leaseCtx, where time goes on
	stop     func()          // ends leaseCtx
}

func (s *sender) instant() instant { return instant{s.now().Round(0), s.uptime()} }

// since returns the time since a moment.
func (s *sender) since(t instant) time.Duration {
	now := s.instant()
	return max(now.wall.Sub(t.wall), now.uptime-t.uptime)
}

// holds returns the lease's term, to write with, and whether this instance holds the lease. It is
// to be asked right before each transmission of a restriction.
func (s *sender) holds() (term uint64, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ok = s.held && s.since(s.asked) < leaseTTL-leaseMargin
	if !ok && s.leaseCtx != nil { // the timer does not count a suspension
		s.end.Stop()
		s.stop()
		s.leaseCtx = nil
	}
	return s.term, ok
}

// whileHeld returns a context that ends with ctx, or with the lease.
func (s *sender) whileHeld(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaseCtx == nil {
		cancel()
		return ctx, cancel
	}
	stop := context.AfterFunc(s.leaseCtx, cancel)
	return ctx, func() { stop(); cancel() }
}

// renewed notes that the lease is held, as asked for at a moment. s.mu is held.
func (s *sender) renewed(asked instant) {
	s.held, s.asked = true, asked
	left := leaseTTL - leaseMargin - s.since(asked)
	if s.leaseCtx != nil && s.end.Stop() {
		s.end.Reset(left)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	s.leaseCtx, s.stop, s.end = ctx, cancel, time.AfterFunc(left, cancel)
}

// lose notes that another instance holds the lease. s.mu is held.
func (s *sender) lose() {
	s.term, s.held = 0, false
	if s.leaseCtx != nil {
		s.end.Reset(0)
		s.leaseCtx = nil
	}
}

// campaign gains or renews the lease; gained: the term is a new one.
func (s *sender) campaign(ctx context.Context) (gained bool, err error) {
	asked := s.instant()
	term, held, err := s.lease.Campaign(ctx, s.holder, leaseTTL)
	if err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !held {
		s.lose()
		return false, nil
	}
	gained = !s.held || term != s.term || s.since(s.asked) >= leaseTTL
	s.term = term
	s.renewed(asked)
	return gained, nil
}

// campaign keeps this instance in the election until ctx ends, then resigns.
func (e *Engine) campaign(ctx context.Context) {
	for {
		gained, err := e.sender.campaign(ctx)
		switch {
		case err != nil && ctx.Err() == nil:
			e.limited.log(zap.WarnLevel, "sender election failed", zap.Error(err))
		case gained:
			e.Logger.Info("this instance is the sender now", zap.String("instance", e.Instance))
			e.wakeAll()
			e.wakeReconciler()
		}
		wait := leaseRenew
		if err != nil {
			wait = time.Second
		}
		if !sleep(ctx, wait) {
			e.resign(ctx)
			return
		}
	}
}

// resign ends the lease at the end, so that another instance need not wait.
func (e *Engine) resign(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := e.Store.Resign(ctx, e.Holder); err != nil {
		e.Logger.Info("sender lease could not be resigned; it expires by itself", zap.Error(err))
	}
}
