package quarantine

import "time"

// On reports whether the session is on the BNG, or in the redundancy group, of
// that name.
func (s *Session) On(bng string) bool { return bng == s.BNG || s.Member != "" && bng == s.Member }

// moved notes that another member of its redundancy group has the session now.
// What it was given on the other one may have come along or not: a restriction is
// asked for again, and what is still to be done is done there at once.
func (e *SessionEnforcement) moved(to string, now time.Time) {
	switch {
	case e.Wanted == Disconnect:
		return
	case e.Wanted != "" && e.Enforcement.Settled():
		e.Enforcement, e.Confirmed = Pending, false
		e.Reason = "the session moved to " + to
		e.unproved()
	case e.InFlight || !e.owes() && e.Wanted == "":
		return
	}
	e.UpdatedAt, e.NextAt, e.GoneSince = now, now, time.Time{}
}
