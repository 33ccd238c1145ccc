package quarantine

import (
	"slices"
	"time"
)

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
			m.keep(block)
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
	switch e = &m.s.Addresses[i]; {
	case !own || !e.Until.Equal(m.at):
	case m.by.Equal(m.at):
		e.Shown = time.Time{}
	default:
		e.Shown = m.at // it was held until it was given back
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
