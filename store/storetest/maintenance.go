package storetest

import (
	"cmp"
	"slices"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
)

// Maintenance tests quarantine.MaintenanceBook.
func Maintenance(t *testing.T, open Open) {
	newestWindow(t, open)
	concurrentWindows(t, open)
}

func window(bng, reason string, at time.Time, lasts time.Duration) quarantine.Maintenance {
	return quarantine.Maintenance{BNG: bng, Until: at.Add(lasts), Reason: reason, By: "alice", At: at}
}

// setWindow notes a window and checks which one counts then.
func setWindow(t *testing.T, s Ports, m, want quarantine.Maintenance) {
	t.Helper()
	got, err := s.SetMaintenance(t.Context(), m)
	must(t, err)
	equal(t, "what counts after "+m.Reason, got, want)
}

func wantWindows(t *testing.T, s Ports, want ...quarantine.Maintenance) {
	t.Helper()
	got, err := s.Maintenances(t.Context())
	must(t, err)
	slices.SortFunc(got, func(a, b quarantine.Maintenance) int { return cmp.Compare(a.BNG, b.BNG) })
	equal(t, "windows", got, want)
}

func newestWindow(t *testing.T, open Open) {
	t.Run("nothing is in maintenance at first", func(t *testing.T) {
		wantWindows(t, start(t, open))
	})

	t.Run("a BNG has the window that was given last", func(t *testing.T) {
		s := start(t, open)
		first, other := window("bng1", "upgrade: \"7.1\"\n{x}", noon, time.Hour), window("b:{n}g2", "fibre", noon, 2*time.Hour)
		again := window("bng1", "takes longer", minute(30), 3*time.Hour)
		setWindow(t, s, first, first)
		setWindow(t, s, other, other)
		wantWindows(t, s, other, first)
		setWindow(t, s, again, again)
		wantWindows(t, s, other, again)
	})

	t.Run("a command given earlier that arrives late changes nothing", func(t *testing.T) {
		s := start(t, open)
		begin, end := window("bng1", "upgrade", noon, time.Hour), window("bng1", "done", minute(10), 0)
		setWindow(t, s, end, end)
		setWindow(t, s, begin, end)
		wantWindows(t, s, end)
	})

	t.Run("the same again, and another of the same millisecond, count", func(t *testing.T) {
		s := start(t, open)
		first, second := window("bng1", "first", noon, time.Hour), window("bng1", "second", noon, time.Minute)
		setWindow(t, s, first, first)
		setWindow(t, s, first, first)
		setWindow(t, s, second, second)
		wantWindows(t, s, second)
	})

	t.Run("one is remembered as long as an earlier one could last", func(t *testing.T) {
		s := start(t, open)
		const most = quarantine.MaxMaintenance
		end, other := window("bng1", "done", noon, 0), window("bng2", "fibre", noon.Add(most-time.Second), time.Hour)
		setWindow(t, s, end, end)
		setWindow(t, s, other, other)
		wantWindows(t, s, end, other)
		last := window("bng3", "power", noon.Add(most), most)
		setWindow(t, s, last, last)
		wantWindows(t, s, other, last)
	})
}

func concurrentWindows(t *testing.T, open Open) {
	t.Run("of many at the same time the newest counts", func(t *testing.T) {
		s := start(t, open)
		var wait sync.WaitGroup
		for i := range 32 {
			wait.Go(func() {
				if _, err := s.SetMaintenance(t.Context(), window("bng1", "upgrade", minute(i*7%32), time.Hour)); err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		wantWindows(t, s, window("bng1", "upgrade", minute(31), time.Hour))
	})

	t.Run("what no book may note is refused", func(t *testing.T) {
		s := start(t, open)
		for _, m := range []quarantine.Maintenance{
			window("", "unnamed", noon, time.Hour), window("bng1", "backwards", noon, -time.Second),
			window("bng1", "for ever", noon, quarantine.MaxMaintenance+time.Second),
		} {
			if _, err := s.SetMaintenance(t.Context(), m); err == nil {
				t.Errorf("%s: no error", m.Reason)
			}
		}
		wantWindows(t, s)
	})
}
