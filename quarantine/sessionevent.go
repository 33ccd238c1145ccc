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
	Changed  bool     // false: the event does not change the session
	Replaced *Session // an older session under the same key that this one ends
	// Renamed: the event bears another name than the session did.
	Renamed bool
	// Forgotten are bindings that the session speaks of no more, or never will: they
	// are to be stored now, whether it is Changed or not.
	Forgotten []Binding
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
//
// Whose name a record bears does not tell whose session it is about: the key and
// the start do. A Stop ends the session under any name; another record under
// another name gives the session to another holder from then on, and what each held
// when stays with its interval.
func Apply(prev *Session, ev SessionEvent, resetAt time.Time, restricted func(Attribute) bool) SessionChange {
	if ev.Kind == ServiceSeen {
		return applyService(prev, ev)
	}
	if ev.Via.IsValid() { // a NAT's: the inside address is somebody else's
		ev.Addresses = slices.DeleteFunc(slices.Clone(ev.Addresses), func(a Address) bool { return a.Kind != NATPortBlock })
	}
	if prev == nil {
		return begin(ev, restricted)
	}
	ev = ev.keepName(prev, resetAt)
	if ev.follows(prev) && !ev.StartedAt.After(prev.EndedAt) {
		ev.StartedAt = time.Time{} // that of a session which is over
	}
	if another(prev, ev, resetAt) {
		return replace(prev, ev, restricted)
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
	if prev.Live() && (!ev.contradicts(prev) || ev.Fallback) && !ev.At.Before(prev.StartedAt.Add(-ClockSlack)) {
		next.show(&ev)
	}
	return SessionChange{Session: next, Changed: !slices.Equal(prev.Shown, next.Shown)}
}

// claimant is whom the record names.
func (ev *SessionEvent) claimant() Claimant { return Claimant{ev.Subscriber, ev.Via} }

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
	case ev.Kind == SessionStarted && !s.StartSeen && nearly(ev.At, s.StartedAt): // its own, from before it was another's
		return false
	case ev.contradicts(s):
		return ev.by().After(s.EndedAt)
	case ev.Kind == SessionStarted:
		return false
	}
	return !(ev.claimant().named() && s.Claimant().named()) && ev.At.After(s.EndedAt.Add(ClockSlack))
}

// by is the latest moment at which the event may have happened.
func (ev *SessionEvent) by() time.Time { return later(ev.At, ev.Latest) }

// another reports whether ev tells of a session other than prev under the same
// key: Acct-Session-Ids are unique only within one run of a BNG.
func another(prev *Session, ev SessionEvent, resetAt time.Time) bool {
	contradicts, start := ev.contradicts(prev), ev.start()
	switch {
	case prev.StartSeen && ev.precedes(prev) && ev.claimant() != prev.Claimant(), ev.nameless(prev) && ev.Kind != SessionEnded && start.IsZero() && ev.precedes(prev):
		return true
	case ev.Kind == SessionEnded && !prev.Claimant().named() && ev.claimant().named() && ev.by().Before(prev.SeenAt.Add(-ClockSlack)):
		return true
	case ev.follows(prev), ev.restarts(prev):
		return true
	case contradicts && resetAt.After(prev.SeenAt) && ev.At.After(resetAt) && (start.IsZero() || !prev.beganNear(start, ev.startBy())):
		return true
	case start.IsZero(), prev.beganNear(start, ev.startBy()), prev.mayHaveBegun(start):
		return false
	case contradicts:
		return !drifted(prev, &ev)
	case ev.nameless(prev) && start.After(prev.SeenAt.Add(ClockSlack)): // nothing says that it goes on
		return true
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

// restarts reports whether the event is a Start that cannot be that of prev: it
// names another holder, or either names nobody. A Start is told once.
func (ev *SessionEvent) restarts(prev *Session) bool {
	if ev.Kind != SessionStarted || ev.claimant() == prev.Claimant() || !ev.by().After(prev.SeenAt) {
		return false
	}
	if nearly(ev.At, prev.StartedAt) { // prev's own, perhaps, from before it was another's
		return prev.StartSeen && ev.contradicts(prev)
	}
	return prev.StartSeen || ev.contradicts(prev)
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

func (ev *SessionEvent) start() time.Time {
	if ev.Kind == SessionStarted {
		return ev.At
	}
	return ev.StartedAt
}

// startBy is the latest moment at which the session may have begun whose start the
// event tells.
func (ev *SessionEvent) startBy() time.Time { return ev.start().Add(ev.by().Sub(ev.At)) }

// replace decides between the stored session and an event about another one
// with the same key: the later start wins, the earlier is history.
func replace(prev *Session, ev SessionEvent, restricted func(Attribute) bool) SessionChange {
	start, startBy := ev.start(), ev.startBy()
	if start.IsZero() {
		start, startBy = ev.At, ev.by()
	}
	if ev.Kind == SessionStarted && ev.by().After(prev.SeenAt) && !start.After(prev.SeenAt) {
		// Which was first is not certain; a Start is more likely new than kept back.
		ev.At, ev.StartedAt, ev.Latest = prev.SeenAt.Add(time.Millisecond), prev.SeenAt.Add(time.Millisecond), ev.by()
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

func begin(ev SessionEvent, restricted func(Attribute) bool) SessionChange {
	s := Session{
		SessionKey: ev.Key, Subscriber: ev.Subscriber, Via: ev.Via, Member: ev.Member, StartedAt: ev.start(), SeenAt: ev.At,
		StartSeen: ev.Kind == SessionStarted, Imported: ev.Imported,
	}
	startBy := ev.startBy()
	if s.StartedAt.IsZero() {
		s.StartedAt, s.Guessed, startBy = ev.At, true, ev.by()
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

// merge adds to s what ev tells.
func merge(s *Session, ev SessionEvent, restricted func(Attribute) bool) SessionChange {
	s.Imported = s.Imported && ev.Imported // what the BNG tells itself is better
	s.Ignored = s.Ignored || ev.Ignored
	s.learnStart(&ev)
	m := merger{s: s, ev: &ev, at: ev.At, by: ev.by(), seen: s.SeenAt, named: s.Named}
	if m.at.Before(s.StartedAt) && m.by.After(s.StartedAt) {
		m.at = s.StartedAt // it is an event of this session
	}
	if m.named.IsZero() {
		m.named = s.SeenAt
	}
	s.Unsure = later(s.Unsure, m.uncertain())
	foreign := ev.contradicts(s)
	m.name(foreign)
	held := slices.Clone(s.Addresses)
	m.exclude()
	switch {
	case m.newly:
		m.rename()
	case m.mixed:
		m.mistrust()
	case m.stop.named():
		m.misnamed()
	}
	for _, a := range ev.Addresses {
		m.hold(a, held)
	}
	m.see()
	m.free()
	m.noteFull()
	m.closeBlocks()
	m.closeOthers()
	if !foreign || m.newly {
		for _, a := range ev.Attributes {
			if !restricted(a) {
				s.setAttribute(a, !ev.At.Before(m.seen) && s.Live())
			}
		}
		s.show(&ev)
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

// learnStart takes in what the event tells of when the session began.
func (s *Session) learnStart(ev *SessionEvent) {
	switch start := ev.start(); {
	case ev.Kind == SessionStarted && !s.StartSeen:
		s.StartSeen, s.StartedAt, s.Guessed = true, start, false
		s.startWithin(ev.startBy())
	case !start.IsZero() && s.mayHaveBegun(start):
		s.StartedAt, s.Guessed = start, false
		s.startWithin(ev.startBy())
	case s.Guessed && ev.At.Before(s.StartedAt):
		s.StartedAt = ev.At // an older Interim that came later
	}
	if s.StartedBy.After(ev.by()) {
		s.startWithin(ev.by())
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
	return a.SessionKey == b.SessionKey && a.Claimant() == b.Claimant() && a.Member == b.Member && equalTimes(a, b) && a.StartSeen == b.StartSeen && a.Guessed == b.Guessed && a.Disputed == b.Disputed && a.Ignored == b.Ignored && a.Imported == b.Imported &&
		slices.Equal(a.Addresses, b.Addresses) && slices.Equal(a.Full, b.Full) && slices.Equal(a.Attributes, b.Attributes) && slices.Equal(a.Shown, b.Shown)
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
