package engine

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// newMaster gives the world a store that has nothing of what the old one acknowledged
// last; who is on line is recorded again.
func (w *world) newMaster(subscribers ...string) {
	w.memory = quarantinetest.NewMemory()
	w.serial = 0
	for _, s := range subscribers {
		w.login(s)
	}
}

func TestADecidedVerdictThatTheStoreLostIsDecidedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		w.pause.Store("so that nothing is sent yet")
		id := w.accept(e, botnet(addr))
		time.Sleep(3 * time.Second)
		before := w.openCase("alice")
		e.stop()
		w.newMaster()
		w.record(quarantine.SessionEvent{
			Kind: quarantine.SessionRenewed, Key: key, Subscriber: "alice", At: time.Now(), StartedAt: before.OpenedAt.Add(-5 * time.Second),
			Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(addr, 32), Kind: quarantine.FramedIP}},
		})
		w.pause.Store("")
		e = w.start("a")
		time.Sleep(quarantine.InstanceClocks - 5*time.Second)
		w.wantInForce(key, "")
		w.wantReason(e, id, quarantine.VerdictPending, "lost by the store")
		time.Sleep(time.Minute)
		w.wantInForce(key, "garden")
		if c := w.openCase("alice"); c.ID != before.ID {
			t.Errorf("the case is %s, and was %s", c.ID, before.ID)
		}
		s, err := e.Verdict(t.Context(), id)
		if err != nil || s.State != quarantine.VerdictActed {
			t.Errorf("%+v, %v", s, err)
		}
	})
}

func TestOnlyRecentDecisionsAreMadeAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		_, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		old := w.accept(e, botnet(addr))
		time.Sleep(recentFor + time.Minute)
		v := botnet(addr)
		v.SourceID = "later"
		id := w.accept(e, v)
		time.Sleep(5 * time.Second)
		if n := len(e.ledger.recent.listDecisions()); n != 1 {
			t.Fatalf("%d decisions are kept", n)
		}
		e.stop()
		w.newMaster()
		e = w.start("a")
		time.Sleep(5 * time.Second)
		if _, err := e.Verdict(t.Context(), old); !errors.Is(err, quarantine.ErrNoVerdict) {
			t.Errorf("the old one: %v", err)
		}
		w.wantReason(e, id, quarantine.VerdictPending, "lost by the store")
	})
}

// What the store lost is decided, and repeated, in a running instance too.
func TestAReleaseThatTheStoreLostIsRepeatedBeforeAnythingIsDecidedAgain(t *testing.T) {
	for _, where := range []string{"here", "elsewhere"} {
		for _, lost := range []string{"the release", "case and release"} {
			t.Run(lost+" "+where, func(t *testing.T) {
				inWorld(t, func(t *testing.T, w *world) {
					a := w.start("a")
					time.Sleep(time.Second)
					b := w.startWith(w.memory, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
					key, addr := w.login("alice")
					time.Sleep(3 * time.Second)
					id := w.accept(a, botnet(addr))
					time.Sleep(5 * time.Second)
					w.wantInForce(key, "garden")
					c := w.openCase("alice")
					by := a
					if where == "elsewhere" {
						by = b
					}
					if _, err := by.Release(t.Context(), c.ID, "noc", "false alarm", quarantine.ReleaseFalsePositive); err != nil {
						t.Fatal(err)
					}
					time.Sleep(time.Minute)
					w.wantInForce(key, "")
					// The failover. The instances do not restart.
					w.memory.LoseControl()
					if lost == "the release" {
						c.Version, c.Stamp = 0, ""
						if err := w.memory.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, DueAt: time.Now(), Now: time.Now()}); err != nil {
							t.Fatal(err)
						}
					}
					w.memory.FailOver()
					for range 60 {
						time.Sleep(time.Second)
						if lost == "case and release" {
							w.wantInForce(key, "")
						}
					}
					w.wantInForce(key, "")
					w.wantState("alice", quarantine.Closed)
					if v, err := a.Verdict(t.Context(), id); err != nil || v.State != quarantine.VerdictRecorded {
						t.Errorf("the verdict: %+v, %v", v, err)
					}
					d, err := w.memory.Dossier(t.Context(), "alice")
					if err != nil || d.Released == nil || d.Released.By != "noc" || d.Released.Code != quarantine.ReleaseFalsePositive {
						t.Errorf("%+v, %v", d.Released, err)
					}
				})
			})
		}
	}
}

// A decision waits for an instance that does not speak: it may have a release.
func TestALostDecisionWaitsForEveryInstance(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		time.Sleep(time.Second)
		b := &line{Memory: w.memory}
		other, _ := w.startListening(b, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
		key, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		id := w.accept(a, botnet(addr))
		time.Sleep(3 * time.Second)
		b.kill(other)
		a.stop()
		w.newMaster("alice")
		a = w.start("a")
		time.Sleep(20 * time.Minute)
		w.wantReason(a, id, quarantine.VerdictPending, "waits for instance cordon-b")
		time.Sleep(20 * time.Minute)
		w.wantReason(a, id, quarantine.VerdictUnknown, "waits for instance cordon-b")
		_ = key
	})
}

func TestAPersonsLaterDecisionWins(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	d := doneCommand{command: command{ID: "m-1", Verb: verbExtend, Case: "c-1", By: "noc", Reason: "x",
		For: quarantine.Duration(time.Hour), At: at}, subscriber: "alice"}
	inWorld(t, func(t *testing.T, w *world) {
		e := &Engine{Config: Config{Store: w.memory}}
		c := &quarantine.Case{
			ID: "c-1", Subscriber: "alice", State: quarantine.Waiting, Profile: "garden", Rule: "bots", OpenedAt: at, ExpiresAt: at.Add(time.Hour),
			History: []quarantine.HistoryEntry{{At: at.Add(-time.Minute), By: "noc"}},
		}
		save := func() {
			if err := w.memory.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, DueAt: at, Now: at}); err != nil {
				t.Fatal(err)
			}
		}
		want := func(what string, repeated bool) {
			t.Helper()
			if got, err := e.recommittable(t.Context(), &d); err != nil || (got != nil) != repeated {
				t.Errorf("%s: %v, %v", what, got, err)
			}
		}
		save()
		want("an extension that the case lacks", true)
		c.History = append(c.History, quarantine.HistoryEntry{At: at.Add(time.Minute), By: "noc2"})
		save()
		want("somebody has decided since", false)
		d.Verb = verbRelease
		want("a release that the store lacks", true)
		c.Release = &quarantine.PersonRelease{Case: "c-1", At: at.Add(time.Second), By: "noc2"}
		save()
		want("a later release is known", false)
	})
}

func TestWhatIsKeptOfDecisionsIsBoundInTimeAndNumber(t *testing.T) {
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	r := newRecentWrites()
	for i := range 3 * recentMost {
		r.addDecision(decision{at: begin.Add(time.Duration(i) * time.Millisecond)})
	}
	if n := len(r.listDecisions()); n != recentMost {
		t.Errorf("%d decisions are kept, want %d", n, recentMost)
	}
	r.addDecision(decision{at: begin.Add(recentFor + (3*recentMost-1)*time.Millisecond)})
	if n := len(r.listDecisions()); n != 2 { // the newest before it is just as old as is allowed
		t.Errorf("%d decisions are kept after %s", n, recentFor)
	}
}
