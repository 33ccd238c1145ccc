package engine

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// unfinishedAtOnce is how many cases are updated at the same time: an outage may leave a hundred
// thousand.
const unfinishedAtOnce = 16

// withoutCase reports whether an order is a release that no case ordered: sent from the journal
// alone, or by the release re-check. A newer case, unknown to its sender, may have had the session
// restricted.
func withoutCase(o *quarantine.Order) bool {
	return o.To == "" && !o.Check && len(o.From) > 0 && o.Generation == 0
}

// unfinishedReleases lists such releases that their cases do not know of yet.
func (l *ledger) unfinishedReleases() []unfinishedRelease {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.unfinished))
}

// finishRelease removes one of which the case knows, unless there was another one since.
func (l *ledger) finishRelease(u *unfinishedRelease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := identity(&u.order.Session); l.unfinished[key].serial == u.serial {
		delete(l.unfinished, key)
	}
}

// finishReleases updates the open cases that did not order these releases, until the store does not
// answer. A case whose subscriber is locked is updated next time.
func (e *Engine) finishReleases(ctx context.Context) {
	inParallel(unfinishedAtOnce, e.ledger.unfinishedReleases(), func(u unfinishedRelease) error {
		mine, leave, ok := e.locks.acquire(ctx, u.order.Session.Subscriber, false)
		if !ok {
			return ctx.Err()
		}
		defer leave()
		s := &u.order.Session
		err := e.guard("unfinished release", s.Subscriber, func() error { return e.reapplyReleased(mine, s) })
		if err == nil {
			e.ledger.finishRelease(&u)
		}
		if mine.Err() != nil {
			return ctx.Err() // a release cancelled it
		}
		if errors.Is(err, errPanicked) {
			return nil // the others go on
		}
		return err
	})
}

func (e *Engine) reapplyReleased(ctx context.Context, s *quarantine.Session) error {
	dossier, err := e.Store.Dossier(ctx, s.Subscriber)
	if err != nil || dossier.Case == nil || !dossier.Case.Reapply(s, e.Now()) {
		return err
	}
	e.Logger.Warn("a session was released without its case's order; it is restricted again",
		zap.String("case", dossier.Case.ID), zap.String("session", s.SessionKey.String()))
	defer e.wakeReconciler()
	return e.save(ctx, dossier.Case, e.Now(), 0)
}
