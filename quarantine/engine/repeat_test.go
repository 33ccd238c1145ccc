package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// asker is a network that keeps the gate that it would ask before a retransmission.
type asker struct {
	*quarantinetest.Network
	restricting atomic.Pointer[quarantine.Gate]
	releasing   atomic.Pointer[quarantine.Gate]
}

func (a *asker) Enforce(ctx context.Context, o quarantine.Order, gate quarantine.Gate) quarantine.Outcome {
	if o.Restricts() {
		a.restricting.Store(&gate)
	} else if !o.Check {
		a.releasing.Store(&gate)
	}
	return a.Network.Enforce(ctx, o, gate)
}

func TestARepeatOfARestrictionIsAskedForAsItsFirstTransmissionIs(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := &asker{Network: w.network}
		cable := &partition{Memory: w.memory}
		e := w.startWith(cable, "a", func(c *Config) { c.Enforcer = a })
		w.restrict(e, "alice")
		repeat := (*a.restricting.Load()).BeforeRepeat
		if err := repeat(); err != nil {
			t.Fatalf("nothing is against it: %v", err)
		}
		w.pause.Store("link cut")
		if err := repeat(); deferredBy(err) != quarantine.CheckPaused {
			t.Errorf("paused: %v", err)
		}
		w.pause.Store("")
		w.maintain(e, time.Hour)
		if err := repeat(); err == nil {
			t.Error("in maintenance: it may be repeated")
		}
		w.endMaintenance(e)
		time.Sleep(time.Second)
		if err := repeat(); err != nil {
			t.Fatalf("after maintenance: %v", err)
		}
		cable.away.Store(true)
		time.Sleep(time.Second)
		if err := repeat(); err != nil {
			t.Errorf("the store was asked: %v", err)
		}
		time.Sleep(leaseTTL)
		if err := repeat(); deferredBy(err) != quarantine.CheckLease {
			t.Errorf("without the lease: %v", err)
		}
		cable.away.Store(false)
		time.Sleep(leaseTTL)
		if _, err := e.Release(t.Context(), w.openCase("alice").ID, "noc", "cleaned", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		w.pause.Store("link cut")
		cable.away.Store(true)
		time.Sleep(2 * leaseTTL)
		if release := a.releasing.Load(); release == nil || (*release).BeforeRepeat() != nil {
			t.Error("something holds up a repeat of a release")
		}
	})
}

func TestARestrictionIsNotRepeatedOnceAReleaseOfItsCaseWaits(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := &asker{Network: w.network}
		e := w.startWith(w.memory, "a", func(c *Config) { c.Enforcer = a })
		w.restrict(e, "alice")
		id := w.openCase("alice").ID
		w.memory.SetUnavailable(true)
		if _, err := e.Release(t.Context(), id, "noc", "cleaned", ""); err != nil {
			t.Logf("deferred: %v", err)
		}
		if err := (*a.restricting.Load()).BeforeRepeat(); deferredBy(err) != quarantine.CheckReleasePending {
			t.Errorf("with a release that waits: %v", err)
		}
	})
}
