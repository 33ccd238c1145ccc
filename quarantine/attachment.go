package quarantine

import (
	"slices"
	"time"
)

// contradicts reports whether the record names another holder than s has.
func (ev *SessionEvent) contradicts(s *Session) bool {
	return ev.claimant().named() && s.Claimant().named() && ev.claimant() != s.Claimant()
}

// nameless reports whether the record names nobody, and s somebody.
func (ev *SessionEvent) nameless(s *Session) bool {
	return !ev.claimant().named() && s.Claimant().named()
}

// precedes reports whether the record is of a time before s began, as far as is
// known.
func (ev *SessionEvent) precedes(s *Session) bool {
	return ev.by().Before(s.StartedAt.Add(-ClockSlack))
}

// follows reports whether the record is of a time after the end of s, and not
// under the name of s: then it is about another session.
func (ev *SessionEvent) follows(s *Session) bool {
	switch {
	case s.Live():
		return false
	case ev.contradicts(s):
		return ev.At.After(s.EndedAt)
	case ev.Kind == SessionStarted:
		return false
	}
	return !(ev.claimant().named() && s.Claimant().named()) && ev.At.After(s.EndedAt.Add(ClockSlack))
}

// another reports whether ev tells of a session other than prev under the same
// key: Acct-Session-Ids are unique only within one run of a BNG.
func another(prev *Session, ev SessionEvent, resetAt time.Time) bool {
	contradicts, start := ev.contradicts(prev), ev.start()
	switch {
	case ev.precedes(prev) && (ev.Kind != SessionEnded && !prev.Guessed || contradicts && prev.StartSeen):
		return true
	case ev.precedes(prev) && ev.nameless(prev) && ev.Kind != SessionEnded && start.IsZero():
		return true
	case ev.Kind == SessionEnded && !prev.Claimant().named() && ev.claimant().named() && ev.by().Before(prev.SeenAt.Add(-ClockSlack)):
		return true
	case ev.follows(prev), contradicts && resetAt.After(prev.SeenAt) && ev.At.After(resetAt):
		return true
	case contradicts && ev.Kind == SessionStarted && prev.StartSeen && ev.At.After(prev.StartedAt): // a Start is sent once
		return true
	case start.IsZero(), prev.beganNear(start, ev.startBy()), prev.mayHaveBegun(start):
		return false
	case contradicts:
		return !drifted(prev, &ev)
	case start.Before(prev.StartedAt):
		return prev.StartSeen || ev.Kind == SessionStarted
	case ev.Kind == SessionStarted:
		// A second Start under the key: the first session must be over.
		return prev.StartSeen || start.After(prev.SeenAt)
	case !prev.Live():
		return start.After(prev.EndedAt.Add(-ClockSlack)) && ev.by().After(prev.EndedAt)
	}
	return !resetAt.IsZero() && resetAt.After(prev.SeenAt) && start.After(resetAt.Add(-ClockSlack))
}

// drifted reports whether the start that an Interim-Update or Stop tells may be
// that of prev all the same: a session that was heard of since is no earlier one,
// and a BNG counts a session's time by another clock than it stamps records with.
func drifted(prev *Session, ev *SessionEvent) bool {
	if ev.Kind == SessionStarted {
		return false
	}
	const perMille = 1000
	off, start := ev.StartedAt.Sub(prev.StartedAt), ev.StartedAt
	return off.Abs() <= ClockSlack+ev.At.Sub(start)/perMille || off > 0 && start.Before(prev.SeenAt.Add(-ClockSlack))
}

// beganNear reports whether the session may have begun at some moment of
// [start, startBy].
func (s *Session) beganNear(start, startBy time.Time) bool {
	return !start.After(later(s.StartedAt, s.StartedBy).Add(ClockSlack)) && !startBy.Before(s.StartedAt.Add(-ClockSlack))
}

// replace decides between the stored session and an event about another one
// with the same key: the later start wins, the earlier is history.
func replace(prev *Session, ev SessionEvent, restricted func(Attribute) bool) SessionChange {
	start, startBy := ev.start(), ev.startBy()
	if start.IsZero() {
		start, startBy = ev.At, ev.by()
	}
	if !start.After(prev.StartedAt) {
		return SessionChange{Session: *prev, Forgotten: ev.moments()}
	}
	old := *prev
	if old.Live() {
		old.EndedAt = later(startBy, old.StartedAt)
	}
	change := begin(ev, restricted)
	change.Replaced = &old
	return change
}

// moments are what the event says about its addresses if its session is not known
// any more: that they were held then. Whoever held them before has them no more.
func (ev *SessionEvent) moments() []Binding {
	s := Session{SessionKey: ev.Key, Subscriber: ev.Subscriber, Via: ev.Via, StartedAt: ev.At, SeenAt: ev.At, Ignored: ev.Ignored, Imported: ev.Imported}
	m := merger{s: &s, ev: ev, at: ev.At, by: ev.by()}
	for _, a := range slices.Concat(ev.Addresses, ev.Freed) {
		m.point(a)
	}
	bindings := make([]Binding, len(m.forgotten))
	for i := range m.forgotten {
		bindings[i] = s.binding(&m.forgotten[i])
	}
	return bindings
}
