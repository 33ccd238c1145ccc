package store_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/store"
	"cordon/store/storetest"
)

// instances opens two stores with the same keys, as two instances of Cordon have.
func instances(t *testing.T, cfg store.Config) []*store.Store {
	t.Helper()
	var both []*store.Store
	for range 2 {
		s, err := store.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		both = append(both, s)
	}
	return both
}

func TestMovingSlotsOfAClusterLosesNothingAndDoublesNothing(t *testing.T) {
	t.Parallel()
	cluster := storetest.StartCluster(t)
	both := instances(t, store.Config{Addrs: cluster.Addrs(), KeyPrefix: "up"})
	tr := startTraffic(t, both...)
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	var keys []string
	for w := range trafficWriters {
		for n := range 40 {
			block := netip.AddrFrom4([4]byte{10, byte(w), 0, byte(n &^ 15)})
			keys = append(keys, fmt.Sprintf("up:s:bng%d:%d", w, n), fmt.Sprintf("up:u:u%d-%d", w, n), fmt.Sprintf("up:b:%s/32", block))
		}
	}
	tr.awaitWrites(100)
	for range 12 {
		move := []string{"up:{c}:open", "up:lengths"}
		for range 6 {
			move = append(move, keys[rng.IntN(len(keys))])
		}
		for _, key := range move {
			if err := cluster.MoveSlot(cluster.SlotOf(key), rng.IntN(3)); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		tr.awaitWrites(40)
	}
	for _, bad := range tr.losses() {
		t.Errorf("seed %d: %s", seed, bad.what)
	}
	for _, s := range both {
		if gaps, err := s.Gaps(t.Context()); err != nil || len(gaps) != 0 {
			t.Errorf("seed %d: moved slots were taken for a failover: %v, %v", seed, gaps, err)
		}
	}
	for _, redirection := range []string{"MOVED", "ASK"} {
		if refusals(cluster.Nodes, redirection) == 0 {
			t.Errorf("seed %d: no client met %s: this test tests nothing", seed, redirection)
		}
	}
}

// refusals counts the errors of one kind that servers have answered.
func refusals(nodes []*storetest.Redis, kind string) int {
	total := 0
	for _, node := range nodes {
		_, count, _ := strings.Cut(node.Info("errorstats")["errorstat_"+kind], "count=")
		n, _ := strconv.Atoi(count) // none is 0
		total += n
	}
	return total
}

func TestAFailoverLosesOnlyWhatWasWrittenRightBeforeItAndDoublesNothing(t *testing.T) {
	t.Parallel()
	sentinel := storetest.StartSentinel(t)
	for i, upheaval := range []struct {
		name string
		do   func()
	}{
		{"planned", func() { sentinel.Failover() }},
		{"the master is killed", func() {
			master := sentinel.Master()
			master.Kill()
			sentinel.AwaitFailover(master)
		}},
		{"the master hangs and comes back", func() {
			master := sentinel.Master()
			master.Pause()
			sentinel.AwaitFailover(master)
			master.Resume()
		}},
	} {
		t.Run(upheaval.name, func(t *testing.T) {
			cfg := store.Config{Addrs: sentinel.Addrs(), MasterName: sentinel.Name, KeyPrefix: fmt.Sprint("up", i)}
			both := instances(t, cfg)
			tr := startTraffic(t, both...)
			tr.awaitWrites(100)
			from := time.Now().Add(-time.Second)
			upheaval.do()
			tr.awaitWrites(100)
			over := time.Now()
			tr.awaitWrites(200)
			if refusals([]*storetest.Redis{sentinel.Master()}, "NOSCRIPT") == 0 {
				t.Error("the new master was asked for no script that it did not know: where did the writes go?")
			}
			for _, s := range both {
				wantGap(t, s, from, over)
			}
			for _, bad := range tr.losses() {
				if bad.at.Before(from) || bad.at.After(over) {
					t.Errorf("%s before the failover began or after it was over: %s", bad.at.Sub(from), bad.what)
				}
			}
		})
	}
}

// wantGap wants the store to know of one gap, which covers a failover.
func wantGap(t *testing.T, s *store.Store, from, to time.Time) {
	t.Helper()
	gaps, err := s.Gaps(t.Context())
	if err != nil || len(gaps) != 1 || gaps[0].From.After(from) || gaps[0].To.Before(to) {
		t.Errorf("gaps %v, %v; want one from before %s to after %s", gaps, err, from, to)
	}
}
