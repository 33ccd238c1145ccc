package store

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"cordon/quarantine"
	"cordon/store/storetest"
)

const (
	placeA, placeB       = "192.0.2.1:6379", "192.0.2.2:6379"
	historyA, historyB   = "aaaa", "bbbb"
	historyA2, historyA3 = "aaa2", "aaa3"
)

func server(addr, run, history, followed string) master {
	return master{Addrs: []string{addr}, RunID: run, History: history, followed: followed}
}

func TestAMasterIsStillTheOneItWasUnlessItWasAReplicaInBetween(t *testing.T) {
	was := server(placeA, "run1", historyA, noHistory)
	was.Addrs = append(was.Addrs, "127.0.0.1:6379")
	for name, c := range map[string]struct {
		now  master
		want bool
	}{
		"nothing happened":                      {server(placeA, "run1", historyA, noHistory), true},
		"by another way":                        {server("10.0.0.1:6379", "run1", historyA, noHistory), true},
		"restarted from its append-only file":   {server(placeA, "run2", historyA2, noHistory), true},
		"restarted from its snapshot":           {server(placeA, "run2", historyA2, historyA), true},
		"restarted, met by the other way":       {server("127.0.0.1:6379", "run2", historyA2, noHistory), true},
		"long without replicas":                 {server(placeA, "run1", historyA2, noHistory), true},
		"a replica was promoted":                {server(placeB, "run9", historyB, historyA), false},
		"another server that was never replica": {server(placeB, "run9", historyB, noHistory), false},
		"a replica in between without a master": {server(placeA, "run1", historyA2, historyA), false},
		"back after another was master":         {server(placeA, "run1", historyA3, historyB), false},
		"back after another, restarted":         {server(placeA, "run3", historyA3, historyB), false},
	} {
		if got := was.isStill(c.now); got != c.want {
			t.Errorf("%s: the same master: %t, want %t", name, got, c.want)
		}
	}
}

func TestAProcessThatRanBeforeTheOldOneAnsweredLastIsNoRestartOfIt(t *testing.T) {
	was := server(placeA, "run1", historyA, noHistory)
	was.repliedAt = second(100)
	for name, c := range map[string]struct {
		now   master
		began time.Time
		want  bool
	}{
		"started afterwards":                     {server(placeA, "run2", historyA2, noHistory), second(101), true},
		"started at that moment":                 {server(placeA, "run2", historyA2, noHistory), second(100), true},
		"running before":                         {server(placeA, "run2", historyA2, noHistory), second(99), false},
		"a replica, promoted":                    {server(placeA, "run2", historyA2, historyA), second(99), false},
		"restarted from its snapshot":            {server(placeA, "run2", historyA2, historyA), second(101), true},
		"not known since when":                   {server(placeA, "run2", historyA2, noHistory), time.Time{}, true},
		"the same process, which ran before too": {server(placeA, "run1", historyA, noHistory), second(10), true},
	} {
		c.now.began = c.began
		if got := was.isStill(c.now); got != c.want {
			t.Errorf("%s: the same master: %t, want %t", name, got, c.want)
		}
	}
}

func TestWhenTheOldProcessAnsweredLastIsKnownByAnyOfSeveralWays(t *testing.T) {
	old, next := synced("run1", syncAlways), synced("run2", syncAlways)
	restart := func(stored continuity, w witness, began time.Time) bool {
		next[0].began = began
		n, _ := stored.next(w, next, second(200), forget)
		return len(n.Gaps) == 0
	}
	for name, c := range map[string]struct {
		stored continuity
		w      witness
		last   int // the moment up to which the old process is known to have answered
	}{
		"it replied": {continuity{At: second(150).UnixMilli()},
			witness{lastMet: old, publishedAt: second(50), lastReply: repliedAt(map[string]int{"run1": 150})}, 150},
		"this instance said so": {continuity{At: second(150).UnixMilli()},
			witness{lastMet: old, publishedAt: second(150), lastReply: repliedAt(nil)}, 150},
		"another instance said so": {continuity{At: second(165).UnixMilli(), Masters: old}, witness{lastReply: repliedAt(nil)}, 150},
		"an earlier run has said so": {
			continuity{At: second(1).UnixMilli(), Masters: old, Met: map[string]meeting{"a": {At: second(150).UnixMilli(), Masters: old}}},
			witness{instance: "a", lastReply: repliedAt(nil)}, 150,
		},
	} {
		if !restart(c.stored, c.w, second(c.last)) {
			t.Errorf("%s: a process that was started then is taken for another server", name)
		}
		if restart(c.stored, c.w, second(c.last).Add(-time.Millisecond)) {
			t.Errorf("%s: a process that ran before is taken for the same server", name)
		}
	}
}

func TestAServerSaysForHowLongItHasBeenRunning(t *testing.T) {
	for _, c := range []struct {
		uptime, clock string
		want          time.Duration
		bad           bool
	}{
		{"10", "1796029740709747", 9*time.Second + 709747*time.Microsecond, false},
		{"0", "1796029740000000", -time.Second, false}, // it may have been started in this second, or it may not
		{"10", "", 9 * time.Second, false},
		{"", "1796029740709747", 0, true},
		{"long", "", 0, true},
	} {
		got, err := uptime(map[string]string{"uptime_in_seconds": c.uptime, "server_time_usec": c.clock})
		if got != c.want || (err != nil) != c.bad {
			t.Errorf("uptime %q at %q: %v, %v; want %v", c.uptime, c.clock, got, err, c.want)
		}
	}
	redis := storetest.StartRedis(t)
	for range 20 {
		before := time.Now()
		redis.Kill()
		redis.Start()
		m, err := openAt(t, Config{Addrs: []string{redis.Socket}}).masters(t.Context())
		if err != nil || m[0].began.Before(before) || m[0].began.After(time.Now().Add(2*time.Second)) {
			t.Fatalf("a process that was started after %v: %+v, %v", before, m, err)
		}
	}
}

// openAt returns a store on the host's clock.
func openAt(t *testing.T, cfg Config) *Store {
	t.Helper()
	cfg.KeyPrefix = "t"
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// insistGaps asks for gaps until there is an answer.
func insistGaps(t *testing.T, s *Store) []quarantine.Gap {
	t.Helper()
	var err error
	for range 400 {
		var gaps []quarantine.Gap
		if gaps, err = s.Gaps(t.Context()); err == nil {
			return gaps
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(err)
	return nil
}

func TestARestartOfARedisThatSyncsAlwaysLeavesNoGap(t *testing.T) {
	redis := storetest.StartRedis(t)
	bySocket, byPort := openAt(t, Config{Addrs: []string{redis.Socket}}), openAt(t, Config{Addrs: []string{redis.Addr}})
	for range 3 {
		for _, s := range []*Store{bySocket, byPort, openAt(t, Config{Addrs: []string{redis.Addr}})} {
			if gaps := insistGaps(t, s); len(gaps) != 0 {
				t.Fatalf("gaps %v", gaps)
			}
		}
		redis.Kill()
		if gaps, err := byPort.Gaps(t.Context()); err == nil {
			t.Fatalf("gaps %v of a Redis that is unreachable", gaps)
		}
		redis.Start()
	}
}

func TestAMasterThatRefusesWritesIsNotTrusted(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openAt(t, Config{Addrs: []string{redis.Socket}})
	insistGaps(t, s)
	redis.Do("CONFIG", "SET", "min-replicas-to-write", "1") // it has lost its replicas
	s.watch.own.publishedAt = s.watch.own.publishedAt.Add(-confirmEvery)
	if gaps, err := s.Gaps(t.Context()); err == nil || !strings.Contains(err.Error(), "NOREPLICAS") {
		t.Fatalf("gaps %v, %v", gaps, err)
	}
}

func TestAMalformedRecordOfMastersIsAnErrorThatNamesItsKey(t *testing.T) {
	redis := storetest.StartRedis(t)
	redis.Do("SET", "t:{c}:masters", "junk")
	if gaps, err := openAt(t, Config{Addrs: []string{redis.Socket}}).Gaps(t.Context()); err == nil ||
		!strings.Contains(err.Error(), "t:{c}:masters") {
		t.Fatalf("gaps %v, %v", gaps, err)
	}
}

// A binding that nothing renews counts for idle; so long may a gap hide that it ended.
func TestAGapIsRememberedForAsLongAsABindingCounts(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	for days, kept := range map[int]bool{10: true, 29: true, 31: false} {
		at := noon.AddDate(0, 0, -days)
		redis.Do("SET", "t:{c}:masters", fmt.Sprintf(`{"at":%d,"g":[[%d,%d]]}`, at.UnixMilli(), at.UnixMilli(), at.Add(time.Minute).UnixMilli()))
		s.watch.own.publishedAt = time.Time{}
		if gaps := insistGaps(t, s); len(gaps) > 0 != kept {
			t.Errorf("%d days later: %v", days, gaps)
		}
	}
}

func TestAPromotedReplicaOfAClusterLeavesAGap(t *testing.T) {
	t.Parallel()
	cluster := storetest.StartCluster(t)
	n := (cluster.Owner(cluster.SlotOf("t:{c}:masters")) + 1) % 3 // not the one that keeps the word about masters
	replica := cluster.AddReplica(n)
	s := openAt(t, Config{Addrs: cluster.Addrs()})
	if gaps := insistGaps(t, s); len(gaps) != 0 {
		t.Fatalf("gaps %v before", gaps)
	}
	cluster.Nodes[n].Kill()
	cluster.Promote(replica, n)
	if gaps := insistGaps(t, s); len(gaps) != 1 || time.Until(gaps[0].To) < 0 || time.Since(gaps[0].From) < quarantine.LostBefore {
		t.Fatalf("gaps %v", gaps)
	}
	if gaps := insistGaps(t, openAt(t, Config{Addrs: cluster.Addrs()})); len(gaps) != 1 {
		t.Fatalf("an instance that starts afterwards knows of %v", gaps)
	}
}

// A hand-over whose records the master acknowledged and no replica has: after
// the failover nobody but the holder before is known.
func TestAReassignmentThatAFailoverLostIsNotAttributedToTheHolderBefore(t *testing.T) {
	t.Parallel()
	sentinel := storetest.StartSentinel(t)
	s := openAt(t, Config{Addrs: sentinel.Addrs(), MasterName: sentinel.Name})
	insistGaps(t, s)
	now := time.Now()
	mustRecord(t, s, started("1", "alice", now.Add(-time.Hour), "192.0.2.1/32"))
	sentinel.AwaitReplicas(2)

	master := sentinel.Master()
	for _, replica := range sentinel.Nodes[1:] {
		replica.Pause()
	}
	master.Do("CLIENT", "KILL", "TYPE", "replica") // or the writes would wait in the replicas' sockets
	ended := started("1", "alice", now.Add(-time.Hour), "192.0.2.1/32")
	ended.Kind, ended.At = quarantine.SessionEnded, now
	mustRecord(t, s, ended, started("2", "bob", now, "192.0.2.1/32"))
	after := now.Add(20 * time.Second)
	if got := whoHeld(t, s, after); got.Subscriber != "bob" {
		t.Fatalf("before the failover: %+v", got)
	}
	master.Kill()
	for _, replica := range sentinel.Nodes[1:] {
		replica.Resume()
	}
	sentinel.AwaitFailover(master)

	got := whoHeld(t, s, after)
	if len(got.Bindings) != 1 || got.Bindings[0].Subscriber != "alice" {
		t.Fatalf("the failover has lost nothing, this test tests nothing: %+v", got)
	}
	if got.Result != quarantine.Doubtful {
		t.Fatalf("alice is blamed: %+v", got)
	}
	if got := whoHeld(t, s, now.Add(-30*time.Minute)); got.Subscriber != "alice" {
		t.Fatalf("what was long before is in doubt: %+v", got)
	}
	interim := started("2", "bob", now, "192.0.2.1/32")
	interim.Kind, interim.At = quarantine.SessionRenewed, now.Add(10*time.Minute)
	mustRecord(t, s, interim)
	if got := whoHeld(t, s, after); got.Result == quarantine.Attributed {
		t.Fatalf("bob's next Interim proves nothing about the time before: %+v", got)
	}
	if got := whoHeld(t, s, interim.At.Add(time.Minute)); got.Subscriber != "bob" {
		t.Fatalf("after bob's next Interim: %+v", got)
	}
}

// whoHeld attributes as an engine does, and insists on an answer.
func whoHeld(t *testing.T, s *Store, at time.Time) quarantine.Attribution {
	t.Helper()
	var err error
	for range 400 {
		var bindings []quarantine.Binding
		bindings, err = s.Bindings(t.Context(), quarantine.Place{Addr: started("", "", at, "192.0.2.1/32").Addresses[0].Prefix.Addr()}, at, at)
		if err == nil {
			return quarantine.WhoHeld(bindings, insistGaps(t, s), 0, at, time.Second)
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(err)
	return quarantine.Attribution{}
}

func TestAServerThatDoesNotSayWhichItIsIsTrustedOnlyIfTheConfigurationSaysSo(t *testing.T) {
	server := miniredis.RunT(t) // it has none of INFO server, INFO replication and CLIENT INFO
	for without, want := range map[Capabilities]bool{0: false, Identity: true} {
		s, err := New(Config{Addrs: []string{server.Addr()}, Without: without})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		gaps, err := s.Gaps(t.Context())
		if (err == nil) != want || len(gaps) > 0 {
			t.Errorf("without %d: gaps %v, %v; want an answer: %t", without, gaps, err, want)
		}
	}
}
