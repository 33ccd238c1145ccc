package engine

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

func TestAVerdictRestrictsTheSessionAndAReleaseRestoresIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key, address := w.login("alice")
		id := w.accept(e, botnet(address))
		time.Sleep(5 * time.Second)
		c := w.wantState("alice", quarantine.Restricted)
		w.wantInForce(key, "garden")
		if got := c.Sessions[0].Enforcement; got != quarantine.Acked {
			t.Errorf("enforcement %s, want acked", got)
		}
		status, err := e.Verdict(t.Context(), id)
		if err != nil || status.State != quarantine.VerdictActed || status.Case != c.ID {
			t.Errorf("verdict is %s of case %q, %v", status.State, status.Case, err)
		}
		if _, err := e.Release(t.Context(), c.ID, "noc", "cleaned", quarantine.ReleaseCleaned); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.wantState("alice", quarantine.Closed)
		w.wantInForce(key, "")
	})
}

func TestTheCaseExpiresAndTheSessionIsRestored(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key, address := w.login("alice")
		w.accept(e, botnet(address))
		time.Sleep(30 * time.Minute)
		w.wantInForce(key, "garden")
		time.Sleep(31 * time.Minute)
		w.wantState("alice", quarantine.Closed)
		w.wantInForce(key, "")
	})
}

func TestAReconnectIsRestrictedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		first := w.restrict(e, "alice")
		w.logout("alice", first)
		time.Sleep(time.Second)
		w.wantState("alice", quarantine.Waiting)
		second, _ := w.login("alice")
		third, _ := w.login("alice")
		time.Sleep(time.Second)
		w.wantState("alice", quarantine.Restricted)
		w.wantInForce(second, "garden")
		w.wantInForce(third, "garden")
	})
}

func TestWithoutTheStoreVerdictsAreAcceptedAndDecidedLater(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		key, address := w.login("alice")
		w.memory.SetUnavailable(true)
		e := w.start("a")
		w.accept(e, botnet(address))
		time.Sleep(time.Minute)
		w.wantInForce(key, "")
		if sent := w.network.Sent(); len(sent) != 0 {
			t.Fatalf("sent without a store: %+v", sent)
		}
		w.memory.SetUnavailable(false)
		time.Sleep(15 * time.Second)
		w.wantState("alice", quarantine.Restricted)
		w.wantInForce(key, "garden")
	})
}

func TestAVerdictAcceptedBeforeACrashIsDecidedAfterTheRestart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		key, address := w.login("alice")
		w.memory.SetUnavailable(true)
		before := w.start("a")
		id := w.accept(before, botnet(address))
		before.stop()
		w.memory.SetUnavailable(false)
		after := w.start("a")
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "garden")
		if status, err := after.Verdict(t.Context(), id); err != nil || status.State != quarantine.VerdictActed {
			t.Errorf("verdict is %s, %v", status.State, err)
		}
		if answers, err := after.Accept(t.Context(), []quarantine.Verdict{{
			Source: "ids", ObservedAt: time.Now(), IP: address, Category: "spam",
		}}); err != nil || answers[0].Duplicate {
			t.Errorf("another verdict is called a duplicate: %+v %v", answers, err)
		}
	})
}

func TestOneVerdictSentManyTimesAtOnceIsAcceptedOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.log.SetDelay(time.Second)
		e := w.start("a")
		a, b := botnet(netip.MustParseAddr("198.51.100.7")), botnet(netip.MustParseAddr("198.51.100.8"))
		var wg sync.WaitGroup
		var mu sync.Mutex
		fresh := 0
		for n := range 16 {
			batch := []quarantine.Verdict{a, b, a}
			if n%2 == 1 {
				batch = []quarantine.Verdict{b, a, b}
			}
			wg.Go(func() {
				answers, err := e.Accept(t.Context(), batch)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Error(err)
				}
				for _, answer := range answers {
					if !answer.Duplicate {
						fresh++
					}
				}
			})
		}
		wg.Wait()
		if fresh != 2 {
			t.Errorf("%d accepted, want 2", fresh)
		}
	})
}

func TestAJournalThatRefusesRefusesVerdictsAndNothingElseHappens(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key, address := w.login("alice")
		v := botnet(address)
		w.log.Refuse(true)
		if _, err := e.Accept(t.Context(), []quarantine.Verdict{v}); !errors.Is(err, quarantinetest.ErrRefused) {
			t.Fatalf("accepted without a log: %v", err)
		}
		time.Sleep(time.Minute)
		w.wantInForce(key, "")
		w.log.Refuse(false)
		if answers, err := e.Accept(t.Context(), []quarantine.Verdict{v}); err != nil || answers[0].Duplicate {
			t.Fatalf("the same verdict again: %+v %v", answers, err)
		}
	})
}

func TestARestrictionIsInTheJournalBeforeItLeavesAndAReleaseLeavesEvenWithout(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key, address := w.login("alice")
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			for _, entry := range w.log.Entries() {
				if entry.Kind == entrySent && strings.Contains(string(entry.Body), o.Session.ID) {
					return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
				}
			}
			if o.Restricts() {
				t.Error("a restriction left that the journal does not have")
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
		})
		w.accept(e, botnet(address))
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "garden")
		c := w.openCase("alice")
		other, _ := w.login("alice")
		w.log.Refuse(true)
		time.Sleep(10 * time.Second)
		w.wantInForce(other, "")
		if err := c.Extend("noc", "test", 0, time.Now()); err != nil {
			t.Fatal(err)
		}
		fresh := w.openCase("alice")
		fresh.ExpiresAt = time.Now()
		if err := w.memory.SaveCase(t.Context(), quarantine.CaseWrite{Case: fresh, DueAt: time.Now(), Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "")
	})
}

func TestAReleaseDoesNotWaitForASlowRestriction(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			if o.Restricts() {
				return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, Applies: true, After: 10 * time.Second}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
		})
		e := w.start("a")
		key, address := w.login("alice")
		w.accept(e, botnet(address))
		time.Sleep(3 * time.Second)
		w.wantInForce(key, "garden")
		c := w.openCase("alice")
		if _, err := e.Release(t.Context(), c.ID, "noc", "wrong line", quarantine.ReleaseWrongLine); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second)
		w.wantInForce(key, "")
		w.wantState("alice", quarantine.Releasing)
		releases := func() (n int) {
			for _, o := range w.network.Sent() {
				if !o.Restricts() {
					n++
				}
			}
			return n
		}
		if releases() != 1 {
			t.Fatalf("%d releases sent, want 1", releases())
		}
		time.Sleep(quarantine.AssertDelay + time.Second)
		w.wantState("alice", quarantine.Closed)
		if releases() != 2 {
			t.Errorf("%d releases sent after the assertion, want 2", releases())
		}
		if most := w.network.MostAtOnce(); most != 1 {
			t.Errorf("%d exchanges of one session at the same time", most)
		}
	})
}

func TestAReleaseGivenWhileTheStoreIsUnreachableIsSentFromTheJournal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key := w.restrict(e, "alice")
		c := w.openCase("alice")
		w.memory.SetUnavailable(true)
		if _, err := e.Release(t.Context(), c.ID, "noc", "cleaned", quarantine.ReleaseCleaned); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatalf("release without a store: %v, want it deferred", err)
		}
		time.Sleep(15 * time.Second)
		w.wantInForce(key, "")
		w.memory.SetUnavailable(false)
		time.Sleep(15 * time.Second)
		w.wantState("alice", quarantine.Closed)
		w.wantInForce(key, "")
	})
}

func TestAnExpiryWhileTheStoreIsUnreachableIsSentFromTheJournalAlsoAfterARestart(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key := w.restrict(e, "alice")
		e.stop()
		w.memory.SetUnavailable(true)
		w.start("a")
		time.Sleep(50 * time.Minute)
		w.wantInForce(key, "garden")
		time.Sleep(11 * time.Minute)
		w.wantInForce(key, "")
	})
}

func TestOneOfTwoInstancesSendsAndTheOtherTakesOver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		time.Sleep(time.Second)
		b := w.start("b")
		time.Sleep(5 * time.Second)
		if !a.Sender() || b.Sender() {
			t.Fatalf("a sends %t, b sends %t; want a alone", a.Sender(), b.Sender())
		}
		key, address := w.login("alice")
		w.accept(b, botnet(address))
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "garden")
		a.stop()
		time.Sleep(15 * time.Second)
		if !b.Sender() {
			t.Fatal("b did not take over")
		}
		other, address := w.login("bob")
		w.accept(b, botnet(address))
		time.Sleep(5 * time.Second)
		w.wantInForce(other, "garden")
	})
}

func TestAnUnknownAddressIsRetriedUntilItsRecordArrives(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		observed := time.Now()
		v := botnet(netip.MustParseAddr("203.0.113.9"))
		id := w.accept(e, v)
		time.Sleep(10 * time.Second)
		if status, err := e.Verdict(t.Context(), id); err != nil || status.State != quarantine.VerdictUnknown {
			t.Fatalf("verdict is %s, %v; want unknown", status.State, err)
		}
		key := quarantine.SessionKey{BNG: "bng1", ID: "late"}
		w.record(quarantine.SessionEvent{
			Kind: quarantine.SessionStarted, Key: key, Subscriber: "carol", At: observed.Add(-time.Minute), StartedAt: observed.Add(-time.Minute),
			Addresses: []quarantine.Address{{Prefix: netip.MustParsePrefix("203.0.113.9/32"), Kind: quarantine.FramedIP}},
		})
		time.Sleep(time.Minute)
		w.wantInForce(key, "garden")
		gone := w.accept(e, botnet(netip.MustParseAddr("203.0.113.99")))
		time.Sleep(36 * time.Minute)
		status, err := e.Verdict(t.Context(), gone)
		if err != nil || status.State != quarantine.VerdictUnknown || !status.Final {
			t.Errorf("after retry_for: %s, settled %t, %v", status.State, status.Final, err)
		}
	})
}

func TestAttributionWaitsForAccountingThatIsBeingStored(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var late atomic.Bool
		late.Store(true)
		e := w.startWith(w.memory, "a", func(c *Config) {
			c.Unworked = func() (time.Time, bool) { return time.Now().Add(-time.Hour), late.Load() }
		})
		key, address := w.login("alice")
		w.accept(e, botnet(address))
		time.Sleep(time.Minute)
		w.wantInForce(key, "")
		late.Store(false)
		time.Sleep(time.Second)
		w.wantInForce(key, "garden")
	})
}

func TestWhilePausedNothingNewIsRestrictedAndReleasesGoOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		first := w.restrict(e, "alice")
		w.pause.Store("maintenance")
		second, address := w.login("bob")
		w.accept(e, botnet(address))
		time.Sleep(time.Minute)
		w.wantInForce(second, "")
		if _, err := e.Release(t.Context(), w.openCase("alice").ID, "noc", "cleaned", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Second)
		w.wantInForce(first, "")
		w.pause.Store("")
		time.Sleep(10 * time.Second)
		w.wantInForce(second, "garden")
	})
}

// hookedStore changes the world right before the engine reads a session again.
type hookedStore struct {
	*quarantinetest.Memory
	before func()
}

func (s *hookedStore) SessionsOf(ctx context.Context, subscriber string) ([]quarantine.Session, error) {
	sessions, err := s.Memory.SessionsOf(ctx, subscriber)
	if s.before != nil && len(sessions) > 0 {
		f := s.before
		s.before = nil
		f()
	}
	return sessions, err
}

func TestASessionThatEndsBetweenLookUpAndSendingIsNotTouched(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		key, address := w.login("alice")
		store := &hookedStore{Memory: w.memory}
		e := w.start("a")
		e.stop()
		e.Engine.Store = store
		w.accept(e, botnet(address))
		situation, err := e.situation(t.Context(), "alice")
		if err != nil {
			t.Fatal(err)
		}
		v := botnet(address)
		v.Identify()
		d := w.rules.Decide(v, "alice", situation, "c-1", time.Now())
		if err := w.memory.SaveCase(t.Context(), quarantine.CaseWrite{Case: d.Case, DueAt: time.Now(), Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
		if _, err := e.sender.campaign(t.Context()); err != nil {
			t.Fatal(err)
		}
		store.before = func() { w.logout("alice", key); w.record(start(key, "mallory")) }
		term, _ := e.sender.holds()
		if _, err := e.reconcilePass(t.Context(), quarantine.Due{Lane: quarantine.LaneRestrict, Subscriber: "alice",
			Until: time.Now().Add(time.Minute)}, term); err != nil {
			t.Fatal(err)
		}
		if sent := w.network.Sent(); len(sent) != 0 {
			t.Fatalf("sent to a session that had ended: %+v", sent)
		}
		w.wantInForce(key, "")
	})
}

func TestNoRestrictionLeavesForSomebodyElsesSession(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		key, _ := w.login("bob")
		_, address := w.login("alice")
		e := w.start("a")
		w.accept(e, botnet(address))
		time.Sleep(5 * time.Second)
		c := w.wantState("alice", quarantine.Restricted)
		session, err := w.memory.Session(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		if err := e.maySend(c, &quarantine.Order{Generation: c.Generation, Session: session,
			To: "garden"}); deferredBy(err) != quarantine.CheckSession {
			t.Errorf("bob's session in alice's case may be restricted: %v", err)
		}
	})
}

func start(key quarantine.SessionKey, subscriber string) quarantine.SessionEvent {
	return quarantine.SessionEvent{
		Kind: quarantine.SessionStarted, Key: key, Subscriber: subscriber, At: time.Now().Add(time.Minute),
		StartedAt: time.Now().Add(time.Minute),
	}
}

func TestACheckpointReplaysToTheSameStateAsTheJournalItReplaces(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.restrict(e, "alice")
		w.memory.SetUnavailable(true)
		w.accept(e, botnet(netip.MustParseAddr("203.0.113.1")))
		if _, err := e.Release(t.Context(), w.caseID(e), "noc", "x", ""); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatal(err)
		}
		again := newLedger("a", quarantine.BNGNames{})
		for _, entry := range e.Checkpoint() {
			if err := again.replay(entry, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if len(again.undecided) != 1 || len(again.commands) != 1 || len(again.outstanding) != 1 {
			t.Errorf("carried: %d unsettled, %d commands, %d outstanding; want one of each",
				len(again.undecided), len(again.commands), len(again.outstanding))
		}
		was, _ := json.Marshal(e.ledger.outstanding)
		is, _ := json.Marshal(again.outstanding)
		if string(was) != string(is) {
			t.Errorf("outstanding was\n%s\nis\n%s", was, is)
		}
	})
}

// caseID returns the case of the only outstanding restriction.
func (w *world) caseID(e *running) string {
	for id := range e.ledger.outstanding {
		return id
	}
	w.t.Fatal("nothing is outstanding")
	return ""
}

func TestACaseLeasedRightBeforeTheStoreHungIsSoonDueAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			w.memory.SetUnavailable(true)
			return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered}
		})
		e := w.start("a")
		key, address := w.login("alice")
		w.accept(e, botnet(address))
		time.Sleep(5 * time.Second)
		if len(w.network.Sent()) != 1 {
			t.Fatalf("%d orders sent, want 1", len(w.network.Sent()))
		}
		w.network.SetResponse(nil)
		w.memory.SetUnavailable(false)
		time.Sleep(15 * time.Second)
		w.wantInForce(key, "garden")
	})
}

func TestUnderAWeakerModeOldCasesRestrictNothingNewAndAreStillReleased(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		first := w.restrict(e, "alice")
		e.stop()
		w.rules.Policy.Mode = quarantine.ModeShadow
		w.start("a")
		second, _ := w.login("alice")
		time.Sleep(time.Minute)
		w.wantInForce(first, "garden")
		w.wantInForce(second, "")
		time.Sleep(time.Hour)
		w.wantInForce(first, "")
		w.wantState("alice", quarantine.Closed)
	})
}
