package engine

import (
	"context"
	"maps"
	"slices"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// unasked reports whether an order is a release that no case asked for: sent
// from the log alone, or in the care for an earlier one. A newer case, of which
// whoever sent it could not know, may have had the session restricted.
func unasked(o *quarantine.Order) bool {
	return o.To == "" && !o.Check && len(o.From) > 0 && o.Generation == 0
}

// undoneSessions lists the sessions with such a release.
func (l *ledger) undoneSessions() []quarantine.Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Collect(maps.Values(l.undone))
}

func (l *ledger) toldUndone(s *quarantine.Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.undone, identity(s))
}

// tellUndone tells the open cases of what was released behind their back. One
// that is being worked is told next time.
func (e *Engine) tellUndone(ctx context.Context) {
	for _, s := range e.ledger.undoneSessions() {
		mine, leave, ok := e.busy.work(ctx, s.Subscriber, false)
		if !ok {
			continue
		}
		if err := e.guard("released unasked", s.Subscriber, func() error { return e.tellUndoneOne(mine, &s) }); err == nil {
			e.ledger.toldUndone(&s)
		}
		leave()
	}
}

func (e *Engine) tellUndoneOne(ctx context.Context, s *quarantine.Session) error {
	dossier, err := e.Store.Dossier(ctx, s.Subscriber)
	if err != nil || dossier.Case == nil || !dossier.Case.Undone(s, e.Now()) {
		return err
	}
	e.Logger.Warn("a session was released behind its case's back; it is restricted again",
		zap.String("case", dossier.Case.ID), zap.String("session", s.SessionKey.String()))
	defer e.nudge()
	return e.save(ctx, dossier.Case, e.Now(), 0)
}
