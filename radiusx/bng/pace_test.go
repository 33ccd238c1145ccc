package bng

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestReleasesGoBeforeRestrictionsThatWaitedLonger(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(1000, 1)
		leave, err := p.acquire(t.Context(), false, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		var mu sync.Mutex
		var order []string
		enter := func(name string, urgent bool) {
			go func() {
				leave, err := p.acquire(t.Context(), urgent, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				order = append(order, name)
				mu.Unlock()
				leave()
			}()
			synctest.Wait()
		}
		enter("restrict 1", false)
		enter("restrict 2", false)
		enter("release 1", true)
		enter("release 2", true)
		leave()
		synctest.Wait()
		want := []string{"release 1", "release 2", "restrict 1", "restrict 2"}
		for i := range want {
			if order[i] != want[i] {
				t.Fatalf("order %v, want %v", order, want)
			}
		}
	})
}

func TestTheRateAndTheWindowAreKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const rate, window, requests = 10, 3, 100
		p := newPacer(rate, window)
		var mu sync.Mutex
		inside, most := 0, 0
		var all sync.WaitGroup
		began := time.Now()
		for range requests {
			all.Go(func() {
				leave, err := p.acquire(t.Context(), false, time.Minute)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				inside++
				most = max(most, inside)
				mu.Unlock()
				time.Sleep(100 * time.Millisecond)
				mu.Lock()
				inside--
				mu.Unlock()
				leave()
			})
		}
		all.Wait()
		if most > window {
			t.Errorf("%d at the same time, %d are allowed", most, window)
		}
		if took := time.Since(began); took < (requests-rate)/rate*time.Second {
			t.Errorf("%d requests in %s: faster than %d a second", requests, took, rate)
		}
	})
}

func TestWhoGivesUpWaitingLosesNobodysPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newPacer(1000, 1)
		leave, err := p.acquire(t.Context(), false, time.Minute)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.acquire(t.Context(), false, time.Second); !errors.Is(err, errQueueTimeout) {
			t.Fatalf("waited in vain: %v, want %v", err, errQueueTimeout)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := p.acquire(ctx, true, time.Minute); !errors.Is(err, context.Canceled) {
			t.Fatalf("cancelled: %v", err)
		}
		leave()
		again, err := p.acquire(t.Context(), false, time.Second)
		if err != nil {
			t.Fatalf("the place is not free again: %v", err)
		}
		again()
	})
}
