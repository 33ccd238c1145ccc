package churn_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
	"cordon/quarantine/quarantinetest/churn"
)

// planted is a mistake in a world with faults. Each field spoils one thing; those
// that are nil spoil nothing.
type planted struct {
	name   string
	seed   uint64 // of the first of some worlds in which it is noticed; 0: 300
	faults churn.Fault
	// record spoils what is stored; false: it is not. It is made for each world.
	record func() func(ev *quarantine.SessionEvent) bool
	// known spoils what is known of a place.
	known func(known []quarantine.Binding) []quarantine.Binding
	// instance spoils one that decides.
	instance func(m churn.Member, memory *quarantinetest.Memory, i churn.Instance) churn.Instance
	// member spoils what an instance knows of its own accounting.
	member func(m churn.Member) churn.Member

	crashUnnoticed bool // Redis' last second is not missed
	logsUnwatched  bool // nobody knows how far logs are
}

// faulty is the store, spoilt.
type faulty struct {
	*quarantinetest.Memory
	record        func(ev *quarantine.SessionEvent) bool
	known         func(known []quarantine.Binding) []quarantine.Binding
	logsUnwatched bool
}

// Record implements quarantine.SessionRecorder.
func (s *faulty) Record(ctx context.Context, events []quarantine.SessionEvent) []error {
	if s.record == nil {
		return s.Memory.Record(ctx, events)
	}
	var kept []quarantine.SessionEvent
	for _, ev := range events {
		if s.record(&ev) {
			kept = append(kept, ev)
		}
	}
	return s.Memory.Record(ctx, kept)
}

// Bindings implements quarantine.BindingFinder.
func (s *faulty) Bindings(ctx context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
	known, err := s.Memory.Bindings(ctx, at, from, to)
	if s.known != nil {
		known = s.known(known)
	}
	return known, err
}

// AccountingSources implements quarantine.AccountingSourceBook.
func (s *faulty) AccountingSources(ctx context.Context) (quarantine.AccountingSources, error) {
	known, err := s.Memory.AccountingSources(ctx)
	if s.logsUnwatched {
		known.Sources = maps.Clone(known.Sources)
		for name, source := range known.Sources {
			source.Reported = s.Now() // as if none lagged
			known.Sources[name] = source
		}
	}
	return known, err
}

// system is the system under test: two engines on a Memory, spoilt.
func (p *planted) system(w *churn.World) churn.System {
	memory := quarantinetest.NewMemory()
	memory.Interim = w.Interim
	var now time.Time
	memory.Now = func() time.Time { return now }
	store := &faulty{Memory: memory, known: p.known, logsUnwatched: p.logsUnwatched}
	if p.record != nil {
		store.record = p.record()
	}
	engines := &churn.Engines{World: w, Store: store, Now: memory.Now}
	return churn.System{
		Store: store, Clock: func(t time.Time) { now = t },
		Start: func(ctx context.Context, m churn.Member) (churn.Instance, error) {
			if p.member != nil {
				m = p.member(m)
			}
			i, err := engines.Start(ctx, m)
			if p.instance != nil && err == nil {
				i = p.instance(m, memory, i)
			}
			return i, err
		},
		RedisCrashed: func(lost, crashed, _ time.Time) {
			if !p.crashUnnoticed {
				memory.Lose(quarantine.RestartGap(lost, crashed))
			}
		},
	}
}

// checkFaulty checks worlds with faults.
func checkFaulty(t *testing.T, seed uint64, worlds, verdicts int, p planted) *churn.Table {
	t.Helper()
	return checkAll(t, worlds, func(n int) (*churn.World, churn.System, error) {
		w, err := churn.New(churn.Config{Seed: seed + uint64(n), Verdicts: verdicts, Lasts: 20 * time.Minute, Faults: p.faults})
		if err != nil {
			return nil, churn.System{}, fmt.Errorf("seed %d: %w", seed+uint64(n), err)
		}
		return w, p.system(w), nil
	})
}

func TestUnderFaultsNobodyElseIsNamedAndManyAre(t *testing.T) {
	const seed = 20
	for _, f := range []struct {
		name  string
		fault churn.Fault
		right int // at least so many in a hundred
	}{
		{"losses", churn.Losses, 50}, {"names", churn.Names, 50}, {"clocks", churn.Clocks, 50}, {"returns", churn.Returns, 50},
		{"releases", churn.Releases, 50}, {"NATs", churn.NATs, 50}, {"lags", churn.Lags, 50}, {"outages", churn.Outages, 50},
		{"all at once", churn.AllFaults, 25},
	} {
		t.Run(f.name, func(t *testing.T) {
			table := checkFaulty(t, seed, 2, 1_500, planted{faults: f.fault})
			for _, e := range table.Examples {
				t.Error(e)
			}
			if n := table.Total(churn.Wrong); n > 0 {
				t.Errorf("seeds from %d: %d wrong", seed, n)
			}
			judged := table.Verdicts() - table.Total(churn.Waiting) // for an instance that stays away
			if right := table.Total(churn.Right); right*100 < judged*f.right {
				t.Errorf("seeds from %d: only %d of %d are attributed\n%s", seed, right, judged, table)
			}
			checkUndecidable(t, table)
		})
	}
}

// checkUndecidable checks that few verdicts are nobody's fault: else the check would
// excuse what is to be found.
func checkUndecidable(t *testing.T, table *churn.Table) {
	t.Helper()
	for class := range churn.ByHand + 1 {
		most := 1 // in a hundred
		switch class {
		case churn.Nobody: // who had it before is all that is known
			most = 10
		case churn.ByHand: // what is on its way counts for nothing
			most = 4
		}
		const few = 5 // of some hundreds
		if n, all := table.Of(class, churn.Undecidable), table.All(class); (n-few)*100 > all*most {
			t.Errorf("%s: %d of %d verdicts are undecidable", class, n, all)
		}
	}
}

func TestAWorldWithFaultsFollowsFromItsSeedAndOneWithoutIsAsEver(t *testing.T) {
	p := planted{faults: churn.AllFaults}
	if a, b := checkFaulty(t, 7, 1, 500, p), checkFaulty(t, 7, 1, 500, p); a.String() != b.String() {
		t.Errorf("seed 7:\n%s\nand again:\n%s", a, b)
	}
}
