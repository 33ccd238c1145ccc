package quarantine

import (
	"maps"
	"slices"
	"time"
)

// Owed is what a journal shows to be, perhaps, in force on a session because of
// orders of one case: what is to be undone there before nothing of the case is left.
type Owed struct {
	Journal  string // which instance's journal shows it
	Mark     uint64 // of the newest entry about it in that journal; see SessionEnforcement.Known
	Session  Session
	Applied  []AppliedProfile // the newest last
	Doubtful bool             // a late duplicate of the restriction may still arrive
}

// Knows reports whether the case as it stands was written in knowledge of the
// entry Mark of a journal about the session: then what the case says of the session
// is newer than the entry. A case that was restored from before that entry, by a
// failover or otherwise, does not have the mark, whatever its version has become since.
func (c *Case) Knows(journal string, mark uint64, s *Session) bool {
	return slices.ContainsFunc(c.Sessions, func(e SessionEnforcement) bool {
		return SameAttachment(&e.Session, s) && e.Known[journal] >= mark
	})
}

// Mark is the newest entry of a journal about the session that the case knows;
// 0: none.
func (c *Case) Mark(journal string, s *Session) uint64 {
	var newest uint64
	for i := range c.Sessions {
		if e := &c.Sessions[i]; SameAttachment(&e.Session, s) {
			newest = max(newest, e.Known[journal])
		}
	}
	return newest
}

// Owe enters what a journal shows and the case does not know, and reports whether
// there was anything: the session is worked again, and what may be in force on it
// is undone before the case is closed. A closed case takes nothing in: what it does
// not know is to be undone without it. Entering the same again changes nothing.
func (c *Case) Owe(o Owed, now time.Time) (news bool) {
	if c.State == Closed || c.Knows(o.Journal, o.Mark, &o.Session) {
		return false
	}
	e := c.enforcementOf(&o.Session, now)
	for _, a := range o.Applied {
		e.Applied = append(without(e.Applied, a.Profile), a)
	}
	e.Doubtful = e.Doubtful || o.Doubtful || e.InFlight // it may have come after the order under way
	e.Confirmed, e.Enforcement, e.NextAt, e.UpdatedAt = false, Pending, now, now
	e.clearVerification()
	e.know(o.Journal, o.Mark)
	c.updateState(now)
	return true
}

// enforcementOf returns how the session stands, as one more of the case if it does not
// have it. In a case that is held, what was restricted stays so until somebody decides,
// unless that was decided before: a case that was reopened gives it back.
func (c *Case) enforcementOf(s *Session, now time.Time) *SessionEnforcement {
	if e := c.find(&Order{Session: *s}); e != nil {
		return e
	}
	e := SessionEnforcement{Session: *s, Enforcement: Pending, UpdatedAt: now, NextAt: now}
	if c.State.Wants() || c.State == CaseHeld && !c.givesBack() {
		e.Wanted = c.Profile
	}
	c.Sessions = append(c.Sessions, e)
	return &c.Sessions[len(c.Sessions)-1]
}

// know notes that what the case says of the session is newer than an entry of a
// journal.
func (e *SessionEnforcement) know(journal string, mark uint64) {
	if mark == 0 || e.Known[journal] >= mark {
		return
	}
	known := maps.Clone(e.Known)
	if known == nil {
		known = map[string]uint64{}
	}
	known[journal] = mark
	e.Known = known
}

// recall enters an order that the case does not know, because it was restored from
// before the order was dispatched, as if it had been dispatched.
func (c *Case) recall(o *Order, out Outcome, now time.Time) {
	if o.Mark == 0 || !o.Restricts() || out.Kind == OutcomeNotSent {
		return
	}
	owed := Owed{
		Journal: o.Journal, Mark: o.Mark, Session: o.Session,
		Applied: append(without(o.From, o.To), o.Restriction()), Doubtful: o.Again,
	}
	if !c.Owe(owed, now) {
		return
	}
	e := c.find(o)
	e.InFlight, e.Attempts = true, max(1, e.Attempts)
}

// Recommit enters a person's release that the case lost when the store went back:
// the case ends as it did then. If newer evidence has come in since, which the release
// is not about, or a person has decided since, the case stands, and the release is
// remembered all the same. A closed case only remembers it.
func (c *Case) Recommit(r PersonRelease, now time.Time) {
	why := "released: " + r.Reason + " (on " + r.At.UTC().Format(time.RFC3339) + "; the store had lost it)"
	newer := slices.ContainsFunc(c.Verdicts, func(v CaseVerdict) bool { return v.ObservedAt.After(r.At) }) ||
		slices.ContainsFunc(c.History, func(h HistoryEntry) bool { return h.By != "" && h.At.After(r.At) })
	c.Release = &r
	switch {
	case c.State == Closed || c.State == Releasing || newer:
		c.record(now, r.By, why)
	default:
		c.release(now, r.By, why)
	}
}

// Judged reports whether a person who released the subscriber at a moment has judged
// everything that the case rests on: no evidence is newer, and no person opened it.
func (c *Case) Judged(at time.Time) bool {
	return c.Rule != "" && !c.Cleared && !slices.ContainsFunc(c.Verdicts, func(v CaseVerdict) bool { return v.ObservedAt.After(at) })
}

// Tried reports whether something was done about the session since a moment, or it is
// over for the case.
func (c *Case) Tried(s *Session, since time.Time) bool {
	e := c.find(&Order{Session: *s})
	return e == nil || e.UpdatedAt.After(since)
}

// DecidedSince reports whether the case shows that a person has decided something at a
// moment or since.
func (c *Case) DecidedSince(at time.Time) bool {
	return slices.ContainsFunc(c.History, func(h HistoryEntry) bool { return h.By != "" && !h.At.Before(at) })
}
