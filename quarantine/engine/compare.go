package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// nextMark returns the mark of a new entry about a session: above every other of this
// journal, and above what the case has of it, should the journal have been restored from an
// older copy.
func (l *ledger) nextMark(known uint64) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.lastMark = max(l.lastMark, known) + 1
	return l.lastMark
}

// sawMark notes the mark of an entry that is replayed. l.mu is held.
func (l *ledger) sawMark(mark uint64) { l.lastMark = max(l.lastMark, mark) }

// renumber gives a restriction a new mark whose outcome could not be saved in its case: what
// the case says is older, even if the case is closed. It returns 0 if nothing of it is
// outstanding.
func (l *ledger) renumber(caseID string, s *quarantine.Session) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, ok := l.outstanding[caseID][identity(s)]
	if !ok {
		return 0
	}
	l.lastMark = max(l.lastMark, o.Mark) + 1
	o.Mark = l.lastMark
	l.put(o)
	return o.Mark
}

// renumberUnanswered gives a new mark to every restriction whose outcome this journal does
// not have: it may have left after its case had been closed. For the end of a replay.
func (l *ledger) renumberUnanswered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range l.outstanding {
		for key, o := range of {
			if o.open {
				l.lastMark++
				o.Mark, o.open = l.lastMark, false
				of[key] = o
			}
		}
	}
}

// owedOf lists what is outstanding of a case.
func (l *ledger) owedOf(caseID string) []quarantine.Owed {
	l.mu.Lock()
	defer l.mu.Unlock()
	var owed []quarantine.Owed
	for _, o := range l.outstanding[caseID] {
		owed = append(owed, o.owed(l.journal))
	}
	return owed
}

func (o *outstanding) owed(journal string) quarantine.Owed {
	return quarantine.Owed{Journal: journal, Mark: o.Mark, Session: o.Session, Applied: o.Applied, Doubtful: o.Doubtful}
}

// enterOwed enters into a case that was just read what this journal shows of it and the case
// does not know, because the store lost writes; true if there was anything.
func (e *Engine) enterOwed(c *quarantine.Case) (news bool) {
	for _, o := range e.ledger.owedOf(c.ID) {
		if c.Owe(o, e.Now()) {
			news = true
			e.Logger.Warn("the case does not know of a restriction that this journal shows; it is entered again",
				zap.String("case", c.ID), zap.String("session", o.Session.SessionKey.String()))
		}
	}
	return news
}

// compare brings what is outstanding of a case up to date with the case, nil if the store
// does not have it any more. It returns what the case does not know: a case counts only if it
// was written in knowledge of what this journal shows.
func (l *ledger) compare(caseID string, c *quarantine.Case) (unknown []quarantine.Owed) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for key, o := range l.outstanding[caseID] {
		if o.open {
			continue // in flight: what the case says may be from before it left
		}
		knows := c != nil && c.Knows(l.journal, o.Mark, &o.Session)
		if knows && (c.State == quarantine.Closed || !stillApplied(c, &o.Session)) {
			l.forgetOutstanding(caseID, key)
			continue
		}
		if !knows {
			unknown = append(unknown, o.owed(l.journal))
		}
		o.closed = !knows && c != nil && c.State == quarantine.Closed
		o.lost = c == nil || o.closed
		l.outstanding[caseID][key] = o
		if o.closed {
			l.markExpired(ledgerKey{caseID, key})
		}
	}
	return unknown
}

// stillApplied reports whether the case thinks that anything of it may be in
// force on the session.
func stillApplied(c *quarantine.Case, s *quarantine.Session) bool {
	return slices.ContainsFunc(c.Sessions, func(e quarantine.SessionEnforcement) bool {
		return e.Enforcement != quarantine.Gone && quarantine.SameAttachment(&e.Session, s) &&
			(len(e.Applied) > 0 || e.InFlight || !e.AssertAt.IsZero())
	})
}

// neglectedFor is for how long after its end no release of a restriction may have been tried
// that the store has: longer than any back-off.
const neglectedFor = 15 * time.Minute

// neglect counts as lost what is outstanding of an open case, is long over, and was not tried
// to be released: the store answers, and for whatever reason no sender works. The journal
// releases it then.
func (l *ledger) neglect(caseID string, c *quarantine.Case, now time.Time) {
	if c == nil || !c.Open() {
		return
	}
	before := now.Add(-neglectedFor)
	l.mu.Lock()
	defer l.mu.Unlock()
	released := l.releasedBy(caseID, before)
	if !released && !c.Ending(before) {
		return
	}
	for key, o := range l.outstanding[caseID] {
		if o.open || !o.AssertAt.IsZero() || !o.over(before, released) || c.Tried(&o.Session, before) {
			continue
		}
		o.lost = true
		l.outstanding[caseID][key] = o
		l.markExpired(ledgerKey{caseID, key})
	}
}

// compareCase brings this journal and one case up to date with each other: the journal forgets
// what is over, and what the case does not know is entered into it. c is nil if the store does
// not have it. It returns the entry of its expiry, if that has changed.
func (e *Engine) compareCase(ctx context.Context, id string, c *quarantine.Case) (expiry []quarantine.JournalEntry, err error) {
	unknown := e.ledger.compare(id, c)
	e.ledger.neglect(id, c, e.Now())
	if c != nil && c.Open() {
		expiry = e.newExpiry(c)
	}
	for i := range unknown {
		if err := e.forgetEnded(ctx, id, &unknown[i].Session); err != nil {
			return expiry, err
		}
	}
	if len(unknown) == 0 || c == nil || !c.Open() {
		return expiry, nil
	}
	return expiry, e.saveOwed(ctx, c)
}

// forgetEnded forgets a restriction of a session that its own record shows to have ended:
// nothing of it is in force any more.
func (e *Engine) forgetEnded(ctx context.Context, caseID string, s *quarantine.Session) error {
	record, err := e.Store.Session(ctx, s.SessionKey)
	switch {
	case errors.Is(err, quarantine.ErrNoSession):
		return nil
	case err != nil:
		return fmt.Errorf("read session %s: %w", s.SessionKey, err)
	case record.Live() && quarantine.SameAttachment(&record, s), record.StartedAt.Before(s.StartedAt):
		return nil
	}
	e.append(ctx, changing(entry(entryEnded, caseID, ended{Session: *s}), func() { e.ledger.ended(caseID, s) }))
	return nil
}

// saveOwed saves in a case what this journal shows of it, and makes the case due.
func (e *Engine) saveOwed(ctx context.Context, c *quarantine.Case) error {
	for range saveTries {
		if !c.Open() || !e.enterOwed(c) {
			return nil
		}
		err := e.save(ctx, c, e.Now(), 0)
		if !errors.Is(err, quarantine.ErrConflict) {
			e.wakeReconciler()
			return err
		}
		if c, err = e.Store.Case(ctx, c.ID); err != nil {
			return fmt.Errorf("read case %s: %w", c.ID, err)
		}
	}
	return fmt.Errorf("save the case: %w", quarantine.ErrConflict)
}

// unsavedOutcomes handles outcomes that could not be saved in their case: another instance is
// the sender, the case is closed, or the store is unavailable. What may be in force gets a new
// mark, so that the case does not count as knowing it, and is entered into the case; if that is
// closed, it is undone at once.
func (e *Engine) unsavedOutcomes(ctx context.Context, c *quarantine.Case, orders []quarantine.Order, outcomes []quarantine.Outcome) {
	var late []int
	for i, o := range orders {
		if !o.Restricts() || o.To == quarantine.Disconnect || outcomes[i].Kind == quarantine.OutcomeNotSent {
			continue
		}
		if mark := e.ledger.renumber(c.ID, &o.Session); mark != 0 {
			e.append(ctx, reserved(entry(entryAnswered, c.ID, answered{Order: o, Outcome: outcomes[i], Mark: mark})))
			late = append(late, i)
		}
	}
	if len(late) == 0 {
		return
	}
	now, err := e.Store.Case(ctx, c.ID)
	switch {
	case err != nil && !errors.Is(err, quarantine.ErrNoCase):
		return // compared when the store is back
	case err == nil && now.Open():
		if err := e.saveOwed(ctx, now); err != nil {
			e.limited.log(zap.WarnLevel, "a late outcome could not be saved yet", zap.String("case", c.ID), zap.Error(err))
		}
		return
	}
	for _, i := range late {
		e.undoUnsaved(ctx, c, &orders[i])
	}
}

// undoUnsaved undoes a restriction whose case was closed while it was in flight. What stays
// unanswered is outstanding in the journal, and retried from there.
func (e *Engine) undoUnsaved(ctx context.Context, c *quarantine.Case, o *quarantine.Order) {
	from := append(slices.Clone(o.From), o.Restriction())
	e.execute(ctx, c, quarantine.Order{Case: c.ID, Session: o.Session, From: from})
}

// storeWentBack has the journal compared with every case, and makes every open case due, as
// soon as the store answers: it may have lost writes.
func (e *Engine) storeWentBack() {
	e.wentBack.Store(true)
	e.wakeAll()
	e.storeHealth.signal()
}

// inFlight reports whether the journal has that restriction without its outcome.
func (l *ledger) inFlight(order *quarantine.Order) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, known := l.outstanding[order.Case][identity(&order.Session)]
	return known && o.open && order.Restricts() && o.Mark == order.Mark
}
