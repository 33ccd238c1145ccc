package engine

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// suspended is a machine whose own clocks have not counted some time.
type suspended struct{ lost atomic.Int64 }

func (s *suspended) clocks(c *Config) {
	c.Now = func() time.Time { return time.Now().Add(-time.Duration(s.lost.Load())) }
}

// suspension is a sender that is suspended when it is about to restrict alice, and its
// successor, who has released her, and closed her case, by the time it goes on.
type suspension struct {
	*world
	a, b  *running
	store *partition
	alice quarantine.SessionKey
	own   suspended
	case_ string
}

// suspend runs the story up to the moment at which the sender goes on. It stops where
// stop says, which returns what has it go on.
func suspend(t *testing.T, w *world, change func(*Config), reached <-chan struct{}) *suspension {
	t.Helper()
	s := &suspension{world: w, store: &partition{Memory: w.memory}}
	s.a = w.startWith(s.store, "a", s.own.clocks, change)
	time.Sleep(time.Second)
	s.b = w.startWith(w.memory, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
	key, address := w.login("alice")
	s.alice = key
	time.Sleep(3 * time.Second)
	w.accept(s.a, botnet(address))
	<-reached
	s.store.away.Store(true)
	paused := time.Now()
	time.Sleep(20 * time.Second)
	s.case_ = w.openCase("alice").ID
	if _, err := s.b.Release(t.Context(), s.case_, "noc", "wrong line", ""); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * time.Minute)
	if w.openCase("alice") != nil {
		t.Fatal("the case is not closed yet")
	}
	s.own.lost.Store(int64(time.Since(paused)))
	return s
}

func TestASenderThatWasSuspendedBeforeItsLastCheckRestrictsNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := &stuckJournal{Journal: w.log, release: make(chan struct{}), hit: make(chan struct{})}
		l.stuck.Store(true)
		s := suspend(t, w, func(c *Config) { c.Journal = l }, l.hit)
		sent := len(w.network.Sent())
		close(l.release)
		time.Sleep(time.Second)
		s.store.away.Store(false)
		time.Sleep(time.Hour)
		w.wantInForce(s.alice, "")
		if got := w.network.Sent()[sent:]; len(got) > 0 && got[0].Restricts() {
			t.Errorf("it restricted: %+v", got)
		}
	})
}

// stoppedNetwork stops one restriction right before its datagram leaves, after everything
// was checked.
type stoppedNetwork struct {
	*quarantinetest.Network
	stop    atomic.Bool
	hit     chan struct{}
	release chan struct{}
}

func (n *stoppedNetwork) Enforce(ctx context.Context, o quarantine.Order, gate quarantine.Gate) quarantine.Outcome {
	if o.Restricts() {
		gate = stoppedGate{gate, n}
	}
	return n.Network.Enforce(ctx, o, gate)
}

// stoppedGate is the gate of an order that a stoppedNetwork may stop.
type stoppedGate struct {
	quarantine.Gate
	network *stoppedNetwork
}

func (g stoppedGate) BeforeSend(ctx context.Context, d quarantine.Datagram) error {
	err := g.Gate.BeforeSend(ctx, d)
	if g.network.stop.Swap(false) {
		close(g.network.hit)
		<-g.network.release
	}
	return err
}

func TestWhatASuspendedSenderSentAfterItsSuccessorReleasedIsUndone(t *testing.T) {
	for name, answers := range map[string]bool{"the release is acked": true, "the first releases are lost": false} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				n := &stoppedNetwork{Network: w.network, hit: make(chan struct{}), release: make(chan struct{})}
				n.stop.Store(true)
				s := suspend(t, w, func(c *Config) { c.Enforcer = n }, n.hit)
				lost := time.Now().Add(5 * time.Minute)
				w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
					if !answers && !o.Restricts() && time.Now().Before(lost) {
						return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered}
					}
					return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
				})
				close(n.release)
				time.Sleep(time.Millisecond)
				s.store.away.Store(false)
				time.Sleep(time.Second)
				if answers {
					w.wantInForce(s.alice, "")
				}
				time.Sleep(8 * time.Minute)
				w.wantInForce(s.alice, "")
				time.Sleep(time.Hour)
				if len(s.a.ledger.outstanding) != 0 {
					t.Errorf("outstanding: %v", s.a.ledger.outstanding)
				}
			})
		})
	}
}

// The same with a store that fails for a while when the outcome is to be saved, and a
// sender that dies right after its datagram has left.
func TestALateRestrictionIsInTheJournalWhateverHappensToItsSender(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		n := &stoppedNetwork{Network: w.network, hit: make(chan struct{}), release: make(chan struct{})}
		n.stop.Store(true)
		s := suspend(t, w, func(c *Config) { c.Enforcer = n }, n.hit)
		w.memory.SetUnavailable(true)
		close(n.release)
		time.Sleep(10 * time.Millisecond)
		w.wantInForce(s.alice, "garden")
		s.a.stop()
		w.memory.SetUnavailable(false)
		s.store.away.Store(false)
		w.startWith(w.memory, "a")
		time.Sleep(3 * time.Minute)
		w.wantInForce(s.alice, "")
	})
}

func TestARunningRestrictionEndsWhenASuspendedSenderGoesOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.network.SetResponse(func(quarantine.Order) quarantinetest.Response {
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true, After: time.Minute}
		})
		ended := make(chan time.Time, 8)
		var slept atomic.Int64 // what the timers have not counted
		e := w.startWith(w.memory, "a", func(c *Config) {
			c.Enforcer = timed{w.network, ended}
			begun := time.Now()
			c.Uptime = func() time.Duration { return time.Since(begun) + time.Duration(slept.Load()) }
		})
		_, address := w.login("alice")
		time.Sleep(3 * time.Second)
		w.accept(e, botnet(address))
		time.Sleep(5 * time.Second)
		w.memory.SetUnavailable(true)
		slept.Store(int64(20 * time.Second))
		at := time.Now()
		select {
		case end := <-ended:
			if end.Sub(at) > pollEvery {
				t.Errorf("it went on for %s", end.Sub(at))
			}
		case <-time.After(5 * time.Second):
			t.Error("it goes on")
		}
	})
}

// What is in flight is not forgotten because of a case that another sender closed
// meanwhile: the case was written in knowledge of the order, and before it was done.
func TestAComparisonForgetsNothingThatIsInFlight(t *testing.T) {
	l := newLedger("a", quarantine.BNGNames{})
	session := quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "1"}, Subscriber: "alice"}
	order := quarantine.Order{Case: "c-1", Session: session, To: "garden", Undo: "overlay", Journal: "a", Mark: 1}
	closed := &quarantine.Case{ID: "c-1", Subscriber: "alice", State: quarantine.Closed, Sessions: []quarantine.SessionEnforcement{{
		Session: session, Enforcement: quarantine.Gone, Known: map[string]uint64{"a": 1},
	}}}
	l.sent(sent{Order: order, ExpiresAt: time.Now().Add(time.Hour)})
	if l.compare("c-1", closed); !l.owes("c-1") {
		t.Fatal("forgotten before its answer came")
	}
	l.answered(answered{Order: order, Outcome: quarantine.Outcome{Kind: quarantine.OutcomeAcked}}, time.Now())
	if l.compare("c-1", closed); l.owes("c-1") {
		t.Error("not forgotten although the case, which knows of it, is closed")
	}
}
