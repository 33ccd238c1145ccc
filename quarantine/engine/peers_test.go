package engine

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// listener is an accounting listener that holds a record about one moment.
type listener struct{ stuck atomic.Pointer[time.Time] }

func (l *listener) oldest() (time.Time, bool) {
	if at := l.stuck.Load(); at != nil {
		return *at, true
	}
	return time.Time{}, false
}

// startListening runs an instance that takes accounting, with a log of its own.
func (w *world) startListening(s Store, holder string, change ...func(*Config)) (*running, *listener) {
	l := &listener{}
	own := func(c *Config) {
		c.Listens, c.Unworked, c.Waiting, c.AloneFor = true, l.oldest, l.waiting, aloneFor
		c.Journal, c.Instance = &quarantinetest.Journal{}, "cordon-"+holder
	}
	return w.startWith(s, holder, append([]func(*Config){own}, change...)...), l
}

// aloneFor is alone_for of instances in these tests.
const aloneFor = 30 * time.Minute

// noSpool is an instance that answers nothing that is not stored.
func noSpool(c *Config) { c.AloneFor, c.Waiting = 0, nil }

// line is the way of one instance to the store, which can be cut.
type line struct {
	*quarantinetest.Memory
	cut atomic.Bool
}

func (l *line) PublishInstance(ctx context.Context, i quarantine.Instance, returning bool, keep time.Duration) (time.Time, error) {
	if l.cut.Load() {
		return time.Time{}, quarantinetest.ErrUnavailable
	}
	return l.Memory.PublishInstance(ctx, i, returning, keep)
}

func (l *line) Instances(ctx context.Context) ([]quarantine.Instance, time.Time, error) {
	if l.cut.Load() {
		return nil, time.Time{}, quarantinetest.ErrUnavailable
	}
	return l.Memory.Instances(ctx)
}

func (l *line) DepartInstance(ctx context.Context, id string, d quarantine.Departure) (quarantine.Instance, error) {
	if l.cut.Load() {
		return quarantine.Instance{}, quarantinetest.ErrUnavailable
	}
	return l.Memory.DepartInstance(ctx, id, d)
}

// kill ends an instance as a power cut would.
func (l *line) kill(e *running) {
	l.cut.Store(true)
	e.stop()
}

// holds makes the listener hold a record of now, answered and not stored.
func (l *listener) holds() {
	now := time.Now()
	l.stuck.Store(&now)
}

func (l *listener) waiting() int {
	if l.stuck.Load() != nil {
		return 1
	}
	return 0
}

// registered returns an instance as the registry has it.
func (w *world) registered(id string) (quarantine.Instance, bool) {
	w.t.Helper()
	all, _, err := w.memory.Instances(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, i := range all {
		if i.ID == id {
			return i, true
		}
	}
	return quarantine.Instance{}, false
}

// wantReason checks a verdict's state and what its reason says.
func (w *world) wantReason(e *running, id string, state quarantine.VerdictState, says ...string) {
	w.t.Helper()
	s, err := e.Verdict(w.t.Context(), id)
	if err != nil || s.State != state {
		w.t.Fatalf("verdict: %s, %q, %v; want %s", s.State, s.Reason, err, state)
	}
	for _, part := range says {
		if !strings.Contains(s.Reason, part) {
			w.t.Fatalf("the verdict is %s: %q, which lacks %q", s.State, s.Reason, part)
		}
	}
}

const waitsForB = awaitsAccounting + " on instance cordon-b"

// handOver is the accounting of an address that went from alice to bob.
func handOver(alice quarantine.SessionKey, address netip.Addr, at time.Time) (bob quarantine.SessionKey, events []quarantine.SessionEvent) {
	bob = quarantine.SessionKey{BNG: "bng2", ID: "bob"}
	return bob, []quarantine.SessionEvent{
		{Kind: quarantine.SessionEnded, Key: alice, Subscriber: "alice", At: at},
		{Kind: quarantine.SessionStarted, Key: bob, Subscriber: "bob", At: at, StartedAt: at,
			Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(address, 32), Kind: quarantine.FramedIP}}},
	}
}

func (w *world) wantVerdict(e *running, id string, state quarantine.VerdictState, reason string) {
	w.t.Helper()
	s, err := e.Verdict(w.t.Context(), id)
	if err != nil || s.State != state || s.Reason != reason {
		w.t.Fatalf("verdict: %s, %q, %v; want %s, %q", s.State, s.Reason, err, state, reason)
	}
}

func TestAHandOverStuckInAnotherInstanceIsWaitedFor(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, _ := w.startListening(w.memory, "a")
		_, b := w.startListening(w.memory, "b")
		alice, address := w.login("alice")
		time.Sleep(10 * time.Second)
		moved := time.Now()
		bob, events := handOver(alice, address, moved)
		b.stuck.Store(&moved)
		time.Sleep(5 * time.Second)
		id := w.accept(a, botnet(address))
		time.Sleep(time.Minute)
		w.wantInForce(alice, "")
		w.wantVerdict(a, id, quarantine.VerdictPending, waitsForB)
		w.record(events...)
		b.stuck.Store(nil)
		time.Sleep(2 * time.Second)
		w.wantInForce(bob, "garden")
		w.wantInForce(alice, "")
	})
}

func TestADeadInstanceThatAnswersOnlyWhatIsStoredIsWaitedForWhileTheNASRepeats(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, _ := w.startListening(w.memory, "a")
		toB := &line{Memory: w.memory}
		b, held := w.startListening(toB, "b", noSpool)
		alice, address := w.login("alice")
		time.Sleep(30 * time.Second)
		held.holds()
		time.Sleep(5 * time.Second)
		id := w.accept(a, botnet(address))
		toB.kill(b)
		time.Sleep(quarantine.InstanceSilentAfter - publishEvery)
		w.wantVerdict(a, id, quarantine.VerdictPending, waitsForB)
		time.Sleep(2 * time.Second)
		w.wantInForce(alice, "garden")
	})
}

func TestASingleInstanceAddsNoWait(t *testing.T) {
	for name, start := range map[string]func(*world) *running{
		"with a listener": func(w *world) *running { e, _ := w.startListening(w.memory, "a"); return e },
		"without one":     func(w *world) *running { return w.start("a") },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				e := start(w)
				time.Sleep(5*time.Second + 123*time.Millisecond)
				key, address := w.login("alice")
				w.accept(e, botnet(address))
				time.Sleep(2 * time.Second) // δ
				synctest.Wait()
				w.wantInForce(key, "garden")
			})
		})
	}
}

func TestAnotherInstanceWithoutBacklogAddsLessThanASecond(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, _ := w.startListening(w.memory, "a")
		w.startListening(w.memory, "b")
		for i := range 20 {
			time.Sleep(7*time.Second + 123*time.Millisecond)
			_, address := w.login(fmt.Sprint("s", i))
			id := w.accept(a, botnet(address))
			time.Sleep(3 * time.Second) // δ is 2 s
			w.wantVerdict(a, id, quarantine.VerdictActed, "")
		}
	})
}

func TestAClockThatIsBehindMakesOthersWaitSoMuchLonger(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a, _ := w.startListening(w.memory, "a")
		w.startListening(w.memory, "b", func(c *Config) {
			c.Now = func() time.Time { return time.Now().Add(-3 * time.Second) }
		})
		time.Sleep(5 * time.Second)
		_, address := w.login("alice")
		id := w.accept(a, botnet(address))
		time.Sleep(5*time.Second - time.Millisecond)
		w.wantVerdict(a, id, quarantine.VerdictPending, waitsForB)
		time.Sleep(time.Second)
		w.wantVerdict(a, id, quarantine.VerdictActed, "")
	})
}

func TestAnInstanceWithoutAListenerIsNotWaitedForAndWaitsForOthers(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.startWith(w.memory, "a", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
		_, b := w.startListening(w.memory, "b")
		time.Sleep(5 * time.Second)
		if i, known := w.registered("a"); !known || i.Accounting {
			t.Fatalf("%t, %+v", known, i)
		}
		key, address := w.login("alice")
		now := time.Now()
		b.stuck.Store(&now)
		w.accept(a, botnet(address))
		time.Sleep(time.Minute)
		w.wantInForce(key, "")
		b.stuck.Store(nil)
		time.Sleep(2 * time.Second)
		w.wantInForce(key, "garden")
	})
}

// askedStore counts how often it is asked how far others are, and can fail at it.
type askedStore struct {
	*quarantinetest.Memory
	asked atomic.Int64
	fails atomic.Bool
}

func (s *askedStore) Instances(ctx context.Context) ([]quarantine.Instance, time.Time, error) {
	s.asked.Add(1)
	time.Sleep(time.Millisecond)
	if s.fails.Load() {
		return nil, time.Time{}, quarantinetest.ErrUnavailable
	}
	return s.Memory.Instances(ctx)
}

func TestAVerdictWaitsWhileNobodyCanSayHowFarOthersAre(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &askedStore{Memory: w.memory}
		e := w.startWith(s, "a")
		s.fails.Store(true)
		time.Sleep(5 * time.Second)
		key, address := w.login("alice")
		w.accept(e, botnet(address))
		time.Sleep(time.Minute)
		w.wantInForce(key, "")
		s.fails.Store(false)
		time.Sleep(2 * time.Second)
		w.wantInForce(key, "garden")
	})
}

func TestManyVerdictsAskOnceForAll(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &askedStore{Memory: w.memory}
		e := w.startWith(s, "a", func(c *Config) { c.Intakers = 64 })
		time.Sleep(5 * time.Second)
		for i := range 500 {
			v := botnet(netip.MustParseAddr("203.0.113.9"))
			v.SourceID = fmt.Sprint(i)
			w.accept(e, v)
			time.Sleep(2 * time.Millisecond)
		}
		time.Sleep(2500 * time.Millisecond)
		status := 0
		for _, entry := range w.log.Entries() {
			if strings.Contains(string(entry.Body), "203.0.113.9") {
				status++
			}
		}
		if asked := s.asked.Load(); status < 500 || asked == 0 || asked > 24 {
			t.Errorf("%d verdicts of 500; asked %d times within some 5.5 s, want at most 24", status, asked)
		}
	})
}
