package engine

import (
	"maps"
	"testing"
	"time"

	"cordon/quarantine/quarantinetest"
)

// Instance a restricted, b took over, released, and restricted anew; a does not
// know yet when the store becomes unreachable, and releases from its journal.
func TestARestrictionThatAnotherInstanceUndidFromItsJournalIsDoneAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		time.Sleep(time.Second)
		key := w.restrict(a, "alice")
		old := w.openCase("alice").ID
		a.ledger.mu.Lock()
		applied := maps.Clone(a.ledger.outstanding[old])
		a.ledger.mu.Unlock()
		if len(applied) != 1 {
			t.Fatal("nothing is outstanding")
		}
		b := w.startWith(w.memory, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
		time.Sleep(time.Second)
		w.memory.SetUnavailable(true)
		time.Sleep(time.Second)
		w.memory.SetUnavailable(false)
		if _, err := b.Release(t.Context(), old, "noc", "cleaned", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "")
		w.quarantineManually(b, "alice")
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "garden")
		for _, o := range applied { // as if a had not been the one that released
			o.ExpiresAt = time.Now()
			a.ledger.mu.Lock()
			a.ledger.put(o)
			a.ledger.mu.Unlock()
		}
		w.memory.SetUnavailable(true)
		time.Sleep(20 * time.Second)
		w.wantInForce(key, "")
		w.memory.SetUnavailable(false)
		time.Sleep(30 * time.Second)
		w.wantInForce(key, "garden")
	})
}
