package quarantine

import (
	"slices"
	"time"
)

// A restriction that outlives its accounting session (CoovaChilli: the line goes back to
// the portal, a Stop comes, the Acct-Session-Id is another from then on, and no record
// has it) is in force on the line after the Stop. So the Stop ends nothing: the entry
// stays, owed, until a release is acknowledged, the BNG says that the line is not
// there, the line is seen again under a newer session, or a person gives it up. No
// restriction is sent meanwhile, for no id of the line is known.

// outlives reports whether a restriction is, or may be, in force that outlives the
// session's end.
func (e *SessionEnforcement) outlives() bool {
	stays := func(a AppliedProfile) bool { return a.Outlives && !a.Naked }
	return slices.ContainsFunc(e.Applied, stays) || !e.AssertAt.IsZero() && slices.ContainsFunc(e.Given, stays)
}

// outlivesBy reports whether the profile, which is or may be in force, outlives the
// session's end.
func (e *SessionEnforcement) outlivesBy(profile string) bool {
	return slices.ContainsFunc(e.Applied, func(a AppliedProfile) bool { return a.Profile == profile && a.Outlives })
}

// renamed reports whether the accounting session is over and the line still restricted,
// under an Acct-Session-Id that is not known.
func (e *SessionEnforcement) renamed() bool { return !e.Session.Live() && e.outlives() }

// stopNearOrder is how far from the last order about a session, or its answer, a Stop may
// be that the order caused.
const stopNearOrder = 30 * time.Second

// stoppedByOrder reports whether the session's record says that it ended when it was
// being changed.
func (e *SessionEnforcement) stoppedByOrder(record *Session) bool {
	return e.Attempts > 0 && SameAttachment(record, &e.Session) && !record.Live() &&
		record.EndedAt.After(e.UpdatedAt.Add(-stopNearOrder)) && record.EndedAt.Before(e.UpdatedAt.Add(stopNearOrder))
}

// refusedAndStopped reports whether the session's record says that it ended when a
// restriction was asked for that ends sessions, and that was only ever refused: the NAK
// was that of a duplicate, or came although it was done.
func (e *SessionEnforcement) refusedAndStopped(record *Session) bool {
	return e.stoppedByOrder(record) && !e.outlives() &&
		slices.ContainsFunc(e.Applied, func(a AppliedProfile) bool { return a.Outlives && a.Naked })
}

// confirmRefused takes what was only ever refused for done.
func (e *SessionEnforcement) confirmRefused() {
	e.Applied = slices.Clone(e.Applied)
	for i := range e.Applied {
		e.Applied[i].Naked = false
	}
}

// leftInForce returns what may be in force on the line after the session's end: some platforms
// end a session and begin another whenever they change it (clones of Cisco's ISG), and
// what they changed is in force on the next one.
func (e *SessionEnforcement) leftInForce(record *Session) []AppliedProfile {
	if !e.stoppedByOrder(record) {
		return nil
	}
	return e.Applied
}

// inherits returns the profiles that a session may have from one of its line that ended
// when it was being changed and right before this one began.
func (c *Case) inherits(s *Session) []AppliedProfile {
	var list []AppliedProfile
	for i := range c.Sessions {
		e := &c.Sessions[i]
		if e.Enforcement == Gone && len(e.Left) > 0 && s.goesOnAs(&e.Session) && s.StartedAt.Before(e.Session.EndedAt.Add(stopNearOrder)) {
			for _, a := range e.Left {
				list = append(without(list, a.Profile), a)
			}
		}
	}
	return list
}

// byLine reports whether the session is to be released by what names its line, although
// no record says that its accounting session is over: the BNG does not know its
// Acct-Session-Id, and a restriction ends that.
func (e *SessionEnforcement) byLine() bool {
	return e.Wanted == "" && !e.GoneSince.IsZero() && e.outlives()
}

// rename notes that the accounting session ended, as the newest record under its key
// says, and that the restriction did not. The end is what a restriction looks like
// that nobody answered for.
func (e *SessionEnforcement) rename(record *Session, now time.Time) {
	if !e.Session.Live() {
		return
	}
	if SameAttachment(record, &e.Session) {
		e.Session = *record
	} else {
		e.Session.EndedAt = record.StartedAt
	}
	unanswered := e.Enforcement == Unanswered || e.Enforcement == Pending
	if _, applied := e.undoOf(e.Wanted); e.Wanted != "" && applied && unanswered && !e.InFlight {
		e.Enforcement, e.Reason, e.UpdatedAt = Acked, "its accounting session ended, as it does at a restriction", now
	}
}

// followRenamed takes the case along where a line whose session ended with a restriction
// is on line again, under a newer session: it is the same line, and no new log-in.
func (c *Case) followRenamed(in Snapshot) {
	for i := range c.Sessions {
		e := &c.Sessions[i]
		if e.Enforcement == Gone || !e.outlives() {
			continue
		}
		next := slices.IndexFunc(in.Sessions, func(s Session) bool { return s.Subscriber == c.Subscriber && s.goesOnAs(&e.Session) })
		if next < 0 {
			continue
		}
		c.transfer(i, &in.Sessions[next], in.Now).NextAt = in.Now
	}
}

// goesOnAs reports whether a session is of the same line as one of which nothing was
// reported since before it began: of the same BNG, user and station, as far as both are
// known. That the other is over must be reported, or the station known.
func (s *Session) goesOnAs(old *Session) bool {
	if s.BNG != old.BNG || s.ID == old.ID || !s.Live() {
		return false
	}
	station := s.Attribute("Calling-Station-Id")
	if old.Live() && (station == "" || station != old.Attribute("Calling-Station-Id")) {
		return false
	}
	last := later(old.SeenAt, old.EndedAt)
	return !s.StartedAt.Before(last.Add(-ClockSlack)) && s.StartedAt.After(old.StartedAt) &&
		agree(s, old, "User-Name") && agree(s, old, "Calling-Station-Id")
}

// agree reports whether two sessions do not differ in an attribute that both have.
func agree(a, b *Session, name string) bool {
	one, other := a.Attribute(name), b.Attribute(name)
	return one == "" || other == "" || one == other
}
