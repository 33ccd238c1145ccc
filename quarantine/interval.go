package quarantine

import (
	"slices"
	"time"
)

// How much of what it held before a session remembers. What it forgets is in
// [SessionChange.Forgotten] once.
const (
	maxEnded = 64        // intervals that have ended
	endedFor = time.Hour // after they ended, by the time of the session's records
	maxOpen  = 2048      // intervals that have not; beyond that the oldest count as over
)

// unordered is how long an interval may have gone on of which two records of the
// same second contradict each other: which of them was first, nothing tells. It
// proves nothing in that time, unless a record confirms it.
const unordered = time.Hour

// merger takes one event into a session.
type merger struct {
	s      *Session
	ev     *SessionEvent
	at, by time.Time // it happened at some moment of [at, by]
	seen   time.Time // when the session was seen last, before the event
	named  time.Time // when a record bore the session's name last, before the event
	of     Claimant  // who held what the event reports; zero: whoever held the session then
	late   bool      // of is an earlier holder than the session's
	newly  bool      // of holds the session from the event on
	mixed  bool      // since when the session's holder holds it is not known
	stop   Claimant  // whose name a Stop bears that is not the session's
	// forgotten are intervals that leave the session, or never come into it.
	forgotten []Address
}

// start is since when an interval is held, as far as is known.
func (m *merger) start(e *Address) time.Time { return later(m.s.StartedAt, e.Since) }

// first is the earliest record that reported the interval.
func (m *merger) first(e *Address) time.Time {
	switch {
	case !e.Since.IsZero():
		return e.Since
	case e.Inferred:
		return later(m.s.StartedAt, e.Began)
	}
	return m.s.StartedAt
}

// last is the newest record that confirms the interval.
func (m *merger) last(e *Address) time.Time {
	switch {
	case !e.Shown.IsZero():
		return e.Shown
	case !e.Until.IsZero():
		return e.Until
	}
	return m.seen
}

// holder is who held an interval.
func (m *merger) holder(e *Address) Claimant {
	if e.Of.named() {
		return e.Of
	}
	return m.s.Claimant()
}

// reports tells whether the event reports an address as held.
func (m *merger) reports(e *Address) bool {
	return slices.ContainsFunc(m.ev.Addresses, func(a Address) bool { return a.Is(e) })
}

// complete tells whether the event reports all addresses of a kind that the
// session held: it says so, or it is a kind of which a session holds what its
// newest record says. Port blocks come and go by themselves.
func (m *merger) complete(kind AddressKind) bool {
	if slices.Contains(m.ev.Only, kind) {
		return true
	}
	return kind != NATPortBlock && slices.ContainsFunc(m.ev.Addresses, func(a Address) bool { return a.Kind == kind })
}

// full reports whether records before the event have reported all addresses of a
// kind that the session held: what none of them reported, it did not hold then.
func (m *merger) full(kind AddressKind) bool { return slices.Contains(m.s.Full, kind) }

// noteFull notes which kinds the event reports in full.
func (m *merger) noteFull() {
	for _, kind := range m.ev.Only {
		if !m.full(kind) {
			m.s.Full = append(slices.Clip(m.s.Full), kind)
		}
	}
}

// identity returns a Began for a new interval of an address.
func (m *merger) identity(a *Address, at time.Time) time.Time {
	for taken := true; taken; {
		taken = slices.ContainsFunc(m.s.Addresses, func(e Address) bool { return e.Is(a) && e.Began.Equal(at) })
		if taken {
			at = at.Add(time.Millisecond)
		}
	}
	return at
}

// exclude ends what the event contradicts: addresses that it leaves out although
// it reports all of their kind, and what others than its holder are said to hold.
func (m *merger) exclude() {
	for i := range len(m.s.Addresses) {
		e := &m.s.Addresses[i]
		switch holder := m.holder(e); {
		case m.complete(e.Kind) && !m.reports(e):
			m.cut(i, m.last(e))
		case m.of.named() && holder.named() && holder != m.of && (e.Of.named() || !m.newly):
			last := m.last(e)
			if !e.Of.named() { // what names nobody is no evidence of the name
				last = earliest(last, m.named)
			}
			unclear := m.overlaps(e) && (m.late || !e.Of.named() && m.first(e).After(m.named))
			m.cut(i, last)
			if e = &m.s.Addresses[i]; unclear && !e.Until.IsZero() {
				m.doubt(e) // which of the names was when is not known
			}
		}
	}
}

// overlaps reports whether an interval may have been held at the time of the event.
func (m *merger) overlaps(e *Address) bool {
	return !m.start(e).After(m.by) && (e.Until.IsZero() || e.Until.After(m.at))
}

// cut takes in that an interval was not held at the time of the event. It ended
// somewhere between the last record that confirms it before and the event; if a
// record after the event confirms it, it began anew by then. Last is the newest one
// that confirms it.
func (m *merger) cut(i int, last time.Time) {
	e := &m.s.Addresses[i]
	if !m.overlaps(e) || e.unproved() {
		return
	}
	if e.Until.IsZero() && last.Equal(m.at) && m.by.Equal(m.at) {
		e.Until, e.Shown = m.at.Add(unordered), m.at
		return
	}
	first, until := m.first(e), earliest(e.Until, m.by)
	if first.After(m.at) || e.Inferred && e.Since.IsZero() && first.Before(m.s.Unsure) {
		m.beginAt(e, first) // only assumed to be held before
	}
	if first.After(m.by) {
		return
	}
	again := *e
	e.Until = later(m.at, first)
	if e.Shown = last; last.After(m.at) {
		e.Shown = first
	}
	if start := m.start(&again); start.After(m.at) { // it may have been of an earlier interval
		m.perhaps(again, m.at, start)
	}
	e = &m.s.Addresses[i]
	if last.After(m.at) && !last.After(m.by) { // the event may have been before that record
		until = again.Until
		if until.IsZero() {
			until = m.by.Add(unordered)
		}
	}
	if until.After(e.Until) {
		m.perhaps(again, e.Until, until)
	}
	if last.After(m.by) {
		if again.Began.After(m.by) { // a late record had moved its beginning
			last = again.Began
		}
		m.beginAt(&again, last)
		again.Inferred, again.Began = true, m.identity(&again, last)
		m.s.Addresses = append(m.s.Addresses, again)
	}
}

// beginAt has an interval begin with a record of which only is known that it was at
// t, if that is certain.
func (m *merger) beginAt(e *Address, t time.Time) {
	if e.Since, e.SinceBy = t, m.s.Unsure; !e.SinceBy.After(t) {
		e.SinceBy = time.Time{}
	}
}

// perhaps adds that an address may have been held, in all or some of the time from
// since until until: nobody else is proved to hold it then, nor is the session.
func (m *merger) perhaps(e Address, since, until time.Time) {
	e.Since, e.SinceBy, e.Until, e.Shown, e.Inferred = since, until, until, since, true
	e.Began = m.identity(&e, since)
	m.s.Addresses = append(m.s.Addresses, e)
}

// doubt takes from an interval that has ended that it proves anything.
func (m *merger) doubt(e *Address) {
	e.Until = later(e.Until, m.start(e).Add(time.Millisecond))
	e.SinceBy = e.Until
}

// unproved reports whether it is not known of any moment of the interval that the
// address was held then.
func (a *Address) unproved() bool { return !a.Until.IsZero() && a.SinceBy.Equal(a.Until) }

// hold takes in that the session held an address at the time of the event. Before
// is what it was known to hold.
//
// The first of its kind counts from the session's beginning, however late it was
// reported; later ones, and port blocks, from their record. A late record makes an
// interval begin earlier, or adds one that ends where a newer record reports
// something else.
func (m *merger) hold(a Address, before []Address) {
	next := -1 // the interval of the address that begins next
	for i := range m.s.Addresses {
		e := &m.s.Addresses[i]
		switch {
		case !e.Is(&a) || e.unproved() || m.of.named() && m.holder(e) != m.of:
		case m.start(e).After(m.at):
			if e.Of.named() && !m.of.named() {
				continue // perhaps about somebody else
			}
			if next < 0 || m.start(e).Before(m.start(&m.s.Addresses[next])) {
				next = i
			}
		case e.Until.IsZero() || !m.at.After(e.Until):
			m.confirm(i)
			return
		}
	}
	other := m.nextOther(&a)
	if next >= 0 && (m.full(a.Kind) || m.unattributable() || m.doubtful(&a)) { // records in between may have left it out
		other, next = earliest(other, m.start(&m.s.Addresses[next])), -1
	}
	switch {
	case !m.at.After(m.s.Forgot):
		m.point(a)
	case next >= 0 && (other.IsZero() || other.After(m.start(&m.s.Addresses[next]))):
		m.extend(&m.s.Addresses[next])
	default:
		m.add(a, before, other)
	}
}

// reported is whose name the event bears.
func (m *merger) reported() Claimant {
	if m.stop.named() {
		return m.stop
	}
	return m.of
}

// unattributable reports whether the event names nobody and is of a time when
// another name may have been on the session.
func (m *merger) unattributable() bool {
	return !m.reported().named() && m.s.Claimant().named() && (m.at.Before(m.s.Renamed) || m.s.Disputed)
}

// fromStart reports whether what the event reports was held when the session began.
func (m *merger) fromStart() bool {
	return m.ev.Kind == SessionStarted && !m.late && m.s.Renamed.IsZero()
}

// uncertain returns by if it is not certain when the event happened.
func (m *merger) uncertain() time.Time {
	if m.by.After(m.at) {
		return m.by
	}
	return time.Time{}
}

// confirm takes in that an interval that covers the event was held then.
func (m *merger) confirm(i int) {
	e := &m.s.Addresses[i]
	if e.unproved() || m.unattributable() {
		return
	}
	if e.SinceBy.After(m.by) {
		e.SinceBy = m.by
	}
	if m.fromStart() {
		e.Since, e.SinceBy, e.Inferred = time.Time{}, time.Time{}, false
	}
	if !e.SinceBy.After(m.start(e)) {
		e.SinceBy = time.Time{}
	}
	unnamed := m.stop.named() || e.Of.named() && !m.of.named() // may be about somebody else
	switch {
	case e.Shown.IsZero() || unnamed || !m.at.After(e.Shown) || !e.Until.IsZero() && !m.at.Before(e.Until):
	case !e.Until.IsZero() && (m.full(e.Kind) || m.doubtful(e)):
		m.split(i)
		return
	default:
		e.Shown = m.at
	}
	if again := m.by.After(e.Until) && !e.Until.IsZero(); again && !m.covered(e, e.Until) {
		m.perhaps(*e, e.Until, m.by.Add(unordered)) // if it was, nothing ended it again
	}
}

// doubtful reports whether, at the time of the event, a record of an uncertain time
// may have ended an address's interval.
func (m *merger) doubtful(a *Address) bool {
	return slices.ContainsFunc(m.s.Addresses, func(e Address) bool {
		return e.Is(a) && e.unproved() && !m.start(&e).After(m.at) && e.Until.After(m.at)
	})
}

// split ends an interval at the event, which confirms it, and begins another one
// there: records in between may have left the address out before it was known.
func (m *merger) split(i int) {
	e := &m.s.Addresses[i]
	again := *e
	e.Until = m.at
	again.Since, again.SinceBy, again.Shown, again.Inferred = m.at, m.uncertain(), m.at, true
	again.Began = m.identity(&again, m.at)
	m.s.Addresses = append(m.s.Addresses, again)
}

// covered reports whether another interval of an address is known in which a moment
// lies, or which began later.
func (m *merger) covered(a *Address, t time.Time) bool {
	return slices.ContainsFunc(m.s.Addresses, func(e Address) bool {
		return e.Is(a) && !e.Began.Equal(a.Began) && (e.Until.IsZero() || e.Until.After(t))
	})
}

// extend makes an interval begin with the event, which is older.
func (m *merger) extend(e *Address) {
	first := later(m.first(e), e.SinceBy)
	if e.Since, e.SinceBy = m.at, m.uncertain(); e.SinceBy.After(first) {
		e.SinceBy = first
	}
	if m.fromStart() {
		e.Since, e.SinceBy, e.Inferred = time.Time{}, time.Time{}, false
	}
}

// nextOther is when, after the event, something else is known to be held in place
// of an address: zero if nothing is.
func (m *merger) nextOther(a *Address) time.Time {
	var next time.Time
	for i := range m.s.Addresses {
		e := &m.s.Addresses[i]
		instead := e.Is(a) && (e.unproved() || m.of.named() && m.holder(e) != m.of) || !e.Is(a) && e.Kind == a.Kind && m.complete(a.Kind) && !m.reports(e)
		switch start := m.start(e); {
		case instead && start.After(m.at):
			next = earliest(next, start)
		case e.Is(a) && e.unproved() && e.Until.After(m.at):
			next = earliest(next, e.Until)
		}
	}
	return next
}

// add begins an interval, which ends where something else is known to be held.
func (m *merger) add(a Address, before []Address, other time.Time) {
	fresh := Address{Prefix: a.Prefix, Kind: a.Kind, Space: a.Space, Ports: a.Ports, Inferred: !m.fromStart()}
	if m.by.After(other) {
		other = time.Time{} // the event may have been the later one
	}
	if fresh.Inferred {
		fresh.Began = m.identity(&a, m.at)
	}
	if fresh.Inferred && !m.firstOfKind(&a, before) {
		fresh.Since, fresh.SinceBy = m.at, m.uncertain()
	}
	if of := m.reported(); of.named() && of != m.s.Claimant() {
		fresh.Of = of
	}
	if m.late {
		other = earliest(other, later(m.named, m.by)) // by then another name was on the session
	}
	if known := later(m.seen, m.s.Unsure); m.full(a.Kind) && m.at.Before(known) {
		other = earliest(other, later(known, m.by)) // by then a record left it out
	}
	if m.unattributable() {
		other = earliest(other, later(m.s.Renamed, m.by))
		fresh.Since = m.at
	}
	if fresh.Until = other; !other.IsZero() || m.at.Before(m.seen) {
		fresh.Shown = m.at
	}
	if fresh.Until.IsZero() && !m.s.Live() {
		fresh.Until = later(m.s.EndedAt, m.at)
	}
	if m.unattributable() {
		m.doubt(&fresh)
	}
	m.s.Addresses = append(m.s.Addresses, fresh)
}

// firstOfKind reports whether nothing else of an address's kind was reported before
// it, so that it counts from the session's beginning.
func (m *merger) firstOfKind(a *Address, before []Address) bool {
	of := m.reported()
	if a.Kind == NATPortBlock || of.named() && of != m.s.Claimant() || !m.s.Renamed.IsZero() || !m.s.Forgot.IsZero() || m.full(a.Kind) {
		return false
	}
	return !slices.ContainsFunc(before, func(e Address) bool { return e.Kind == a.Kind && !m.first(&e).After(m.at) })
}

// point takes in that an address was held at one moment, of which nothing else is
// remembered: it may have been in an interval that was forgotten, so it begins none;
// but whoever held it before has it no more.
func (m *merger) point(a Address) {
	p := m.moment(a)
	p.Began = m.at.Add(time.Millisecond)
	m.forgotten = append(m.forgotten, p)
}

// moment is an interval of an address that is but the time of the event.
func (m *merger) moment(a Address) Address {
	p := Address{
		Prefix: a.Prefix, Kind: a.Kind, Space: a.Space, Ports: a.Ports, Inferred: true,
		Since: m.at, SinceBy: m.uncertain(), Until: m.by, Shown: m.at,
	}
	if of := m.reported(); of.named() && of != m.s.Claimant() {
		p.Of = of
	}
	if m.unattributable() {
		m.doubt(&p)
	}
	return p
}

// free ends the port blocks that the event says were given back. One that is not
// known yet is kept all the same: the record that gave it may be on its way.
func (m *merger) free() {
	for _, freed := range m.ev.Freed {
		if freed.Kind != NATPortBlock {
			continue
		}
		known := false
		for i := range len(m.s.Addresses) {
			if e := &m.s.Addresses[i]; e.Is(&freed) && !m.start(e).After(m.by) && (e.Until.IsZero() || !m.at.After(e.Until)) {
				known = m.freeOne(i) || known
			}
		}
		switch {
		case known:
		case !m.at.After(m.s.Forgot): // an interval that was forgotten may have been held longer, it seems
			p := m.moment(freed)
			p.Began = m.at
			m.forgotten = append(m.forgotten, p)
		default:
			block := m.moment(freed)
			block.Began = m.identity(&block, m.at)
			m.s.Addresses = append(m.s.Addresses, block)
		}
	}
}

// freeOne ends an interval that may have been held until the event. It reports
// whether it was held by who gave it back.
func (m *merger) freeOne(i int) (own bool) {
	e := &m.s.Addresses[i]
	own = m.holder(e) == m.reported() || !e.Of.named() && !m.reported().named()
	if told := !e.Until.IsZero() && e.Shown.IsZero(); told && !m.at.Before(e.Until) {
		return own // another record ended it before
	}
	m.cut(i, m.last(e))
	if e = &m.s.Addresses[i]; own && e.Until.Equal(m.at) && m.by.Equal(m.at) {
		e.Shown = time.Time{}
	}
	return own
}

// closeBlocks ends the port blocks that a Stop leaves out although it reports
// others: the record that gave them back is missing.
func (m *merger) closeBlocks() {
	isBlock := func(a Address) bool { return a.Kind == NATPortBlock }
	if m.ev.Kind != SessionEnded || !slices.ContainsFunc(m.ev.Addresses, isBlock) {
		return
	}
	for i := range m.s.Addresses {
		e := &m.s.Addresses[i]
		if isBlock(*e) && !m.reports(e) && e.Until.IsZero() && !m.start(e).After(m.by) {
			e.Until, e.Shown = m.by, m.start(e)
		}
	}
}

// closeOthers ends the addresses that a Stop leaves out although it reports others:
// the record that gave them back is missing.
func (m *merger) closeOthers() {
	if m.ev.Kind != SessionEnded || len(m.ev.Addresses) == 0 {
		return
	}
	for i := range m.s.Addresses {
		e := &m.s.Addresses[i]
		if e.Kind == NATPortBlock || m.reports(e) || !e.Until.IsZero() || m.start(e).After(m.by) {
			continue
		}
		e.Shown = m.last(e)
		e.Until = later(m.by, m.start(e))
	}
}

// renew notes, of a record that is the session's newest, which addresses it
// confirms.
func (m *merger) renew() {
	for i := range m.s.Addresses {
		switch e := &m.s.Addresses[i]; {
		case !e.Until.IsZero():
		case m.reports(e):
			e.Shown = time.Time{}
		case e.Shown.IsZero():
			e.Shown = m.seen
		}
	}
}

// forget takes out of the session what ended long ago, and the oldest of too many.
func (m *merger) forget() {
	s := m.s
	open := 0
	for i := len(s.Addresses) - 1; i >= 0; i-- {
		if e := &s.Addresses[i]; e.Until.IsZero() {
			if open++; open > maxOpen {
				e.Until, e.Shown = later(m.by, m.start(e)), m.start(e)
			}
		}
	}
	var ended []time.Time
	for i := range s.Addresses {
		if until := s.Addresses[i].Until; !until.IsZero() {
			ended = append(ended, until)
		}
	}
	limit := s.SeenAt.Add(-endedFor)
	if len(ended) > maxEnded {
		slices.SortFunc(ended, func(a, b time.Time) int { return b.Compare(a) })
		limit = later(limit, ended[maxEnded-1])
	}
	kept, room := make([]Address, 0, len(s.Addresses)), maxEnded
	for i := len(s.Addresses) - 1; i >= 0; i-- {
		e := s.Addresses[i]
		over := !e.Until.IsZero()
		if over && (e.Until.Before(limit) || room == 0) {
			m.forgotten = append(m.forgotten, e)
			s.Forgot = later(s.Forgot, e.Until)
			continue
		}
		if over {
			room--
		}
		kept = append(kept, e)
	}
	slices.Reverse(kept)
	s.Addresses = kept
}
