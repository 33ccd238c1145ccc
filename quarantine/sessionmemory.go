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
