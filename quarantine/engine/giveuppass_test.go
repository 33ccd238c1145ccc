package engine

import (
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// A person gives one of two sessions up while a pass over them is under way: nothing more
// is sent for it, whatever accounting reports later.
func TestAGiveUpDuringAPassIsHeeded(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		one, addr := w.login("alice")
		two, _ := w.login("alice")
		time.Sleep(3 * time.Second)
		w.accept(e, botnet(addr))
		time.Sleep(5 * time.Second)
		w.network.SetResponse(func(quarantine.Order) quarantinetest.Response {
			return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, After: 25 * time.Second}
		})
		w.release(e, "alice")
		if _, err := e.GiveUp(t.Context(), w.openCase("alice").ID, "noc", "swapped", one); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		w.wantInForce(two, "garden")
		count := func() (n int) {
			for _, o := range w.network.Sent() {
				if o.Session.SessionKey == one {
					n++
				}
			}
			return n
		}
		before := count()
		w.record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: one, Subscriber: "alice", At: time.Now()})
		time.Sleep(10 * time.Minute)
		if more := count() - before; more > 0 {
			t.Errorf("%d more orders about a session that was given up", more)
		}
	})
}
