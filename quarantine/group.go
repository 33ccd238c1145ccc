package quarantine

import (
	"slices"
	"time"
)

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
	case e.Wanted != "" && e.Enforcement.Reached():
		e.Enforcement, e.Confirmed = Pending, false
		e.Reason = "the session moved to " + to
		e.clearVerification()
	case e.InFlight || !e.owes() && e.Wanted == "":
		return
	}
	e.UpdatedAt, e.NextAt, e.GoneSince = now, now, time.Time{}
}

// follow takes the case along where another member of a redundancy group gave a
// line that it took over another Acct-Session-Id. What may be in force may have
// come along, so the newer session owes it too.
func (c *Case) follow(in Snapshot) {
	for i := range c.Sessions {
		if c.Sessions[i].Enforcement == Gone {
			continue
		}
		next := slices.IndexFunc(in.Sessions, func(s Session) bool { return s.Subscriber == c.Subscriber && s.tookOver(&c.Sessions[i].Session) })
		if next < 0 {
			continue
		}
		c.transfer(i, &in.Sessions[next], in.Now).moved(in.Sessions[next].Member, in.Now)
	}
}

// transfer ends a session of the case whose line went on as another one, which owes what may
// be in force on it, and returns how that one stands.
func (c *Case) transfer(i int, next *Session, now time.Time) *SessionEnforcement {
	to := c.entry(next, c.Sessions[i].Wanted, now)
	old, taken := &c.Sessions[i], &c.Sessions[to]
	for _, a := range old.Applied {
		if _, has := taken.undoOf(a.Profile); !has {
			taken.Applied, taken.Confirmed = append(taken.Applied, a), false
		}
	}
	taken.Doubtful = taken.Doubtful || old.Doubtful
	old.end(now, "the line went on as "+next.ID)
	return taken
}

// entry returns where the case has a session, after adding it if it has not.
func (c *Case) entry(s *Session, wanted string, now time.Time) int {
	at := slices.IndexFunc(c.Sessions, func(e SessionEnforcement) bool { return e.Enforcement != Gone && SameSession(&e.Session, s) })
	if at < 0 {
		at = len(c.Sessions)
		c.Sessions = append(c.Sessions, SessionEnforcement{Session: *s, Wanted: wanted, Enforcement: Pending,
			UpdatedAt: now, NextAt: now, Applied: c.given(s)})
	}
	return at
}

// tookOver reports whether a session goes on with what another one was: another
// member of the group sent about it later, and it holds one of the same addresses.
func (s *Session) tookOver(old *Session) bool {
	return s.BNG == old.BNG && s.ID != old.ID && s.Live() && s.Member != "" && old.Member != "" && s.Member != old.Member &&
		s.SeenAt.After(old.SeenAt) && slices.ContainsFunc(s.Addresses, func(a Address) bool {
		return a.Kind != NATPortBlock && a.Until.IsZero() && slices.ContainsFunc(old.Addresses, func(b Address) bool {
			return b.Until.IsZero() && a.Kind == b.Kind && a.Prefix == b.Prefix && a.Space == b.Space
		})
	})
}
