package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"cordon/quarantine"
)

const lease = time.Minute

func take(t *testing.T, s Ports, lane quarantine.Lane, now time.Time) []quarantine.Due {
	t.Helper()
	due, err := s.TakeDue(t.Context(), lane, now, lease, 100, 0)
	must(t, err)
	return due
}

// takeAll takes all that is due in a lane and returns how much that is.
func takeAll(t *testing.T, s Ports, lane quarantine.Lane, now time.Time) int {
	t.Helper()
	all := 0
	for {
		due := take(t, s, lane, now)
		if all += len(due); len(due) == 0 {
			return all
		}
	}
}

// Due tests quarantine.DueSet and how cases and accounting wake it.
func Due(t *testing.T, open Open) {
	dueLeases(t, open)
	dueByAccounting(t, open)
	dueBesideALease(t, open)
	dueBySaving(t, open)
	dueForAll(t, open)
	dueByRestarts(t, open)
}

// Short names of the lanes.
const restrict, release = quarantine.LaneRestrict, quarantine.LaneRelease

// wantDue leases what is due in a lane and checks how much that is.
func wantDue(t *testing.T, s Ports, lane quarantine.Lane, now time.Time, want int) []quarantine.Due {
	t.Helper()
	due := take(t, s, lane, now)
	if len(due) != want {
		t.Fatalf("%d due at %s, want %d: %v", len(due), now, want, due)
	}
	return due
}

func dueLeases(t *testing.T, open Open) {
	t.Run("work is leased, finished and due again", func(t *testing.T) {
		s := start(t, open)
		save(t, s, quarantine.CaseWrite{Case: newCase("c1", "alice"), DueAt: minute(5)})
		wantDue(t, s, restrict, minute(4), 0)
		wantDue(t, s, release, minute(5), 0)
		due := wantDue(t, s, restrict, minute(5), 1)
		if d := due[0]; d.Subscriber != "alice" || d.Lane != restrict || !d.Until.Equal(minute(6)) {
			t.Fatalf("got %+v", d)
		}
		wantDue(t, s, restrict, minute(5), 0)
		must(t, s.FinishDue(t.Context(), due[0], minute(30)))
		wantDue(t, s, restrict, minute(29), 0)
		wantDue(t, s, restrict, minute(30), 1)
	})

	t.Run("a lease that is never finished runs out", func(t *testing.T) {
		s := start(t, open)
		save(t, s, quarantine.CaseWrite{Case: newCase("c1", "alice")})
		first := wantDue(t, s, restrict, noon, 1)
		second := wantDue(t, s, restrict, minute(1).Add(time.Second), 1)
		must(t, s.FinishDue(t.Context(), first[0], minute(100))) // too late: somebody else is at it
		must(t, s.FinishDue(t.Context(), second[0], time.Time{}))
		wantDue(t, s, restrict, minute(3), 1)
	})

	t.Run("a save until the lease's own end leaves the lease to be finished", func(t *testing.T) {
		s := start(t, open)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c})
		due := wantDue(t, s, restrict, noon, 1)
		save(t, s, quarantine.CaseWrite{Case: c, DueAt: due[0].Until})
		must(t, s.FinishDue(t.Context(), due[0], noon.Add(time.Second)))
		wantDue(t, s, restrict, noon.Add(2*time.Second), 1)
	})

	t.Run("earliest first, and no more than asked for", func(t *testing.T) {
		s := start(t, open)
		for i, n := range []int{3, 1, 4, 0, 2} {
			save(t, s, quarantine.CaseWrite{Case: newCase(fmt.Sprintf("c%d", i), fmt.Sprintf("u%d", n)), DueAt: minute(n)})
		}
		due, err := s.TakeDue(t.Context(), restrict, minute(9), lease, 3, 0)
		must(t, err)
		for i, d := range due {
			if d.Subscriber != fmt.Sprintf("u%d", i) {
				t.Fatalf("got %v", due)
			}
		}
		if len(due) != 3 {
			t.Fatalf("got %v", due)
		}
	})
}

func dueByAccounting(t *testing.T, open Open) {
	t.Run("accounting wakes the open case, during a lease too", func(t *testing.T) {
		s := start(t, open)
		save(t, s, quarantine.CaseWrite{Case: newCase("c1", "alice"), DueAt: minute(60)})
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon), event(quarantine.SessionStarted, "2", "bob", noon))
		due := wantDue(t, s, restrict, noon, 1)
		record(t, s, event(quarantine.SessionRenewed, "1", "alice", minute(1)))
		must(t, s.FinishDue(t.Context(), due[0], minute(60)))
		wantDue(t, s, restrict, noon, 1)
	})

	t.Run("a doubled record wakes as well", func(t *testing.T) {
		s := start(t, open)
		ev := event(quarantine.SessionStarted, "1", "alice", noon)
		record(t, s, ev)
		save(t, s, quarantine.CaseWrite{Case: newCase("c1", "alice"), DueAt: minute(60)})
		record(t, s, ev)
		wantDue(t, s, restrict, noon, 1)
	})

	t.Run("a replaced session wakes its subscriber, a restarted BNG everybody", func(t *testing.T) {
		s := start(t, open)
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon))
		save(t, s, quarantine.CaseWrite{Case: newCase("c1", "alice"), DueAt: minute(60)})
		record(t, s, event(quarantine.SessionStarted, "1", "bob", minute(9)))
		due := wantDue(t, s, restrict, noon, 1)
		must(t, s.FinishDue(t.Context(), due[0], minute(60)))
		record(t, s, quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: "bng1"}, At: minute(10)})
		wantDue(t, s, restrict, noon, 1)
	})
}

func dueBesideALease(t *testing.T, open Open) {
	t.Run("a wake-up after the lease ran out is not undone by who finishes late", func(t *testing.T) {
		s := start(t, open)
		save(t, s, quarantine.CaseWrite{Case: newCase("c1", "alice")})
		due := wantDue(t, s, restrict, noon, 1)
		must(t, s.WakeAll(t.Context(), minute(2)))
		must(t, s.FinishDue(t.Context(), due[0], minute(60)))
		wantDue(t, s, restrict, minute(2), 1)
	})

	t.Run("a due time asked for under an earlier lease does not come back", func(t *testing.T) {
		s := start(t, open)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c})
		wantDue(t, s, restrict, noon, 1)
		save(t, s, quarantine.CaseWrite{Case: c, DueAt: minute(5)})
		due := wantDue(t, s, restrict, minute(2), 1) // the first lease ran out
		must(t, s.FinishDue(t.Context(), due[0], minute(60)))
		wantDue(t, s, restrict, minute(59), 0)
	})
}

func dueBySaving(t *testing.T, open Open) {
	t.Run("a case saved without a due time is due only if it has been woken", func(t *testing.T) {
		s := start(t, open)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c, DueAt: minute(5)})
		must(t, s.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, Now: noon}))
		wantDue(t, s, restrict, minute(90), 0)
		must(t, s.WakeAll(t.Context(), noon))
		must(t, s.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, Now: noon}))
		wantDue(t, s, restrict, noon, 1)
		must(t, s.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, Now: noon}))
		wantDue(t, s, restrict, minute(90), 0)
	})

	t.Run("a case that is released changes its lane and is due there", func(t *testing.T) {
		s := start(t, open)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c})
		due := wantDue(t, s, restrict, noon, 1)
		c.State = quarantine.Releasing
		save(t, s, quarantine.CaseWrite{Case: c, DueAt: noon})
		must(t, s.FinishDue(t.Context(), due[0], minute(60)))
		wantDue(t, s, restrict, minute(90), 0)
		wantDue(t, s, release, noon, 1)
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon))
		wantDue(t, s, release, noon, 1)
		closeCase(t, s, c, minute(1))
		record(t, s, event(quarantine.SessionRenewed, "1", "alice", minute(2)))
		wantDue(t, s, release, minute(90), 0)
		wantDue(t, s, restrict, minute(90), 0)
	})
}

func dueForAll(t *testing.T, open Open) {
	t.Run("after WakeAll every open case is due", func(t *testing.T) {
		s := start(t, open)
		for i := range 5 {
			c := newCase(fmt.Sprintf("c%d", i), fmt.Sprintf("u%d", i))
			if i == 4 {
				c.State = quarantine.Releasing
			}
			save(t, s, quarantine.CaseWrite{Case: c, DueAt: minute(60)})
		}
		must(t, s.WakeAll(t.Context(), minute(1)))
		wantDue(t, s, restrict, minute(1), 4)
		wantDue(t, s, release, minute(1), 1)
	})

	t.Run("WakeAll spreads what is not being released, and puts nothing off", func(t *testing.T) {
		s := start(t, open)
		const cases = 2*quarantine.WakeSlice + 100
		for i := range cases {
			c, due := newCase(fmt.Sprintf("c%d", i), fmt.Sprintf("u%d", i)), minute(60)
			if i%100 == 0 {
				c.State = quarantine.Releasing
			}
			if i%100 == 1 {
				due = minute(1).Add(quarantine.WakeEvery / 2)
			}
			save(t, s, quarantine.CaseWrite{Case: c, DueAt: due})
		}
		must(t, s.WakeAll(t.Context(), minute(1)))
		releases, all, most := takeAll(t, s, release, minute(1)), 0, 0
		if releases != cases/100 {
			t.Fatalf("%d releases are due at once, want %d", releases, cases/100)
		}
		for at := minute(1); at.Before(minute(2)) && all < cases-releases; at = at.Add(quarantine.WakeEvery / 4) {
			n := takeAll(t, s, restrict, at)
			if all += n; n > most {
				most = n
			}
			if at.Equal(minute(1).Add(quarantine.WakeEvery/2)) && all < cases/100 {
				t.Fatalf("only %d cases are due when those that were due before have to be", all)
			}
		}
		if all != cases-releases || most > quarantine.WakeSlice+cases/100 {
			t.Fatalf("%d of %d cases were due within a minute, at most %d of them at once", all, cases-releases, most)
		}
	})
}

func dueByRestarts(t *testing.T, open Open) {
	t.Run("a restart that is announced again wakes no case, a later one does", func(t *testing.T) {
		s := start(t, open)
		save(t, s, quarantine.CaseWrite{Case: newCase("c1", "alice"), DueAt: minute(60)})
		restart := func(bng string, at time.Time) {
			record(t, s, quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: bng}, At: at})
		}
		for i, r := range []struct {
			bng string
			at  time.Time
			due int
		}{
			{"bng1", minute(10), 1}, {"bng1", minute(10), 0}, {"bng1", minute(9), 0}, {"bng2", minute(10), 1},
			{"bng1", minute(11), 1}, {"bng2", minute(10), 0}, {"bng1", minute(11), 0},
		} {
			restart(r.bng, r.at)
			due := take(t, s, restrict, noon)
			if len(due) != r.due {
				t.Fatalf("record %d, %s at %s: %d due, want %d", i, r.bng, r.at, len(due), r.due)
			}
			if r.due > 0 {
				must(t, s.FinishDue(t.Context(), due[0], minute(60)))
			}
		}
	})

	t.Run("no due time that was asked for is lost", func(t *testing.T) {
		for seed := range uint64(10) {
			noDueTimeIsLost(t, start(t, open), seed)
		}
	})
}

// noDueTimeIsLost plays random writers and workers on one case and keeps, beside
// the store, by when it must be due. What is due too early is harmless; too late is a
// restriction that stays.
func noDueTimeIsLost(t *testing.T, s *subject, seed uint64) {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 815))
	c := newCase("c1", "alice")
	now, far := noon, noon.Add(1000*time.Hour)
	asked := now              // earliest due time asked for since it was last leased
	var work []quarantine.Due // taken and not finished, oldest first
	leaseEnds := far          // of the newest
	sooner := func(at time.Time) {
		if at.Before(asked) {
			asked = at
		}
	}
	save(t, s, quarantine.CaseWrite{Case: c, DueAt: now, Now: now})
	for step := range 200 {
		now = now.Add(time.Duration(rng.IntN(20)) * time.Second)
		switch rng.IntN(4) {
		case 0:
			at := now.Add(time.Duration(rng.IntN(300)) * time.Second)
			save(t, s, quarantine.CaseWrite{Case: c, DueAt: at, Now: now})
			sooner(at)
		case 1:
			must(t, s.WakeAll(t.Context(), now))
			sooner(now)
		case 2:
			due := take(t, s, quarantine.LaneRestrict, now)
			if must := !asked.After(now) || !leaseEnds.After(now.Add(-time.Millisecond)); must && len(due) == 0 {
				t.Fatalf("seed %d, step %d: not due at %s, asked for by %s, lease until %s", seed, step, now, asked, leaseEnds)
			}
			if len(due) == 1 {
				work, asked, leaseEnds = append(work, due[0]), far, due[0].Until
			}
		case 3:
			if len(work) == 0 {
				continue
			}
			i := rng.IntN(len(work))
			next := now.Add(time.Duration(rng.IntN(600)) * time.Second)
			must(t, s.FinishDue(t.Context(), work[i], next))
			if i == len(work)-1 { // only the newest lease can still be in force
				sooner(next)
				leaseEnds = far
			}
			work = append(work[:i], work[i+1:]...)
		}
	}
}
