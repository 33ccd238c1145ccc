package coa

import (
	"math/rand/v2"
	"testing"
	"time"
)

// TestTimersWakeExactlyWhatIsDue schedules and removes at random and holds
// every wake-up against a plain set.
func TestTimersWakeExactlyWhatIsDue(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	timers, now := newTimers(), testTime
	due := map[*inFlight]time.Time{}
	for step := range 20_000 {
		switch random.IntN(3) {
		case 0, 1:
			f := &inFlight{wake: make(chan struct{}, 1), index: unscheduled}
			due[f] = now.Add(time.Duration(random.IntN(3000)) * time.Millisecond)
			timers.schedule(f, due[f])
		default:
			for f := range due {
				timers.remove(f)
				timers.remove(f) // again changes nothing
				delete(due, f)
				break
			}
		}
		if step%50 == 0 {
			now = now.Add(time.Duration(random.IntN(200)) * time.Millisecond)
			wait, some := timers.fire(now)
			checkFired(t, seed, now, due)
			checkNext(t, seed, now, due, wait, some)
		}
	}
}

func checkFired(t *testing.T, seed uint64, now time.Time, due map[*inFlight]time.Time) {
	t.Helper()
	for f, at := range due {
		if woken := len(f.wake) == 1; woken == at.After(now) {
			t.Fatalf("seed %d: due in %v, woken: %v", seed, at.Sub(now), woken)
		}
		if !at.After(now) {
			delete(due, f)
		}
	}
}

func checkNext(t *testing.T, seed uint64, now time.Time, due map[*inFlight]time.Time, wait time.Duration, some bool) {
	t.Helper()
	earliest := time.Duration(1<<63 - 1)
	for _, at := range due {
		earliest = min(earliest, at.Sub(now))
	}
	if some != (len(due) > 0) || (some && wait != earliest) {
		t.Fatalf("seed %d: next in %v (%v), want %v of %d", seed, wait, some, earliest, len(due))
	}
}
