package engine

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// undoneAtOnce is how many subscribers are asked about at the same time: an outage
// may leave a hundred thousand.
const undoneAtOnce = 16

// unasked reports whether an order is a release that no case asked for: sent
// from the log alone, or in the care for an earlier one. A newer case, of which
// whoever sent it could not know, may have had the session restricted.
func unasked(o *quarantine.Order) bool {
	return o.To == "" && !o.Check && len(o.From) > 0 && o.Generation == 0
}

// undoneReleases lists such releases that no case knows of yet.
func (l *ledger) undoneReleases() []undone {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.undone))
}

// toldUndone notes that the case knows, unless there was another such release since.
func (l *ledger) toldUndone(u *undone) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if key := identity(&u.order.Session); l.undone[key].serial == u.serial {
		delete(l.undone, key)
	}
}

// tellUndone tells the open cases of what was released behind their back, until the
// store does not answer. One that is being worked is told next time.
func (e *Engine) tellUndone(ctx context.Context) {
	atOnce(undoneAtOnce, e.ledger.undoneReleases(), func(u undone) error {
		mine, leave, ok := e.busy.work(ctx, u.order.Session.Subscriber, false)
		if !ok {
			return ctx.Err()
		}
		defer leave()
		s := &u.order.Session
		err := e.guard("released unasked", s.Subscriber, func() error { return e.tellUndoneOne(mine, s) })
		if err == nil {
			e.ledger.toldUndone(&u)
		}
		if mine.Err() != nil {
			return ctx.Err() // a release cut it short
		}
		if errors.Is(err, errPanicked) {
			return nil // the others' turn
		}
		return err
	})
}

func (e *Engine) tellUndoneOne(ctx context.Context, s *quarantine.Session) error {
	dossier, err := e.Store.Dossier(ctx, s.Subscriber)
	if err != nil || dossier.Case == nil || !dossier.Case.Reapply(s, e.Now()) {
		return err
	}
	e.Logger.Warn("a session was released behind its case's back; it is restricted again",
		zap.String("case", dossier.Case.ID), zap.String("session", s.SessionKey.String()))
	defer e.nudge()
	return e.save(ctx, dossier.Case, e.Now(), 0)
}
