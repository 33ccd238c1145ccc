package quarantine

import (
	"slices"
	"time"
)

// OnlyRenews reports whether an Interim-Update that says the same as ev, at any
// moment after s was seen last, shows just that s still stands: whatever its BNG
// announces meanwhile, ApplyEvent then makes of s what s.Renewed does. The
// Interim-Update must be of a certain time, and name no start, or one within
// ClockSlack of s.StartedAt.
//
// Most accounting of a network is of that kind, and a store may record it
// without looking at all of a session.
func OnlyRenews(s *Session, ev SessionEvent, restricted func(Attribute) bool) bool {
	if !s.Live() || s.Guessed || ev.withoutSubscriber(s) || ev.Kind != SessionStarted && ev.Kind != SessionRenewed {
		return false
	}
	if len(ev.Freed) > 0 || s.Unsure.After(s.SeenAt) { // another moment may mean something else
		return false
	}
	ev.Kind, ev.At, ev.Latest, ev.StartedAt = SessionRenewed, s.SeenAt.Add(time.Millisecond), time.Time{}, time.Time{}
	change, want := ApplyEvent(s, ev, time.Time{}, restricted), s.Renewed(ev.At)
	return change.Replaced == nil && len(change.Forgotten) == 0 && equalSession(&change.Session, &want)
}

// Renewed returns s as seen at a later moment, which shows what was shown when it
// was seen last.
func (s *Session) Renewed(at time.Time) Session {
	next := *s
	next.Observed = slices.Clone(s.Observed)
	for i := range next.Observed {
		if next.Observed[i].At.Equal(s.SeenAt) {
			next.Observed[i].At = at
		}
	}
	next.SeenAt = at
	return next
}
