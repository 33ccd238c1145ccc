package bng

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// starts lets so many Starts a second come for a while.
func starts(s *surge, perSecond int, d time.Duration) {
	for range int(d / time.Second) {
		for range perSecond {
			s.start(time.Now())
		}
		time.Sleep(time.Second)
	}
}

func TestAMassLoginLeavesRestrictionsATenthOfTheRateAndThenAllOfIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s surge
		starts(&s, 1, 20*time.Minute)
		if got := s.share(time.Now()); got != 1 {
			t.Fatalf("share %v at the usual pace", got)
		}
		starts(&s, 1000, 10*time.Second)
		if got := s.share(time.Now()); got != surgeLeast {
			t.Errorf("share %v after 10,000 Starts in 10 s, want %v", got, surgeLeast)
		}
		time.Sleep(surgeWindow * time.Second)
		if got := s.share(time.Now()); got != 1 {
			t.Errorf("share %v when it is over", got)
		}
		starts(&s, 1000, 10*time.Second)
		if got := s.share(time.Now()); got != surgeLeast {
			t.Errorf("share %v in the second surge: the first was taken for usual", got)
		}
	})
}

func TestABusyBNGIsNoSurgeOnceItIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s surge
		starts(&s, 30, time.Hour)
		if got := s.share(time.Now()); got != 1 {
			t.Errorf("share %v", got)
		}
		time.Sleep(365 * 24 * time.Hour)
		if got := s.share(time.Now()); got != 1 || s.usual > 0.001 {
			t.Errorf("share %v, usual %v after a year of silence", got, s.usual)
		}
	})
}

func TestInASurgeReleasesKeepTheFullRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 20
		p := newPacer(rate, 1000)
		var s surge
		p.share = s.share
		starts(&s, 1, 10*time.Minute)
		starts(&s, 1000, 10*time.Second)
		go func() { starts(&s, 1000, 20*time.Second) }()
		var mu sync.Mutex
		left := map[bool]int{}
		for _, urgent := range []bool{true, false} {
			for range 500 {
				go func() {
					leave, err := p.acquire(t.Context(), urgent, time.Hour)
					if err != nil {
						return
					}
					mu.Lock()
					left[urgent]++
					mu.Unlock()
					leave()
				}()
			}
			synctest.Wait() // all releases are in line before the first restriction
		}
		look := func() (releases, restrictions int) {
			mu.Lock()
			defer mu.Unlock()
			return left[true], left[false]
		}
		time.Sleep(10 * time.Second)
		if releases, restrictions := look(); releases < 10*rate || restrictions > 0 {
			t.Errorf("%d releases and %d restrictions in 10 s", releases, restrictions)
		}
		time.Sleep(15 * time.Second) // all releases have left
		_, before := look()
		if before > 5*rate {
			t.Errorf("%d restrictions left early", before)
		}
		time.Sleep(time.Hour)
		if releases, restrictions := look(); releases != 500 || restrictions != 500 {
			t.Errorf("%d releases and %d restrictions left in the end", releases, restrictions)
		}
	})
}

func TestInASurgeRestrictionsLeaveSlowlyAndAReleaseDoesNotWaitForThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate = 20
		p := newPacer(rate, 1000)
		p.share = func(time.Time) float64 { return surgeLeast }
		var mu sync.Mutex
		restrictions := 0
		for range 200 {
			go func() {
				if leave, err := p.acquire(t.Context(), false, time.Hour); err == nil {
					mu.Lock()
					restrictions++
					mu.Unlock()
					leave()
				}
			}()
		}
		time.Sleep(10 * time.Second)
		mu.Lock()
		if most := int(rate*surgeLeast*10) + rate; restrictions > most || restrictions < int(rate*surgeLeast*10) {
			t.Errorf("%d restrictions in 10 s, at most %d", restrictions, most)
		}
		mu.Unlock()
		began := time.Now()
		for range 2 * rate {
			leave, err := p.acquire(t.Context(), true, time.Hour)
			must(t, err)
			leave()
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("%d releases took %s", 2*rate, took)
		}
	})
}
