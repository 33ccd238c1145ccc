package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// ignoredRelease restricts and releases a subscriber whose BNG ignores the
// release, so that its accounting denies it.
func (w *world) ignoredRelease(e *running, subscriber string) quarantine.SessionKey {
	w.t.Helper()
	w.network.SetVerification(quarantine.VerifyByAccounting)
	key := w.restrict(e, subscriber)
	w.falseAcks(1)
	if _, err := e.Release(w.t.Context(), w.openCase(subscriber).ID, "noc", "cleaned", ""); err != nil {
		w.t.Fatal(err)
	}
	time.Sleep(5 * time.Second)
	w.wantState(subscriber, quarantine.Closed)
	w.interim(subscriber, key, "GARDEN")
	return key
}

// checkHook calls back when a session is checked.
type checkHook struct {
	quarantine.Enforcer
	onLook atomic.Pointer[func()]
}

func (h *checkHook) Enforce(ctx context.Context, o quarantine.Order, gate quarantine.Gate) quarantine.Outcome {
	if onLook := h.onLook.Load(); o.Check && onLook != nil {
		(*onLook)()
	}
	return h.Enforcer.Enforce(ctx, o, gate)
}

func TestTheReleaseRecheckUndoesNothingThatANewCaseRestrictsMeanwhile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		hook := &checkHook{Enforcer: w.network}
		e := w.startWith(w.memory, "a", func(c *Config) { c.Enforcer = hook })
		key := w.ignoredRelease(e, "alice")
		var looks atomic.Int32
		onLook := func() {
			if looks.Add(1) == 1 {
				w.quarantineManually(e, "alice")
				time.Sleep(5 * time.Second)
			}
		}
		hook.onLook.Store(&onLook)
		time.Sleep(10 * time.Minute)
		if looks.Load() == 0 {
			t.Fatal("nobody looked")
		}
		w.wantState("alice", quarantine.Restricted)
		w.wantInForce(key, "garden")
	})
}

func TestTheReleaseRecheckOfAnUnresponsiveBNGDelaysNoReleaseFromTheJournal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key := w.restrict(e, "alice")
		c := w.openCase("alice")
		for n := range 5 {
			w.ignoredRelease(e, fmt.Sprint("denied", n))
		}
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			if o.Session.Subscriber == "alice" {
				return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, After: 30 * time.Second}
		})
		time.Sleep(65 * time.Second) // the denied ones are being released again
		w.memory.SetUnavailable(true)
		if _, err := e.Release(t.Context(), c.ID, "noc", "cleaned", ""); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatal(err)
		}
		time.Sleep(15 * time.Second)
		w.wantInForce(key, "")
	})
}

// Replay hands every release of a week in.
func TestTheReleaseRecheckDropsWhatIsTooOldOrTooMuch(t *testing.T) {
	now := time.Now()
	a := newRechecks()
	note := func(n int, at time.Time) {
		s := quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng1", ID: fmt.Sprint(n)}}
		a.add(answered{
			Order:   quarantine.Order{Session: s, From: []quarantine.AppliedProfile{{Profile: "garden"}}},
			Outcome: quarantine.Outcome{Kind: quarantine.OutcomeAcked, Verification: quarantine.VerifyByAccounting},
		}, at)
	}
	for n := range 5 * maxRechecks {
		note(n, now.Add(time.Duration(n)*time.Microsecond))
	}
	left := a.current(now)
	if len(left) > maxRechecks || len(left) < maxRechecks*8/10 {
		t.Errorf("%d are kept", len(left))
	}
	for _, g := range left {
		if g.at.Before(now.Add(3 * maxRechecks * time.Microsecond)) {
			t.Fatalf("an old one is kept: %s", g.at.Sub(now))
		}
	}
	if left := a.current(now.Add(recheckFor + time.Minute)); len(left) > 0 {
		t.Errorf("%d are kept for ever", len(left))
	}
}
