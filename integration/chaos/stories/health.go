package stories

import "time"

// health says since when a part of the world has been sound.
type health struct {
	faults int // under way
	since  time.Time
}

// sound reports whether nothing has been wrong for so long.
func (h *health) sound(d time.Duration) bool { return h.faults == 0 && time.Since(h.since) >= d }

// withFault begins something that is wrong with a part of the world for d.
func (w *World) withFault(h *health, d time.Duration, begin, end func()) {
	h.faults++
	begin()
	w.later(d, func() {
		end()
		h.faults--
		h.since = time.Now()
	})
}

// checkPromptly fails if a subscriber is restricted who was released a minute ago or
// earlier, while everything has been sound.
func (w *World) checkPromptly() {
	for _, p := range w.subscribers {
		if p.wanted || p.unsure || p.late || p.released.IsZero() || time.Since(p.released) < within || !w.sound(within) || !p.bng.sound(within) {
			continue
		}
		for _, s := range p.restricted() {
			p.late = true
			p.bng.fail("%s was released %s ago, and session %s has %s; case: %s", p.name, time.Since(p.released), s.ID, s.State,
				describe(w.openCase(p)))
		}
	}
}
