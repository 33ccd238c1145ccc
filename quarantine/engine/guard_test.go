package engine

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// panickingStore panics on whatever one subscriber needs of the store, and counts.
type panickingStore struct {
	*quarantinetest.Memory
	who     string
	blessed atomic.Bool
	met     atomic.Int64
}

func (s *panickingStore) Dossier(ctx context.Context, subscriber string) (quarantine.Dossier, error) {
	if subscriber == s.who && !s.blessed.Load() {
		s.met.Add(1)
		panic("quarantine: no transition from parked to releasing")
	}
	return s.Memory.Dossier(ctx, subscriber)
}

// wantSlowly fails the test unless an hour brings few tries, and some.
func wantSlowly(t *testing.T, what string, count func() int64) {
	t.Helper()
	before := count()
	time.Sleep(time.Hour)
	if tries := count() - before; tries < 3 || tries > 30 {
		t.Errorf("%s: %d tries within an hour", what, tries)
	}
}

func TestAPanicInOnePassOrVerdictStopsNobodyElse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rules.Policy.Rules[0].For = quarantine.Duration(48 * time.Hour)
		e := w.start("a")
		key := w.restrict(e, "alice") // a case, and more evidence to come
		e.stop()
		s := &panickingStore{Memory: w.memory, who: "alice"}
		e = w.startWith(s, "a") // it meets the defect at its start
		time.Sleep(2 * time.Second)
		v := botnet(firstAddress)
		w.accept(e, v)
		w.restrict(e, "bob")
		wantSlowly(t, "case and verdict", s.met.Load)
		if e.Panics() != uint64(s.met.Load()) {
			t.Errorf("%d panics counted of %d", e.Panics(), s.met.Load())
		}
		w.restrict(e, "carol")
		s.blessed.Store(true)
		time.Sleep(2 * backoffMax)
		if _, err := e.Release(t.Context(), w.openCase("alice").ID, "noc", "x", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		w.wantInForce(key, "")
	})
}

func TestAReleaseThatMeetsAPanicIsDoneLater(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &panickingStore{Memory: w.memory, who: "alice"}
		s.blessed.Store(true)
		e := w.startWith(s, "a")
		key := w.restrict(e, "alice")
		s.blessed.Store(false)
		if _, err := e.Release(t.Context(), w.openCase("alice").ID, "noc", "x", ""); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		s.blessed.Store(true)
		time.Sleep(time.Minute)
		w.wantInForce(key, "")
	})
}

// panicking is a network that one session's orders cannot survive.
type panicking struct {
	*quarantinetest.Network
	who string
}

func (n panicking) Enforce(ctx context.Context, o quarantine.Order, gate quarantine.Gate) quarantine.Outcome {
	if o.Session.Subscriber == n.who && o.Restricts() {
		panic("dialect: index out of range")
	}
	return n.Network.Enforce(ctx, o, gate)
}

func TestAPanicInAnOrderCountsAsUnanswered(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", func(c *Config) { c.Enforcer = panicking{w.network, "alice"} })
		_, address := w.login("alice")
		time.Sleep(3 * time.Second)
		w.accept(e, botnet(address))
		w.restrict(e, "bob")
		c := w.wantState("alice", quarantine.Restricting)
		if c.Sessions[0].Enforcement != quarantine.Unanswered || e.Panics() == 0 {
			t.Errorf("%+v", c.Sessions)
		}
	})
}

func TestACaseOfANewerVersionStopsNobodyElse(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rules.Policy.Rules[0].For = quarantine.Duration(48 * time.Hour)
		s := &countingStore{Memory: w.memory}
		e := w.startWith(s, "a")
		key := w.restrict(e, "alice")
		c := w.openCase("alice")
		known := c.Clone()
		c.State = "parked"
		if err := w.memory.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, DueAt: time.Now(), Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
		w.restrict(e, "bob")
		time.Sleep(2 * time.Minute)
		wantSlowly(t, "case", s.dossiers.Load)
		if _, err := e.Release(t.Context(), c.ID, "noc", "x", ""); err == nil {
			t.Fatal("released what it cannot read")
		}
		time.Sleep(2 * time.Minute)
		w.wantInForce(key, "") // from the journal, which needs no case
		e.stop()
		e = w.start("a") // and at the start
		w.restrict(e, "carol")
		known.Version, known.Stamp = c.Version, c.Stamp
		if err := w.memory.SaveCase(t.Context(), quarantine.CaseWrite{Case: known, DueAt: time.Now(), Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Minute)
		w.wantInForce(key, "")
		w.wantState("alice", quarantine.Closed) // the release was deferred, not refused
	})
}
