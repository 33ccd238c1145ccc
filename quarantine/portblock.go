package quarantine

import (
	"time"
)

// free ends the port blocks that the event says were released. One that is not
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
			m.keep(block)
		}
	}
}

// freeOne ends an interval that may have been held until the event. It reports
// whether it was held by who gave it back.
func (m *merger) freeOne(i int) (own bool) {
	e := &m.s.Addresses[i]
	own = m.holder(e) == m.reported() || !e.Of.named() && !m.reported().named()
	if reported := !e.Until.IsZero() && e.Shown.IsZero(); reported && !m.at.Before(e.Until) {
		return own // another record ended it before
	}
	m.cut(i, m.last(e))
	switch e = &m.s.Addresses[i]; {
	case !own || !e.Until.Equal(m.at):
	case m.by.Equal(m.at):
		e.Shown = time.Time{}
	default:
		e.Shown = m.at // it was held until it was released
	}
	return own
}
