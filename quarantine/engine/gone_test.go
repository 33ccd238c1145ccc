package engine

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// unknown lets the network say of one session that there is none, and do to it what
// the order said, or not.
func (w *world) unknown(key quarantine.SessionKey) {
	w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
		if o.Session.SessionKey == key {
			return quarantinetest.Response{Outcome: quarantine.OutcomeSessionGone}
		}
		return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
	})
}

func halfHourly(c *Config) { c.Interim = func(string) time.Duration { return 30 * time.Minute } }

// A switch-over, or a proxy that asks the wrong one: for ten minutes and more the BNG
// does not know a session that is there.
func TestAReleaseOutlastsABNGThatDoesNotKnowTheSessionForAWhile(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", halfHourly)
		key := w.restrict(e, "alice")
		w.unknown(key)
		w.release(e, "alice")
		time.Sleep(40 * time.Minute)
		w.wantState("alice", quarantine.Releasing)
		w.network.SetResponse(nil)
		time.Sleep(3 * time.Minute)
		w.wantState("alice", quarantine.Closed)
		w.wantInForce(key, "")
	})
}

func TestEvidenceEndsAReleaseOfASessionThatIsNotThere(t *testing.T) {
	for name, show := range map[string]func(w *world, key quarantine.SessionKey, addr netip.Addr){
		"Accounting-On": func(w *world, key quarantine.SessionKey, _ netip.Addr) {
			w.record(quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: key.BNG}, At: time.Now()})
		},
		"a Stop": func(w *world, key quarantine.SessionKey, _ netip.Addr) { w.logout("alice", key) },
		"her next session has the address": func(w *world, key quarantine.SessionKey, addr netip.Addr) {
			w.loginAt("alice", "s-next", addr)
		},
		"somebody else has the address": func(w *world, key quarantine.SessionKey, addr netip.Addr) {
			w.loginAt("bob", "s-next", addr)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				e := w.startWith(w.memory, "a", halfHourly)
				key := w.restrict(e, "alice")
				addr := firstAddress
				w.unknown(key)
				w.release(e, "alice")
				time.Sleep(5 * time.Second)
				w.wantState("alice", quarantine.Releasing)
				show(w, key, addr)
				time.Sleep(2*time.Minute + time.Second) // of somebody else's session nothing wakes her case
				w.wantState("alice", quarantine.Closed)
				if n := len(e.ledger.outstanding); n != 0 {
					t.Errorf("%d outstanding", n)
				}
			})
		})
	}
}

// loginAt starts a session of that id and address.
func (w *world) loginAt(subscriber, id string, addr netip.Addr) quarantine.SessionKey {
	w.t.Helper()
	key := quarantine.SessionKey{BNG: "bng1", ID: id}
	w.record(quarantine.SessionEvent{
		Kind: quarantine.SessionStarted, Key: key, Subscriber: subscriber, At: time.Now(), StartedAt: time.Now(),
		Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(addr, 32), Kind: quarantine.FramedIP}},
	})
	return key
}

// The BNG restarts, forgets all and announces nothing; she attacks again from her next
// session while the one before is still being released.
func TestAReleaseUnderWayShieldsNoOffender(t *testing.T) {
	for name, act := range map[string]func(t *testing.T, w *world, e *running){
		"a verdict": func(_ *testing.T, w *world, e *running) {
			w.accept(e, botnet(netip.MustParseAddr("203.0.113.200")))
		},
		"by hand": func(t *testing.T, w *world, e *running) {
			if _, err := e.Quarantine(t.Context(), quarantine.ManualQuarantine{Subscriber: "alice", Profile: "garden",
				Reason: "again", For: time.Hour, By: "noc"}, false); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				e := w.start("a")
				old := w.restrict(e, "alice")
				w.unknown(old)
				w.release(e, "alice")
				time.Sleep(time.Minute)
				next := w.loginAt("alice", "s-next", netip.MustParseAddr("203.0.113.200"))
				time.Sleep(3 * time.Second)
				act(t, w, e)
				time.Sleep(4 * time.Second)
				w.wantInForce(next, "garden")
				c := w.openCase("alice")
				w.release(e, "alice")
				time.Sleep(time.Second)
				w.wantInForce(next, "")
				if got := w.openCase("alice"); got != nil && got.ID != c.ID {
					t.Errorf("case %s, then %s", c.ID, got.ID)
				}
			})
		})
	}
}

func TestEvidenceOfBeforeAReleaseDoesNotReopenIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key := w.restrict(e, "alice")
		w.unknown(key)
		late := botnet(firstAddress)
		time.Sleep(time.Second)
		w.release(e, "alice")
		time.Sleep(10 * time.Second)
		late.SourceID = "late"
		id := w.accept(e, late)
		time.Sleep(5 * time.Second)
		if status, err := e.Verdict(t.Context(), id); err != nil || status.State != quarantine.VerdictRecorded ||
			!strings.Contains(status.Reason, "released") {
			t.Errorf("%+v, %v", status, err)
		}
		w.wantState("alice", quarantine.Releasing)
	})
}

// accel-ppp does as the request says and answers a NAK, as a later hook failed; the release
// must come, from the case and, with the store unreachable, from the journal.
func TestARefusedRestrictionThatWasDoneIsUndone(t *testing.T) {
	for name, away := range map[string]bool{"by the case": false, "from the journal": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				w.network.SetResponse(func(quarantine.Order) quarantinetest.Response {
					return quarantinetest.Response{Outcome: quarantine.OutcomeRefused, Applies: true}
				})
				e := w.start("a")
				key := w.restrict(e, "alice")
				w.network.SetResponse(nil)
				if away {
					w.memory.SetUnavailable(true)
					time.Sleep(time.Hour + time.Minute)
				} else {
					w.release(e, "alice")
					time.Sleep(time.Second)
				}
				w.wantInForce(key, "")
				w.memory.SetUnavailable(false)
				time.Sleep(2 * time.Minute)
				w.wantState("alice", quarantine.Closed)
			})
		})
	}
}

// What never left this host leaves nothing to undo.
func TestWhatWasRefusedBeforeItLeftIsNotUndone(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		_, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		w.network.SetUntouched(true)
		w.accept(e, botnet(addr))
		time.Sleep(3 * time.Second)
		if c := w.wantState("alice", quarantine.Restricting); c.Sessions[0].Enforcement != quarantine.Refused {
			t.Fatalf("%+v", c.Sessions)
		}
		sent := len(w.network.Sent())
		w.release(e, "alice")
		time.Sleep(time.Second)
		w.wantState("alice", quarantine.Closed)
		if more := len(w.network.Sent()) - sent; more != 0 || len(e.ledger.outstanding) != 0 {
			t.Errorf("%d releases sent, %d outstanding", more, len(e.ledger.outstanding))
		}
	})
}

// The BNG and accounting were both silent about a session for longer than three Interim
// intervals, and it was there all the time.
func TestASessionThatWasPresumedOverAndIsNotIsReleased(t *testing.T) {
	for name, restart := range map[string]bool{"": false, "after a restart": true} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				e := w.startWith(w.memory, "a", halfHourly)
				key := w.restrict(e, "alice")
				w.unknown(key)
				w.release(e, "alice")
				time.Sleep(2 * time.Hour)
				w.wantState("alice", quarantine.Closed)
				w.wantInForce(key, "garden")
				w.network.SetResponse(nil)
				if restart {
					e.stop()
					w.startWith(w.memory, "a", halfHourly)
				}
				time.Sleep(5 * time.Minute)
				w.wantInForce(key, "garden") // nobody has heard of it
				w.record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: key, Subscriber: "alice", At: time.Now()})
				time.Sleep(2 * time.Minute)
				w.wantInForce(key, "")
			})
		})
	}
}
