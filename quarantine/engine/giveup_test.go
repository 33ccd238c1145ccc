package engine

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// refuses lets the network refuse every release from now on.
func (w *world) refuses() {
	w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
		if o.Restricts() {
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
		}
		return quarantinetest.Response{Outcome: quarantine.OutcomeRefused}
	})
}

// releases counts the releases that left.
func (w *world) releases() (n int) {
	for _, o := range w.network.Sent() {
		if o.To == "" {
			n++
		}
	}
	return n
}

// stuckRelease is a case that is being released in vain, and its session.
func (w *world) stuckRelease(e *running, subscriber string) (caseID string, key quarantine.SessionKey) {
	w.t.Helper()
	key = w.restrict(e, subscriber)
	w.refuses()
	c := w.openCase(subscriber)
	if _, err := e.Release(w.t.Context(), c.ID, "noc", "cleaned", ""); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(20 * time.Minute) // the next try is some minutes off by now
	return c.ID, key
}

func TestAManualRetryIsSentAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		id, key := w.stuckRelease(e, "alice")
		before := w.releases()
		time.Sleep(5 * time.Second)
		if w.releases() != before {
			t.Fatal("a try was due anyway: the test shows nothing")
		}
		w.network.SetResponse(nil)
		if _, err := e.Retry(t.Context(), id, "noc", "card swapped"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		w.wantInForce(key, "")
		w.wantState("alice", quarantine.Closed)
	})
}

func TestAReleaseThatAPersonGaveUpIsSentNoMore(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		id, key := w.stuckRelease(e, "alice")
		c, err := e.GiveUp(t.Context(), id, "noc", "the card was swapped", quarantine.SessionKey{})
		if err != nil || c.State != quarantine.Closed || !strings.Contains(c.Sessions[0].Reason, "given up by noc: the card was swapped") {
			t.Fatalf("%v, case %+v", err, c)
		}
		before := w.releases()
		e.stop()
		again := w.start("a") // the journal knows it too
		time.Sleep(time.Hour)
		w.memory.SetUnavailable(true)
		time.Sleep(time.Hour)
		if w.releases() != before || again.ledger.owes(id) {
			t.Errorf("%d releases after giving up; the journal owes %t", w.releases()-before, again.ledger.owes(id))
		}
		w.wantInForce(key, "garden")
	})
}

func TestGivingUpWhileTheStoreIsUnreachableStopsReleasesFromTheJournalToo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		id, _ := w.stuckRelease(e, "alice")
		w.memory.SetUnavailable(true)
		before := w.releases()
		time.Sleep(5 * time.Minute)
		if w.releases() == before {
			t.Fatal("nothing was sent from the journal: the test shows nothing")
		}
		_, err := e.GiveUp(t.Context(), id, "noc", "the card was swapped", quarantine.SessionKey{})
		var unknown *quarantine.DeferredError
		if !errors.Is(err, quarantine.ErrDeferred) || errors.As(err, &unknown) {
			t.Fatalf("give-up without a store: %v, want it deferred by an instance that knows the case", err)
		}
		time.Sleep(30 * time.Second)
		before = w.releases()
		e.stop()
		again := w.start("a")
		time.Sleep(time.Hour)
		if n := w.releases() - before; n != 0 {
			t.Errorf("%d releases after giving up", n)
		}
		w.memory.SetUnavailable(false)
		time.Sleep(15 * time.Second)
		w.wantState("alice", quarantine.Closed)
		if n := w.releases() - before; n != 0 || again.ledger.owes(id) {
			t.Errorf("%d releases after giving up; the journal owes %t", n, again.ledger.owes(id))
		}
	})
}

// A give-up that will be refused, for the case is not released, stops no release
// of its expiry.
func TestGivingUpWhatIsNotReleasedStopsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key := w.restrict(e, "alice")
		id := w.openCase("alice").ID
		var refused *quarantine.CommandError
		if _, err := e.GiveUp(t.Context(), id, "noc", "x", quarantine.SessionKey{}); !errors.As(err, &refused) {
			t.Fatalf("got %v", err)
		}
		w.memory.SetUnavailable(true)
		if _, err := e.GiveUp(t.Context(), id, "noc", "x", quarantine.SessionKey{}); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatalf("got %v", err)
		}
		time.Sleep(2 * time.Hour)
		w.wantInForce(key, "")
	})
}

func TestARetryWhileTheStoreIsUnreachableIsSentFromTheJournal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		id, key := w.stuckRelease(e, "alice")
		w.memory.SetUnavailable(true)
		time.Sleep(2 * time.Minute)
		for before := w.releases(); w.releases() == before; { // the next is a minute off then
			time.Sleep(100 * time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		w.network.SetResponse(nil)
		if _, err := e.Retry(t.Context(), id, "noc", ""); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatalf("got %v", err)
		}
		time.Sleep(3 * time.Second)
		w.wantInForce(key, "")
	})
}

func TestWhatTheStoreHasLostCanBeRetriedAndGivenUp(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		id, _ := w.stuckRelease(e, "alice")
		e.stop()
		empty := *w
		empty.memory = quarantinetest.NewMemory()
		e = empty.start("a")
		defer e.stop()
		time.Sleep(2 * time.Minute)
		if c, err := e.Retry(t.Context(), id, "noc", ""); err != nil || c.Subscriber != "alice" {
			t.Errorf("retry: %v, %+v", err, c)
		}
		if c, err := e.GiveUp(t.Context(), id, "noc", "x", quarantine.SessionKey{}); err != nil || c.State != quarantine.Closed {
			t.Errorf("give-up: %v, %+v", err, c)
		}
		if _, err := e.GiveUp(t.Context(), id, "noc", "x", quarantine.SessionKey{}); err == nil {
			t.Error("given up twice")
		}
		time.Sleep(time.Second) // what the retry sent is not called back
		before := w.releases()
		time.Sleep(time.Hour)
		if n := w.releases() - before; n != 0 {
			t.Errorf("%d releases after giving up", n)
		}
	})
}

func TestACommandGivenWhereTheJournalKnowsNothingSaysWhereElse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.startWith(w.memory, "id-a", func(c *Config) { c.Instance, c.HTTPAddr = "cordon-a", func() string { return "192.0.2.1:8480" } })
		time.Sleep(time.Second)
		bLog := w.log
		w.log = &quarantinetest.Journal{}
		b := w.startWith(w.memory, "id-b", func(c *Config) { c.Instance, c.HTTPAddr = "cordon-b", func() string { return "192.0.2.2:8480" } })
		w.log = bLog
		time.Sleep(5 * time.Second)
		w.restrict(a, "alice")
		id := w.openCase("alice").ID
		w.memory.SetUnavailable(true)
		for name, do := range map[string]func(e *running) error{
			"release": func(e *running) error { _, err := e.Release(t.Context(), id, "noc", "x", ""); return err },
			"reject":  func(e *running) error { _, err := e.Reject(t.Context(), id, "noc", "x"); return err },
			"extend":  func(e *running) error { _, err := e.Extend(t.Context(), id, "noc", "x", time.Hour); return err },
			"retry":   func(e *running) error { _, err := e.Retry(t.Context(), id, "noc", "x"); return err },
			"give up": func(e *running) error {
				_, err := e.GiveUp(t.Context(), id, "noc", "x", quarantine.SessionKey{})
				return err
			},
		} {
			var unknown *quarantine.DeferredError
			if err := do(b); !errors.Is(err, quarantine.ErrDeferred) || !errors.As(err, &unknown) {
				t.Errorf("%s at b: %v, want it said that b knows nothing of the case", name, err)
			} else if len(unknown.Instances) != 1 || unknown.Instances[0].Name != "cordon-a" || unknown.Instances[0].HTTP != "192.0.2.1:8480" {
				t.Errorf("%s at b names %+v", name, unknown.Instances)
			}
			var here *quarantine.DeferredError
			if err := do(a); !errors.Is(err, quarantine.ErrDeferred) || errors.As(err, &here) {
				t.Errorf("%s at a, which restricted: %v", name, err)
			}
		}
	})
}

// The store hangs while a release is given to the instance that restricted: that one
// sends it from its journal before the store's silence ends the call. The answer, and
// those to what is given after it, must not say that this journal knew of nothing.
func TestAReleaseThatWasSentMeanwhileIsNotCalledUnknownHere(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		store := &hangingStore{Memory: w.memory}
		e := w.startWith(store, "a")
		key := w.restrict(e, "alice")
		id := w.openCase("alice").ID
		store.hangs.Store(true)
		time.Sleep(time.Minute)
		for name, do := range map[string]func() error{
			"release": func() error { _, err := e.Release(t.Context(), id, "noc", "x", ""); return err },
			"retry":   func() error { _, err := e.Retry(t.Context(), id, "noc", "x"); return err },
		} {
			err := do()
			var unknown *quarantine.DeferredError
			if !errors.Is(err, quarantine.ErrDeferred) || errors.As(err, &unknown) {
				t.Errorf("%s: %v", name, err)
			}
		}
		w.wantInForce(key, "")
		if e.ledger.owes(id) {
			t.Fatal("nothing was sent from the journal: the test shows nothing")
		}
	})
}

// A release that does not get through counts as late, until it does or a person gives
// it up; what is in force as it should be does not.
func TestAReleaseThatIsNotAcknowledgedIsCountedAsLate(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.restrict(e, "bob")
		id, _ := w.stuckRelease(e, "alice") // since 20 minutes
		if n := e.LateReleases(); n != 1 {
			t.Errorf("%d are late, want 1", n)
		}
		if _, err := e.GiveUp(t.Context(), id, "noc", "x", quarantine.SessionKey{}); err != nil {
			t.Fatal(err)
		}
		if n := e.LateReleases(); n != 0 {
			t.Errorf("%d are late after giving up", n)
		}
	})
}
