package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
)

// Sender tests quarantine.SenderLease and the writes that carry a term.
func Sender(t *testing.T, open Open) {
	senderCandidates(t, open)
	senderTerms(t, open)
	lostTerms(t, open)
}

// leaseTTL is how long the sender lease lasts in this suite.
const leaseTTL = 10 * time.Second

func campaign(t *testing.T, s Ports, holder string, ttl time.Duration) (uint64, bool) {
	t.Helper()
	term, held, err := s.Campaign(t.Context(), holder, ttl)
	must(t, err)
	return term, held
}

func senderCandidates(t *testing.T, open Open) {
	t.Run("one of many holds it", func(t *testing.T) {
		s := start(t, open)
		var mu sync.Mutex
		holders := map[string]uint64{}
		var wait sync.WaitGroup
		for i := range 16 {
			wait.Go(func() {
				holder := fmt.Sprintf("i%d", i%8)
				for range 5 {
					term, held, err := s.Campaign(t.Context(), holder, leaseTTL)
					if err != nil {
						t.Error(err)
					}
					if held {
						mu.Lock()
						holders[holder] = term
						mu.Unlock()
					}
				}
			})
		}
		wait.Wait()
		if len(holders) != 1 {
			t.Fatalf("holders: %v", holders)
		}
	})
}

func senderTerms(t *testing.T, open Open) {
	t.Run("the term rises when the holder changes and only then", func(t *testing.T) {
		s := start(t, open)
		const short = 100 * time.Millisecond
		terms := []uint64{0} // the terms so far; steps name them by their place
		steps := []struct {
			do   string
			term uint64
			held bool
		}{
			{"a", 1, true}, {"a", 1, true}, {"b", 1, false}, {"wait", 0, false}, {"a", 1, true}, {"wait", 0, false}, {"b", 2, true},
			{"a", 2, false}, {"b resigns", 0, false}, {"b", 2, true}, {"a resigns", 0, false}, {"a", 2, false}, {"b resigns", 0, false},
			{"a", 3, true},
		}
		for i, step := range steps {
			switch step.do {
			case "wait":
				s.pass(2 * short)
			case "a resigns", "b resigns":
				must(t, s.Resign(t.Context(), step.do[:1]))
			default:
				life := leaseTTL
				if i < 5 || step.do == "a" && step.term == 1 {
					life = short
				}
				term, held := campaign(t, s, step.do, life)
				if step.term == uint64(len(terms)) {
					if term <= terms[len(terms)-1] {
						t.Fatalf("step %d, %s: term %d does not rise: %v", i, step.do, term, terms)
					}
					terms = append(terms, term)
				}
				if held != step.held || term != terms[step.term] {
					t.Fatalf("step %d, %s: term %d, held %t; want %d of %v, %t", i, step.do, term, held, step.term, terms, step.held)
				}
			}
		}
	})
}

func lostTerms(t *testing.T, open Open) {
	t.Run("a term that has passed writes and takes nothing", func(t *testing.T) {
		s := start(t, open)
		old, _ := campaign(t, s, "a", leaseTTL)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c, Term: old})
		must(t, s.Resign(t.Context(), "a"))
		term, _ := campaign(t, s, "b", leaseTTL)
		refuse(t, s, quarantine.CaseWrite{Case: c, DueAt: noon, Now: noon, Term: old}, quarantine.ErrNotSender)
		if _, err := s.TakeDue(t.Context(), quarantine.LaneRestrict, noon, time.Minute, 10, old); !errors.Is(err, quarantine.ErrNotSender) {
			t.Fatalf("take: %v", err)
		}
		save(t, s, quarantine.CaseWrite{Case: c, Term: term})
		save(t, s, quarantine.CaseWrite{Case: c}) // no claim
		due, err := s.TakeDue(t.Context(), quarantine.LaneRestrict, noon, time.Minute, 10, term)
		must(t, err)
		if len(due) != 1 {
			t.Fatalf("due: %v", due)
		}
	})

	t.Run("a unnamed holder is refused", func(t *testing.T) {
		s := start(t, open)
		if _, _, err := s.Campaign(t.Context(), "", leaseTTL); err == nil {
			t.Fatal("no error")
		}
	})
}
