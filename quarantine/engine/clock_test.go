package engine

import (
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

func TestAReleaseTriedWhileTheClockWasAheadIsTriedAgainSoonAfterItIsSetBack(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var ahead atomic.Int64
		e := w.startWith(w.memory, "a", func(c *Config) {
			c.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		})
		key := w.restrict(e, "alice")
		var silent atomic.Bool
		silent.Store(true)
		w.network.SetResponse(func(quarantine.Order) quarantinetest.Response {
			if silent.Load() {
				return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
		})
		ahead.Store(int64(30 * time.Minute))
		if _, err := e.Release(t.Context(), w.openCase("alice").ID, "noc", "cleaned", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		ahead.Store(0)
		silent.Store(false)
		time.Sleep(30 * time.Second)
		w.wantInForce(key, "")
		time.Sleep(time.Minute)
		w.wantState("alice", quarantine.Closed)
	})
}
