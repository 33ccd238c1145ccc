package engine

import (
	"context"
	"maps"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How long the store must be silent before releases are sent from the log
// alone, and how often one that is not answered is sent again.
const (
	outageAfter   = 5 * time.Second
	releaseRepeat = time.Minute
)

// outage sends releases with nothing but this host's log: while the store is
// away, and for cases that the store has lost. Only tend's goroutine calls its
// methods.
type outage struct {
	engine *Engine
	since  time.Time            // when the store fell silent; zero while it answers
	tried  map[string]time.Time // by session identity: when it was sent last, if lately

	running sync.WaitGroup
}

// storeAway notes that the store does not answer, and sends what is over once
// it has been silent long enough.
func (o *outage) storeAway(ctx context.Context, now time.Time) {
	switch {
	case o.since.IsZero():
		o.since = now
	case now.Sub(o.since) >= outageAfter:
		o.release(ctx, o.engine.ledger.owed(now, false), now)
	}
}

// storeBack notes that the store answers; true if it did not before.
func (o *outage) storeBack() bool {
	was := !o.since.IsZero()
	o.since = time.Time{}
	return was
}

// releaseLost sends what is over of cases that the store does not have.
func (o *outage) releaseLost(ctx context.Context, now time.Time) {
	o.release(ctx, o.engine.ledger.owed(now, true), now)
}

// wait returns when every release under way has ended.
func (o *outage) wait() { o.running.Wait() }

// release gives sessions back, all at the same time: how fast is the Enforcer's
// business.
func (o *outage) release(ctx context.Context, owed []outstanding, now time.Time) {
	maps.DeleteFunc(o.tried, func(_ string, at time.Time) bool { return now.Sub(at) >= releaseRepeat })
	for _, owes := range owed {
		key := identity(&owes.Session)
		if _, lately := o.tried[key]; lately {
			continue
		}
		mine, leave, ok := o.engine.busy.work(ctx, owes.Session.Subscriber, true)
		if !ok {
			continue // it is being worked
		}
		o.tried[key] = now
		o.running.Go(func() {
			defer leave()
			_ = o.engine.guard("release from the journal", owes.Session.Subscriber, func() error {
				o.engine.releaseFromLog(mine, owes)
				return nil
			})
		})
	}
}

func (e *Engine) releaseFromLog(ctx context.Context, o outstanding) {
	e.Logger.Warn("release sent from the log", zap.String("case", o.Case), zap.String("session", o.Session.SessionKey.String()))
	subject := &quarantine.Case{ID: o.Case, Subscriber: o.Session.Subscriber, ExpiresAt: o.ExpiresAt}
	e.carryOut(ctx, subject, quarantine.Order{Case: o.Case, Session: o.Session, From: o.Applied})
	e.missed.Store(true) // whoever still wants it is to look again when the store is back
}
