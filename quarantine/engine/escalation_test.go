package engine

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// ladder gives the world a milder rule and limits of one line an hour.
func (w *world) ladder() {
	hour := quarantine.Duration(time.Hour)
	w.rules.Policy.Rules = append(w.rules.Policy.Rules, quarantine.Rule{
		Name: "smtp", Match: quarantine.Match{Category: []string{"spam"}}, Profile: "block-smtp", For: 3 * hour,
	})
	w.rules.Profiles["block-smtp"] = quarantine.Profile{Name: "block-smtp", Severity: 10}
}

func spam(address netip.Addr) quarantine.Verdict {
	v := botnet(address)
	v.Category = "spam"
	return v
}

// One source cannot turn open cases into something more severe past the limits.
func TestOneSourceDoesNotEscalateCasesPastTheLimits(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ladder()
		w.rules.Limits = quarantine.Limits{PerSourcePerHour: 12}
		e := w.start("a")
		const cases = 10
		var addresses []netip.Addr
		var keys []quarantine.SessionKey
		for range cases {
			key, address := w.login("u" + string(rune('0'+len(keys))))
			addresses, keys = append(addresses, address), append(keys, key)
		}
		time.Sleep(3 * time.Second)
		for _, a := range addresses {
			w.accept(e, spam(a))
		}
		time.Sleep(5 * time.Second)
		for _, a := range addresses {
			w.accept(e, botnet(a))
		}
		time.Sleep(5 * time.Second)
		gardens, held := 0, 0
		for i, key := range keys {
			c := w.wantState("u"+string(rune('0'+i)), quarantine.Restricted)
			if w.network.InForce(key) == "garden" {
				gardens++
			}
			if rise := c.Rise(); rise != nil && rise.Hold.Kind == quarantine.HoldLimit && rise.Profile == "garden" {
				held++
			}
		}
		if gardens != 2 || held != cases-2 {
			t.Errorf("10 of 12 lines were restricted: then %d cases rise, %d wait for a person", gardens, held)
		}
		page, err := w.memory.Cases(t.Context(), quarantine.CaseFilter{State: quarantine.CaseHeld, Limit: 100})
		if err != nil || len(page.Cases) != cases-2 {
			t.Fatalf("%d are listed as held, %v", len(page.Cases), err)
		}
		c, err := e.Approve(t.Context(), page.Cases[0].ID, "noc", "go")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		w.wantInForce(c.Sessions[0].Session.SessionKey, "garden")
		c, err = e.Reject(t.Context(), page.Cases[1].ID, "noc", "no")
		if err != nil || c.Rise() != nil {
			t.Fatalf("rejected: %+v, %v", c, err)
		}
		time.Sleep(5 * time.Second)
		w.wantInForce(c.Sessions[0].Session.SessionKey, "block-smtp")
	})
}

// stepping is alice, who is to have the garden for an hour and no mail for two more.
func (w *world) stepping(e *running) quarantine.SessionKey {
	key, address := w.login("alice")
	time.Sleep(3 * time.Second)
	w.accept(e, spam(address))
	time.Sleep(3 * time.Second)
	w.accept(e, botnet(address))
	time.Sleep(5 * time.Second)
	w.wantInForce(key, "garden")
	return key
}

func TestASevererProfileEndsInTimeAndTheMilderGoesOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ladder()
		e := w.start("a")
		key := w.stepping(e)
		time.Sleep(time.Hour)
		w.wantInForce(key, "block-smtp")
		w.wantState("alice", quarantine.Restricted)
		time.Sleep(2 * time.Hour)
		w.wantInForce(key, "")
		w.wantState("alice", quarantine.Closed)
	})
}

func TestASevererProfileIsReleasedInTimeWhileRestrictingIsPaused(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ladder()
		e := w.start("a")
		key := w.stepping(e)
		w.pause.Store("the NOC said so")
		time.Sleep(time.Hour)
		w.wantInForce(key, "")
		if c := w.openCase("alice"); c == nil || c.Profile != "block-smtp" {
			t.Fatalf("%+v", c)
		}
		w.pause.Store("")
		time.Sleep(time.Minute)
		w.wantInForce(key, "block-smtp")
	})
}

// Without Redis this host's journal alone ends the severer profile, and knows the
// end of the milder one.
func TestASevererProfileEndsInTimeWithoutTheStore(t *testing.T) {
	for _, stepped := range []bool{false, true} {
		inWorld(t, func(t *testing.T, w *world) {
			w.ladder()
			e := w.start("a")
			key := w.stepping(e)
			if stepped {
				time.Sleep(time.Hour)
				w.wantInForce(key, "block-smtp")
			}
			w.memory.SetUnavailable(true)
			time.Sleep(time.Hour)
			if stepped {
				w.wantInForce(key, "block-smtp")
				time.Sleep(time.Hour + time.Minute)
			}
			w.wantInForce(key, "")
		})
	}
}

// While the BNG has not answered that the milder profile took the place of the
// severer one, the journal takes the severer one's end for that of both.
func TestAnUnansweredStepDownIsReleasedWithoutTheStore(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ladder()
		e := w.start("a")
		key := w.stepping(e)
		var silent atomic.Bool
		silent.Store(true)
		w.network.SetResponse(func(quarantine.Order) quarantinetest.Response {
			if silent.Load() {
				return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
		})
		time.Sleep(time.Hour)
		w.wantInForce(key, "garden")
		w.memory.SetUnavailable(true)
		silent.Store(false)
		time.Sleep(2 * time.Minute)
		w.wantInForce(key, "")
	})
}

func TestAnExemptPrefixIsLeftAloneAtLogInAndAfterIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rules.Exemptions = []quarantine.Exemption{{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Reason: "hospital"}}
		e := w.start("a")
		time.Sleep(time.Second)
		v := botnet(netip.Addr{})
		v.Subscriber = "alice"
		w.accept(e, v)
		time.Sleep(3 * time.Second)
		asked, err := w.memory.LogIn(t.Context(), quarantine.LogIn{Subscriber: "alice", BNG: "bng1", At: time.Now(),
			Undo: map[string]string{"garden": "overlay"}})
		if err != nil || asked == nil {
			t.Fatal(asked, err)
		}
		s := quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng1"}, Subscriber: "alice"}
		if d := e.DeferralAtLogIn(asked, &s); d == nil || d.By != quarantine.CheckAddressUnknown {
			t.Errorf("at log-in, with the address unknown: %v", d)
		}
		key, address := w.login("alice")
		w.network.Begin(key, "garden") // the AAA server may have used the answer all the same
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "")
		c := w.openCase("alice")
		if one := c.Sessions[0]; one.Wanted != "" || one.Reason != "exempt: hospital" || len(one.Applied) != 0 {
			t.Errorf("session on %s: %+v", address, one)
		}
		for _, o := range w.network.Sent() {
			if o.Restricts() {
				t.Errorf("sent %+v", o)
			}
		}
	})
}

// An exemption that is configured while somebody is restricted gives back what he
// should have; a mode that is turned down does not.
func TestAnExemptionUndoesAndAModeDoesNot(t *testing.T) {
	for _, exempt := range []bool{true, false} {
		inWorld(t, func(t *testing.T, w *world) {
			e := w.start("a")
			key := w.restrict(e, "alice")
			e.stop()
			want := "garden"
			if exempt {
				w.rules.Exemptions, want = []quarantine.Exemption{{Subscriber: "alice", Reason: "hospital"}}, ""
			} else {
				w.rules.Policy.Mode = quarantine.ModeOff
			}
			w.start("a")
			time.Sleep(20 * time.Second)
			w.wantInForce(key, want)
			if c := w.openCase("alice"); c == nil || c.State == quarantine.Releasing {
				t.Errorf("the case: %+v", c)
			}
		})
	}
}

// A verdict that another instance decided meanwhile is not counted once more.
func TestAVerdictThatIsDecidedMeanwhileIsNotDecidedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key, address := w.login("alice")
		time.Sleep(3 * time.Second)
		v := botnet(address)
		v.Identify()
		settled := quarantine.VerdictStatus{Verdict: v, State: quarantine.VerdictRecorded, Final: true}
		if err := w.memory.SaveVerdict(t.Context(), settled); err != nil {
			t.Fatal(err)
		}
		if _, err := e.decide(t.Context(), v, "alice", quarantine.VerdictStatus{}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		w.wantInForce(key, "")
		w.wantState("alice", quarantine.Closed)
	})
}

// heldEscalation is alice's case: no mail, and a garden that a limit holds.
func (w *world) heldEscalation(e *running) (id string, key quarantine.SessionKey) {
	w.t.Helper()
	key, address := w.login("alice")
	time.Sleep(3 * time.Second)
	w.accept(e, spam(address))
	time.Sleep(5 * time.Second)
	w.accept(e, botnet(address))
	time.Sleep(5 * time.Second)
	c := w.wantState("alice", quarantine.Restricted)
	if c.Rise() == nil {
		w.t.Fatal("no rise is held: the test shows nothing")
	}
	w.wantInForce(key, "block-smtp")
	return c.ID, key
}

// A rejected rise ends no case: after a start or a failover it is not taken for a
// release that the store has lost.
func TestTheRejectionOfAnEscalationIsNotRepeatedAsARelease(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ladder()
		w.rules.Limits = quarantine.Limits{PerSourcePerHour: 1}
		e := w.start("a")
		id, key := w.heldEscalation(e)
		if c, err := e.Reject(t.Context(), id, "noc", "no"); err != nil || c.State != quarantine.Restricted {
			t.Fatalf("rejected: %+v, %v", c, err)
		}
		time.Sleep(5 * time.Second)
		e.stop()
		w.start("a")
		time.Sleep(time.Minute)
		w.memory.FailOver()
		time.Sleep(2 * time.Minute)
		w.wantState("alice", quarantine.Restricted)
		w.wantInForce(key, "block-smtp")
	})
}

// Without the store nobody knows whether a rise or a held case was rejected, and what is
// in force is released; with it the case goes on with what it had.
func TestTheRejectionOfAnEscalationWhileTheStoreIsUnreachableEndsNoCase(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ladder()
		w.rules.Limits = quarantine.Limits{PerSourcePerHour: 1}
		e := w.start("a")
		id, key := w.heldEscalation(e)
		w.memory.SetUnavailable(true)
		if _, err := e.Reject(t.Context(), id, "noc", "no"); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.memory.SetUnavailable(false)
		time.Sleep(time.Minute)
		c := w.wantState("alice", quarantine.Restricted)
		if c.Rise() != nil {
			t.Error("the rise was not rejected")
		}
		w.wantInForce(key, "block-smtp")
	})
}
