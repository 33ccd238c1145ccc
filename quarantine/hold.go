package quarantine

import (
	"slices"
	"time"
)

// hold notes that the session held an address at the time of the event. Before
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
		case e.Is(&a) && m.fromStart() && e.Began.IsZero() && !e.Inferred && !e.Of.named(): // the Start again
			m.confirm(i)
			return
		case e.Is(&a) && e.unconfirmed() && e.Since.Equal(m.at) && m.by.After(m.at) && (!m.of.named() || m.holder(e) == m.of):
			return // the same uncertain record, or one like it
		case !e.Is(&a) || e.unconfirmed() || m.of.named() && m.holder(e) != m.of:
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

// anonymous reports whether the event has but the id in common with a session that
// is somebody's: it names nobody, and not the session's start. After a restart that
// nobody heard of the id may be another's.
func (m *merger) anonymous() bool {
	start := m.ev.start()
	return !m.reported().named() && m.s.Claimant().named() && (start.IsZero() || !nearly(start, m.s.StartedAt))
}

// unattributable reports whether the event names nobody and is of a time when
// another name may have been on the session.
func (m *merger) unattributable() bool {
	return !m.reported().named() && m.s.Claimant().named() && (m.at.Before(m.s.Renamed) || m.s.Disputed)
}

// fromStart reports whether what the event reports was held when the session began.
func (m *merger) fromStart() bool {
	return m.ev.Kind == SessionStarted && !m.late && m.s.Renamed.IsZero() && !m.anonymous()
}

// confirm notes that an interval that covers the event was held then.
func (m *merger) confirm(i int) {
	e := &m.s.Addresses[i]
	if e.unconfirmed() || m.unattributable() {
		return
	}
	if e.SinceBy.After(m.by) && !m.anonymous() {
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
	m.perhapsAfter(*e)
}

// doubtful reports whether, at the time of the event, a record of an uncertain time
// may have ended an address's interval.
func (m *merger) doubtful(a *Address) bool {
	return slices.ContainsFunc(m.s.Addresses, func(e Address) bool {
		return e.Is(a) && e.unconfirmed() && !e.OpenEnd && !m.start(&e).After(m.at) && e.Until.After(m.at)
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
	m.keep(again)
	if over := again.Until; !over.IsZero() && m.by.After(over) { // the event may have been after that
		m.perhapsOn(again)
	}
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
	if !e.Shown.IsZero() {
		e.Shown = later(e.Shown, m.at)
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
		instead := e.Is(a) && (e.unconfirmed() || m.of.named() && m.holder(e) != m.of) || !e.Is(a) && !e.OpenEnd &&
			e.Kind == a.Kind && m.complete(a.Kind) && !m.reports(e)
		switch start := m.start(e); {
		case instead && start.After(m.at):
			next = earliest(next, start)
		case e.Is(a) && e.unconfirmed() && !e.OpenEnd && e.Until.After(m.at) && (!m.of.named() || m.holder(e) == m.of):
			next = earliest(next, e.Until)
		}
	}
	return next
}

// add begins an interval, which ends where something else is known to be held.
func (m *merger) add(a Address, before []Address, other time.Time) {
	fresh := Address{Prefix: a.Prefix, Kind: a.Kind, Space: a.Space, Ports: a.Ports, Inferred: !m.fromStart()}
	unclear := !other.IsZero() && m.by.After(other) // the event may have been the later one
	if !unclear && m.entangled(&a, before) {
		unclear, other = true, earliest(other, m.by)
	}
	switch {
	case !fresh.Inferred:
	case !unclear && m.firstOfKind(&a, before):
		fresh.Began = m.identity(&a, m.by)
	default:
		fresh.Began, fresh.Since, fresh.SinceBy = m.identity(&a, m.at), m.at, m.uncertain()
	}
	if m.anonymous() {
		fresh.SinceBy = m.by.Add(SourceMemory) // unless a record that names him confirms it
	}
	if of := m.reported(); of.named() && of != m.s.Claimant() {
		fresh.Of = of
	}
	if m.late {
		other = earliest(other, later(m.named, m.by)) // by then another name was on the session
	}
	if known := later(m.seen, m.unsure); m.full(a.Kind) && m.at.Before(known) && !m.by.After(known) {
		other = earliest(other, known) // by then a record left it out
	}
	if m.unattributable() {
		other = earliest(other, later(m.s.Renamed, m.by))
		fresh.Since = m.at
	}
	if fresh.Until = other; other.IsZero() && !m.s.Live() {
		fresh.Until = later(m.s.EndedAt, m.at)
	}
	if !fresh.Until.IsZero() || m.at.Before(m.seen) {
		fresh.Shown = m.at
	}
	if unclear || m.unattributable() {
		m.doubt(&fresh)
	}
	m.keep(fresh)
	if unclear || m.late && m.by.After(m.named) { // or the last name
		m.perhapsOn(fresh)
	}
	m.perhapsAfter(fresh)
}

// entangled reports whether another record, which may have been the later one, reports
// something else in place of an address.
func (m *merger) entangled(a *Address, before []Address) bool {
	return m.by.After(m.at) && m.complete(a.Kind) && slices.ContainsFunc(before, func(e Address) bool {
		last := m.last(&e)
		return !e.Is(a) && e.Kind == a.Kind && !m.reports(&e) && (e.OpenEnd || !e.unconfirmed()) &&
			(e.SinceBy.After(m.at) || last.After(m.at) && !last.After(m.by))
	})
}

// perhapsOn adds that an address may have been held on after an interval's end, in
// which case nothing ended it again.
func (m *merger) perhapsOn(e Address) {
	since := e.Until
	if by := earliest(m.by, m.s.EndedAt); by.After(since) {
		m.perhaps(e, since, by)
		since = by
	}
	if until := earliest(m.by.Add(unordered), m.s.EndedAt); until.After(since) {
		e.OpenEnd = true
		m.perhaps(e, since, until)
	}
}

// perhapsAfter adds, of an interval that the event confirms, that the address may
// have been held after it ended: it is not certain that the event was before.
func (m *merger) perhapsAfter(e Address) {
	if !e.Until.IsZero() && m.by.After(e.Until) && !e.unconfirmed() && !m.covered(&e, e.Until) {
		m.perhapsOn(e)
	}
}

// firstOfKind reports whether nothing else of an address's kind was reported before
// it, so that it counts from the session's beginning.
func (m *merger) firstOfKind(a *Address, before []Address) bool {
	of := m.reported()
	if a.Kind == NATPortBlock || slices.Contains(m.ev.Only, a.Kind) || !of.named() && m.s.Claimant().named() ||
		of.named() && of != m.s.Claimant() || !m.s.Renamed.IsZero() || !m.s.Forgot.IsZero() || m.full(a.Kind) {
		return false
	}
	return !slices.ContainsFunc(before, func(e Address) bool { return e.Kind == a.Kind && !m.first(&e).After(m.at) })
}

// point notes that an address was held at one moment, of which nothing else is
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
		Since: m.at, SinceBy: m.uncertain(), Until: m.by,
	}
	if m.by.After(m.at) {
		p.Shown = m.at
	}
	if of := m.reported(); of.named() && of != m.s.Claimant() {
		p.Of = of
	}
	if m.unattributable() {
		m.doubt(&p)
	}
	return p
}
