package engine

import (
	"context"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// loginOn starts a session of the subscriber on a BNG, with an id of its own.
func (w *world) loginOn(bng, subscriber, id string) quarantine.SessionKey {
	w.t.Helper()
	key := quarantine.SessionKey{BNG: bng, ID: id}
	w.record(quarantine.SessionEvent{Kind: quarantine.SessionStarted, Key: key, Subscriber: subscriber, At: time.Now(), StartedAt: time.Now()})
	return key
}

func TestSessionsOfOneNameWaitForTheirOwnBNGOnly(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", func(c *Config) { c.Rules.MaxSessions = 100 })
		time.Sleep(time.Second)
		var dead, live []quarantine.SessionKey
		for _, id := range []string{"1", "2", "3", "4"} {
			dead = append(dead, w.loginOn("dead", "guest", id))
			live = append(live, w.loginOn("live", "guest", id))
		}
		wish := quarantine.ManualQuarantine{Subscriber: "guest", Profile: "garden", Reason: "x", For: 10 * time.Minute, By: "noc"}
		if _, err := e.Quarantine(t.Context(), wish, false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		for _, key := range append(live, dead...) {
			w.wantInForce(key, "garden")
		}
		expiry := e.ledger.lastExpiry()
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			if o.Session.BNG == "dead" {
				return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, After: 30 * time.Second}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
		})
		w.memory.SetUnavailable(true)
		time.Sleep(time.Until(expiry) + 3*time.Second)
		for _, key := range live {
			w.wantInForce(key, "")
		}
		if most := w.network.MostAtOnce(); most > 1 {
			t.Errorf("%d exchanges of one session at the same time", most)
		}
		time.Sleep(5 * time.Minute)
		tries := 0
		for _, o := range w.network.Sent() {
			if o.To == "" && o.Session.SessionKey == dead[0] {
				tries++
			}
		}
		if tries < 4 || tries > 7 {
			t.Errorf("a release that is not answered was tried %d times in 5 minutes, want once a minute", tries)
		}
	})
}

func TestReleasesByPeopleGoBeforeExpiries(t *testing.T) {
	var line bngQueue
	for _, w := range []overdueRelease{{bng: "1"}, {bng: "2", released: true}, {bng: "3"}, {bng: "4", released: true}} {
		line.push(w)
	}
	order := ""
	for w, ok := line.pop(); ok; w, ok = line.pop() {
		order += w.bng
	}
	if order != "2413" {
		t.Errorf("order %s, want 2413", order)
	}
}

func TestADiskThatHangsCostsTheFirstReleasesTwoSecondsAndIsWaitedForAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		time.Sleep(3 * time.Second)
		waits := func() time.Duration {
			began := time.Now()
			e.append(context.Background(), quarantine.JournalEntry{Kind: entryEnded, Key: "c"})
			return time.Since(began)
		}
		w.log.SetDelay(time.Hour)
		if got := waits(); got != writeTimeout {
			t.Errorf("the first one waited %s, want %s", got, writeTimeout)
		}
		ended := make(chan time.Duration)
		go func() { ended <- waits() }() // the one that finds out whether it is over
		time.Sleep(time.Millisecond)
		for range 10 {
			if got := waits(); got != hangingTimeout {
				t.Errorf("one of those that follow waited %s, want %s", got, hangingTimeout)
			}
		}
		if got := <-ended; got != writeTimeout {
			t.Errorf("nobody finds out whether the disk is back: %s", got)
		}
		w.log.SetDelay(100 * time.Millisecond) // it is back, and slow
		waits()
		for range 10 {
			if got := waits(); got != 100*time.Millisecond {
				t.Errorf("a slow disk was waited for %s, want 100ms", got)
			}
		}
	})
}
