package store

import (
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

// ranLong is how long a standby of these tests has been running when it takes
// over: enough to tell by whole seconds.
const ranLong = 3 * time.Second

// lostReassignment is a reassignment that the server acknowledges, and its standby, which
// is cut off from it, never gets; then the server dies.
func lostReassignment(t *testing.T, s *Store, master, standby *storetest.Redis, at time.Time) {
	t.Helper()
	standby.Pause()
	master.Do("CLIENT", "KILL", "TYPE", "replica") // or the writes would wait in the standby's socket
	mustRecord(t, s, reassignment(at)...)
	if got := whoHeld(t, s, at.Add(20*time.Second)); got.Subscriber != "bob" {
		t.Fatalf("before the failover: %+v", got)
	}
	master.Kill()
	standby.Resume()
}

// wantLost fails the test unless what alice's successor said is missing and she is
// in doubt for it.
func wantLost(t *testing.T, s *Store, at time.Time) {
	t.Helper()
	got := whoHeld(t, s, at.Add(20*time.Second))
	if len(got.Bindings) != 1 || got.Bindings[0].Subscriber != "alice" {
		t.Fatalf("the failover has lost nothing, this test tests nothing: %+v", got)
	}
	if got.Result != quarantine.Doubtful {
		t.Fatalf("alice is blamed: %+v", got)
	}
	if got := whoHeld(t, s, at.Add(-30*time.Minute)); got.Subscriber != "alice" {
		t.Fatalf("what was long before is in doubt: %+v", got)
	}
}

// confirmNow has the masters published once more.
func confirmNow(t *testing.T, s *Store) {
	t.Helper()
	s.watch.own.publishedAt = s.watch.own.publishedAt.Add(-confirmEvery)
	insistGaps(t, s)
}

// A pair behind one address, such as two servers that share a virtual one: the
// standby answers there once the master is dead, with another run_id, and without
// what the master acknowledged last.
func TestAFailoverBehindOneAddressIsNoRestart(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		sync  string
		anew  bool // the instance too is started anew, and knows no last answer
		alone bool // the standby never was a replica: it has a copy of the master's files
	}{
		"synced always": {sync: "always"},
		"synced always, the instance is started anew": {sync: "always", anew: true},
		"synced every second":                         {sync: "everysec"},
		"synced always, a copy that was no replica":   {sync: "always", alone: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			args := []string{"--appendfsync", c.sync}
			master := storetest.StartRedis(t, args...)
			cfg := Config{Addrs: []string{master.Addr}, Instance: "a"}
			s := openAt(t, cfg)
			insistGaps(t, s)
			now := time.Now()
			mustRecord(t, s, started("1", "alice", now.Add(-time.Hour), "192.0.2.1/32"))
			var standby *storetest.Redis
			if c.alone {
				standby = storetest.StartCopy(t, master, args...)
			} else {
				standby = storetest.StartStandby(t, master, args...)
			}
			standby.AwaitUptime(ranLong)
			confirmNow(t, s)
			if !c.alone {
				standby.AwaitCaughtUp(master)
			}
			lostReassignment(t, s, master, standby, now)
			standby.TakeOver(master)
			if c.anew {
				s = openAt(t, cfg)
			}
			wantLost(t, s, now)
		})
	}
}

// Connections that a balancer goes on leading to the old server are answered by it,
// and what it acknowledges there is lost as well.
func TestAServerThatGoesOnAnsweringAfterAFailoverExtendsTheGap(t *testing.T) {
	t.Parallel()
	s := openAt(t, Config{Addrs: []string{"127.0.0.1:1"}, Instance: "a"})
	if !s.watch.own.sharedAddress {
		t.Fatal("one address, and its connections are taken to lead to one server")
	}
	a, b := server(placeA, "run1", historyA, noHistory), server(placeB, "run9", historyB, historyA)
	last := map[string]int{"run1": 110, "run9": 110}
	w := asOf([]master{a}, second(109))
	w.sharedAddress, w.lastReply = true, func(run string) (time.Time, bool) { return repliedAt(last)(run) }
	stored := continuity{At: second(100).UnixMilli(), Masters: []master{a}}
	next, lost := stored.next(w, []master{b}, second(110), forget)
	w.lastMet, w.publishedAt, w.lost = next.Masters, second(110), lost
	want := quarantine.FailoverGap(second(100), second(110))
	if got := next.gaps(); len(got) != 1 || got[0] != want || w.lateReplies() {
		t.Fatalf("gaps %v, want %v; late replies: %t", got, want, w.lateReplies())
	}
	last["run1"] = 200
	if !w.lateReplies() {
		t.Fatal("what the old server answers is not to be published")
	}
	next, lost = next.next(w, []master{b}, second(201), forget)
	want.To = second(202)
	if got := next.gaps(); len(got) != 1 || got[0] != want {
		t.Fatalf("gaps %v, want %v", got, want)
	}
	// The address goes back to it: what it acknowledges from now on is not lost.
	w.lastMet, w.publishedAt, w.lost = next.Masters, second(201), lost
	next, lost = next.next(w, []master{a}, second(210), forget)
	w.lastMet, w.publishedAt, w.lost = next.Masters, second(210), lost
	if last["run1"] = 500; w.lateReplies() {
		t.Fatalf("it extends the gap: %+v", w.lost)
	}
	if got := next.gaps(); len(got) != 1 || !got[0].To.Equal(second(225)) {
		t.Fatalf("gaps %v, want one that ends after the second failover", got)
	}
}

// A name or a load balancer leads to another server from one moment to the next.
func TestAFailoverBehindABalancerIsNoRestart(t *testing.T) {
	t.Parallel()
	master := storetest.StartRedis(t)
	balancer := storetest.StartBalancer(t, master)
	cfg := Config{Addrs: []string{balancer.Addr}, Instance: "a"}
	s := openAt(t, cfg)
	insistGaps(t, s)
	now := time.Now()
	mustRecord(t, s, started("1", "alice", now.Add(-time.Hour), "192.0.2.1/32"))
	standby := storetest.StartStandby(t, master)
	standby.AwaitUptime(ranLong)
	confirmNow(t, s)
	standby.AwaitCaughtUp(master)
	lostReassignment(t, s, master, standby, now)
	standby.Do("REPLICAOF", "NO", "ONE")
	balancer.Lead(standby)
	wantLost(t, s, now)
	wantLost(t, openAt(t, cfg), now)
}

// A pair whose address goes to and fro while both run.
func TestAnAddressThatGoesBackToAServerThatWasLeftIsAFailoverToo(t *testing.T) {
	t.Parallel()
	one, other := storetest.StartRedis(t), storetest.StartRedis(t)
	other.AwaitUptime(ranLong)
	balancer := storetest.StartBalancer(t, one)
	s := openAt(t, Config{Addrs: []string{balancer.Addr}, Instance: "a"})
	insistGaps(t, s)
	for _, next := range []*storetest.Redis{other, one} {
		met := time.Now().Truncate(time.Millisecond) // as gaps are kept
		balancer.Lead(next)
		balancer.Cut()
		if gaps := insistGaps(t, s); len(gaps) != 1 || gaps[0].To.Before(met.Add(quarantine.NoticedWithin)) {
			t.Fatalf("gaps %v after a failover at %v", gaps, met)
		}
	}
}
