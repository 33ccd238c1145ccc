package quarantine

import (
	"context"
	"slices"
	"time"
)

// How an answer to a log-in finds the session that it began.
const (
	// loginBefore is how much earlier than the answer a session may have begun:
	// the BNG's clock and ours differ.
	loginBefore = 2 * time.Minute
	// loginAfter is how much later it may have begun. An address must be got
	// first; a log-in whose session has not begun by then has none.
	loginAfter = 10 * time.Minute
)

// LogIn is a question at log-in: shall this session begin restricted?
type LogIn struct {
	Subscriber string
	BNG        string
	At         time.Time
	// Undo has the profiles that the answer can put in force, each with how it is
	// taken away again; see AppliedProfile.
	Undo map[string]string
}

// LogInAnswer is an answer that was given at a log-in: the session that followed
// may have had the profile from its beginning.
type LogInAnswer struct {
	BNG string
	At  time.Time
	AppliedProfile
}

// LogInStore answers log-ins.
type LogInStore interface {
	// LogIn returns what the subscriber's open case wants at l.At: a case with
	// no more than ID, Subscriber, State, Profile, Mode, Rule, Cleared and
	// ExpiresAt, or nil if nothing is wanted. In the same step it notes the
	// answer if l.Undo has that profile, so that no restriction begins of which
	// nobody knows. One round trip.
	LogIn(ctx context.Context, l LogIn) (*Case, error)
}

// began reports whether s may be the session that the answer was for.
func (l *LogInAnswer) began(s *Session) bool {
	return s.BNG == l.BNG && !s.StartedAt.Before(l.At.Add(-loginBefore)) &&
		(s.Guessed || s.StartedAt.Before(l.At.Add(loginAfter)))
}

// given returns the profiles that the session may have had from its beginning.
func (c *Case) given(s *Session) []AppliedProfile {
	list := c.inherits(s)
	for _, l := range c.LogIns {
		if l.began(s) {
			list = append(without(list, l.Profile), l.AppliedProfile)
		}
	}
	return list
}

// unmatched reports whether an answer that was given since the case was opened,
// and after since, began no session that the case knows.
func (c *Case) unmatched(since time.Time) bool {
	return slices.ContainsFunc(c.LogIns, func(l LogInAnswer) bool {
		return l.At.After(later(since, c.GivenUp)) && !l.At.Before(c.OpenedAt.Add(-loginBefore)) &&
			!slices.ContainsFunc(c.Sessions, func(e SessionEnforcement) bool { return l.began(&e.Session) })
	})
}

// awaits reports whether a session that may have begun restricted may still be
// reported: until then the case, being released, is not closed.
func (c *Case) awaits(now time.Time) bool { return c.unmatched(now.Add(-loginAfter)) }

// attachGiven adds live sessions that the case never got to, because it was held
// or released first, and that may have begun restricted: they are to be given
// back what they should have.
func (c *Case) attachGiven(in Snapshot) {
	for _, s := range in.Sessions {
		if !s.Live() || s.Ignored || s.Subscriber != c.Subscriber || c.has(&s) {
			continue
		}
		if given := c.given(&s); len(given) > 0 {
			c.Sessions = append(c.Sessions, SessionEnforcement{
				Session: s, Enforcement: Pending, Applied: given, UpdatedAt: in.Now, NextAt: in.Now,
			})
		}
	}
}
