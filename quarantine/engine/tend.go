package engine

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How often things that wait are looked at.
const (
	tendEvery    = time.Second
	compareEvery = time.Minute // the log's view of what is in force, with the cases
	forgetEvery  = time.Hour   // ids of old verdicts
)

// tend looks after what waits: commands that the store could not take, looks
// that could not be noted, and releases that only this host's log knows of.
func (e *Engine) tend(ctx context.Context) {
	now := e.Now()
	out := &outage{engine: e, tried: map[string]time.Time{}}
	defer out.wait()
	compared, forgot := time.Time{}, now
	for sleep(ctx, tendEvery) {
		now = e.Now()
		if now.Sub(forgot) >= forgetEvery {
			forgot = now
			e.ledger.forget(now.Add(-e.Memory))
		}
		_, err := e.Store.KnownVerdicts(ctx, nil) // nothing is asked but whether it is there
		if err != nil {
			out.storeAway(ctx, now)
			continue
		}
		wentBack := e.wentBack.Swap(false)
		if wentBack {
			if err := e.redecide(ctx); err != nil {
				e.wentBack.Store(true)
				e.troubles.tell(zap.WarnLevel, "decisions that the store may have lost are not made again yet", zap.Error(err))
			}
		}
		if out.storeBack() || wentBack || now.Sub(compared) >= compareEvery {
			compared = now
			e.compareLedger(ctx)
		}
		e.troubles.pass()
		e.applyWaiting(ctx)
		e.tellUndone(ctx)
		e.catchUp(ctx)
		out.releaseLost(ctx, now)
	}
}

// compareLedger asks the store about every case of which this log thinks that
// something is in force.
func (e *Engine) compareLedger(ctx context.Context) {
	for _, id := range e.ledger.cases() {
		c, err := e.Store.Case(ctx, id)
		switch {
		case err == nil:
			err = e.guard("compare", id, func() error { return e.compareCase(ctx, id, c) })
		case errors.Is(err, quarantine.ErrNoCase), errors.Is(err, quarantine.ErrUnreadableCase): // the journal releases it then
			err = e.compareCase(ctx, id, nil)
		}
		if err != nil {
			e.troubles.tell(zap.WarnLevel, "journal not compared with a case", zap.String("case", id), zap.Error(err))
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

// applyWaiting applies commands that an earlier fault kept waiting. One that
// still cannot be applied holds up no other.
func (e *Engine) applyWaiting(ctx context.Context) {
	for _, c := range e.ledger.waiting() {
		if !c.deferrable() {
			e.applied(ctx, c, nil, errNotDone)
			continue
		}
		if result, err := e.applyGuarded(ctx, c); err == nil || e.final(c, err) {
			e.applied(ctx, c, result, err)
		}
	}
}
