package quarantine

import (
	"slices"
	"time"
)

// contradicts reports whether the record names another holder than s has.
func (ev *SessionEvent) contradicts(s *Session) bool {
	return ev.claimant().named() && s.Claimant().named() && ev.claimant() != s.Claimant()
}

// withoutSubscriber reports whether the record names nobody, and s somebody.
func (ev *SessionEvent) withoutSubscriber(s *Session) bool {
	return !ev.claimant().named() && s.Claimant().named()
}

// precedes reports whether the record is of a time before s began, as far as is
// known.
func (ev *SessionEvent) precedes(s *Session) bool {
	return ev.By().Before(s.StartedAt.Add(-ClockSlack))
}

// spans reports whether the record, which is no Stop, may be of a time before s began
// as well as after it ended.
func (ev *SessionEvent) spans(s *Session) bool {
	began := s.StartedAt
	if ev.claimant() != s.Claimant() {
		began = later(began, s.StartedBy)
	}
	return ev.Kind != SessionEnded && !s.Live() && ev.At.Before(began.Add(-ClockSlack)) && ev.By().After(s.EndedAt)
}

// follows reports whether the record is of a time after the end of s, and not
// under the name of s: then it is about another session.
func (ev *SessionEvent) follows(s *Session) bool {
	switch {
	case s.Live():
		return false
	case ev.Kind == SessionStarted && !s.StartSeen && nearly(ev.At, s.StartedAt): // its own, from before it was another's
		return false
	case ev.contradicts(s):
		return ev.At.After(s.EndedAt)
	case ev.Kind == SessionStarted:
		return false
	}
	if ev.Kind == SessionEnded && ev.claimant().named() && s.Claimant().named() { // sent twice
		return false
	}
	return ev.At.After(s.EndedAt.Add(ClockSlack))
}

// another reports whether ev reports a session other than prev under the same
// key: Acct-Session-Ids are unique only within one run of a BNG. The record's own time
// shows it, or else the start that it states.
func another(prev *Session, ev SessionEvent, resetAt time.Time) bool {
	switch start := ev.start(); {
	case ev.isBefore(prev), ev.follows(prev), ev.spans(prev), ev.restarts(prev), ev.startsAgain(prev):
		return true
	case resetAt.After(prev.SeenAt) && !ev.At.Before(resetAt) && ev.mayBeNew(prev, ev.At.After(resetAt)):
		return true
	case start.IsZero(), prev.beganNear(start, ev.startBy()), prev.mayHaveBegun(start):
		return false
	}
	return ev.beganApart(prev, resetAt)
}

// isBefore reports whether the record is about a session before prev.
func (ev *SessionEvent) isBefore(prev *Session) bool {
	stop := ev.Kind == SessionEnded
	switch {
	case stop && !prev.Claimant().named() && ev.claimant().named() && ev.By().Before(prev.SeenAt.Add(-ClockSlack)):
		return true
	case !ev.precedes(prev):
		return false
	case prev.Guessed: // else an older record that came later
		return !stop && ev.withoutSubscriber(prev) && ev.start().IsZero()
	}
	return !stop || ev.claimant() != prev.Claimant()
}

// beganApart reports whether the start that the record states, which is not that of
// prev, is another session's.
func (ev *SessionEvent) beganApart(prev *Session, resetAt time.Time) bool {
	start := ev.start()
	switch {
	case ev.contradicts(prev):
		return !mayBeOwn(prev, ev)
	case ev.claimant().named() != prev.Claimant().named() && start.After(prev.SeenAt.Add(ClockSlack)): // nothing says that it goes on
		return true
	case start.Before(prev.StartedAt):
		return prev.StartSeen || ev.Kind == SessionStarted
	case ev.Kind == SessionStarted:
		// A second Start under the key: the first session must be over.
		return prev.StartSeen || start.After(prev.SeenAt)
	case !prev.Live():
		return start.After(prev.EndedAt.Add(-ClockSlack)) && ev.By().After(prev.EndedAt)
	}
	return !resetAt.IsZero() && resetAt.After(prev.SeenAt) && start.After(resetAt.Add(-ClockSlack))
}

// mayBeNew reports whether the record, of the second of a restart of the BNG or from
// after it, need not be about the session that was there before.
func (ev *SessionEvent) mayBeNew(prev *Session, after bool) bool {
	foreign := ev.claimant() != prev.Claimant()
	if ev.start().IsZero() {
		return foreign || after && ev.Kind == SessionEnded
	}
	return foreign && !prev.beganNear(ev.start(), ev.startBy())
}

// restarts reports whether the event is a Start that cannot be that of prev: it
// names another holder, or either names nobody. A Start is sent once. One near that of
// prev is perhaps its own, from before it was another's.
func (ev *SessionEvent) restarts(prev *Session) bool {
	return ev.Kind == SessionStarted && ev.claimant() != prev.Claimant() && ev.By().After(prev.SeenAt) &&
		!prev.mayHaveBegun(ev.At) && !nearly(ev.At, prev.StartedAt)
}

// startsAgain reports whether the event is a Start under another name than that of
// prev, whose Start is known: a Start is sent once.
func (ev *SessionEvent) startsAgain(prev *Session) bool {
	return ev.Kind == SessionStarted && prev.StartSeen && ev.contradicts(prev) && ev.At.After(prev.startedBy()) && !prev.ownStart(ev)
}

// mayBeOwn reports whether the start that an Interim-Update or Stop states may be that
// of prev all the same: a session that was reported since is no earlier one.
func mayBeOwn(prev *Session, ev *SessionEvent) bool {
	since := ev.StartedAt.After(prev.StartedAt) && ev.StartedAt.Before(prev.SeenAt.Add(-ClockSlack))
	return driftExplains(prev, ev) || ev.Kind != SessionStarted && since
}

// driftExplains reports whether the start that an Interim-Update or Stop states differs
// from that of prev by no more than two clocks do in a session's time: a BNG counts that
// by another clock than it stamps records with.
func driftExplains(prev *Session, ev *SessionEvent) bool {
	const perMille = 1000
	return ev.Kind != SessionStarted && ev.StartedAt.Sub(prev.StartedAt).Abs() <= ClockSlack+ev.At.Sub(ev.StartedAt)/perMille
}

// ownStart reports whether a Start under another name may be that of the session,
// from before it was another's.
func (s *Session) ownStart(ev *SessionEvent) bool {
	return nearly(ev.At, s.StartedAt) && slices.ContainsFunc(s.Addresses, func(a Address) bool { return a.Of == ev.claimant() })
}

// startedBy is the latest moment at which the session may have begun.
func (s *Session) startedBy() time.Time {
	if s.StartedBy.IsZero() {
		return s.StartedAt
	}
	return s.StartedBy.Add(ClockSlack)
}

// beganNear reports whether the session may have begun at some moment of
// [start, startBy].
func (s *Session) beganNear(start, startBy time.Time) bool {
	return !start.After(later(s.StartedAt, s.StartedBy).Add(ClockSlack)) && !startBy.Before(s.StartedAt.Add(-ClockSlack))
}

// replace decides between the stored session and an event about another one
// with the same key: the later start wins, the earlier is history. It was over when its
// BNG restarted; or when the later one began, if that may be itself under another name.
func replace(prev *Session, ev SessionEvent, resetAt time.Time, restricted func(Attribute) bool) SessionChange {
	start, startBy := ev.start(), ev.startBy()
	if start.IsZero() {
		start, startBy, resetAt = ev.At, ev.By(), time.Time{}
	}
	var before []Binding
	if ev.Kind == SessionStarted && ev.By().After(prev.SeenAt) && !start.After(prev.SeenAt) {
		// Which was first is not certain; a Start is more likely new than delayed.
		before = ev.until(prev.SeenAt).moments(false)
		ev.At, ev.StartedAt, ev.Latest = prev.SeenAt.Add(time.Millisecond), prev.SeenAt.Add(time.Millisecond), ev.By()
		start, startBy = ev.At, ev.By()
	}
	if !start.After(prev.StartedAt) {
		return SessionChange{Session: *prev, Forgotten: ev.moments(ev.Kind != SessionEnded)}
	}
	old := *prev
	if old.Live() {
		if resetAt.After(old.SeenAt) {
			startBy = earliest(startBy, resetAt)
		}
		old.EndedAt = later(later(startBy, old.StartedAt), old.Unsure)
	}
	change := begin(ev, restricted)
	change.Replaced, change.Forgotten = &old, append(change.Forgotten, before...)
	return change
}

// until is the event as far as it may have happened by a moment.
func (ev SessionEvent) until(by time.Time) *SessionEvent {
	ev.Latest = earliest(ev.By(), by)
	return &ev
}

// moments are what the event says about its addresses if its session is not known
// any more: that they were held then. Whoever held them before has them no more.
// Goes on: if it is not certain when that was, they may have been held on.
func (ev *SessionEvent) moments(goesOn bool) []Binding {
	s := Session{SessionKey: ev.Key, Subscriber: ev.Subscriber, Via: ev.Via, StartedAt: ev.At, SeenAt: ev.At,
		Ignored: ev.Ignored, Imported: ev.Imported}
	m := merger{s: &s, ev: ev, at: ev.At, by: ev.By()}
	for _, a := range slices.Concat(ev.Addresses, ev.Freed) {
		m.point(a)
	}
	if m.by.After(m.at) && goesOn { // or it began a session that is not known
		for _, a := range ev.Addresses {
			m.perhapsOn(m.moment(a))
		}
	}
	s.Addresses = append(m.forgotten, s.Addresses...)
	return s.Bindings()
}
