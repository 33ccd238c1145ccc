package storetest

import (
	"testing"
	"time"

	"cordon/quarantine"
)

// Continuity tests quarantine.Continuity on a store that does not fail over;
// how a failover is met is each store's own matter.
func Continuity(t *testing.T, open Open) {
	t.Run("a store that does not fail over has no gaps", func(t *testing.T) {
		s := start(t, open)
		for n := range 5 {
			gaps, err := s.Gaps(t.Context())
			must(t, err)
			if len(gaps) != 0 {
				t.Fatalf("question %d: %v", n, gaps)
			}
			record(t, s, event(quarantine.SessionStarted, "1", "alice", minute(n), v4(1)))
			s.mu.Lock()
			s.now = s.now.Add(time.Hour) // by the clock of who asks; nothing need happen to the store
			s.mu.Unlock()
		}
	})
}
