package e2e

import (
	"context"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/engine"
	"cordon/quarantine/quarantinetest/churn"
	"cordon/store"
	"cordon/store/storetest"
)

// The same worlds as in package churn, recorded in the real store.
func TestFromRedisNoVerdictOverChurnedAddressesNamesTheWrongSubscriber(t *testing.T) {
	t.Parallel()
	const seed = 42
	server := storetest.StartRedis(t)
	w, err := churn.New(churn.Config{Seed: seed, Verdicts: 3000, Lasts: 20 * time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	var now time.Time
	s, err := store.New(store.Config{Addrs: []string{server.Addr}, Interim: w.Interim, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}()
	a := engine.Attributor{Bindings: s, Gaps: s.Gaps, Now: func() time.Time { return now }}
	whoHeld := func(ctx context.Context, q churn.Question) (quarantine.Attribution, string, error) {
		found, err := a.WhoHeld(ctx, q.At, q.Port, q.Moment, q.Tolerance)
		return found, "", err
	}
	table, err := w.Check(t.Context(), churn.System{Store: s, WhoHeld: whoHeld, Clock: func(at time.Time) { now = at }})
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	t.Logf("seed %d\n%s", seed, table)
	for _, e := range table.Examples {
		t.Error(e)
	}
	if right := table.Total(churn.Right); right*2 < table.Verdicts() {
		t.Errorf("seed %d: only %d of %d verdicts were attributed", seed, right, table.Verdicts())
	}
}
