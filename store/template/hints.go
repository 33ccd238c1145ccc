package template

import (
	"sync"

	"cordon/quarantine"
)

// mostHints bounds each of two generations.
const mostHints = 50_000

// hints remember whose a session was, for a source that has no look-up by
// session. A hint says where to look; the record says whether it is so.
type hints struct {
	mu       sync.Mutex // guards what follows
	now, old map[quarantine.SessionKey]string
}

func (h *hints) remember(s *quarantine.Session) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.now == nil || len(h.now) >= mostHints {
		h.now, h.old = map[quarantine.SessionKey]string{}, h.now
	}
	h.now[s.SessionKey] = s.Subscriber
}

func (h *hints) subscriber(key quarantine.SessionKey) (string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if s, ok := h.now[key]; ok {
		return s, true
	}
	s, ok := h.old[key]
	return s, ok
}
