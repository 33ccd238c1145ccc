package quarantine

import (
	"slices"
	"time"
)

// merger takes one event into a session.
type merger struct {
	s      *Session
	ev     *SessionEvent
	at, by time.Time // it happened at some moment of [at, by]
	seen   time.Time // when the session was seen last, before the event
	unsure time.Time // [Session.Unsure] before the event
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

// reports says whether the event reports an address as held.
func (m *merger) reports(e *Address) bool {
	return slices.ContainsFunc(m.ev.Addresses, func(a Address) bool { return a.Is(e) })
}

// complete says whether the event reports all addresses of a kind that the
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

// lastBy is the latest moment of a record before the event, as far as that is known:
// the session's newest may have been of an uncertain time.
func (m *merger) lastBy(last time.Time) time.Time {
	if last.Before(m.seen) || !last.Before(m.at) {
		return last
	}
	return later(last, m.unsure)
}

// cut notes that an interval was not held at the time of the event. It ended
// somewhere between the last record that confirms it before and the event; if a
// record after the event confirms it, it began anew by then. Last is the newest one
// that confirms it.
func (m *merger) cut(i int, last time.Time) {
	e := &m.s.Addresses[i]
	if !m.overlaps(e) || e.unconfirmed() {
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
	switch before := m.lastBy(last).After(m.at) && !last.After(m.by); { // the event may have been before that record
	case before && again.Until.IsZero():
		m.perhapsOn(*e)
	case before:
		again.OpenEnd, until = !m.by.After(m.at), again.Until
		fallthrough
	default:
		if until.After(e.Until) {
			m.perhaps(again, e.Until, until)
		}
	}
	if last.After(m.by) {
		if again.Began.After(m.by) { // a late record had moved its beginning
			last = again.Began
		}
		m.beginAt(&again, last)
		again.Inferred, again.Began = true, m.identity(&again, last)
		m.keep(again)
	}
}

// closeOthers ends the addresses that a Stop leaves out although it reports others, and
// port blocks if it reports others: the record that gave them back is missing.
func (m *merger) closeOthers() {
	if m.ev.Kind != SessionEnded || len(m.ev.Addresses) == 0 {
		return
	}
	blocks := slices.ContainsFunc(m.ev.Addresses, func(a Address) bool { return a.Kind == NATPortBlock })
	for i := range m.s.Addresses {
		e := &m.s.Addresses[i]
		if e.Kind == NATPortBlock && !blocks || m.reports(e) || !e.Until.IsZero() || m.start(e).After(m.by) {
			continue
		}
		e.Shown = m.last(e)
		e.Until = later(m.by, m.start(e))
	}
}

// unordered is how long an interval may have gone on of which two records of the
// same second contradict each other, or one of an uncertain time another: which of
// them was first, nothing shows. It confirms nothing in that time, unless a record
// confirms it.
const unordered = time.Hour

// keep adds an interval, unless it is there: what a record leads to, its double leads
// to again.
func (m *merger) keep(e Address) {
	there := slices.ContainsFunc(m.s.Addresses, func(o Address) bool {
		return o.Is(&e) && o.Of == e.Of && o.Since.Equal(e.Since) && o.SinceBy.Equal(e.SinceBy) && o.Until.Equal(e.Until)
	})
	if !there {
		m.s.Addresses = append(m.s.Addresses, e)
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
// since until until: nobody else is confirmed to hold it then, nor is the session.
func (m *merger) perhaps(e Address, since, until time.Time) {
	e.Since, e.SinceBy, e.Until, e.Shown, e.Inferred = since, until, until, since, true
	e.Began = m.identity(&e, since)
	m.keep(e)
}

// doubt takes from an interval that has ended that it confirms anything.
func (m *merger) doubt(e *Address) {
	e.SinceBy = later(e.Until, m.start(e).Add(time.Millisecond))
}

// unconfirmed reports whether it is not known of any moment of the interval that the
// address was held then.
func (a *Address) unconfirmed() bool {
	return !a.Until.IsZero() && !a.SinceBy.IsZero() && !a.SinceBy.Before(a.Until)
}

// uncertain returns by if it is not certain when the event happened.
func (m *merger) uncertain() time.Time {
	if m.by.After(m.at) {
		return m.by
	}
	return time.Time{}
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
