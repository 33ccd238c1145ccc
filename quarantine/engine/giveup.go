package engine

import (
	"context"
	"fmt"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// What people do about releases that are not acknowledged, on this host's journal.

// retry makes the overdue releases of the case due now, but for those in flight.
func (l *ledger) retry(caseID string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for session := range l.outstanding[caseID] {
		p := ledgerKey{caseID, session}
		if next, over := l.ends.expired[p]; over && !next.Equal(inProgress) {
			l.ends.expired[p] = time.Time{}
		}
	}
}

// givenUp reports whether a person gave the restriction up while the store was unavailable, and
// it was over already as far as this journal knows. Another command may be refused when the
// store is back, and stops no release until then. l.mu is held.
func (l *ledger) givenUp(o *outstanding) bool {
	for _, c := range l.commands {
		if c.Verb == verbGiveUp && c.Case == o.Case && c.means(&o.Session) && o.over(c.At, l.releasedBy(o.Case, c.At)) {
			return true
		}
	}
	return false
}

// abandoned reports whether a command to give the order's release up waits to be applied.
func (l *ledger) abandoned(order *quarantine.Order) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, known := l.outstanding[order.Case][identity(&order.Session)]
	return known && l.givenUp(&o)
}

// means reports whether a give-up is about the session.
func (c *command) means(s *quarantine.Session) bool {
	return c.Session == quarantine.SessionKey{} || c.Session == s.SessionKey
}

// releasedBy reports whether a release of the case, given no later than t, waits to be applied.
// l.mu is held.
func (l *ledger) releasedBy(caseID string, t time.Time) bool {
	for _, c := range l.commands {
		if c.Case == caseID && c.ends() && !c.At.After(t) {
			return true
		}
	}
	return false
}

// noteGivenUp has the journal forget what a person gave up of the case, and cancels its
// releases in flight.
func (e *Engine) noteGivenUp(ctx context.Context, c *quarantine.Case) {
	if c.State == quarantine.Closed { // first, or a datagram could still leave
		e.locks.cancel(c.Subscriber, errGivenUp)
	}
	for _, se := range c.Sessions {
		if se.Enforcement == quarantine.Gone && !stillApplied(c, &se.Session) {
			e.forgetRelease(ctx, c.ID, &se.Session)
		}
	}
}

// forgetRelease notes in the journal that a session is over.
func (e *Engine) forgetRelease(ctx context.Context, caseID string, s *quarantine.Session) {
	e.append(ctx, changing(reserved(entry(entryEnded, caseID, ended{Session: *s})), func() { e.ledger.ended(caseID, s) }))
	e.rechecks.remove(s)
}

// changeLostCase applies a retry or a give-up to what only this host's journal knows of a case
// that the store has lost, and returns the case as far as the journal knows it. Errors: quarantine.ErrNoCase, *quarantine.CommandError.
func (e *Engine) changeLostCase(ctx context.Context, c command) (*quarantine.Case, error) {
	owed := e.ledger.ofCase(c.Case)
	if len(owed) == 0 {
		return nil, fmt.Errorf("read case %s: %w", c.Case, quarantine.ErrNoCase)
	}
	known := &quarantine.Case{ID: c.Case, Subscriber: owed[0].Session.Subscriber, State: quarantine.Releasing, ExpiresAt: owed[0].ExpiresAt}
	for _, o := range owed {
		known.Sessions = append(known.Sessions, quarantine.SessionEnforcement{
			Session: o.Session, Enforcement: quarantine.Pending, Applied: o.Applied, AssertAt: o.AssertAt, UpdatedAt: c.At,
		})
	}
	if c.Verb == verbRetry {
		return known, known.Retry(c.By, e.Now()) // the journal sends it: see ledger.retry
	}
	if err := known.GiveUp(c.By, c.Reason, c.Session, e.Now()); err != nil {
		return nil, err
	}
	e.Logger.Warn("a release was given up of a case that the store has lost", zap.String("case", c.Case), zap.String("by", c.By))
	e.noteGivenUp(ctx, known)
	return known, nil
}

// ofCase returns what is outstanding of a case.
func (l *ledger) ofCase(caseID string) (all []outstanding) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.outstanding[caseID] {
		all = append(all, o)
	}
	return all
}
