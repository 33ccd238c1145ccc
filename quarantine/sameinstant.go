package quarantine

import (
	"slices"
	"time"
)

// almost is less than the second that RADIUS counts in: which of two records was first
// whose times differ by no more, the times do not say.
const almost = time.Second - time.Millisecond

func atOnce(a, b time.Time) bool { return a.Sub(b).Abs() <= almost }

// unordered reports whether the event contradicts what another record says of the same
// second: that the session is another's, that it holds what the event leaves out, or
// does not hold what it lists. Foreign: the event bears another name than the session.
func (m *merger) unordered(foreign bool) bool {
	if m.ev.Kind != SessionRenewed || m.by.After(m.at) { // a Start comes first, a Stop last
		return false
	}
	renamed := m.s.Renamed
	if foreign && atOnce(m.at, m.named) || m.at.Before(renamed) && atOnce(m.at, renamed) {
		return true
	}
	return slices.ContainsFunc(m.s.Addresses, func(e Address) bool {
		switch who := m.ev.claimant(); {
		case e.OpenEnd, who.named() && who != m.holder(&e): // no record says so; it ended with the name
			return false
		case m.reports(&e):
			own := e.Until.Equal(m.at) && e.Shown.Equal(m.at)
			ended := !e.Until.IsZero() && !own && !e.Until.Equal(m.s.EndedAt) // by another record
			return ended && atOnce(e.Until, m.at) && !m.covered(&e, e.Until)
		case m.complete(e.Kind), slices.ContainsFunc(m.ev.Freed, func(f Address) bool { return f.Is(&e) }):
			reported := !e.Until.IsZero() && e.Shown.IsZero() // its end, by a record that agrees
			return !reported && !m.start(&e).After(m.by) && atOnce(m.last(&e), m.at)
		}
		return false
	})
}
