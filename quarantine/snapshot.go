package quarantine

import "time"

// Snapshot is what a reconciliation pass sees.
type Snapshot struct {
	Now time.Time
	// Sessions are the subscriber's live sessions and, for sessions the case
	// knows, the newest record under their key even if it has ended or is
	// another subscriber's: ids are unique only within one run of a BNG. A session
	// of the case without any record here is left as it is: a store that lost
	// its memory ends nothing.
	Sessions    []Session
	MaxSessions int
	// Holders are the bindings of the [Case.Places], from when on ever.
	Holders []Binding
	// Interim is how often a BNG renews its sessions, 0 if it does not or that is not
	// known; nil: not known of any.
	Interim func(bng string) time.Duration
	// OneSessionPer names the attributes that are one line's, where the BNG has one
	// session a line; none: it may have several, or that is not known. Nil: of no BNG.
	OneSessionPer func(bng string) []string
	// Present: sessions come from a source that knows only the present, which
	// reports the end of one by not listing it any more. A session without any
	// record is then over, but for one on which something of ours may be in force.
	Present bool
	// Returned is when a BNG last answered again after a silence (see [Paths]);
	// nil: never.
	Returned func(bng string) time.Time
	// Exempt says whether an exemption is against the case on that session, and why.
	// What may be in force there is restored; nil: none is.
	Exempt func(*Session) (reason string, exempt bool)
	// Deferred reports whether that profile may not be put in force on the session at
	// present. What is over is restored then, rather than kept until something
	// milder can take its place; nil: it may.
	Deferred func(s *Session, profile string) bool
}

// due reports whether the session's next try is due: its time has come, or what
// it was put off for is over.
func (in *Snapshot) due(e *SessionEnforcement) bool {
	if !in.Now.Before(e.NextAt) {
		return true
	}
	if in.Returned == nil {
		return false
	}
	switch returned := in.Returned(e.Session.BNG); {
	case e.Enforcement == Unanswered: // what was on its way then may have come too early all the same
		return e.UpdatedAt.Add(-exchangeTimeout(e.Wanted != "")).Before(returned)
	case e.Enforcement == Pending && e.Deferrals > 0:
		return e.UpdatedAt.Before(returned)
	}
	return false
}

// IdleInterval is how often an open case is worked when nothing else is due.
const IdleInterval = 10 * time.Minute

// awaitInterval is how often a case is worked that waits for nothing but a
// session which may have begun restricted; the session's Start wakes it too.
const awaitInterval = time.Minute

// NextDue is when the case is due again; zero when it is closed.
func (c *Case) NextDue(now time.Time) time.Time {
	if c.State == Closed {
		return time.Time{}
	}
	next := now.Add(IdleInterval)
	switch {
	case c.State == CaseHeld || c.State == Observing:
		next = c.ExpiresAt // nothing happens by itself until then
	case c.State != Releasing:
		next = earliest(next, c.ExpiresAt)
	case c.awaits(now):
		next = earliest(next, now.Add(awaitInterval))
	}
	for _, e := range c.Sessions {
		switch {
		case e.Enforcement == Gone:
		case e.Residue != "":
			next = earliest(next, later(e.NextAt, now))
		case e.Wanted != "" && (!c.State.Wants() || e.untouchable()):
		case c.State.Wants() && e.Wanted == "" && e.Exempt == "" && !e.owes():
			next = now // restored in between; what is wanted now follows
		case e.owesNow(now):
			next = earliest(next, later(e.NextAt, now))
		case !e.AssertAt.IsZero() && e.Wanted == "":
			next = earliest(next, e.AssertAt)
		}
		if e.Enforcement != Gone && (c.State.Wants() || e.Wanted == "") && !e.VerifyAt.IsZero() {
			next = earliest(next, later(e.VerifyAt, now))
		}
	}
	return next
}
