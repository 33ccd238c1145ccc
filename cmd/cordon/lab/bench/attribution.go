package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"cordon/quarantine"
	"cordon/quarantine/engine"
	"cordon/quarantine/quarantinetest"
	"cordon/quarantine/quarantinetest/churn"
)

// worldVerdicts is how many verdicts one simulated network has at most.
const worldVerdicts = 5000

// Attribution is what attribution made of verdicts over churned addresses.
type Attribution struct {
	Seed   uint64
	Plain  *churn.Table // of networks that lose, delay and double records
	Faulty *churn.Table // of networks with every kind of fault, and two instances
	Lasted time.Duration
}

// MeasureAttribution simulates networks and judges n verdicts about those without
// faults and n about those with, from 1; the same seed makes the same verdicts. It
// uses every processor and keeps everything in memory.
func MeasureAttribution(ctx context.Context, n int, seed uint64) (*Attribution, error) {
	if n < 1 {
		return nil, errors.New("attribution is measured with one verdict at least")
	}
	began := time.Now()
	a := &Attribution{Seed: seed}
	var err error
	if a.Plain, err = checkWorlds(ctx, n, seed, 0); err != nil {
		return nil, err
	}
	if a.Faulty, err = checkWorlds(ctx, n, seed, churn.AllFaults); err != nil {
		return nil, err
	}
	a.Lasted = time.Since(began)
	return a, nil
}

func checkWorlds(ctx context.Context, n int, seed uint64, faults churn.Fault) (*churn.Table, error) {
	total := &churn.Table{}
	var mu sync.Mutex // guards total
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for world := uint64(0); n > 0 && ctx.Err() == nil; world++ {
		verdicts := min(n, worldVerdicts)
		n -= verdicts
		g.Go(func() error {
			table, err := judgeWorld(ctx, churn.Config{Seed: seed + world, Verdicts: verdicts, Faults: faults})
			if err != nil {
				return fmt.Errorf("seed %d: %w", seed+world, err)
			}
			mu.Lock()
			defer mu.Unlock()
			total.Add(table)
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if n > 0 {
		return nil, errors.New("attribution: interrupted")
	}
	return total, nil
}

func judgeWorld(ctx context.Context, c churn.Config) (*churn.Table, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	w, err := churn.New(c)
	if err != nil {
		return nil, err
	}
	var now time.Time
	memory := quarantinetest.NewMemory()
	memory.Interim, memory.Now = w.Interim, func() time.Time { return now }
	a := engine.Attributor{Bindings: memory, Gaps: memory.Gaps, Now: memory.Now}
	e := &churn.Engines{World: w, Store: memory, Now: memory.Now}
	return w.Check(ctx, churn.System{
		Store: memory, Clock: func(t time.Time) { now = t }, Start: e.Start,
		WhoHeld: func(ctx context.Context, q churn.Question) (quarantine.Attribution, string, error) {
			found, err := a.WhoHeld(ctx, q.At, q.Port, q.Moment, q.Tolerance)
			return found, "", err
		},
		RedisCrashed: func(lost, crashed, _ time.Time) { memory.Lose(quarantine.RestartGap(lost, crashed)) },
	})
}

// floors is which share of the verdicts of networks without faults was attributed
// before Cordon considered faults: measured at commit 4e39a62, 1,000,000
// verdicts from seed 1, in tenths of a percent, rounded down. An answer that names
// no subscriber is easily right.
var floors = map[churn.Class]int{
	churn.IPv4: 620, churn.IPv6Prefix: 725, churn.IPv6Delegated: 724, churn.IPv6Address: 752,
	churn.Private: 677, churn.BlockByRADIUS: 716, churn.BlockByLog: 688,
}

// Other verdicts than those of the floors are attributed more or less often by so
// much, in tenths of a percent; below so many verdicts it shows nothing.
const (
	floorVerdicts = 1_000_000
	floorSlack    = 20
	floorFewest   = 100_000
)

// Wrong returns how many verdicts named somebody who did not have the place.
func (a *Attribution) Wrong() int { return a.Plain.Total(churn.Wrong) + a.Faulty.Total(churn.Wrong) }

// Shortfalls lists the classes of verdicts without faults fewer are
// attributed than were once. Of fewer than 100,000 verdicts it lists none.
func (a *Attribution) Shortfalls() []string {
	slack := floorSlack
	switch n := a.Plain.Verdicts(); {
	case n < floorFewest:
		return nil
	case n == floorVerdicts && a.Seed == 1:
		slack = 0
	}
	var short []string
	for class := range churn.NoPort {
		all, right := a.Plain.All(class), a.Plain.Of(class, churn.Right)
		if floor := floors[class] - slack; right*1000 < all*floor {
			short = append(short, fmt.Sprintf("%s: %.1f %% of %d verdicts are attributed, not %.1f %%", class, 100*float64(right)/float64(all), all,
				float64(floor)/10))
		}
	}
	return short
}

// Text is the tables, for a terminal.
func (a *Attribution) Text() string {
	text := fmt.Sprintf("without faults\n%s\nwith faults, two instances\n%s\nwrong: %d (seeds from %d, %s)\n",
		a.Plain, a.Faulty, a.Wrong(), a.Seed, a.Lasted.Round(100*time.Millisecond))
	for _, t := range []*churn.Table{a.Plain, a.Faulty} {
		for _, e := range t.Examples {
			text += e + "\n"
		}
	}
	for _, s := range a.Shortfalls() {
		text += "too few without faults, " + s + "\n"
	}
	return text
}

// Write writes the tables as one line of JSON.
func (a *Attribution) Write(w io.Writer) error {
	type table struct {
		Rows     []churn.Row `json:"rows"`
		Examples []string    `json:"examples,omitempty"`
	}
	return json.NewEncoder(w).Encode(struct {
		Seed       uint64   `json:"seed"`
		Seconds    float64  `json:"seconds"`
		Wrong      int      `json:"wrong"`
		Shortfalls []string `json:"shortfalls,omitempty"`
		Plain      table    `json:"plain"`
		Faulty     table    `json:"faulty"`
	}{
		a.Seed, a.Lasted.Seconds(), a.Wrong(), a.Shortfalls(),
		table{a.Plain.Rows(), a.Plain.Examples}, table{a.Faulty.Rows(), a.Faulty.Examples},
	})
}
