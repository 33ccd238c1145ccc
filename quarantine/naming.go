package quarantine

import "time"

// name notes whose name the event bears. Foreign: it is not the session's.
func (m *merger) name(foreign bool) {
	who := m.ev.claimant()
	switch {
	case !foreign:
		m.of = who
		if who.named() && !m.s.Claimant().named() && m.names() {
			m.s.Subscriber, m.s.Via = who.Subscriber, who.Via
			m.nameUpTo(m.ev.At)
		}
	case m.ev.Kind == SessionEnded:
		m.stop = who
	default:
		m.of = who
		m.late = m.at.Before(m.named) || m.by.After(m.at) && !m.at.After(m.named)
		m.newly = !m.late
		if m.late && !m.by.Before(m.s.Renamed) {
			m.s.Renamed = later(m.named, m.by) // by then it is certain
			m.s.Disputed = m.by.After(m.named)
			m.mixed = true
		}
	}
}

// names reports whether a record of an uncertain time is about the session for
// certain: another one may have had its id.
func (m *merger) names() bool {
	if !m.by.After(m.at) {
		return true
	}
	return !m.ev.start().IsZero() && m.s.beganNear(m.ev.start(), m.ev.startBy()) && !m.ev.At.Before(m.s.StartedAt.Add(-ClockSlack))
}

// misnamed notes that a Stop bears another name than the session: whose it was
// since the last record under its own is not known.
func (m *merger) misnamed() {
	for i := range m.s.Addresses {
		e := &m.s.Addresses[i]
		last := m.last(e)
		if e.Of.named() || !m.start(e).Before(m.at) || !e.Until.IsZero() && !last.After(m.named) {
			continue
		}
		listed := *e
		if e.Shown = later(earliest(last, m.named), m.start(e)); e.Until.IsZero() {
			e.Until = later(m.by, m.start(e))
		}
		if m.reports(&listed) {
			m.perhaps(listed, m.at, later(m.by, m.at.Add(time.Millisecond)))
		}
	}
}

// mistrust takes from intervals that began between the event, under an earlier name,
// and the newest record under the session's that they confirm anything of that time:
// records that name nobody may have begun them.
func (m *merger) mistrust() {
	for i := range m.s.Addresses {
		e := &m.s.Addresses[i]
		switch start := m.start(e); {
		case e.Of.named() || !start.After(m.by) || !start.Before(m.named):
		case !e.Until.IsZero() && !e.Until.After(m.named):
			m.doubt(e)
		default:
			e.SinceBy = later(e.SinceBy, m.named)
		}
	}
}

// nameUpTo notes that a record at t bore the session's name.
func (m *merger) nameUpTo(t time.Time) {
	if m.s.Named = t; !t.Before(m.s.SeenAt) {
		m.s.Named = time.Time{}
	}
}

// rename makes the session another holder's from the event on. What the one before
// held is over, and confirmed up to the last record under that name; of it the new one
// holds what records under the new name report. Attributes of the one before are
// left out.
func (m *merger) rename() {
	s, old := m.s, m.s.Claimant()
	for i := range len(s.Addresses) {
		e := &s.Addresses[i]
		switch {
		case e.Of == m.of:
			e.Of = Claimant{}
			continue
		case m.start(e).After(m.by): // known from records that name nobody
			continue
		case e.Of.named():
			continue
		}
		e.Of = old
		last := m.last(e)
		if e.Until.After(m.by) { // by a record that names nobody
			m.keep(m.ended(*e))
		}
		m.cut(i, earliest(last, m.named))
		if e = &s.Addresses[i]; last.After(m.named) && m.last(e).After(m.named) {
			e.Shown = m.named
		}
		if m.first(e).After(m.named) { // reported by records that name nobody
			m.doubt(e)
		}
	}
	s.Subscriber, s.Via, s.Renamed, s.Disputed = m.of.Subscriber, m.of.Via, m.by, false
	s.Attributes, s.Observed = nil, nil
	m.nameUpTo(m.ev.At)
}

// ended is what is known of an interval of which a record says no more than that it
// ended.
func (m *merger) ended(e Address) Address {
	e.Of, e.Since, e.SinceBy, e.Inferred = Claimant{}, e.Until, time.Time{}, true
	e.Began = m.identity(&e, e.Until)
	return e
}

// noteSeen notes that the session was there at the time of the event, if that is its
// newest record. A Stop under another name, or of which it is not certain when it
// was, confirms nothing.
func (m *merger) noteSeen() {
	s := m.s
	who := m.ev.claimant()
	unproved := m.ev.Kind == SessionEnded && (m.stop.named() || m.by.After(m.at))
	if unproved && !s.SeenAt.Equal(m.ev.At) || m.ev.At.Before(s.SeenAt) {
		if !m.late && who.named() && who == s.Claimant() && !s.Named.IsZero() && m.ev.At.After(s.Named) {
			m.nameUpTo(m.ev.At)
		}
		return
	}
	m.renew()
	switch {
	case who.named():
		s.Named = time.Time{}
		s.Disputed = s.Disputed && m.at.Before(s.Renamed)
	case s.Claimant().named() && s.Named.IsZero():
		s.Named = s.SeenAt
	}
	s.SeenAt = m.ev.At
	if m.ev.Member != "" {
		s.Member = m.ev.Member
	}
}
