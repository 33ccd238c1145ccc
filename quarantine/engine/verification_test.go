package engine

import (
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// falseAcks makes the next n orders ACKed without effect.
func (w *world) falseAcks(n int) {
	w.network.SetResponse(func(quarantine.Order) quarantinetest.Response {
		n--
		return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: n < 0}
	})
}

// interim has the session's accounting show what is in force on it, if anything.
func (w *world) interim(subscriber string, key quarantine.SessionKey, shown string) {
	w.t.Helper()
	w.record(quarantine.SessionEvent{
		Kind: quarantine.SessionRenewed, Key: key, Subscriber: subscriber, At: time.Now(),
		Observed: []quarantine.Attribute{{Name: "Filter-Id", Value: shown}},
	})
}

func (w *world) wantEnforcement(subscriber string, want quarantine.Enforcement) {
	w.t.Helper()
	c := w.openCase(subscriber)
	if c == nil || len(c.Sessions) != 1 || c.Sessions[0].Enforcement != want {
		w.t.Fatalf("want %s: %+v", want, c)
	}
}

func TestAFalseAckIsDetectedByAQueryAndTheOrderRepeated(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.network.SetVerification(quarantine.VerifyByQuery)
		e := w.start("a")
		key, address := w.login("alice")
		time.Sleep(3 * time.Second)
		w.falseAcks(1)
		w.accept(e, botnet(address))
		time.Sleep(8 * time.Second)
		w.wantEnforcement("alice", quarantine.Refused)
		w.wantInForce(key, "")
		time.Sleep(10 * time.Minute)
		w.wantEnforcement("alice", quarantine.Verified)
		w.wantInForce(key, "garden")

		w.falseAcks(2)
		c := w.openCase("alice")
		if _, err := e.Release(w.t.Context(), c.ID, "noc", "cleaned", ""); err != nil {
			w.t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.wantState("alice", quarantine.Releasing) // acknowledged, not seen
		time.Sleep(5 * time.Minute)
		w.wantState("alice", quarantine.Closed)
		w.wantInForce(key, "")
	})
}

func TestAFalseAckIsDetectedByAccounting(t *testing.T) {
	inWorld(t, func(_ *testing.T, w *world) {
		w.network.SetVerification(quarantine.VerifyByAccounting)
		e := w.start("a")
		key, address := w.login("alice")
		time.Sleep(3 * time.Second)
		w.falseAcks(1)
		w.accept(e, botnet(address))
		time.Sleep(time.Minute)
		w.wantEnforcement("alice", quarantine.Acked)
		w.interim("alice", key, "PLAN")
		time.Sleep(time.Second)
		w.wantEnforcement("alice", quarantine.Refused)
		time.Sleep(10 * time.Minute)
		w.interim("alice", key, "GARDEN")
		time.Sleep(time.Second)
		w.wantEnforcement("alice", quarantine.Verified)
	})
}

// The case is closed when accounting shows that the release was not done; a
// restart in between does not forget it.
func TestAnIgnoredReleaseIsRepeatedAfterItsCaseClosed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.network.SetVerification(quarantine.VerifyByAccounting)
		e := w.start("a")
		key := w.restrict(e, "alice")
		w.falseAcks(1)
		if _, err := e.Release(t.Context(), w.openCase("alice").ID, "noc", "cleaned", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		w.wantState("alice", quarantine.Closed)
		w.wantInForce(key, "garden")
		e.stop()
		w.start("a")
		time.Sleep(10 * time.Minute)
		w.wantInForce(key, "garden") // nobody knows
		w.interim("alice", key, "GARDEN")
		time.Sleep(2 * time.Minute)
		w.wantInForce(key, "")
	})
}

// Somebody else may have the subscriber restricted for reasons of his own: what
// accounting denies is sent again a few times and no more.
func TestAReleaseThatAccountingContradictsIsRepeatedThreeTimes(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.network.SetVerification(quarantine.VerifyByAccounting)
		e := w.start("a")
		key := w.restrict(e, "alice")
		w.falseAcks(1000)
		before := len(w.network.Sent()) // first: the release may leave before the command returns
		if _, err := e.Release(t.Context(), w.openCase("alice").ID, "noc", "cleaned", ""); err != nil {
			t.Fatal(err)
		}
		for range 60 {
			time.Sleep(time.Minute)
			w.interim("alice", key, "GARDEN")
		}
		if again := len(w.network.Sent()) - before; again != 1+recheckTries {
			t.Errorf("the release left %d times, want %d", again, 1+recheckTries)
		}
	})
}

// What is restricted anew after its release is a case's business.
func TestTheReleaseRecheckLeavesARestrictionOfANewCaseAlone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.network.SetVerification(quarantine.VerifyByAccounting)
		e := w.start("a")
		key := w.restrict(e, "alice")
		if _, err := e.Release(t.Context(), w.openCase("alice").ID, "noc", "cleaned", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		if _, err := e.Quarantine(t.Context(), quarantine.ManualQuarantine{Subscriber: "alice", Profile: "garden",
			Reason: "x", For: time.Hour, By: "noc"}, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "garden")
		w.interim("alice", key, "GARDEN")
		time.Sleep(10 * time.Minute)
		w.wantInForce(key, "garden")
	})
}
