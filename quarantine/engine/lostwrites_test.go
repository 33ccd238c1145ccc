package engine

import (
	"context"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// rewound is a store of which one case can go back to an earlier write, as a lossy
// failover makes it: reads give that, and writes go on from there.
type rewound struct {
	*quarantinetest.Memory

	mu     sync.Mutex // guards what follows
	copies []*quarantine.Case
	now    *quarantine.Case // nil: it has not gone back
}

// goBack lets the store have the case as its n-th write left it.
func (s *rewound) goBack(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.copies[n-1].Clone()
}

func (s *rewound) SaveCase(ctx context.Context, w quarantine.CaseWrite) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || s.now.ID != w.Case.ID {
		err := s.Memory.SaveCase(ctx, w)
		if err == nil {
			s.copies = append(s.copies, w.Case.Clone())
		}
		return err
	}
	if w.Case.Version != s.now.Version || w.Case.Stamp != s.now.Stamp {
		return quarantine.ErrConflict
	}
	real, err := s.Memory.Case(ctx, s.now.ID)
	if err != nil {
		return err
	}
	written := w.Case.Clone()
	written.Version, written.Stamp = real.Version, real.Stamp
	w2 := w
	w2.Case = written
	if err := s.Memory.SaveCase(ctx, w2); err != nil {
		return err
	}
	w.Case.Version, w.Case.Stamp = w.Case.Version+1, written.Stamp
	s.now = w.Case.Clone()
	s.copies = append(s.copies, w.Case.Clone())
	return nil
}

func (s *rewound) Case(ctx context.Context, id string) (*quarantine.Case, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now != nil && s.now.ID == id {
		return s.now.Clone(), nil
	}
	return s.Memory.Case(ctx, id)
}

func (s *rewound) Dossier(ctx context.Context, subscriber string) (quarantine.Dossier, error) {
	d, err := s.Memory.Dossier(ctx, subscriber)
	if err != nil {
		return d, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || s.now.Subscriber != subscriber {
		return d, nil
	}
	answered := uint64(0)
	if d.Case != nil {
		answered = d.Case.Answered
	}
	if d.Case = nil; s.now.Open() {
		d.Case = s.now.Clone()
		d.Case.Answered = answered
	}
	return d, nil
}

// restrictAndGoBack has alice restricted, and the store go back to the case's first
// write, which knows nothing of that.
func restrictAndGoBack(t *testing.T, w *world, s *rewound, e *running) (quarantine.SessionKey, string) {
	t.Helper()
	key := w.restrict(e, "alice")
	id := w.openCase("alice").ID
	s.goBack(1)
	if c, err := s.Case(t.Context(), id); err != nil || c.Version != 1 || len(c.Sessions) != 0 {
		t.Fatalf("%+v, %v", c, err)
	}
	return key, id
}

func TestAReleaseAfterALossyFailoverReachesTheNetwork(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &rewound{Memory: w.memory}
		e := w.startWith(s, "a")
		key, id := restrictAndGoBack(t, w, s, e)
		c, err := e.Release(t.Context(), id, "noc", "wrong line", "")
		if err != nil || c.State != quarantine.Releasing {
			t.Fatalf("%+v, %v", c, err)
		}
		time.Sleep(2 * time.Second)
		w.wantInForce(key, "")
		time.Sleep(2 * time.Minute)
		if c, _ := s.Case(t.Context(), id); c.State != quarantine.Closed || len(e.ledger.outstanding) != 0 {
			t.Errorf("%s, outstanding %v", c.State, e.ledger.outstanding)
		}
	})
}

// A release by an instance whose own journal does not know of the restriction.
func TestAReleaseElsewhereAfterALossyFailoverIsSentByWhoRestricted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &rewound{Memory: w.memory}
		a := w.startWith(s, "a")
		time.Sleep(time.Second)
		b := w.startWith(s, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
		key, id := restrictAndGoBack(t, w, s, a)
		if c, err := b.Release(t.Context(), id, "noc", "wrong line", ""); err != nil || c.State != quarantine.Closed {
			t.Fatalf("%+v, %v", c, err)
		}
		w.memory.FailOver()
		time.Sleep(5 * time.Second) // a asks every second what may be lost, and compares
		w.wantInForce(key, "")
		time.Sleep(time.Hour)
		w.wantInForce(key, "")
		if len(a.ledger.outstanding) != 0 {
			t.Errorf("outstanding: %v", a.ledger.outstanding)
		}
	})
}

// Nobody notices that the store went back: a copy was put in its place.
func TestAJournalForgetsNothingForACaseThatDoesNotKnow(t *testing.T) {
	for _, restart := range []bool{false, true} {
		inWorld(t, func(t *testing.T, w *world) {
			s := &rewound{Memory: w.memory}
			a := w.startWith(s, "a")
			time.Sleep(time.Second)
			key, id := restrictAndGoBack(t, w, s, a)
			b := w.startWith(s, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
			if _, err := b.Release(t.Context(), id, "noc", "wrong line", ""); err != nil {
				t.Fatal(err)
			}
			if restart {
				a.stop()
				carried := &quarantinetest.Journal{}
				if err := carried.Append(t.Context(), a.Checkpoint()...); err != nil {
					t.Fatal(err)
				}
				w.startWith(s, "a", func(c *Config) { c.Journal = carried })
			}
			time.Sleep(2 * time.Minute)
			w.wantInForce(key, "")
		})
	}
}

func TestAfterALossyFailoverAnOpenCaseGetsWhatIsInForce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &rewound{Memory: w.memory}
		a := w.startWith(s, "a")
		key, id := restrictAndGoBack(t, w, s, a)
		w.memory.FailOver()
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "garden")
		c, err := s.Case(t.Context(), id)
		if err != nil || c.State != quarantine.Restricted || len(c.Sessions) != 1 || !c.Sessions[0].Confirmed {
			t.Fatalf("%+v, %v", c, err)
		}
		time.Sleep(time.Until(c.ExpiresAt) + 2*time.Second)
		w.wantInForce(key, "")
	})
}

// The answer comes while the store has already gone back.
func TestAnAnswerThatComesAfterTheStoreWentBackIsNotDropped(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &rewound{Memory: w.memory}
		w.network.SetResponse(func(o quarantine.Order) quarantinetest.Response {
			return quarantinetest.Response{Outcome: quarantine.OutcomeAcked, Applies: true, After: 2 * time.Second}
		})
		a := w.startWith(s, "a")
		key, address := w.login("alice")
		time.Sleep(3 * time.Second)
		w.accept(a, botnet(address))
		for w.network.InForce(key) == "" {
			time.Sleep(time.Millisecond)
		}
		s.goBack(1)
		time.Sleep(3 * time.Second)
		c := w.openCase("alice")
		if c, err := s.Case(t.Context(), c.ID); err != nil || c.State != quarantine.Restricted {
			t.Errorf("%+v, %v", c, err)
		}
	})
}

// Another journal's restriction of the same session is no reason to send more.
func TestTwoJournalsOfOneSessionConverge(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &rewound{Memory: w.memory}
		a := w.startWith(s, "a")
		key := w.restrict(a, "alice")
		a.stop()
		b := w.startWith(s, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
		time.Sleep(20 * time.Second)
		s.goBack(1)
		w.memory.FailOver()
		time.Sleep(20 * time.Second) // b works the case that knows of nothing
		w.startWith(s, "a")
		time.Sleep(5 * time.Minute)
		w.wantInForce(key, "garden")
		sent := len(w.network.Sent())
		time.Sleep(20 * time.Minute)
		if more := len(w.network.Sent()) - sent; more != 0 {
			t.Errorf("%d more orders", more)
		}
		c, err := b.Release(t.Context(), w.openCase("alice").ID, "noc", "x", "")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Minute)
		w.wantInForce(key, "")
		if c, err = s.Case(t.Context(), c.ID); err != nil || c.State != quarantine.Closed || len(b.ledger.outstanding) != 0 {
			t.Errorf("%s, %v, %v", c.State, b.ledger.outstanding, err)
		}
	})
}

func TestAfterAFailoverEveryOpenCaseIsDue(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		s := &countingStore{Memory: w.memory}
		e := w.startWith(s, "a")
		w.restrict(e, "alice")
		before := s.dossiers.Load()
		time.Sleep(2 * time.Second)
		if idle := s.dossiers.Load(); idle != before {
			t.Fatalf("not idle: %d reads", idle-before)
		}
		w.memory.FailOver()
		time.Sleep(4 * time.Second)
		if s.dossiers.Load() == before {
			t.Error("the case was not due")
		}
	})
}
