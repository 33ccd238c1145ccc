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
	StartedAt time.Time // Started: At; else At less the session time reported, zero if none was
	Ignored   bool
	Imported  bool      // another program reported it, not the BNG
	Addresses []Address // as the record reports them; when they were held is for ApplyEvent to say
	// Only lists kinds of address of which the session holds those in Addresses and
	// no others at the time of the record: it says that an address was released, or
	// its platform lists all addresses in every record.
	Only       []AddressKind
	Freed      []Address // port blocks released
	Attributes []Attribute
	Observed   []Attribute // what it reports of the profiles in force, restricted ones too
}

// ClockSlack is how far two statements about the same instant may differ:
// session times are whole seconds and BNG clocks drift between records.
const ClockSlack = 3 * time.Second

func nearly(a, b time.Time) bool { return a.Sub(b).Abs() <= ClockSlack }

// SessionChange is what an event does to the stored session.
type SessionChange struct {
	Session  Session  // the new state; only meaningful if Changed
	Changed  bool     // false: the event does not change the session
	Replaced *Session // an older session under the same key that this one ends
	// Renamed: the event bears another name than the session did.
	Renamed bool
	// Forgotten are bindings that the session lists no more, or never will: they
	// are to be stored now, whether it is Changed or not.
	Forgotten []Binding
}

// ApplyEvent computes what ev does to prev, the stored session under the same key
// (nil if none), given resetAt, the BNG's last announced restart (zero if
// none). restricted selects attribute values that are a restricted profile's
// name: they never replace what the subscriber should have.
//
// Late, doubled and out-of-order events never move a newer state back: an event
// older than SeenAt adds what was not known and changes nothing else, and an
// ended session stays ended. ApplyEvent is idempotent. A service's record about a
// session that is not known changes nothing and leaves no Session.
//
// Whose name a record bears does not say whose session it is about: the key and
// the start do. A Stop ends the session under any name; another record under
// another name gives the session to another holder from then on, and what each held
// when stays with its interval.
func ApplyEvent(prev *Session, ev SessionEvent, resetAt time.Time, restricted func(Attribute) bool) SessionChange {
	if ev.Kind == ServiceSeen {
		return applyServiceEvent(prev, ev)
	}
	ev.Addresses = ev.held()
	if prev == nil {
		return begin(ev, restricted)
	}
	ev = ev.keepName(prev, resetAt)
	if ev.follows(prev) && !ev.StartedAt.IsZero() && !ev.StartedAt.After(prev.EndedAt) {
		// The start is that of a session which is over: this one began since.
		ev.StartedAt = prev.EndedAt.Add(time.Millisecond)
		change := replace(prev, ev, resetAt, restricted)
		change.Session.startWithin(ev.By())
		return change
	}
	if another(prev, ev, resetAt) {
		return replace(prev, ev, resetAt, restricted)
	}
	next := *prev
	next.Addresses = slices.Clone(prev.Addresses)
	next.Attributes = slices.Clone(prev.Attributes)
	change := merge(&next, ev, restricted)
	change.Changed = !equalSession(prev, &next)
	change.Renamed = change.Renamed && change.Changed
	return change
}

// keepName gives an event whose name is a fallback the name of the session that it
// is about. One that began after the session's last record is another: after a
// restart that nobody announced the id is somebody else's. One that has but the id in
// common with the session names nobody.
func (ev SessionEvent) keepName(prev *Session, resetAt time.Time) SessionEvent {
	if !ev.Fallback || prev.Subscriber == "" || !ev.contradicts(prev) {
		return ev
	}
	named := ev
	named.Subscriber = prev.Subscriber
	if another(prev, named, resetAt) || ev.startedAfter(prev) {
		return ev
	}
	switch {
	case !ev.start().IsZero():
		return named
	case ev.Kind == SessionEnded: // whose it was up to then is not known
		return ev
	}
	named.Subscriber = ""
	return named
}

// startedAfter reports whether the record reports a session that began after the
// last record of prev that was certainly its own.
func (ev *SessionEvent) startedAfter(prev *Session) bool {
	start, last := ev.start(), prev.Named
	if last.IsZero() {
		last = prev.SeenAt
	}
	return start.After(last.Add(ClockSlack)) && !prev.beganNear(start, ev.startBy()) && !driftExplains(prev, ev)
}

// applyServiceEvent adds what a service's record shows about the session it
// belongs to, if that is known and on line. It says nothing else about it.
func applyServiceEvent(prev *Session, ev SessionEvent) SessionChange {
	if prev == nil {
		return SessionChange{}
	}
	next := *prev
	if prev.Live() && (!ev.contradicts(prev) || ev.Fallback) && !ev.At.Before(prev.StartedAt.Add(-ClockSlack)) {
		next.recordObserved(&ev)
	}
	return SessionChange{Session: next, Changed: !slices.Equal(prev.Observed, next.Observed)}
}

// held lists the addresses that the record reports as held: none that it releases,
// and if it is a NAT's port blocks only, for the address behind it is somebody else's.
func (ev *SessionEvent) held() []Address {
	if len(ev.Freed) == 0 && !ev.Via.IsValid() {
		return ev.Addresses
	}
	return slices.DeleteFunc(slices.Clone(ev.Addresses), func(a Address) bool {
		return ev.Via.IsValid() && a.Kind != NATPortBlock || slices.ContainsFunc(ev.Freed, func(f Address) bool { return f.Is(&a) })
	})
}

// claimant is whom the record names.
func (ev *SessionEvent) claimant() Claimant { return Claimant{ev.Subscriber, ev.Via} }

// By is the latest moment at which the event may have happened.
func (ev *SessionEvent) By() time.Time { return later(ev.At, ev.Latest) }

func (ev *SessionEvent) start() time.Time {
	if ev.Kind == SessionStarted {
		return ev.At
	}
	return ev.StartedAt
}

// startBy is the latest moment at which the session may have begun whose start the
// event reports.
func (ev *SessionEvent) startBy() time.Time { return ev.start().Add(ev.By().Sub(ev.At)) }

func begin(ev SessionEvent, restricted func(Attribute) bool) SessionChange {
	s := Session{
		SessionKey: ev.Key, Subscriber: ev.Subscriber, Via: ev.Via, Member: ev.Member, StartedAt: ev.start(), SeenAt: ev.At,
		StartSeen: ev.Kind == SessionStarted, Imported: ev.Imported,
	}
	startBy := ev.startBy()
	if s.StartedAt.IsZero() {
		s.StartedAt, s.Guessed, startBy = ev.At, true, ev.By()
	}
	s.startWithin(startBy)
	change := merge(&s, ev, restricted)
	change.Changed = true
	return change
}

// startWithin notes the latest moment at which the session may have begun.
func (s *Session) startWithin(by time.Time) {
	if s.StartedBy = by; !by.After(s.StartedAt) {
		s.StartedBy = time.Time{}
	}
}

// merge adds to s what ev reports.
func merge(s *Session, ev SessionEvent, restricted func(Attribute) bool) SessionChange {
	s.Imported = s.Imported && ev.Imported // what the BNG reports itself is better
	s.Ignored = s.Ignored || ev.Ignored
	s.learnStart(&ev)
	m := merger{s: s, ev: &ev, at: ev.At, by: ev.By(), seen: s.SeenAt, named: s.Named, unsure: s.Unsure}
	early := ev.precedes(s)
	m.at, m.by = later(m.at, s.StartedAt), later(m.by, s.StartedAt) // it is an event of this session
	if m.named.IsZero() {
		m.named = s.SeenAt
	}
	foreign := ev.contradicts(s)
	if m.unordered(foreign) {
		m.at, m.by = later(m.at.Add(-almost), s.StartedAt), m.by.Add(almost)
	}
	s.Unsure = later(s.Unsure, m.uncertain())
	m.name(foreign)
	held := slices.Clone(s.Addresses)
	if !early {
		m.mergeAddresses(held)
	}
	if !foreign || m.newly {
		for _, a := range ev.Attributes {
			if !restricted(a) {
				s.setAttribute(a, !ev.At.Before(m.seen) && s.Live())
			}
		}
		s.recordObserved(&ev)
	}
	if ev.Kind == SessionEnded && s.Live() {
		s.EndedAt = later(m.by, s.StartedAt)
	}
	if !slices.Equal(held, s.Addresses) {
		m.forget()
	}
	change := SessionChange{Session: *s, Renamed: m.newly || m.stop.named() || m.late && len(held) != len(s.Addresses)}
	for i := range m.forgotten {
		change.Forgotten = append(change.Forgotten, s.binding(&m.forgotten[i]))
	}
	return change
}

// mergeAddresses adds what the event reports of what was held, and by whom. Held is what
// was known before.
func (m *merger) mergeAddresses(held []Address) {
	m.exclude()
	switch {
	case m.newly:
		m.rename()
	case m.mixed:
		m.mistrust()
	case m.stop.named():
		m.misnamed()
	}
	for _, a := range m.ev.Addresses {
		m.hold(a, held)
	}
	m.noteSeen()
	m.free()
	m.noteFull()
	m.closeOthers()
}

// learnStart adds what the event reports of when the session began.
func (s *Session) learnStart(ev *SessionEvent) {
	switch start := ev.start(); {
	case ev.Kind == SessionStarted && !s.StartSeen:
		s.StartSeen, s.StartedAt, s.Guessed = true, start, false
		s.startWithin(ev.startBy())
	case !start.IsZero() && s.mayHaveBegun(start):
		s.StartedAt, s.Guessed = start, false
		s.startWithin(ev.startBy())
	case s.Guessed && ev.At.Before(s.StartedAt) && !ev.By().After(s.StartedAt) && !ev.contradicts(s):
		s.StartedAt = ev.At // an older Interim that came later
	}
	if s.StartedBy.After(ev.By()) {
		s.startWithin(ev.By())
	}
}

func (s *Session) setAttribute(a Attribute, overwrite bool) {
	for i := range s.Attributes {
		if s.Attributes[i].Name != a.Name {
			continue
		}
		if overwrite && a.Value != "" { // none reported is no news
			s.Attributes[i].Value = a.Value
		}
		return
	}
	s.Attributes = append(s.Attributes, a)
}

func equalSession(a, b *Session) bool {
	return a.SessionKey == b.SessionKey && a.Claimant() == b.Claimant() && a.Member == b.Member &&
		equalTimes(a, b) && a.StartSeen == b.StartSeen && a.Guessed == b.Guessed && a.Disputed == b.Disputed &&
		a.Ignored == b.Ignored && a.Imported == b.Imported &&
		slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.Full, b.Full) && slices.Equal(a.Attributes, b.Attributes) &&
		slices.Equal(a.Observed, b.Observed)
}

func equalTimes(a, b *Session) bool {
	return a.StartedAt.Equal(b.StartedAt) && a.StartedBy.Equal(b.StartedBy) && a.SeenAt.Equal(b.SeenAt) && a.EndedAt.Equal(b.EndedAt) &&
		a.Unsure.Equal(b.Unsure) && a.Renamed.Equal(b.Renamed) && a.Named.Equal(b.Named) && a.Forgot.Equal(b.Forgot)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
