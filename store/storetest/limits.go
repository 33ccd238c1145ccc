package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
)

// Limits tests the limits of quarantine.CaseWriter.
func Limits(t *testing.T, open Open) {
	fullLimits(t, open)
	repeatedReservations(t, open)
	weights(t, open)
	repeatedWeights(t, open)
	concurrentReservations(t, open)
}

// Limits that the suite counts in.
var (
	threeAnHour = quarantine.LimitScope{Key: "hour", Label: "3 lines per hour", Window: time.Hour, Max: 3}
	tenAnHour   = quarantine.LimitScope{Key: "hour", Label: "10 lines per hour", Window: time.Hour, Max: 10}
	anyADay     = quarantine.LimitScope{Key: "source:{c} s1:day", Label: "no limit", Window: 24 * time.Hour}
)

// reserving is the write of case n with a reservation of one line.
func reserving(n int, at time.Time, scopes ...quarantine.LimitScope) quarantine.CaseWrite {
	c := newCase(fmt.Sprintf("c%d", n), fmt.Sprintf("u%d", n))
	return quarantine.CaseWrite{Case: c, DueAt: at, Now: at, Reserve: &quarantine.Reservation{ID: c.ID + "/1", Scopes: scopes}}
}

// weighing is the same with a reservation of several lines.
func weighing(n, lines int, at time.Time, scopes ...quarantine.LimitScope) quarantine.CaseWrite {
	w := reserving(n, at, scopes...)
	for i := range w.Reserve.Scopes {
		w.Reserve.Scopes[i].Weight = lines
	}
	return w
}

func fullLimits(t *testing.T, open Open) {
	t.Run("a full limit refuses everything in the write", func(t *testing.T) {
		s := start(t, open)
		for n := range 3 {
			save(t, s, reserving(n, noon, anyADay, threeAnHour))
		}
		w := reserving(3, minute(1), anyADay, threeAnHour)
		w.Verdict = &quarantine.VerdictStatus{Verdict: quarantine.Verdict{ID: "v1"}, State: quarantine.VerdictActed, Final: true}
		err := s.SaveCase(t.Context(), w)
		var full *quarantine.LimitError
		if !errors.As(err, &full) || full.Scope != threeAnHour {
			t.Fatalf("error %v, want the hour's LimitError", err)
		}
		if _, err := s.Case(t.Context(), "c3"); !errors.Is(err, quarantine.ErrNoCase) {
			t.Fatalf("the refused case: %v", err)
		}
		if _, err := s.Verdict(t.Context(), "v1"); !errors.Is(err, quarantine.ErrNoVerdict) {
			t.Fatalf("its verdict: %v", err)
		}
		if got := take(t, s, quarantine.LaneRestrict, minute(1)); len(got) != 3 {
			t.Fatalf("due: %v", got)
		}
		w.Reserve = nil
		save(t, s, w) // the held case is written without a reservation
	})

	t.Run("the window slides", func(t *testing.T) {
		s := start(t, open)
		brief := quarantine.LimitScope{Key: "brief", Label: "3 lines in a while", Window: 300 * time.Millisecond, Max: 3}
		for n := range 3 {
			save(t, s, reserving(n, noon, brief))
		}
		s.pass(brief.Window + time.Millisecond)
		for n := range 3 {
			save(t, s, reserving(3+n, noon, brief))
		}
	})

	t.Run("a writer whose clock is wrong counts and drops nothing that others do not", func(t *testing.T) {
		for _, wrong := range []time.Duration{48 * time.Hour, -48 * time.Hour} {
			s := start(t, open)
			save(t, s, reserving(0, noon, threeAnHour, anyADay))
			skewed := reserving(1, noon.Add(wrong), threeAnHour, anyADay)
			save(t, s, skewed)
			save(t, s, reserving(2, noon, threeAnHour, anyADay))
			refuseFull(t, s, reserving(3, noon.Add(wrong), threeAnHour, anyADay))
			refuseFull(t, s, reserving(3, noon, threeAnHour, anyADay))
			save(t, s, skewed) // it has its place
		}
	})
}

func repeatedReservations(t *testing.T, open Open) {
	t.Run("a reservation counts once, however often it is written", func(t *testing.T) {
		s := start(t, open)
		w := reserving(0, noon, threeAnHour)
		for range 5 {
			save(t, s, w)
		}
		save(t, s, reserving(1, noon, threeAnHour))
		save(t, s, reserving(2, noon, threeAnHour))
		refuseFull(t, s, reserving(3, noon, threeAnHour))
		save(t, s, w) // in a full limit too: it has its place
	})

	t.Run("a person's decision is counted and not refused", func(t *testing.T) {
		s := start(t, open)
		for n := range 4 {
			w := reserving(n, noon, threeAnHour)
			w.Reserve.Forced = true
			save(t, s, w)
		}
		refuseFull(t, s, reserving(4, noon, threeAnHour))
	})
}

func weights(t *testing.T, open Open) {
	t.Run("a reservation takes as much as it weighs", func(t *testing.T) {
		s := start(t, open)
		save(t, s, weighing(0, 6, noon, tenAnHour, anyADay))
		refuseFull(t, s, weighing(1, 5, noon, tenAnHour, anyADay))
		save(t, s, weighing(2, 3, noon, tenAnHour, anyADay))
		save(t, s, weighing(3, 1, noon, tenAnHour, anyADay))
		refuseFull(t, s, weighing(4, 1, noon, tenAnHour, anyADay))
	})

	t.Run("a weight above the whole limit never fits, unless a person decides", func(t *testing.T) {
		s := start(t, open)
		w := weighing(0, 11, noon, tenAnHour)
		refuseFull(t, s, w)
		refuseFull(t, s, weighing(1, 1_000_000, noon, tenAnHour))
		w.Reserve.Forced = true
		save(t, s, w)
		refuseFull(t, s, weighing(2, 1, noon, tenAnHour))
		brief := quarantine.LimitScope{Key: "brief", Label: "10 lines in a while", Window: 300 * time.Millisecond, Max: 10}
		w = weighing(3, 11, noon, brief)
		w.Reserve.Forced = true
		save(t, s, w)
		s.pass(brief.Window + time.Millisecond)
		save(t, s, weighing(4, 10, noon, brief))
	})
}

func repeatedWeights(t *testing.T, open Open) {
	t.Run("a reservation with weight counts once, however often and with whatever weight it is written", func(t *testing.T) {
		s := start(t, open)
		w := weighing(0, 6, noon, tenAnHour)
		for _, lines := range []int{6, 6, 9, 1} {
			for i := range w.Reserve.Scopes {
				w.Reserve.Scopes[i].Weight = lines
			}
			save(t, s, w)
		}
		refuseFull(t, s, weighing(1, 5, noon, tenAnHour))
		save(t, s, weighing(2, 4, noon, tenAnHour))
		save(t, s, w) // in a full limit too: it has its place
	})

	t.Run("each counter has its own weight", func(t *testing.T) {
		s := start(t, open)
		bng := quarantine.LimitScope{Key: "bng:b1:hour", Label: "4 lines per BNG per hour (b1)", Window: time.Hour, Max: 4, Weight: 2}
		all := tenAnHour
		all.Weight = 5
		save(t, s, reserving(0, noon, all, bng))
		bng.Weight, all.Weight = 3, 3
		var full *quarantine.LimitError
		if err := s.SaveCase(t.Context(), reserving(1, noon, all, bng)); !errors.As(err, &full) || full.Scope != bng {
			t.Fatalf("error %v, want the BNG's LimitError", err)
		}
		bng.Weight, all.Weight = 2, 5
		save(t, s, reserving(2, noon, all, bng))
	})
}

func concurrentReservations(t *testing.T, open Open) {
	t.Run("concurrent writers never exceed a limit", func(t *testing.T) {
		s := start(t, open)
		const writers = 32
		results := make([]error, writers)
		var wait sync.WaitGroup
		for n := range writers {
			wait.Go(func() { results[n] = s.SaveCase(t.Context(), reserving(n, noon, tenAnHour, anyADay)) })
		}
		wait.Wait()
		saved := 0
		for n, err := range results {
			var full *quarantine.LimitError
			switch {
			case err == nil:
				saved++
			case !errors.As(err, &full):
				t.Errorf("writer %d: %v", n, err)
			}
		}
		if saved != tenAnHour.Max {
			t.Fatalf("%d saved, the limit is %d", saved, tenAnHour.Max)
		}
	})
}

func refuseFull(t *testing.T, s Ports, w quarantine.CaseWrite) {
	t.Helper()
	var full *quarantine.LimitError
	if err := s.SaveCase(t.Context(), w); !errors.As(err, &full) {
		t.Fatalf("error %v, want a LimitError", err)
	}
}
