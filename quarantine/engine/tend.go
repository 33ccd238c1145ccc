package engine

import (
	"context"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How often waiting commands are tried again, how long the store must be silent
// before releases are sent from the log alone, and how often old verdict ids
// are dropped.
const (
	tendEvery   = time.Second
	outageAfter = 5 * time.Second
	forgetEvery = time.Hour
)

// tend applies commands that wait for the store, and while the store is away
// sends from the log what is over.
func (e *Engine) tend(ctx context.Context) {
	silentSince := time.Time{}
	forgot := e.Now()
	tried := map[string]time.Time{}
	for sleep(ctx, tendEvery) {
		err := e.applyWaiting(ctx)
		if err == nil {
			_, err = e.Store.KnownVerdicts(ctx, nil) // nothing waits: is the store there at all?
		}
		now := e.Now()
		if now.Sub(forgot) >= forgetEvery {
			forgot = now
			e.ledger.forget(now.Add(-e.Memory))
		}
		switch {
		case err == nil:
			silentSince = time.Time{}
			e.catchUp(ctx)
		case silentSince.IsZero():
			silentSince = now
		case now.Sub(silentSince) >= outageAfter:
			e.releaseFromLog(ctx, tried)
		}
	}
}

// catchUp makes every open case due if, while the store was away, a look could
// not be noted; else its lease alone would bring it back.
func (e *Engine) catchUp(ctx context.Context) {
	if _, sending := e.sender.may(); !sending || !e.missed.Swap(false) {
		return
	}
	if err := e.Store.WakeAll(ctx, e.Now()); err != nil {
		e.missed.Store(true)
		return
	}
	e.nudge()
}

// applyWaiting applies commands that an earlier fault kept waiting.
func (e *Engine) applyWaiting(ctx context.Context) error {
	for _, c := range e.ledger.waiting() {
		if !c.deferrable() {
			e.applied(ctx, c, errNotDone)
			continue
		}
		_, err := e.apply(ctx, c)
		if err != nil && !final(err) {
			return err
		}
		e.applied(ctx, c, err)
	}
	return nil
}

var errNotDone = &quarantine.CommandError{Reason: "this instance ended before it was done; give the command again"}

// releaseRepeat is how often a release is sent again from the log while
// unanswered.
const releaseRepeat = time.Minute

// releaseFromLog gives back, with nothing but the log, what has expired or was
// released while the store is away.
func (e *Engine) releaseFromLog(ctx context.Context, tried map[string]time.Time) {
	released := map[string]bool{}
	for _, c := range e.ledger.waiting() {
		released[c.Case] = released[c.Case] || c.ends()
	}
	now := e.Now()
	for _, o := range e.ledger.owed(now, released) {
		key := identity(&o.Session)
		if now.Sub(tried[key]) < releaseRepeat {
			continue
		}
		tried[key] = now
		e.Logger.Warn("release sent from the log: the store is away", zap.String("case", o.Case), zap.String("session", o.Session.SessionKey.String()))
		subject := &quarantine.Case{ID: o.Case, Subscriber: o.Session.Subscriber, ExpiresAt: o.ExpiresAt}
		e.carryOut(ctx, subject, quarantine.Order{Case: o.Case, Session: o.Session, From: o.Applied})
	}
}
