package coa

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var testTime = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// seeded returns a source for Config.Random that can be repeated.
func seeded(seed uint64) func() float64 {
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 1))
	return func() float64 {
		mu.Lock()
		defer mu.Unlock()
		return random.Float64()
	}
}

func TestTimeoutsFollowRFC5080(t *testing.T) {
	for _, test := range []struct {
		name     string
		previous time.Duration
		low, mid time.Duration
	}{
		{"the first is IRT", 0, 1800 * time.Millisecond, 2 * time.Second},
		{"then they double", 2 * time.Second, 3800 * time.Millisecond, 4 * time.Second},
		{"and again", 4 * time.Second, 7600 * time.Millisecond, 8 * time.Second},
		{"up to MRT", 12 * time.Second, 14400 * time.Millisecond, 16 * time.Second},
		{"where they stay", 16 * time.Second, 14400 * time.Millisecond, 16 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := nextTimeout(test.previous, 0); got.Round(time.Microsecond) != test.low {
				t.Errorf("at the lowest: %v, want %v", got, test.low)
			}
			if got := nextTimeout(test.previous, 0.5); got.Round(time.Microsecond) != test.mid {
				t.Errorf("in the middle: %v, want %v", got, test.mid)
			}
			if got := nextTimeout(test.previous, 1); got-test.mid > test.mid-test.low+time.Microsecond {
				t.Errorf("at the highest: %v", got)
			}
		})
	}
}

func TestARetransmissionIsByteIdenticalAndOnTime(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			w := newWire()
			var silent tap
			w.attach(bng1, silent.host)
			c := clientOn(t, w, func(config *Config) { config.Random = seeded(seed) })
			r := do(t, c, requestTo(t, bng1))
			seen := silent.packets()
			if r.Kind != Unanswered || r.Transmissions != len(seen) || len(seen) < 4 || len(seen) > 5 {
				t.Fatalf("seed %d: %v after %d transmissions, %d seen", seed, r.Kind, r.Transmissions, len(seen))
			}
			for i, p := range seen {
				if !bytes.Equal(p.octets, seen[0].octets) || p.from != seen[0].from {
					t.Errorf("seed %d: transmission %d differs from the first", seed, i+1)
				}
			}
			checkIntervals(t, seed, seen)
			if lasted := time.Since(seen[0].at); lasted != DefaultTimeout {
				t.Errorf("seed %d: gave up after %v, want %v", seed, lasted, DefaultTimeout)
			}
		})
	}
}

// checkIntervals holds the times of transmission against RFC 5080: 2 s ± 10 %,
// then twice the one before, give or take a tenth of it.
func checkIntervals(t *testing.T, seed uint64, seen []packet) {
	t.Helper()
	low, high := 1.8, 2.2
	for i := 1; i < len(seen); i++ {
		got := seen[i].at.Sub(seen[i-1].at).Seconds()
		if got < low-1e-6 || got > high+1e-6 {
			t.Errorf("seed %d: %.3f s before transmission %d, want %.3f to %.3f", seed, got, i+1, low, high)
		}
		low, high = min(1.9*got, 14.4), min(2.1*got, 17.6)
	}
}

func TestTheMiddleOfTheJitterIsAtTwoSixAndFourteenSeconds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var silent tap
		w.attach(bng1, silent.host)
		c := clientOn(t, w, func(config *Config) { config.Random = func() float64 { return 0.5 } })
		x := requestTo(t, bng1)
		x.Timeout = time.Hour
		r := do(t, c, x)
		want := []time.Duration{0, 2, 6, 14, 30}
		seen := silent.packets()
		if len(seen) != len(want) || r.Transmissions != maxTransmissions {
			t.Fatalf("%d transmissions, want %d", len(seen), len(want))
		}
		for i, p := range seen {
			if at := p.at.Sub(seen[0].at); at != want[i]*time.Second {
				t.Errorf("transmission %d after %v, want %v s", i+1, at, int(want[i]))
			}
		}
		if lasted := time.Since(seen[0].at); lasted != 46*time.Second {
			t.Errorf("gave up after %v, want 46s: the fifth is waited for like the others", lasted)
		}
	})
}

func TestARestrictionGivesUpAfterItsPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var silent tap
		w.attach(bng1, silent.host)
		c := clientOn(t, w, nil)
		x := requestTo(t, bng1)
		x.Timeout = 10 * time.Second
		began := time.Now()
		r := do(t, c, x)
		if r.Kind != Unanswered || r.Transmissions != 3 || time.Since(began) != x.Timeout {
			t.Errorf("%v after %v and %d transmissions", r.Kind, time.Since(began), r.Transmissions)
		}
		time.Sleep(time.Minute)
		if n := len(silent.packets()); n != 3 {
			t.Errorf("%d packets in the end: something was sent after the exchange", n)
		}
	})
}

func TestEventTimestampIsThatOfTheBeginning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWire()
		var silent tap
		w.attach(bng1, silent.host)
		began := time.Now()
		c := clientOn(t, w, func(config *Config) {
			config.Now = func() time.Time { return testTime.Add(time.Since(began)) } // a clock that goes on
		})
		do(t, c, requestTo(t, bng1))
		stamp := []byte{eventTimestamp, 6, byte(testTime.Unix() >> 24), byte(testTime.Unix() >> 16), byte(testTime.Unix() >> 8),
			byte(testTime.Unix())}
		for i, p := range silent.packets() {
			if !bytes.Contains(p.octets, stamp) {
				t.Errorf("transmission %d: no Event-Timestamp %x in %x", i+1, stamp, p.octets)
			}
		}
	})
}
