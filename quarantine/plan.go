package quarantine

import (
	"fmt"
	"slices"
	"time"
)

// Plan compares what the case wants with what its sessions are, at one moment.
// It attaches new sessions, notices ended ones, begins a due release, and
// returns the orders to be carried out now, releases of other profiles first.
// The case is to be saved before any order is carried out; calling Plan again
// without observing treats orders handed out before as lost on the way.
func (c *Case) Plan(in Snapshot) []Order {
	if c.State == Closed {
		return nil
	}
	c.correctTimes(in.Now)
	c.expireDemands(in.Now)
	c.readRecords(in)
	c.follow(in)
	c.followRenamed(in)
	switch {
	case c.State.Wants():
		c.attach(in)
	case c.givesBack():
		c.attachGiven(in)
	}
	var orders []Order
	for i := range c.Sessions {
		if o, ok := c.order(&c.Sessions[i], &in); ok {
			orders = append(orders, o)
		}
	}
	c.updateState(in.Now)
	return orders
}

func (c *Case) expired(now time.Time) bool {
	return c.State != Releasing && !c.ExpiresAt.IsZero() && !now.Before(c.ExpiresAt)
}

// Ending reports whether the case only restores, or is over by now.
func (c *Case) Ending(now time.Time) bool { return c.givesBack() || c.expired(now) }

// readRecords brings the sessions of the case up to date with their records.
func (c *Case) readRecords(in Snapshot) {
	for i := range c.Sessions {
		e := &c.Sessions[i]
		if e.Enforcement == Gone {
			continue
		}
		at := slices.IndexFunc(in.Sessions, func(s Session) bool { return s.SessionKey == e.Session.SessionKey })
		if at < 0 {
			switch {
			case in.Present && (!e.owes() || !e.GoneSince.IsZero()):
				e.end(in.Now, "the source of sessions does not list it any more")
			case !e.owes() && (c.lost(e) || !e.Session.Live()): // nothing is wanted there
				e.end(in.Now, "the session is over, and nothing of ours is left on it")
			}
		} else {
			c.readRecord(e, in.Sessions[at], in.Now)
		}
		if why, over := in.over(e); over && e.Enforcement != Gone {
			e.end(in.Now, why)
		}
	}
	c.forgetGone()
}

// readRecord applies the newest record under a session's key.
func (c *Case) readRecord(e *SessionEnforcement, record Session, now time.Time) {
	switch {
	case SameAttachment(&record, &e.Session) && record.Live():
		e.renew(record, now)
		if c.lost(e) && !e.owes() {
			e.end(now, "the session is another subscriber's now")
		}
	case e.refusedAndStopped(&record):
		e.confirmRefused()
		e.rename(&record, now)
	case (SameAttachment(&record, &e.Session) || record.StartedAt.After(e.Session.StartedAt)) && e.outlives():
		e.rename(&record, now)
	case SameAttachment(&record, &e.Session):
		left := e.leftInForce(&record)
		e.Session = record
		e.end(now, "the session ended")
		e.Left = left
	case record.StartedAt.After(e.Session.StartedAt):
		e.end(now, "the session ended")
	}
}

// renew applies a newer record of the same session. A session reported since
// its BNG first said "not found" is there after all.
func (e *SessionEnforcement) renew(record Session, now time.Time) {
	if e.observedMore(&record) {
		e.VerifyAt = now
	}
	if record.SeenAt.After(e.GoneSince) {
		e.GoneSince = time.Time{}
	}
	if from := e.Session.Member; from != "" && record.Member != "" && record.Member != from {
		e.moved(record.Member, now)
	}
	e.Session = record
}

// lost reports whether another subscriber has logged in to a session of the case
// since. Nothing of the case is wanted there any more, and what is in force of it
// is taken back, be the case held or not.
func (c *Case) lost(e *SessionEnforcement) bool { return e.Session.Subscriber != c.Subscriber }

func (e *SessionEnforcement) end(now time.Time, why string) {
	*e = SessionEnforcement{
		Session: e.Session, Enforcement: Gone, Reason: why, Attempts: e.Attempts, UpdatedAt: now, Wanted: e.Wanted,
		Known: e.Known,
	}
}

// forgetGone keeps the newest few ended sessions, for people to see.
func (c *Case) forgetGone() {
	gone := 0
	for i := len(c.Sessions) - 1; i >= 0; i-- {
		if c.Sessions[i].Enforcement != Gone {
			continue
		}
		if gone++; gone > maxGoneSessions {
			c.Sessions = slices.Delete(c.Sessions, i, i+1)
		}
	}
}

// attach adds live sessions of the subscriber that the case does not have yet,
// unless there are too many; log-ins that come often are paced. A Snapshot may hold a
// session of somebody else, to whom a BNG gave the id of an ended session of the
// case.
func (c *Case) attach(in Snapshot) {
	live := slices.DeleteFunc(touchable(in.Sessions), func(s Session) bool { return s.Subscriber != c.Subscriber })
	if n := Lines(live); n > in.MaxSessions && !c.AllSessions {
		c.holdNow(&Hold{HoldMaxSessions, tooManyLines(n, in.MaxSessions)}, in.Now)
		return
	}
	for _, s := range live {
		if c.has(&s) {
			continue
		}
		c.Sessions = append(c.Sessions, SessionEnforcement{
			Session: s, Wanted: c.Profile, Enforcement: Pending, UpdatedAt: in.Now, NextAt: in.Now, Applied: c.given(&s),
			Paced: c.acted() && !c.hasLine(&s) && !c.AllSessions, // lines of one name come back together
		})
	}
}

func (c *Case) has(s *Session) bool {
	return slices.ContainsFunc(c.Sessions, func(e SessionEnforcement) bool {
		// One that the BNG says is gone is back only if accounting says so since.
		return SameSession(&e.Session, s) && (e.Enforcement != Gone || !s.SeenAt.After(e.UpdatedAt))
	})
}

// Has reports whether the session is one of the case's that are not over.
func (c *Case) Has(s *Session) bool { return c.find(&Order{Session: *s}) != nil }

// Lacks reports whether the case neither has the session nor takes it to be over: one
// that restricts takes it up.
func (c *Case) Lacks(s *Session) bool { return !c.has(s) }

// hasLine reports whether another session of the same line is in the case and
// on line: this one is no new log-in then.
func (c *Case) hasLine(s *Session) bool {
	return slices.ContainsFunc(c.Sessions, func(e SessionEnforcement) bool {
		return e.Enforcement != Gone && e.Session.ID != s.ID && Linked(&e.Session, s)
	})
}

// acted reports whether a session was restricted, or tried to be, before.
func (c *Case) acted() bool {
	return slices.ContainsFunc(c.Sessions, func(e SessionEnforcement) bool { return e.Attempts > 0 })
}

func (c *Case) holdNow(h *Hold, now time.Time) {
	c.Hold = h
	c.move(CaseHeld, now, "", "held: "+h.String())
}

// order returns what is to be done about one session now, if anything.
func (c *Case) order(e *SessionEnforcement, in *Snapshot) (Order, bool) {
	if e.Enforcement == Gone {
		return Order{}, false
	}
	e.recover()
	c.retarget(e, in)
	if !in.due(e) || !e.owesNow(in.Now) {
		return c.verificationOrder(e, in.Now)
	}
	if c.tooSoon(e, in.Now) {
		return Order{}, false
	}
	o := Order{Case: c.ID, Generation: c.Generation, Session: e.Session, Again: e.Doubtful}
	if e.byLine() && e.Session.Live() {
		o.Session.EndedAt = e.GoneSince
	}
	switch {
	case e.Residue != "":
		o.Residue = e.Residue
	case e.Wanted != "" && (!c.State.Wants() || e.untouchable()):
		return Order{}, false
	case e.Wanted != "":
		o.To, o.From, o.Confirmed = e.Wanted, slices.Clone(e.Applied), e.Confirmed
		o.Undo, o.Prepared = e.undoOf(e.Wanted)
		o.Outlives = e.outlivesBy(e.Wanted)
	case len(e.Applied) > 0:
		o.From, o.Confirmed = slices.Clone(e.Applied), e.Confirmed
	default:
		o.From = slices.Clone(e.Given)
	}
	return o, true
}

// untouchable reports whether nothing may be added to the session.
func (e *SessionEnforcement) untouchable() bool {
	return e.Session.Suspect || e.Session.Ignored || e.renamed()
}

func (e *SessionEnforcement) undoOf(profile string) (string, bool) {
	i := slices.IndexFunc(e.Applied, func(a AppliedProfile) bool { return a.Profile == profile })
	if i < 0 {
		return "", false
	}
	return e.Applied[i].Undo, true
}

// recover treats an order that was handed out and never observed, because
// whoever had it died, as unanswered.
func (e *SessionEnforcement) recover() {
	if !e.InFlight {
		return
	}
	e.InFlight = false
	e.Doubtful = e.Doubtful || e.Wanted != ""
	e.Confirmed = false // what it changed on the BNG, if anything, nobody knows
	e.Enforcement, e.NextAt = Pending, time.Time{}
}

// retarget makes the session want what the case wants there. A case that is held or
// observing leaves things as they are, but for what is over or exempt: what was being
// restored goes on being restored.
func (c *Case) retarget(e *SessionEnforcement, in *Snapshot) {
	switch {
	case c.lost(e), c.State == Releasing:
		e.aim("", in.Now)
	case c.exempts(e, in):
		c.spare(e, in.Now)
	case c.State.Wants():
		e.aim(c.wanted(e, in), in.Now)
	case c.State == CaseHeld && c.lapsed(e):
		e.aim("", in.Now)
	}
}

func (e *SessionEnforcement) aim(profile string, now time.Time) {
	if e.Wanted == profile {
		return
	}
	// What is under way is cut short, or was lost with whoever sent it.
	e.Doubtful = e.Doubtful || (e.InFlight && e.Wanted != "")
	if late := !e.AssertAt.IsZero(); late || e.verifying() {
		// What was restored may not have been, or a late duplicate may undo it.
		given := (&Order{From: e.Applied}).Unknown(e.Given) // without what a journal showed since
		e.Applied, e.Confirmed = append(given, e.Applied...), false
		e.Doubtful, e.AssertAt = e.Doubtful || late, time.Time{}
	}
	e.Wanted, e.Enforcement, e.UpdatedAt = profile, Pending, now
	e.NextAt, e.Attempts, e.ErrorCause, e.Reason, e.GoneSince, e.DeferredBy = now, 0, 0, "", time.Time{}, ""
	e.clearVerification()
}

// owes reports whether anything of ours is, or may be, left on the BNG.
func (e *SessionEnforcement) owes() bool {
	return len(e.Applied) > 0 || e.Residue != "" || !e.AssertAt.IsZero() || e.InFlight || e.verifying()
}

func (e *SessionEnforcement) owesNow(now time.Time) bool {
	if e.Residue != "" {
		return true
	}
	if e.Wanted != "" {
		return !e.Enforcement.Reached()
	}
	return len(e.Applied) > 0 || (!e.AssertAt.IsZero() && !now.Before(e.AssertAt))
}

// Dispatch notes, in the case about to be saved, that an order leaves now; what
// it may change counts as changed from here on.
func (c *Case) Dispatch(o *Order, now time.Time) {
	e := c.find(o)
	if e == nil || o.Check {
		return
	}
	e.InFlight, e.UpdatedAt, e.Enforcement = true, now, Pending
	e.NotBefore, e.DeferredBy = time.Time{}, ""
	e.Attempts++
	if o.Restricts() && o.To != Disconnect {
		e.Applied = append(without(e.Applied, o.To), o.Restriction())
		e.know(o.Journal, o.Mark)
	}
}

func without(list []AppliedProfile, profile string) []AppliedProfile {
	return slices.DeleteFunc(slices.Clone(list), func(a AppliedProfile) bool { return a.Profile == profile })
}

func (c *Case) find(o *Order) *SessionEnforcement {
	i := slices.IndexFunc(c.Sessions, func(e SessionEnforcement) bool {
		return e.Enforcement != Gone && SameAttachment(&e.Session, &o.Session)
	})
	if i < 0 {
		return nil
	}
	return &c.Sessions[i]
}

// updateState derives the case's state from its sessions.
func (c *Case) updateState(now time.Time) {
	c.showExempt()
	switch {
	case c.State.Wants():
		if next := c.wantedState(); next != c.State {
			c.moveWanted(next, now)
		}
	case c.State == Releasing && !c.awaits(now) && !slices.ContainsFunc(c.Sessions, func(e SessionEnforcement) bool { return e.owes() }):
		c.move(Closed, now, "", c.whyClosed())
	}
}

// whyClosed says what became of the sessions; what a person gave up may be restricted
// still.
func (c *Case) whyClosed() string {
	given := 0
	for i := range c.Sessions {
		if c.Sessions[i].GivenUp() {
			given++
		}
	}
	if given > 0 {
		return fmt.Sprintf("nothing more is sent; on %d sessions that were given up the restriction may be in force still", given)
	}
	return "every session has what it should have"
}

// moveWanted goes from one wanting state to another, by way of restricting
// where the table has no direct edge.
func (c *Case) moveWanted(next CaseState, now time.Time) {
	why := map[CaseState]string{
		Restricting: "a session is to be restricted", Waiting: c.whyWaiting(), Restricted: "every live session is restricted",
	}
	if !c.State.CanBecome(next) {
		c.move(Restricting, now, "", why[Restricting])
	}
	c.move(next, now, "", why[next])
}

// whyWaiting says why there is no session to restrict.
func (c *Case) whyWaiting() string {
	if slices.ContainsFunc(c.Sessions, func(e SessionEnforcement) bool { return e.Enforcement != Gone && e.Spared() }) {
		return "nobody is on line who is not exempt"
	}
	return "nobody is on line"
}

func (c *Case) wantedState() CaseState {
	live, unsettled := 0, 0
	for _, e := range c.Sessions {
		if e.Enforcement != Gone && e.renamed() {
			live++
			continue
		}
		if e.Enforcement == Gone || e.untouchable() || c.lost(&e) || e.Spared() {
			continue
		}
		live++
		if !e.Enforcement.Reached() || e.Wanted != c.Profile {
			unsettled++
		}
	}
	switch {
	case live == 0:
		return Waiting
	case unsettled > 0:
		return Restricting
	}
	return Restricted
}
