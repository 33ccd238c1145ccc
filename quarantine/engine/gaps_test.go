package engine

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

const lostReason = "the session store failed over, or crashed, and may have lost who held the address since; " +
	"no later record confirms the holder yet"

func TestAHandOverLostInAFailoverIsNotBlamedOnTheHolderBefore(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		alice, address := w.login("alice")
		time.Sleep(2 * time.Minute)
		// Alice's Stop and bob's Start were acknowledged here, and are lost.
		time.Sleep(10 * time.Second)
		w.memory.FailOver()
		time.Sleep(10 * time.Second)
		id := w.accept(e, botnet(address))
		time.Sleep(5 * time.Minute)
		w.wantVerdict(e, id, quarantine.VerdictPending, lostReason)
		w.wantInForce(alice, "")
		bob := quarantine.SessionKey{BNG: "bng1", ID: "bob"}
		w.record(quarantine.SessionEvent{ // his first Interim since
			Kind: quarantine.SessionRenewed, Key: bob, Subscriber: "bob", At: time.Now(), StartedAt: time.Now().Add(-5*time.Minute - 20*time.Second),
			Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(address, 32), Kind: quarantine.FramedIP}},
		})
		time.Sleep(2 * time.Minute)
		w.wantVerdict(e, id, quarantine.VerdictAmbiguous, "more than one subscriber may have held the address at that moment")
		w.wantInForce(bob, "")
		w.accept(e, botnet(address))
		time.Sleep(2 * time.Minute)
		w.wantInForce(bob, "garden")
		w.wantInForce(alice, "")
	})
}

func TestAHolderWhoIsConfirmedAfterAFailoverIsAttributed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		alice, address := w.login("alice")
		time.Sleep(2 * time.Minute)
		w.memory.FailOver()
		time.Sleep(10 * time.Second)
		id := w.accept(e, botnet(address))
		time.Sleep(time.Minute)
		w.wantVerdict(e, id, quarantine.VerdictPending, lostReason)
		w.record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: alice, Subscriber: "alice", At: time.Now()})
		time.Sleep(time.Minute)
		w.wantVerdict(e, id, quarantine.VerdictPending, lostReason) // which says nothing of the address
		w.record(quarantine.SessionEvent{
			Kind: quarantine.SessionRenewed, Key: alice, Subscriber: "alice", At: time.Now(),
			Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(address, 32), Kind: quarantine.FramedIP}},
		})
		time.Sleep(2 * time.Minute)
		w.wantInForce(alice, "garden")
	})
}

func TestADoubtThatNothingEndsIsUnknownAfterRetryFor(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		alice, address := w.login("alice")
		time.Sleep(2 * time.Minute)
		w.memory.FailOver()
		id := w.accept(e, botnet(address))
		time.Sleep(36 * time.Minute)
		w.wantVerdict(e, id, quarantine.VerdictUnknown, lostReason)
		w.wantInForce(alice, "")
		if s, err := e.Verdict(t.Context(), id); err != nil || len(s.Candidates) != 1 || s.Candidates[0].Subscriber != "alice" {
			t.Errorf("people are shown %v, %v", s.Candidates, err)
		}
	})
}

func TestACommandAboutADoubtfulAddressNamesItsPossibleHolders(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		_, address := w.login("alice")
		time.Sleep(2 * time.Minute)
		w.memory.FailOver()
		_, err := e.Resolve(t.Context(), quarantine.Target{IP: address})
		var ambiguous *quarantine.AmbiguousError
		if !errors.As(err, &ambiguous) || len(ambiguous.Candidates) != 1 || ambiguous.Candidates[0].Subscriber != "alice" {
			t.Fatalf("the answer is %v", err)
		}
	})
}

func TestNothingIsAttributedWhileTheStoreCannotSayWhetherItFailedOver(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &askedGaps{Memory: w.memory}
		e := w.startWith(s, "a")
		s.fails.Store(true)
		key, address := w.login("alice")
		w.accept(e, botnet(address))
		time.Sleep(time.Minute)
		w.wantInForce(key, "")
		s.fails.Store(false)
		time.Sleep(4 * time.Second) // the next try, a question under way, and our own
		w.wantInForce(key, "garden")
	})
}

// Others judge moments by what an instance publishes, and by the gaps that it knows
// of: these go first. It is there all the same, and does not leave.
func TestAnInstanceSaysHowFarItIsOnlyAfterItHasSaidWhatMayBeLost(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &askedGaps{Memory: w.memory}
		b, _ := w.startListening(s, "b")
		time.Sleep(10 * time.Second)
		s.fails.Store(true)
		failed := time.Now()
		time.Sleep(time.Minute)
		said := func() quarantine.Instance {
			t.Helper()
			all, _, err := w.memory.Instances(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatalf("instances %+v, %v", all, err)
			}
			return all[0]
		}
		if i := said(); i.Complete.After(failed) || time.Since(i.SpokeAt) > time.Second {
			t.Fatalf("at %s the store says no more what it may have lost; heartbeat at %s, watermark %s", failed, i.SpokeAt, i.Complete)
		}
		s.fails.Store(false)
		time.Sleep(4 * time.Second) // a question under way, and our own
		if i := said(); time.Since(i.Complete) > 5*time.Second {
			t.Fatalf("a minute later it says that its accounting is stored to %s", i.Complete)
		}
		s.fails.Store(true)
		b.stop()
		if i := said(); i.Departure != nil {
			t.Fatalf("it left: %+v", i.Departure)
		}
	})
}

// askedGaps counts how often it is asked for gaps, takes its time, and can fail.
type askedGaps struct {
	*quarantinetest.Memory
	asked atomic.Int64
	fails atomic.Bool
}

func (s *askedGaps) Gaps(ctx context.Context) ([]quarantine.Gap, error) {
	s.asked.Add(1)
	if s.fails.Load() {
		return nil, quarantinetest.ErrUnavailable
	}
	gaps, err := s.Memory.Gaps(ctx) // as it is when the question comes
	time.Sleep(time.Second)
	return gaps, err
}

func TestWhoAsksForGapsNeverGetsAnAnswerFromBeforeAndSharesALaterOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &askedGaps{Memory: quarantinetest.NewMemory()}
		g := newGaps(s)
		var wait sync.WaitGroup
		ask := func(want int) {
			wait.Go(func() {
				if gaps, err := g.now(t.Context()); err != nil || len(gaps) != want {
					t.Errorf("%v, %v; want %d", gaps, err, want)
				}
			})
		}
		ask(0)
		time.Sleep(time.Millisecond)
		s.FailOver() // while the first question is being answered
		for range 10 {
			ask(1)
		}
		wait.Wait()
		if asked := s.asked.Load(); asked != 2 {
			t.Errorf("the store was asked %d times, want 2", asked)
		}
		gone, cancel := context.WithCancel(t.Context())
		wait.Go(func() { _, _ = g.now(gone) })
		time.Sleep(time.Millisecond)
		ask(1)
		cancel()
		wait.Wait()
	})
}
