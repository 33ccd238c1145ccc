package churn_test

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/engine"
	"cordon/quarantine/quarantinetest"
	"cordon/quarantine/quarantinetest/churn"
)

// finder looks up bindings as a store does; a mutant of one does it wrongly.
type finder func(ctx context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error)

func (f finder) Bindings(ctx context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
	return f(ctx, at, from, to)
}

// spoil makes attribution wrong in some way.
type spoil func(a engine.Attributor) churn.System

// system is the real attribution on a Memory, spoilt if wanted.
func system(w *churn.World, s spoil) churn.System {
	m := quarantinetest.NewMemory()
	m.Interim = w.Interim
	var now time.Time
	m.Now = func() time.Time { return now }
	a := engine.Attributor{Bindings: m, Gaps: m.Gaps, Now: m.Now}
	c := churn.System{WhoHeld: attribute(a)}
	if s != nil {
		c = s(a)
	}
	c.Store, c.Clock = m, func(t time.Time) { now = t }
	return c
}

// check runs worlds without faults, of 5,000 verdicts, in parallel.
func check(t *testing.T, seed uint64, worlds int, s spoil) *churn.Table {
	t.Helper()
	return checkAll(t, worlds, func(n int) (*churn.World, churn.System, error) {
		w, err := churn.New(churn.Config{Seed: seed + uint64(n), Verdicts: 5_000})
		if err != nil {
			return nil, churn.System{}, err
		}
		return w, system(w, s), nil
	})
}

// checkAll checks worlds in parallel.
func checkAll(t *testing.T, worlds int, world func(n int) (*churn.World, churn.System, error)) *churn.Table {
	t.Helper()
	total := &churn.Table{}
	var mu sync.Mutex // guards total
	var wg sync.WaitGroup
	places := make(chan struct{}, runtime.GOMAXPROCS(0))
	for n := range worlds {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			w, c, err := world(n)
			if err != nil {
				t.Error(err)
				return
			}
			table, err := w.Check(t.Context(), c)
			if err != nil {
				t.Errorf("seed %d: %v", w.Seed, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			total.Add(table)
		})
	}
	wg.Wait()
	return total
}

func TestOfAHundredThousandVerdictsOverChurnedAddressesNoneNamesTheWrongSubscriber(t *testing.T) {
	const seed = 1
	table := check(t, seed, 20, nil)
	t.Logf("seeds from %d\n%s", seed, table)
	if n := table.Total(churn.Wrong); n > 0 || table.Verdicts() != 100_000 {
		t.Errorf("seeds from %d: %d of %d wrong", seed, n, table.Verdicts())
		for _, e := range table.Examples {
			t.Error(e)
		}
	}
	for class, floor := range map[churn.Class]int{ // percent
		churn.IPv4: 50, churn.IPv6Prefix: 60, churn.IPv6Delegated: 60, churn.IPv6Address: 60, churn.Private: 55,
		churn.BlockByRADIUS: 60, churn.BlockByLog: 60,
	} {
		if all, right := table.All(class), table.Of(class, churn.Right); right*100 < all*floor {
			t.Errorf("seeds from %d: of %d verdicts about %s only %d were attributed, expected %d %%", seed, all, class, right, floor)
		}
		if n := table.Of(class, churn.Undecidable); n*1000 > table.All(class) {
			t.Errorf("seeds from %d: of %d verdicts about %s %d are called undecidable: too many to be true", seed, table.All(class), class, n)
		}
	}
	if all := table.All(churn.NoPort); table.Of(churn.NoPort, churn.Ambiguous)+table.Of(churn.NoPort, churn.Unknown) != all || all == 0 {
		t.Errorf("seeds from %d: a shared address without a port was attributed", seed)
	}
	for _, class := range []churn.Class{churn.NoSpace, churn.NotOurs} {
		if all := table.All(class); all == 0 || table.Of(class, churn.Refused) != all {
			t.Errorf("seeds from %d: %s was not refused", seed, class)
		}
	}
}

func TestAWorldFollowsFromItsSeed(t *testing.T) {
	if a, b := check(t, 7, 1, nil), check(t, 7, 1, nil); a.String() != b.String() {
		t.Errorf("seed 7:\n%s\nand again:\n%s", a, b)
	}
}
