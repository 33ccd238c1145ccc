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

// hangingStore answers until it hangs: then every call fails after 5 s, as those to a
// Redis that is silent do (two attempts of 2.5 s). It falls silent in the first call
// of the method that trap names.
type hangingStore struct {
	*quarantinetest.Memory
	hangs atomic.Bool
	trap  atomic.Value // string
}

var errHangs = errors.New("i/o timeout")

func (s *hangingStore) late(ctx context.Context, method string) error {
	if trap, _ := s.trap.Load().(string); trap == method {
		s.hangs.Store(true)
	}
	if !s.hangs.Load() {
		return nil
	}
	select {
	case <-time.After(5 * time.Second):
	case <-ctx.Done():
	}
	return errHangs
}

func hanging[T any](ctx context.Context, s *hangingStore, method string, call func() (T, error)) (T, error) {
	if err := s.late(ctx, method); err != nil {
		var none T
		return none, err
	}
	return call()
}

func (s *hangingStore) KnownVerdicts(ctx context.Context, ids []string) (map[string]bool, error) {
	return hanging(ctx, s, "KnownVerdicts", func() (map[string]bool, error) { return s.Memory.KnownVerdicts(ctx, ids) })
}

func (s *hangingStore) Case(ctx context.Context, id string) (*quarantine.Case, error) {
	return hanging(ctx, s, "Case", func() (*quarantine.Case, error) { return s.Memory.Case(ctx, id) })
}

func (s *hangingStore) CasesByID(ctx context.Context, ids []string) (map[string]*quarantine.Case, error) {
	return hanging(ctx, s, "CasesByID", func() (map[string]*quarantine.Case, error) { return s.Memory.CasesByID(ctx, ids) })
}

func (s *hangingStore) Dossier(ctx context.Context, sub string) (quarantine.Dossier, error) {
	return hanging(ctx, s, "Dossier", func() (quarantine.Dossier, error) { return s.Memory.Dossier(ctx, sub) })
}

func (s *hangingStore) Session(ctx context.Context, key quarantine.SessionKey) (quarantine.Session, error) {
	return hanging(ctx, s, "Session", func() (quarantine.Session, error) { return s.Memory.Session(ctx, key) })
}

func (s *hangingStore) SessionsOf(ctx context.Context, sub string) ([]quarantine.Session, error) {
	return hanging(ctx, s, "SessionsOf", func() ([]quarantine.Session, error) { return s.Memory.SessionsOf(ctx, sub) })
}

func (s *hangingStore) SaveCase(ctx context.Context, w quarantine.CaseWrite) error {
	_, err := hanging(ctx, s, "SaveCase", func() (any, error) { return nil, s.Memory.SaveCase(ctx, w) })
	return err
}

func (s *hangingStore) TakeDue(
	ctx context.Context, lane quarantine.Lane, now time.Time, lease time.Duration, n int, term uint64,
) ([]quarantine.Due, error) {
	return hanging(ctx, s, "TakeDue", func() ([]quarantine.Due, error) { return s.Memory.TakeDue(ctx, lane, now, lease, n, term) })
}

func (s *hangingStore) FinishDue(ctx context.Context, d quarantine.Due, next time.Time) error {
	_, err := hanging(ctx, s, "FinishDue", func() (any, error) { return nil, s.Memory.FinishDue(ctx, d, next) })
	return err
}

func (s *hangingStore) WakeAll(ctx context.Context, now time.Time) error {
	_, err := hanging(ctx, s, "WakeAll", func() (any, error) { return nil, s.Memory.WakeAll(ctx, now) })
	return err
}

func (s *hangingStore) Campaign(ctx context.Context, h string, ttl time.Duration) (term uint64, held bool, err error) {
	if err := s.late(ctx, "Campaign"); err != nil {
		return 0, false, err
	}
	return s.Memory.Campaign(ctx, h, ttl)
}

func (s *hangingStore) Gaps(ctx context.Context) ([]quarantine.Gap, error) {
	return hanging(ctx, s, "Gaps", func() ([]quarantine.Gap, error) { return s.Memory.Gaps(ctx) })
}

func (s *hangingStore) PublishInstance(ctx context.Context, i quarantine.Instance, returning bool, keep time.Duration) (time.Time, error) {
	return hanging(ctx, s, "PublishInstance", func() (time.Time, error) { return s.Memory.PublishInstance(ctx, i, returning, keep) })
}

func (s *hangingStore) Maintenances(ctx context.Context) ([]quarantine.Maintenance, error) {
	return hanging(ctx, s, "Maintenances", func() ([]quarantine.Maintenance, error) { return s.Memory.Maintenances(ctx) })
}

// restrictMany restricts n subscribers for ten minutes and returns their sessions.
func (w *world) restrictMany(e *running, n int) []quarantine.SessionKey {
	w.t.Helper()
	var keys []quarantine.SessionKey
	for i := range n {
		key, _ := w.login(fmt.Sprint("sub", i))
		keys = append(keys, key)
	}
	time.Sleep(3 * time.Second)
	for i := range n {
		wish := quarantine.ManualQuarantine{Subscriber: fmt.Sprint("sub", i), Profile: "garden", Reason: "x", For: 10 * time.Minute, By: "noc"}
		if _, err := e.Quarantine(w.t.Context(), wish, false); err != nil {
			w.t.Fatal(err)
		}
	}
	time.Sleep(30 * time.Second)
	for _, key := range keys {
		w.wantInForce(key, "garden")
	}
	return keys
}

// lastExpiry is when the last of what is outstanding expires.
func (l *ledger) lastExpiry() (last time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, of := range l.outstanding {
		for _, o := range of {
			if o.ExpiresAt.After(last) {
				last = o.ExpiresAt
			}
		}
	}
	return last
}

// release of a session as if it had been sent from the journal.
func fromJournal(i int, key quarantine.SessionKey) sent {
	return sent{Order: quarantine.Order{
		Case: fmt.Sprint("earlier", i), Session: quarantine.Session{SessionKey: key, Subscriber: fmt.Sprint("sub", i),
			StartedAt: time.Unix(1, 0)},
		From: []quarantine.AppliedProfile{{Profile: "garden"}},
	}}
}

// Whatever pass over all cases the store becomes unreachable in, releases leave from the
// journal within seconds. 200 cases at 5 s would be 17 minutes.
func TestTheStoreBecomesUnreachableDuringAPassAndEveryReleaseLeavesInTime(t *testing.T) {
	const n = 200
	for _, walk := range []struct {
		name, trap string
		begin      func(*testing.T, *running, []quarantine.SessionKey)
	}{
		{"none", "KnownVerdicts", nil},
		{"comparison of journal and cases", "CasesByID", nil},
		{"taking due work", "TakeDue", nil},
		{"wake-up of all cases", "WakeAll", func(_ *testing.T, e *running, _ []quarantine.SessionKey) { e.wakeNeeded.Store(true) }},
		{"commands that wait", "Case", func(_ *testing.T, e *running, _ []quarantine.SessionKey) {
			for _, id := range e.ledger.cases() {
				e.ledger.addCommand(command{ID: "m-" + id, Verb: verbNote, Case: id, By: "noc", Reason: "x", At: time.Now()})
			}
		}},
		{"releases that no case knows of", "Dossier", func(_ *testing.T, e *running, keys []quarantine.SessionKey) {
			for i, key := range keys {
				e.ledger.sent(fromJournal(i, key))
			}
		}},
		{"releases that accounting may deny", "Session", func(_ *testing.T, e *running, keys []quarantine.SessionKey) {
			for i, key := range keys {
				s := fromJournal(i, key)
				e.rechecks.add(answered{Order: s.Order, Outcome: quarantine.Outcome{Kind: quarantine.OutcomeAcked,
					Verification: quarantine.VerifyByAccounting}}, time.Now())
			}
		}},
		{"maintenance windows", "Maintenances", nil},
	} {
		t.Run(walk.name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				s := &hangingStore{Memory: w.memory}
				e := w.startWith(s, "a", func(c *Config) { c.Workers = 1024 })
				time.Sleep(time.Second)
				keys := w.restrictMany(e, n)
				expiry := e.ledger.lastExpiry()
				time.Sleep(time.Until(expiry) - 100*time.Second)
				s.trap.Store(walk.trap)
				if walk.begin != nil {
					walk.begin(t, e, keys)
				}
				time.Sleep(time.Until(expiry) - time.Second)
				if !s.hangs.Load() {
					t.Fatal("the walk never came")
				}
				w.wantInForce(keys[n-1], "garden")
				time.Sleep(4 * time.Second)
				for _, key := range keys {
					w.wantInForce(key, "")
				}
			})
		})
	}
}

func TestTheStoreBecomesUnreachableWhileCasesExpire(t *testing.T) {
	for _, before := range []time.Duration{-200 * time.Millisecond, 0, time.Second, 4 * time.Second} {
		t.Run(before.String(), func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				s := &hangingStore{Memory: w.memory}
				e := w.startWith(s, "a", func(c *Config) { c.Workers = 1024 })
				time.Sleep(time.Second)
				keys := w.restrictMany(e, 50)
				expiry := e.ledger.lastExpiry()
				time.Sleep(time.Until(expiry) - before)
				s.hangs.Store(true)
				time.Sleep(time.Until(expiry) + 10*time.Second)
				for _, key := range keys {
					w.wantInForce(key, "")
				}
			})
		})
	}
}

func TestAStoreThatIsSlowOnceIsNotUnreachable(t *testing.T) {
	s := newStoreHealth()
	at := time.Unix(0, 0)
	for _, step := range []struct {
		after  time.Duration
		answer bool
		lasts  time.Duration
	}{
		{0, true, 0}, {time.Second, false, 0}, {2 * time.Second, false, 2 * time.Second}, {time.Second, false, 3 * time.Second},
		{time.Second, true, 0}, {time.Second, false, 0}, {4 * time.Second, false, 4 * time.Second},
	} {
		at = at.Add(step.after)
		s.probing(at)
		if step.answer {
			s.answered(false)
		}
		if got := s.unreachableFor(at); got != step.lasts {
			t.Errorf("at %s: silent for %s, want %s", at.UTC().Format("05"), got, step.lasts)
		}
	}
}
