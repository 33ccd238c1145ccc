package engine

import (
	"fmt"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// quarantineManually quarantines a subscriber manually and returns the case.
func (w *world) quarantineManually(e *running, subscriber string) string {
	w.t.Helper()
	c, err := e.Quarantine(w.t.Context(), quarantine.ManualQuarantine{Subscriber: subscriber, Profile: "garden",
		Reason: "x", For: time.Hour, By: "noc"}, false)
	if err != nil {
		w.t.Fatal(err)
	}
	return c.ID
}

// A wave of restrictions has many sessions of the BNG worked at all times; a
// release there does not wait until it is over.
func TestAReleaseDoesNotWaitForRestrictionsOfTheSameBNG(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a") // 16 workers a lane
		key, _ := w.login("alice")
		alice := w.quarantineManually(e, "alice")
		time.Sleep(5 * time.Second)
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			response := quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
			if o.Restricts() {
				response.After = 10 * time.Second
			}
			return response
		})
		for n := range 200 {
			w.login(fmt.Sprint("wave", n))
			w.quarantineManually(e, fmt.Sprint("wave", n))
		}
		time.Sleep(20 * time.Second)
		if _, err := e.Release(t.Context(), alice, "noc", "cleaned", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.wantInForce(key, "")
		time.Sleep(30 * time.Second)
		left := 0
		for n := range 200 {
			if c := w.openCase(fmt.Sprint("wave", n)); c != nil && c.State != quarantine.Restricted {
				left++
			}
		}
		if left == 0 {
			t.Error("the wave is over: this test shows nothing")
		}
	})
}

// However many BNGs are silent, there is room for the sessions of another one.
func TestManyUnresponsiveBNGsLeaveRoomForOthers(t *testing.T) {
	c := newBNGLimiter(1024)
	for bng := range 100 {
		for range 50 {
			c.acquire(fmt.Sprint("silent", bng), true)
		}
	}
	for n := range 1000 {
		other := fmt.Sprint("alive", n)
		if !c.acquire(other, true) {
			t.Fatalf("no room for %s", other)
		}
		c.release(other, true)
	}
	if !c.acquire("alive", false) {
		t.Error("releases leave no room for restrictions")
	}
}
