package quarantine

import (
	"slices"
	"time"
)

// SessionEventKind is what an accounting record says happened.
type SessionEventKind uint8

// The kinds of accounting event, RFC 2866 section 5.1 in the domain's words.
const (
	SessionStarted SessionEventKind = iota + 1 // Start
	SessionRenewed                             // Interim-Update
	SessionEnded                               // Stop
	BNGReset                                   // Accounting-On or -Off: everything on that BNG is suspect
	ServiceSeen                                // Start or Interim-Update of a service within a session, which it neither begins nor renews
)

// SessionEvent is one accounting record in the domain's words.
type SessionEvent struct {
	Kind SessionEventKind
	Key  SessionKey // BNGReset: only the BNG
	// Member is the BNG that sent the record where Key.BNG names a redundancy
	// group; empty: Key.BNG itself.
	Member string
	// Subscriber is the subscriber's key. Empty: the record names nobody, or more
	// than one; whoever holds its addresses cannot be named. It may be another one
	// than that of the stored session under the key.
	Subscriber string
	// Fallback: the record lacks what its BNG's sessions are named by first, and
	// Subscriber is the next best name. Records in mid-session lack what only the
	// Start has, so a session that is known keeps its name.
	Fallback bool
	// Via is set instead of Subscriber where a NAT reports port blocks that it gave
	// to an inside address: whoever held that address then held them.
	Via Place
	// At is when it happened. Where the BNG's clock and the arrival of the record
	// contradict each other it happened at some moment of [At, Latest].
	At        time.Time
	Latest    time.Time // zero: At is certain
	StartedAt time.Time // Started: At; else At less the session time told, zero if none was
	Ignored   bool
	Imported  bool      // another program told it, not the BNG
	Addresses []Address // as the record tells them; when they were held is for Apply to say
	// Only lists kinds of address of which the session holds those in Addresses and
	// no others at the time of the record: it says that an address was released, or
	// its platform lists all addresses in every record.
	Only       []AddressKind
	Freed      []Address // port blocks given back
	Attributes []Attribute
	Shown      []Attribute // what it tells of the profiles in force, restricted ones too
}

// ClockSlack is how far two statements about the same instant may differ:
// session times are whole seconds and BNG clocks drift between records.
const ClockSlack = 3 * time.Second

func nearly(a, b time.Time) bool { return a.Sub(b).Abs() <= ClockSlack }

// SessionChange is what an event does to the stored session.
type SessionChange struct {
	Session  Session  // the new state; only meaningful if Changed
	Changed  bool     // false: the event tells nothing new
	Replaced *Session // an older session under the same key that this one ends
}

// Apply computes what ev does to prev, the stored session under the same key
// (nil if none), given resetAt, the BNG's last announced restart (zero if
// none). restricted tells attribute values that are a restricted profile's
// name: they never replace what the subscriber should have.
//
// Late, doubled and out-of-order events never move a newer state back: an event
// older than SeenAt adds what was not known and changes nothing else, and an
// ended session stays ended. Apply is idempotent. A service's record about a
// session that is not known changes nothing and leaves no Session.
func Apply(prev *Session, ev SessionEvent, resetAt time.Time, restricted func(Attribute) bool) SessionChange {
	if ev.Kind == ServiceSeen {
		return applyService(prev, ev)
	}
	if prev == nil {
		return SessionChange{Session: begin(ev, restricted), Changed: true}
	}
	ev = ev.keepName(prev, resetAt)
	if another(prev, ev, resetAt) {
		return replace(prev, ev, restricted)
	}
	next := *prev
	next.Addresses = slices.Clone(prev.Addresses)
	next.Attributes = slices.Clone(prev.Attributes)
	merge(&next, ev, restricted)
	return SessionChange{Session: next, Changed: !equalSession(prev, &next)}
}

// keepName gives an event whose name is a fallback the name of the session that it
// is about.
func (ev SessionEvent) keepName(prev *Session, resetAt time.Time) SessionEvent {
	if !ev.Fallback || prev.Subscriber == "" {
		return ev
	}
	named := ev
	named.Subscriber = prev.Subscriber
	if another(prev, named, resetAt) {
		return ev
	}
	return named
}

// applyService takes in what a service's record shows about the session it
// belongs to, if that is known and on line. It says nothing else about it.
func applyService(prev *Session, ev SessionEvent) SessionChange {
	if prev == nil {
		return SessionChange{}
	}
	next := *prev
	if prev.Live() && (ev.Subscriber == prev.Subscriber || ev.Fallback) && !ev.At.Before(prev.StartedAt.Add(-ClockSlack)) {
		next.show(&ev)
	}
	return SessionChange{Session: next, Changed: !slices.Equal(prev.Shown, next.Shown)}
}

// another reports whether ev tells of a session other than prev under the same
// key: Acct-Session-Ids are unique only within one run of a BNG.
func another(prev *Session, ev SessionEvent, resetAt time.Time) bool {
	if ev.Subscriber != prev.Subscriber {
		return true
	}
	start := ev.start()
	if start.IsZero() || nearly(start, prev.StartedAt) || prev.mayHaveBegun(start) {
		return false
	}
	switch {
	case start.Before(prev.StartedAt):
		return prev.StartSeen || ev.Kind == SessionStarted
	case ev.Kind == SessionStarted:
		// A second Start under the key: the first session must be over.
		return prev.StartSeen || start.After(prev.SeenAt)
	case !prev.Live():
		return start.After(prev.EndedAt.Add(-ClockSlack))
	}
	return !resetAt.IsZero() && resetAt.After(prev.SeenAt) && start.After(resetAt.Add(-ClockSlack))
}

func (ev *SessionEvent) start() time.Time {
	if ev.Kind == SessionStarted {
		return ev.At
	}
	return ev.StartedAt
}

// replace decides between the stored session and an event about another one
// with the same key: the later start wins, the earlier is history.
func replace(prev *Session, ev SessionEvent, restricted func(Attribute) bool) SessionChange {
	start := ev.start()
	if start.IsZero() {
		start = ev.At
	}
	if !start.After(prev.StartedAt) {
		return SessionChange{Session: *prev}
	}
	old := *prev
	if old.Live() {
		old.EndedAt = later(start, old.StartedAt)
	}
	return SessionChange{Session: begin(ev, restricted), Changed: true, Replaced: &old}
}

func begin(ev SessionEvent, restricted func(Attribute) bool) Session {
	s := Session{
		SessionKey: ev.Key, Subscriber: ev.Subscriber, StartedAt: ev.start(), SeenAt: ev.At,
		StartSeen: ev.Kind == SessionStarted, Imported: ev.Imported,
	}
	if s.StartedAt.IsZero() {
		s.StartedAt, s.Guessed = ev.At, true
	}
	merge(&s, ev, restricted)
	return s
}

// merge adds to s what ev tells.
func merge(s *Session, ev SessionEvent, restricted func(Attribute) bool) {
	s.Imported = s.Imported && ev.Imported // what the BNG tells itself is better
	s.Ignored = s.Ignored || ev.Ignored
	switch start := ev.start(); {
	case ev.Kind == SessionStarted && !s.StartSeen:
		s.StartSeen, s.StartedAt, s.Guessed = true, start, false
	case !start.IsZero() && s.mayHaveBegun(start):
		s.StartedAt, s.Guessed = start, false
	case s.Guessed && ev.At.Before(s.StartedAt):
		s.StartedAt = ev.At // an older Interim that came later
	}
	newer, seen := !ev.At.Before(s.SeenAt), s.SeenAt
	if newer {
		s.SeenAt = ev.At
		if ev.Member != "" {
			s.Member = ev.Member
		}
	}
	before := slices.Clone(s.Addresses)
	for _, a := range ev.Addresses {
		s.hold(a, before, seen, &ev)
	}
	if newer {
		s.dropOthers(&ev, seen)
	}
	s.free(&ev)
	s.closeBlocks(&ev)
	for _, a := range ev.Attributes {
		if !restricted(a) {
			s.setAttribute(a, newer && s.Live())
		}
	}
	s.show(&ev)
	if ev.Kind == SessionEnded && s.Live() {
		s.EndedAt = later(ev.At, s.StartedAt)
	}
}

func (s *Session) setAttribute(a Attribute, overwrite bool) {
	for i := range s.Attributes {
		if s.Attributes[i].Name != a.Name {
			continue
		}
		if overwrite && a.Value != "" { // none told is no news
			s.Attributes[i].Value = a.Value
		}
		return
	}
	s.Attributes = append(s.Attributes, a)
}

func equalSession(a, b *Session) bool {
	return a.SessionKey == b.SessionKey && a.Member == b.Member && a.Subscriber == b.Subscriber && a.StartedAt.Equal(b.StartedAt) &&
		a.SeenAt.Equal(b.SeenAt) && a.EndedAt.Equal(b.EndedAt) && a.StartSeen == b.StartSeen && a.Guessed == b.Guessed && a.Ignored == b.Ignored && a.Imported == b.Imported &&
		slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.Attributes, b.Attributes) && slices.Equal(a.Shown, b.Shown)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
