package engine

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// partition is a store that one instance alone cannot reach.
type partition struct {
	*quarantinetest.Memory
	away atomic.Bool
}

func (p *partition) KnownVerdicts(ctx context.Context, ids []string) (map[string]bool, error) {
	if p.away.Load() {
		return nil, quarantinetest.ErrUnavailable
	}
	return p.Memory.KnownVerdicts(ctx, ids)
}

func (p *partition) CasesByID(ctx context.Context, ids []string) (map[string]*quarantine.Case, error) {
	if p.away.Load() {
		return nil, quarantinetest.ErrUnavailable
	}
	return p.Memory.CasesByID(ctx, ids)
}

func (p *partition) TakeDue(
	ctx context.Context, lane quarantine.Lane, now time.Time, lease time.Duration, n int, term uint64,
) ([]quarantine.Due, error) {
	if p.away.Load() {
		return nil, quarantinetest.ErrUnavailable
	}
	return p.Memory.TakeDue(ctx, lane, now, lease, n, term)
}

func (p *partition) Campaign(ctx context.Context, holder string, ttl time.Duration) (uint64, bool, error) {
	if p.away.Load() {
		return 0, false, quarantinetest.ErrUnavailable
	}
	return p.Memory.Campaign(ctx, holder, ttl)
}

// countingStore is a slow store that counts what is read.
type countingStore struct {
	*quarantinetest.Memory
	takes, dossiers atomic.Int64
}

func (s *countingStore) TakeDue(
	ctx context.Context, lane quarantine.Lane, now time.Time, lease time.Duration, n int, term uint64,
) ([]quarantine.Due, error) {
	time.Sleep(500 * time.Microsecond)
	s.takes.Add(1)
	return s.Memory.TakeDue(ctx, lane, now, lease, n, term)
}

func (s *countingStore) Dossier(ctx context.Context, sub string) (quarantine.Dossier, error) {
	time.Sleep(300 * time.Microsecond)
	s.dossiers.Add(1)
	return s.Memory.Dossier(ctx, sub)
}

// lossyStore loses the answer to one TakeDue.
type lossyStore struct {
	*quarantinetest.Memory
	lose atomic.Bool
}

func (s *lossyStore) TakeDue(
	ctx context.Context, lane quarantine.Lane, now time.Time, lease time.Duration, n int, term uint64,
) ([]quarantine.Due, error) {
	d, err := s.Memory.TakeDue(ctx, lane, now, lease, n, term)
	if len(d) > 0 && s.lose.Swap(false) {
		return nil, errors.New("i/o timeout")
	}
	return d, err
}

// poisonedStore cannot read one case.
type poisonedStore struct {
	*quarantinetest.Memory
	id atomic.Value
}

func (s *poisonedStore) Case(ctx context.Context, id string) (*quarantine.Case, error) {
	if p, _ := s.id.Load().(string); p == id {
		return nil, errors.New("case does not decode")
	}
	return s.Memory.Case(ctx, id)
}

// stuckJournal holds one entry about a datagram until it is released.
type stuckJournal struct {
	*quarantinetest.Journal
	stuck   atomic.Bool
	release chan struct{}
	hit     chan struct{}
}

func (l *stuckJournal) Append(ctx context.Context, entries ...quarantine.JournalEntry) error {
	if entries[0].Kind == entrySent && l.stuck.Swap(false) {
		close(l.hit)
		<-l.release
	}
	return l.Journal.Append(context.WithoutCancel(ctx), entries...)
}

func TestWithoutTheStoreAnUnresponsiveBNGDelaysNoReleaseOnAnother(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		time.Sleep(time.Second)
		subs := map[quarantine.SessionKey]bool{}
		for i := range 40 {
			key, addr := w.login(fmt.Sprint("dead", i))
			subs[key] = true
			time.Sleep(3 * time.Second)
			w.accept(e, botnet(addr))
		}
		key, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		w.accept(e, botnet(addr))
		time.Sleep(5 * time.Second)
		c := w.openCase("alice")
		w.memory.SetUnavailable(true)
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			if subs[o.Session.SessionKey] {
				return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, After: 30 * time.Second}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
		})
		time.Sleep(time.Until(c.ExpiresAt) - 3*time.Second) // dead ones have expired, alice not yet
		_, err := e.Release(t.Context(), c.ID, "op", "false positive", "")
		if !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatal(err)
		}
		released := time.Now()
		for w.network.InForce(key) != "" && time.Since(released) < 3*time.Hour {
			time.Sleep(time.Second)
		}
		if time.Since(released) > time.Minute {
			t.Error("stalled")
		}
		// and the store comes back: deferred commands
	})
}

func TestWakeUpsDoNotCutAReleaseShort(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key := w.restrict(e, "alice")
		var done atomic.Int32
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			if !o.Restricts() {
				done.Add(1)
				return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true, After: 8 * time.Second} // slow BNG, loses 2
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
		})
		c := w.openCase("alice")
		if _, err := e.Release(t.Context(), c.ID, "noc", "x", ""); err != nil {
			t.Fatal(err)
		}
		for range 360 { // an Interim every 5 s
			time.Sleep(5 * time.Second)
			w.record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: key, Subscriber: "alice", At: time.Now()})
			if w.openCase("alice") == nil {
				break
			}
		}
		if w.openCase("alice") != nil {
			t.Error("never closed")
		}
	})
}

func TestAReleaseMayOutlastItsLease(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.restrict(e, "alice")
		n := 0
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			n++
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: false, After: 200 * time.Second} // 4 steps × 50 s of pacing
		})
		c := w.openCase("alice")
		if _, err := e.Release(t.Context(), c.ID, "noc", "x", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(6 * time.Hour)
		if c := w.openCase("alice"); c != nil {
			t.Errorf("still %s after 6 h, %d tries, %+v", c.State, n, c.Sessions[0].Enforcement)
		}
	})
}

func TestNothingIsRestrictedWhileAReleaseWaitsToBeApplied(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key, addr := w.login("alice")
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			if o.Restricts() {
				return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, Applies: true, After: 10 * time.Second}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true, After: time.Second}
		})
		w.accept(e, botnet(addr))
		time.Sleep(20 * time.Second)
		c := w.openCase("alice")
		w.memory.SetUnavailable(true)
		if _, err := e.Release(t.Context(), c.ID, "noc", "cleaned", ""); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		w.wantInForce(key, "")
		before := len(w.network.Sent())
		e.stop()
		w.memory.SetUnavailable(false)
		w.start("a")
		time.Sleep(2 * time.Minute)
		for _, o := range w.network.Sent()[before:] {
			if o.Restricts() {
				t.Errorf("restricted after the release: %+v", o)
			}
		}
		w.wantState("alice", quarantine.Closed)
	})
}

func TestAJournalThatRefusesDefersNoRelease(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key := w.restrict(e, "alice")
		c := w.openCase("alice")
		w.log.Refuse(true)
		_, err := e.Release(t.Context(), c.ID, "noc", "x", "")
		time.Sleep(time.Minute)
		if err != nil || w.network.InForce(key) != "" {
			t.Errorf("release refused: %v; in force %q", err, w.network.InForce(key))
		}
	})
}

func TestADiskThatHangsDefersNoExpiry(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key := w.restrict(e, "alice")
		w.log.SetDelay(24 * time.Hour) // a disk that hangs
		time.Sleep(2 * time.Hour)
		if got := w.network.InForce(key); got != "" {
			t.Errorf("an hour after its expiry: %q", got)
		}
	})
}

func TestAReleaseOfACaseThatTheStoreLostIsSentFromTheJournal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key := w.restrict(e, "alice")
		c := w.openCase("alice")
		e.stop()
		w.memory = quarantinetest.NewMemory()
		e = w.start("a")
		time.Sleep(5 * time.Second)
		if _, err := e.Release(t.Context(), c.ID, "noc", "x", ""); err == nil {
			t.Error("the release of a case that is lost is reported as done")
		}
		time.Sleep(3 * time.Hour)
		if got := w.network.InForce(key); got != "" {
			t.Errorf("3 h later: %q", got)
		}
	})
}

func TestTheJournalOfAFormerSenderUndoesNoNewerCase(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		a := w.start("a")
		time.Sleep(time.Second)
		key, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		w.accept(a, botnet(addr))
		time.Sleep(5 * time.Second)
		// b with its own log takes over: a is partitioned from the store, then comes back
		blog := &quarantinetest.Journal{}
		part := &partition{Memory: w.memory}
		a.stop()
		b := w.startWith(w.memory, "b", func(c *Config) { c.Journal = blog })
		time.Sleep(20 * time.Second)
		c := w.openCase("alice")
		if _, err := b.Release(t.Context(), c.ID, "noc", "x", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.wantInForce(key, "")
		w.startWith(part, "a") // a is back, not the sender
		time.Sleep(time.Minute)
		w.accept(b, botnet(addr)) // new evidence, a new case
		time.Sleep(10 * time.Second)
		w.wantInForce(key, "garden")
		time.Sleep(55 * time.Minute)
		part.away.Store(true)       // a alone loses Redis
		time.Sleep(4 * time.Minute) // the first case's expiry has passed, the second's has not
		now := w.openCase("alice")
		if got := w.network.InForce(key); got != "garden" {
			t.Errorf("the newer case says %s/%s, in force is %q", now.State, now.Sessions[0].Enforcement, got)
		}
	})
}

func TestASessionThatIsGoneIsForgottenByTheLedger(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", func(c *Config) { c.Interim = func(string) time.Duration { return 30 * time.Minute } })
		w.restrict(e, "alice")
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			return quarantinetest.Response{Outcome: quarantine.OutcomeSessionGone}
		})
		c := w.openCase("alice")
		if _, err := e.Release(t.Context(), c.ID, "noc", "x", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(4 * time.Hour)
		if w.openCase("alice") != nil || len(e.ledger.outstanding) != 0 {
			t.Errorf("case %v, ledger %v", w.openCase("alice"), e.ledger.outstanding)
		}
	})
}

func TestPausedCasesBackOff(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &countingStore{Memory: w.memory}
		e := w.startWith(s, "a")
		time.Sleep(time.Second)
		w.pause.Store("file exists")
		for i := range 50 {
			_, addr := w.login(fmt.Sprint("s", i))
			time.Sleep(3 * time.Second)
			w.accept(e, botnet(addr))
		}
		time.Sleep(3 * time.Second)
		d := s.dossiers.Load()
		time.Sleep(10 * time.Second)
		if s.dossiers.Load()-d > 50*4 {
			t.Error("spins")
		}
	})
}

func TestWhatCannotLeaveWritesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		time.Sleep(time.Second)
		key, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, After: time.Second}
		})
		w.accept(e, botnet(addr))
		time.Sleep(5 * time.Second)
		// The session comes under ignore_sessions.
		w.record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: key, Subscriber: "alice", At: time.Now(), Ignored: true})
		n := len(w.log.Entries())
		time.Sleep(30 * time.Minute)
		if more := len(w.log.Entries()) - n; more > 50 {
			t.Errorf("%d log entries in 30 min about one session that is not touched", more)
		}
	})
}

func TestAwaitWaitsForTheProfileThatIsWanted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rules.Profiles["block"] = quarantine.Profile{Name: "block", Severity: 30}
		e := w.start("a")
		w.restrict(e, "alice")
		c, err := e.Quarantine(t.Context(), quarantine.ManualQuarantine{Subscriber: "alice", Profile: "block", Reason: "x",
			For: time.Hour, By: "op"}, false)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		c, _ = e.Await(ctx, c.ID)
		if c.Sessions[0].Wanted != "block" {
			t.Errorf("Await: case %s wants %s; session wanted %s %s", c.State, c.Profile, c.Sessions[0].Wanted, c.Sessions[0].Enforcement)
		}
	})
}

func TestAnAnswerThatNobodyWaitsForIsStillTrue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.log.SetDelay(50 * time.Millisecond)
		e := w.start("a")
		key, addr := w.login("alice")
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := e.Accept(gone, []quarantine.Verdict{botnet(addr)}); err != nil {
			t.Fatalf("got %v; the journal has it, and a restart would act on it", err)
		}
		time.Sleep(10 * time.Second)
		w.wantInForce(key, "garden")
	})
}

func TestADeferredExtensionCountsFromWhenItWasGiven(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.restrict(e, "alice")
		c := w.openCase("alice")
		w.memory.SetUnavailable(true)
		_, err := e.Extend(t.Context(), c.ID, "noc", "x", 10*time.Minute)
		said := time.Now().Add(10 * time.Minute)
		if !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatal(err)
		}
		time.Sleep(40 * time.Minute)
		w.memory.SetUnavailable(false)
		time.Sleep(3 * time.Second)
		c = w.openCase("alice")
		if c != nil && c.ExpiresAt.After(said.Add(time.Minute)) {
			t.Errorf("the person said until %s, the case ends %s", said.Format(time.TimeOnly), c.ExpiresAt.Local().Format(time.TimeOnly))
		}
	})
}

func TestALeaseOfDueWorkWhoseAnswerIsLostIsMadeUpForSoon(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &lossyStore{Memory: w.memory}
		e := w.startWith(s, "a")
		key := w.restrict(e, "alice")
		c := w.openCase("alice")
		s.lose.Store(true)
		if _, err := e.Release(t.Context(), c.ID, "noc", "x", ""); err != nil {
			t.Fatal(err)
		}
		at := time.Now()
		for w.network.InForce(key) != "" && time.Since(at) < time.Hour {
			time.Sleep(time.Second)
		}
		if d := time.Since(at); d > 10*time.Second {
			t.Errorf("released after %s", d)
		}
	})
}

func TestAReleaseSentFromTheJournalIsAssertedAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		time.Sleep(time.Second)
		_, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			if o.Restricts() {
				return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, Applies: true, After: 10 * time.Second}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
		})
		w.accept(e, botnet(addr))
		time.Sleep(13 * time.Second)
		c := w.openCase("alice")
		w.memory.SetUnavailable(true)
		_, _ = e.Release(t.Context(), c.ID, "noc", "x", "")
		time.Sleep(3 * time.Hour)
		n := 0
		for _, o := range w.network.Sent() {
			if !o.Restricts() {
				n++
			}
		}
		if n < 2 {
			t.Errorf("%d releases sent after an unanswered restriction", n)
		}
	})
}

func TestOneCommandThatCannotBeAppliedDelaysNoOther(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &poisonedStore{Memory: w.memory}
		e := w.startWith(s, "a")
		time.Sleep(time.Second)
		_, a1 := w.login("bad")
		_, a2 := w.login("alice")
		time.Sleep(3 * time.Second)
		w.accept(e, botnet(a1))
		w.accept(e, botnet(a2))
		time.Sleep(5 * time.Second)
		bad, good := w.openCase("bad"), w.openCase("alice")
		s.id.Store(bad.ID)
		_, _ = e.Release(t.Context(), bad.ID, "noc", "x", "")
		time.Sleep(100 * time.Millisecond)
		w.memory.SetUnavailable(true)
		_, err := e.Extend(t.Context(), good.ID, "noc", "x", 30*time.Hour)
		if !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatal(err)
		}
		w.memory.SetUnavailable(false)
		time.Sleep(10 * time.Minute)
		c := w.openCase("alice")
		if time.Until(c.ExpiresAt) < 2*time.Hour {
			t.Error("the good command is not applied 10 min after the store is back")
		}
	})
}

func TestAProcessStoppedRightBeforeSendingRestrictsNothingWhenItGoesOn(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		l := &stuckJournal{Journal: w.log, release: make(chan struct{}), hit: make(chan struct{})}
		part := &partition{Memory: w.memory}
		a := w.startWith(part, "a", func(c *Config) { c.Journal = l })
		time.Sleep(time.Second)
		b := w.startWith(w.memory, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
		key, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		l.stuck.Store(true)
		w.accept(a, botnet(addr))
		<-l.hit               // SIGSTOP of a here
		part.away.Store(true) // a does nothing any more
		time.Sleep(20 * time.Second)
		c := w.openCase("alice")
		if _, err := b.Release(t.Context(), c.ID, "op", "wrong line", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		if w.openCase("alice") != nil {
			t.Fatal("not closed yet")
		}
		close(l.release) // SIGCONT
		time.Sleep(time.Second)
		part.away.Store(false)
		time.Sleep(4 * time.Hour)
		if got := w.network.InForce(key); got != "" {
			t.Errorf("released and closed by b; a went on: %q in force 24 h later, open case %v", got, w.openCase("alice"))
		}
	})
}

func TestAnUnresponsiveBNGDoesNotHoldTheWorkersThatOthersNeed(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a") // 16 workers a lane
		for n := range 64 {
			w.login(fmt.Sprint("dead", n))
		}
		key := quarantine.SessionKey{BNG: "bng2", ID: "1"}
		w.record(quarantine.SessionEvent{Kind: quarantine.SessionStarted, Key: key, Subscriber: "alice", At: time.Now(), StartedAt: time.Now()})
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			if o.Session.BNG == "bng1" && !o.Restricts() {
				return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, After: time.Minute}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
		})
		wish := func(subscriber string) string {
			c, err := e.Quarantine(t.Context(), quarantine.ManualQuarantine{Subscriber: subscriber, Profile: "garden",
				Reason: "x", For: time.Hour, By: "noc"}, false)
			if err != nil {
				t.Fatal(err)
			}
			return c.ID
		}
		var cases []string
		for n := range 64 {
			cases = append(cases, wish(fmt.Sprint("dead", n)))
		}
		cases = append(cases, wish("alice"))
		time.Sleep(2 * time.Minute)
		w.wantInForce(key, "garden")
		for _, id := range cases {
			if _, err := e.Release(t.Context(), id, "noc", "all", ""); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(15 * time.Second)
		w.wantInForce(key, "")
	})
}

// The store took the release, the BNG did not: then the journal knows that the
// restriction is over, whichever instance got it.
func TestAnUnansweredReleaseIsSentFromTheJournalToo(t *testing.T) {
	for _, by := range []string{"a", "b"} {
		inWorld(t, func(t *testing.T, w *world) {
			e := map[string]*running{"a": w.start("a")}
			time.Sleep(time.Second)
			e["b"] = w.startWith(w.memory, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
			key := w.restrict(e["a"], "alice")
			w.network.SetResponse(func(quarantine.Order) quarantinetest.Response {
				return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, After: 30 * time.Second}
			})
			if _, err := e[by].Release(t.Context(), w.openCase("alice").ID, "noc", "cleaned", ""); err != nil {
				t.Fatal(err)
			}
			time.Sleep(2 * time.Minute)
			w.memory.SetUnavailable(true)
			e["a"].stop()
			w.start("a") // it remembers
			time.Sleep(time.Minute)
			w.network.SetResponse(nil)
			time.Sleep(3 * time.Minute)
			w.wantInForce(key, "")
		})
	}
}
