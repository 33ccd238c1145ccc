package engine

import (
	"errors"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// wantMissing asks who holds an address and wants the answer that it is not
// certain, with one candidate.
func (w *world) wantMissing(e *running, t quarantine.Target, missing, candidate string) {
	w.t.Helper()
	began := time.Now()
	subscriber, err := e.Resolve(w.t.Context(), t)
	var incomplete *quarantine.IncompleteError
	if !errors.As(err, &incomplete) || subscriber != "" || incomplete.Missing != missing {
		w.t.Fatalf("the answer is %q, %v; want that %q", subscriber, err, missing)
	}
	if len(incomplete.Candidates) != 1 || incomplete.Candidates[0].Subscriber != candidate {
		w.t.Fatalf("candidates %+v, want %s", incomplete.Candidates, candidate)
	}
	if waited := time.Since(began); waited < completeWait || waited > completeWait+time.Second {
		w.t.Fatalf("the person waits %s", waited)
	}
}

func (w *world) wantHolder(e *running, t quarantine.Target, want string) {
	w.t.Helper()
	if subscriber, err := e.Resolve(w.t.Context(), t); err != nil || subscriber != want {
		w.t.Fatalf("%q, %v; want %q", subscriber, err, want)
	}
}

// Alice logged out and bob got her address; both records stand in the spool.
func TestACommandWaitsForAccountingThatIsNotStored(t *testing.T) {
	for name, elsewhere := range map[string]bool{"of this instance": false, "of another one": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				e, spool := w.startListening(w.memory, "a")
				missing := awaitsAccounting
				if elsewhere {
					_, spool = w.startListening(w.memory, "b")
					missing = awaitsAccounting + " on instance cordon-b"
				}
				alice, address := w.login("alice")
				time.Sleep(time.Minute)
				w.wantHolder(e, quarantine.Target{IP: address}, "alice")
				moved := time.Now()
				_, events := handOver(alice, address, moved)
				spool.stuck.Store(&moved)
				time.Sleep(10 * time.Minute)

				w.wantMissing(e, quarantine.Target{IP: address}, missing, "alice")
				w.wantHolder(e, quarantine.Target{Subscriber: "carol"}, "carol") // who names the subscriber needs no accounting
				w.wantHolder(e, quarantine.Target{Session: alice}, "alice")

				stored := time.AfterFunc(time.Second, func() { // while the person waits
					w.record(events...)
					spool.stuck.Store(nil)
				})
				defer stored.Stop()
				w.wantHolder(e, quarantine.Target{IP: address}, "bob")
			})
		})
	}
}

// The clock of bob's BNG is a second ahead of alice's.
func TestACommandAboutAnAddressThatChangesHolderJustNowIsAmbiguous(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		alice, address := w.login("alice")
		time.Sleep(time.Minute)
		_, events := handOver(alice, address, time.Now().Add(time.Second))
		w.record(events...)
		_, err := e.Resolve(t.Context(), quarantine.Target{IP: address})
		var ambiguous *quarantine.AmbiguousError
		if !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 2 {
			t.Fatalf("the answer is %v", err)
		}
		time.Sleep(5 * time.Second)
		w.wantHolder(e, quarantine.Target{IP: address}, "bob")
	})
}

func TestAStoreThatDoesNotSayWhatIsMissingIsAnErrorForACommand(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e, _ := w.startListening(w.memory, "a")
		_, address := w.login("alice")
		time.Sleep(time.Minute)
		w.memory.SetUnavailable(true)
		var incomplete *quarantine.IncompleteError
		if s, err := e.Resolve(t.Context(), quarantine.Target{IP: address}); err == nil || errors.As(err, &incomplete) {
			t.Fatalf("%q, %v", s, err)
		}
		w.memory.SetUnavailable(false)
	})
}

func TestACommandAboutOneAddressOfASharedNameRestrictsNobodyUnasked(t *testing.T) {
	const lines = 200
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", func(c *Config) { c.Workers = 1024 })
		time.Sleep(time.Second)
		var keys []quarantine.SessionKey
		for range lines {
			key, _ := w.login("guest")
			keys = append(keys, key)
		}
		time.Sleep(3 * time.Second)
		for _, target := range []quarantine.Target{{IP: firstAddress}, {Session: keys[0]}, {Subscriber: "guest"}} {
			w.wantHolder(e, target, "guest")
		}
		wish := quarantine.ManualQuarantine{Subscriber: "guest", Profile: "garden", Reason: "bot at .1", For: time.Hour, By: "noc"}
		for _, dryRun := range []bool{true, false} {
			_, err := e.Quarantine(t.Context(), wish, dryRun)
			var shared *quarantine.SharedNameError
			if !errors.As(err, &shared) || shared.Lines != lines || shared.Max != w.rules.MaxSessions {
				t.Fatalf("dry run %t: %v", dryRun, err)
			}
		}
		time.Sleep(5 * time.Minute)
		if n := len(w.network.Sent()); n != 0 || w.openCase("guest") != nil {
			t.Fatalf("%d orders were sent", n)
		}
		wish.AllSessions = true
		if _, err := e.Quarantine(t.Context(), wish, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		for _, key := range keys {
			w.wantInForce(key, "garden")
		}
	})
}

// A case for a name with three lines takes three of the limit's places.
func TestLimitsCountLines(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rules.Limits = quarantine.Limits{PerHour: 5}
		e := w.startWith(w.memory, "a", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
		restrict := func(subscriber string, lines int) {
			t.Helper()
			var v quarantine.Verdict
			for range lines {
				_, v.IP = w.login(subscriber)
			}
			time.Sleep(3 * time.Second)
			w.accept(e, botnet(v.IP))
			time.Sleep(5 * time.Second)
		}
		restrict("shared", 3)
		w.wantState("shared", quarantine.Restricted)
		restrict("another", 3)
		held := w.wantState("another", quarantine.CaseHeld)
		if want := "5 lines per hour; this subscriber has 3 lines"; held.Hold.Kind != quarantine.HoldLimit || held.Hold.Detail != want {
			t.Fatalf("held: %s, want %q", held.Hold, want)
		}
		restrict("pair", 2)
		w.wantState("pair", quarantine.Restricted)
		restrict("one", 1)
		w.wantState("one", quarantine.CaseHeld)
	})
}

// A case that a person widens from one line to four takes three places more.
func TestLimitsCountTheLinesThatAPersonAddsToACase(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rules.Limits = quarantine.Limits{PerHour: 5}
		e := w.startWith(w.memory, "a", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
		wish := quarantine.ManualQuarantine{Subscriber: "guest", Profile: "garden", Reason: "bot", For: time.Hour, By: "noc"}
		restrict := func() {
			t.Helper()
			time.Sleep(3 * time.Second)
			if _, err := e.Quarantine(t.Context(), wish, false); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			w.wantState("guest", quarantine.Restricted)
		}
		w.login("guest")
		restrict()
		for range 3 {
			w.login("guest")
		}
		wish.AllSessions = true
		restrict()
		_, address := w.login("one")
		time.Sleep(3 * time.Second)
		w.accept(e, botnet(address))
		_, another := w.login("another")
		time.Sleep(5 * time.Second)
		w.wantState("one", quarantine.Restricted) // the fifth
		w.accept(e, botnet(another))
		time.Sleep(5 * time.Second)
		if held := w.wantState("another", quarantine.CaseHeld); held.Hold.Kind != quarantine.HoldLimit {
			t.Fatalf("held: %s", held.Hold)
		}
	})
}
