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

	"cordon/quarantine/engine"
	"cordon/quarantine/quarantinetest"
	"cordon/quarantine/quarantinetest/churn"
)

// worldVerdicts is how many verdicts one simulated network has at most.
const worldVerdicts = 5000

// Attribution is what attribution made of verdicts over churned addresses.
type Attribution struct {
	Seed   uint64
	Table  *churn.Table
	Lasted time.Duration
}

// MeasureAttribution simulates networks and judges n verdicts about them, from 1;
// the same seed makes the same verdicts. It uses every processor and keeps
// everything in memory.
func MeasureAttribution(ctx context.Context, n int, seed uint64) (*Attribution, error) {
	if n < 1 {
		return nil, errors.New("attribution is measured with one verdict at least")
	}
	began := time.Now()
	total := &churn.Table{}
	var mu sync.Mutex // guards total
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	for world := uint64(0); n > 0 && ctx.Err() == nil; world++ {
		verdicts := min(n, worldVerdicts)
		n -= verdicts
		g.Go(func() error {
			table, err := judgeWorld(ctx, churn.Config{Seed: seed + world, Verdicts: verdicts})
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
	return &Attribution{Seed: seed, Table: total, Lasted: time.Since(began)}, nil
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
	return w.Judge(ctx, churn.Court{Store: memory, WhoHeld: a.WhoHeld, Clock: func(t time.Time) { now = t }})
}

// Wrong returns how many verdicts named somebody who did not have the place.
func (a *Attribution) Wrong() int { return a.Table.Total(churn.Wrong) }

// Text is the table, for people.
func (a *Attribution) Text() string {
	text := fmt.Sprintf("%swrong: %d (seeds from %d, %s)\n", a.Table, a.Wrong(), a.Seed, a.Lasted.Round(100*time.Millisecond))
	for _, e := range a.Table.Examples {
		text += e + "\n"
	}
	return text
}

// Write writes the table as one line of JSON.
func (a *Attribution) Write(w io.Writer) error {
	return json.NewEncoder(w).Encode(struct {
		Seed     uint64      `json:"seed"`
		Seconds  float64     `json:"seconds"`
		Wrong    int         `json:"wrong"`
		Rows     []churn.Row `json:"rows"`
		Examples []string    `json:"examples,omitempty"`
	}{a.Seed, a.Lasted.Seconds(), a.Wrong(), a.Table.Rows(), a.Table.Examples})
}
