package engine

import (
	"context"
	"errors"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

var errFull = errors.New("OOM command not allowed when used memory > 'maxmemory'")

// fullStore answers reads, and refuses what needs room: Redis with noeviction that is
// full, or whose replicas are too few.
type fullStore struct {
	*quarantinetest.Memory
	full atomic.Bool
}

func (s *fullStore) refuse() error {
	if s.full.Load() {
		return errFull
	}
	return nil
}

func (s *fullStore) KnownVerdicts(ctx context.Context, ids []string) (map[string]bool, error) {
	if err := s.refuse(); err != nil && len(ids) == 0 { // as store.Store finds out, see refusal_test.go there
		return nil, err
	}
	return s.Memory.KnownVerdicts(ctx, ids)
}

func (s *fullStore) SaveCase(ctx context.Context, w quarantine.CaseWrite) error {
	if err := s.refuse(); err != nil {
		return err
	}
	return s.Memory.SaveCase(ctx, w)
}

func (s *fullStore) TakeDue(
	ctx context.Context, lane quarantine.Lane, now time.Time, lease time.Duration, n int, term uint64,
) ([]quarantine.Due, error) {
	if err := s.refuse(); err != nil {
		return nil, err
	}
	return s.Memory.TakeDue(ctx, lane, now, lease, n, term)
}

func (s *fullStore) Campaign(ctx context.Context, holder string, ttl time.Duration) (uint64, bool, error) {
	if err := s.refuse(); err != nil {
		return 0, false, err
	}
	return s.Memory.Campaign(ctx, holder, ttl)
}

func TestAStoreThatAnswersAndRefusesWritesDelaysNoRelease(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &fullStore{Memory: w.memory}
		e := w.startWith(s, "a")
		expires, released := w.restrict(e, "alice"), w.restrict(e, "bob")
		c := w.openCase("bob")
		s.full.Store(true)
		if _, err := e.Release(t.Context(), c.ID, "noc", "cleaned", ""); err != nil && !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		if got := w.network.InForce(released); got != "" {
			t.Errorf("bob, whom a person released 10 s ago, has %q", got)
		}
		time.Sleep(time.Hour + 10*time.Second)
		if got := w.network.InForce(expires); got != "" {
			t.Errorf("alice, whose time is over, has %q", got)
		}
	})
}

// A release that the BNG acknowledged and did not do; a new case that restricts nobody
// (below a threshold) is open by the time that accounting denies it.
func TestACaseThatRestrictsNobodyEndsNoReleaseRecheck(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rules.Policy.Rules = append(w.rules.Policy.Rules, quarantine.Rule{
			Name: "scan", Match: quarantine.Match{Category: []string{"scan"}}, Profile: "garden", For: quarantine.Duration(time.Hour),
			Threshold: quarantine.Threshold{Count: 5},
		})
		e := w.start("a")
		w.network.SetVerification(quarantine.VerifyByAccounting)
		key, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		w.accept(e, botnet(addr))
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "garden")
		w.falseAcks(1)
		w.release(e, "alice")
		w.wantState("alice", quarantine.Closed)
		v := botnet(addr)
		v.Category = "scan"
		w.accept(e, v)
		time.Sleep(5 * time.Second)
		w.wantState("alice", quarantine.Observing)
		w.interim("alice", key, "GARDEN")
		time.Sleep(5 * time.Minute)
		w.wantInForce(key, "")
	})
}

// One of two sessions was taken to be over while its case still releases the other;
// then accounting reports it again.
func TestASessionPresumedOverIsReleasedThoughItsCaseStillReleasesAnother(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", halfHourly)
		one, addr := w.login("alice")
		two, _ := w.login("alice")
		time.Sleep(3 * time.Second)
		w.accept(e, botnet(addr))
		time.Sleep(5 * time.Second)
		w.wantInForce(one, "garden")
		w.wantInForce(two, "garden")
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			if o.Session.SessionKey == one {
				return quarantinetest.Response{Outcome: quarantine.OutcomeSessionGone}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, After: time.Second}
		})
		w.release(e, "alice")
		time.Sleep(2 * time.Hour)
		c := w.wantState("alice", quarantine.Releasing)
		for _, se := range c.Sessions {
			if se.Session.SessionKey == one && se.Enforcement != quarantine.Gone {
				t.Fatalf("not taken to be over: %+v", se)
			}
		}
		w.record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: one, Subscriber: "alice", At: time.Now()})
		time.Sleep(5 * time.Minute)
		w.network.SetResponse(nil)
		w.record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: one, Subscriber: "alice", At: time.Now()})
		time.Sleep(30 * time.Minute)
		w.wantInForce(two, "")
		w.wantInForce(one, "")
	})
}

// brokenStore cannot read something beside the case.
type brokenStore struct {
	*quarantinetest.Memory
	sessions, bindings atomic.Bool
}

var errWrongType = errors.New("WRONGTYPE Operation against a key holding the wrong kind of value")

func (s *brokenStore) SessionsOf(ctx context.Context, sub string) ([]quarantine.Session, error) {
	if s.sessions.Load() {
		return nil, errWrongType
	}
	return s.Memory.SessionsOf(ctx, sub)
}

func (s *brokenStore) Bindings(ctx context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
	if s.bindings.Load() {
		return nil, errWrongType
	}
	return s.Memory.Bindings(ctx, at, from, to)
}

func TestWhatCannotBeReadBesideTheCaseDelaysNoRelease(t *testing.T) {
	t.Run("sessions of the subscriber", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w *world) {
			s := &brokenStore{Memory: w.memory}
			e := w.startWith(s, "a")
			key := w.restrict(e, "alice")
			s.sessions.Store(true)
			w.release(e, "alice")
			time.Sleep(10 * time.Minute)
			w.wantInForce(key, "")
		})
	})
	t.Run("expiry", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w *world) {
			s := &brokenStore{Memory: w.memory}
			e := w.startWith(s, "a")
			key := w.restrict(e, "alice")
			s.sessions.Store(true)
			time.Sleep(2 * time.Hour)
			w.wantInForce(key, "")
		})
	})
	t.Run("holders", func(t *testing.T) {
		inWorld(t, func(t *testing.T, w *world) {
			s := &brokenStore{Memory: w.memory}
			e := w.startWith(s, "a", halfHourly)
			key := w.restrict(e, "alice")
			w.unknown(key)
			w.release(e, "alice")
			s.bindings.Store(true)
			w.network.SetResponse(nil)
			time.Sleep(30 * time.Minute)
			w.wantInForce(key, "")
		})
	})
}

var _ = netip.Addr{}

// Forty BNGs that do not answer keep restrictions busy, none more than its share; alice,
// on one that answers, expires meanwhile.
func TestAnExpiryDoesNotWaitBehindRestrictionsOfOtherBNGs(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rules.MaxSessions = 100
		e := w.startWith(w.memory, "a", func(c *Config) { c.Workers = 64 })
		key := w.restrict(e, "alice")
		ends := w.openCase("alice").ExpiresAt
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			if o.Session.BNG == key.BNG {
				return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true}
			}
			return quarantinetest.Response{Outcome: quarantine.OutcomeUnanswered, After: 10 * time.Second}
		})
		time.Sleep(time.Until(ends) - 2*time.Minute)
		for b := range 40 {
			for n := range 20 {
				id := string(rune('a'+b%26)) + string(rune('a'+b/26)) + string(rune('a'+n))
				w.loginOn("bng-"+id[:2], "u"+id, id)
				time.Sleep(time.Millisecond)
				v := quarantine.Verdict{Source: "ids", ObservedAt: time.Now(), Subscriber: "u" + id, Category: "botnet", SourceID: id}
				w.accept(e, v)
			}
		}
		time.Sleep(time.Until(ends))
		for wait := range 600 {
			time.Sleep(time.Second)
			if w.network.InForce(key) == "" {
				if wait > 10 {
					t.Errorf("released %d s after its expiry", wait)
				}
				return
			}
		}
		t.Error("not released within 10 minutes")
	})
}

// As above, but by the time that accounting reports the session again a new case
// restricts the subscriber, with another profile.
func TestWhatIsLeftOnASessionPresumedOverIsTheNextCasesToo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.ladder()
		e := w.startWith(w.memory, "a", halfHourly)
		key := w.restrict(e, "alice")
		w.unknown(key)
		w.release(e, "alice")
		time.Sleep(2 * time.Hour)
		w.wantState("alice", quarantine.Closed)
		w.network.SetResponse(nil)
		if _, err := e.Quarantine(t.Context(), quarantine.ManualQuarantine{Subscriber: "alice", Profile: "block-smtp",
			Reason: "again", For: time.Hour, By: "noc"}, false); err != nil {
			t.Fatal(err)
		}
		w.record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: key, Subscriber: "alice", At: time.Now()})
		time.Sleep(20 * time.Minute)
		w.wantInForce(key, "block-smtp")
		c := w.wantState("alice", quarantine.Restricted)
		t.Log(c.Sessions[len(c.Sessions)-1].Applied)
		logged := false
		for _, o := range w.network.Sent() {
			logged = logged || o.To == "block-smtp" && len(o.From) > 0 && o.From[0].Profile == "garden"
		}
		if !logged {
			t.Error("whoever put block-smtp in force did not know that garden was")
		}
	})
}

// A session that is over although no Stop came is not taken up again and again.
func TestWhatIsLeftOfASessionThatIsOverIsNotTakenUpAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.startWith(w.memory, "a", halfHourly)
		key, addr := w.login("alice")
		time.Sleep(3 * time.Second)
		w.rules.Policy.Rules[0].For = quarantine.Duration(24 * time.Hour)
		w.accept(e, botnet(addr))
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "garden")
		w.network.SetVerification(quarantine.VerifyByAccounting)
		next := w.loginAt("alice", "s-next", addr)
		time.Sleep(5 * time.Second)
		w.wantInForce(next, "garden")
		w.unknown(key)
		if _, err := e.Quarantine(t.Context(), quarantine.ManualQuarantine{Subscriber: "alice", Profile: "garden",
			Reason: "again", For: 20 * time.Hour, By: "noc", Replace: true}, false); err != nil {
			t.Fatal(err)
		}
		w.release(e, "alice")
		time.Sleep(10 * time.Minute)
		sent := len(w.network.Sent())
		time.Sleep(3 * time.Hour)
		if more := len(w.network.Sent()) - sent; more > 4 {
			t.Errorf("%d orders about a session that is over", more)
		}
	})
}

// stuckStore answers everything, and hands out no work: something else wrote to the due
// set, or a sender that does nothing holds the lease.
type stuckStore struct {
	*quarantinetest.Memory
	stuck atomic.Bool
}

func (s *stuckStore) TakeDue(
	ctx context.Context, lane quarantine.Lane, now time.Time, lease time.Duration, n int, term uint64,
) ([]quarantine.Due, error) {
	if s.stuck.Load() {
		return nil, errWrongType
	}
	return s.Memory.TakeDue(ctx, lane, now, lease, n, term)
}

func TestAReleaseThatNoSenderWorksIsSentFromTheJournal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &stuckStore{Memory: w.memory}
		e := w.startWith(s, "a")
		expires, released, goesOn := w.restrict(e, "alice"), w.restrict(e, "bob"), w.restrict(e, "carol")
		if _, err := e.Extend(t.Context(), w.openCase("carol").ID, "noc", "longer", 10*time.Hour); err != nil {
			t.Fatal(err)
		}
		s.stuck.Store(true)
		w.release(e, "bob")
		time.Sleep(18 * time.Minute)
		w.wantInForce(released, "")
		w.wantInForce(expires, "garden")
		time.Sleep(time.Hour)
		w.wantInForce(expires, "")
		w.wantInForce(goesOn, "garden")
		s.stuck.Store(false)
		time.Sleep(15 * time.Minute)
		w.wantState("alice", quarantine.Closed)
		w.wantState("bob", quarantine.Closed)
		w.wantState("carol", quarantine.Restricted)
	})
}
