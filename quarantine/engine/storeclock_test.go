package engine

import (
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
)

// inSetBack runs a story of two instances whose store's clock is a day ahead
// until back is called.
func inSetBack(t *testing.T, story func(t *testing.T, p *pair, back func())) {
	t.Helper()
	inWorld(t, func(t *testing.T, w *world) {
		var ahead atomic.Int64
		ahead.Store(int64(24 * time.Hour))
		w.memory.Now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		p := newPair(w)
		story(t, p, func() { ahead.Store(0) })
	})
}

func TestAttributionGoesOnWhenTheStoresClockIsSetBack(t *testing.T) {
	inSetBack(t, func(t *testing.T, p *pair, back func()) {
		back()
		time.Sleep(5 * time.Second)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(10 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictActed)
	})
}

func TestWhoIsBackAfterTheStoresClockWasSetBackIsWaitedFor(t *testing.T) {
	inSetBack(t, func(t *testing.T, p *pair, back func()) {
		p.b.stop() // left
		time.Sleep(5 * time.Second)
		back()
		p.startB()
		time.Sleep(5 * time.Second)
		p.handOver()
		time.Sleep(5 * time.Second)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(10 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictPending, waitsForB)
	})
}

func TestWhoDiedBeforeTheStoresClockWasSetBackIsSilentAndCanBeDeclaredLost(t *testing.T) {
	inSetBack(t, func(t *testing.T, p *pair, back func()) {
		p.toB.kill(p.b)
		back()
		time.Sleep(time.Minute)
		id := p.accept(p.a, botnet(p.address))
		time.Sleep(10 * time.Second)
		p.wantReason(p.a, id, quarantine.VerdictPending, waitsForB, "silent since")
		if _, err := p.a.ForgetInstance(t.Context(), "cordon-b", "alice", "its disk is gone"); err != nil {
			t.Error(err)
		}
	})
}
