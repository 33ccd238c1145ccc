package store

import (
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"

	"github.com/redis/go-redis/v9"
)

// scripts counts runs of scripts.
type scripts struct{ runs atomic.Int64 }

func (c *scripts) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *scripts) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (c *scripts) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		for _, cmd := range cmds {
			if name := cmd.Name(); name == "evalsha" || name == "eval" {
				c.runs.Add(1)
			}
		}
		return next(ctx, cmds)
	}
}

func natBlock(n int) quarantine.Address {
	lo := uint16(1024 + 64*(n%1000))
	return quarantine.Address{
		Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, byte(113 + n/1000), 5}), 32),
		Kind:   quarantine.NATPortBlock, Ports: quarantine.PortRange{Lo: lo, Hi: lo + 63},
	}
}

// A subscriber behind a translator has had 1,500 blocks in a session.
func TestARecordOfASessionCostsWhatItChangesNotItsHistory(t *testing.T) {
	const blocks, most = 1500, 4 // the session's record, the block, that its address is shared, one to spare
	s := openStore(t, storetest.StartRedis(t, "--appendfsync", "no"))
	count := &scripts{}
	s.client.AddHook(count)
	begin := noon.Add(-160 * time.Hour)
	key := quarantine.SessionKey{BNG: "bng1", ID: "s1"}
	record := func(ev quarantine.SessionEvent) (runs int64) {
		t.Helper()
		ev.Key, ev.Subscriber, ev.StartedAt = key, "alice", begin
		before := count.runs.Load()
		mustRecord(t, s, ev)
		return count.runs.Load() - before
	}
	record(quarantine.SessionEvent{Kind: quarantine.SessionStarted, At: begin})
	for n := range blocks {
		at := begin.Add(time.Duration(n) * 5 * time.Minute)
		given := record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, At: at, Addresses: []quarantine.Address{natBlock(n)}})
		back := record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, At: at.Add(time.Minute),
			Freed: []quarantine.Address{natBlock(n)}})
		if n > 0 && (given > most || back > most) {
			t.Fatalf("block %d: %d and %d scripts for a record, want %d at most", n, given, back, most)
		}
	}
	if raw := s.client.Get(t.Context(), s.keys.session(key)).Val(); len(raw) > 8<<10 {
		t.Errorf("the session's record has %d octets", len(raw))
	}
	if _, err := s.Session(t.Context(), key); err != nil || s.Unreadable() > 0 {
		t.Errorf("%v, %d unreadable", err, s.Unreadable())
	}
	for _, n := range []int{0, 1, blocks / 2, blocks - 1} {
		at := begin.Add(time.Duration(n) * 5 * time.Minute)
		found, err := s.Bindings(t.Context(), quarantine.Place{Addr: natBlock(n).Prefix.Addr()}, at.Add(30*time.Second), at.Add(30*time.Second))
		if err != nil || len(found) != 1 || !found[0].To.Equal(at.Add(time.Minute)) || found[0].Ports != natBlock(n).Ports {
			t.Errorf("block %d: %+v, %v", n, found, err)
		}
	}
}

// Another instance does not know what the first has written: it writes all, and then
// as little.
func TestAnotherInstanceWritesTheIntervalsOfASessionOnce(t *testing.T) {
	redis := storetest.StartRedis(t)
	a, b := openStore(t, redis), openStore(t, redis)
	count := &scripts{}
	b.client.AddHook(count)
	ev := started("1", "alice", noon, "192.0.2.1/32")
	for n := range 20 {
		ev.Addresses = append(ev.Addresses, natBlock(16*n)) // each in a slice of its own
	}
	mustRecord(t, a, ev)
	var runs []int64
	for n := range 2 {
		more := ev
		more.Kind, more.At, more.Addresses = quarantine.SessionRenewed, noon.Add(time.Duration(n+1)*time.Minute),
			[]quarantine.Address{natBlock(50 + n)}
		before := count.runs.Load()
		mustRecord(t, b, more)
		runs = append(runs, count.runs.Load()-before)
	}
	if runs[0] < 22 || runs[1] > 4 {
		t.Errorf("scripts run: %v, want all 22 intervals, and then one", runs)
	}
}

// The end of an interval could not be written, and the next record is about another.
func TestTheEndOfAnIntervalThatCouldNotBeWrittenIsWrittenByTheNextRecord(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	const slice = "t:p:203.0.113.5/32:1"
	block := natBlock(0)
	ev := started("1", "alice", noon, "192.0.2.1/32")
	ev.Addresses = []quarantine.Address{block}
	mustRecord(t, s, ev)
	freed := quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: ev.Key, Subscriber: "alice", At: noon.Add(time.Minute),
		Freed: []quarantine.Address{block}}
	redis.Do("RENAME", slice, "kept")
	redis.Do("SET", slice, "another program's")
	if err := s.Record(t.Context(), []quarantine.SessionEvent{freed})[0]; err == nil {
		t.Fatal("the test's own fault did not work")
	}
	redis.Do("DEL", slice)
	redis.Do("RENAME", "kept", slice)
	next := freed
	next.At, next.Freed, next.Addresses = noon.Add(2*time.Minute), nil, []quarantine.Address{natBlock(500)}
	mustRecord(t, s, next)
	found, err := s.Bindings(t.Context(), quarantine.Place{Addr: block.Prefix.Addr()}, noon, noon)
	if err != nil || len(found) != 1 || !found[0].To.Equal(freed.At) {
		t.Errorf("%+v, %v; want one that ended at %s", found, err, freed.At)
	}
}

func TestAnUnnamedSessionIsInNoIndexAndItsFieldSaysNobody(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	mustRecord(t, s, started("1", "", noon, "192.0.2.1/32"))
	if keys := redis.Do("KEYS", "t:u:*"); keys != "*0" && keys != "[]" && keys != "" {
		t.Errorf("indexed under %q", keys)
	}
	if found := held(t, s, "192.0.2.1"); len(found) != 1 || found[0].Subscriber != "" {
		t.Fatalf("%+v", found)
	}
	named := started("1", "bob", noon.Add(time.Minute), "192.0.2.1/32")
	named.Kind, named.StartedAt = quarantine.SessionRenewed, noon
	mustRecord(t, s, named)
	if found := held(t, s, "192.0.2.1"); len(found) != 1 || found[0].Subscriber != "bob" || !found[0].From.Equal(noon) {
		t.Errorf("%+v, want one binding, bob's from the beginning", found)
	}
	if of, err := s.SessionsOf(t.Context(), "bob"); err != nil || len(of) != 1 {
		t.Errorf("bob's: %v, %v", of, err)
	}
}

func TestALogInUnderAnotherNameLeavesTheIndexOfTheOneBefore(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	mustRecord(t, s, started("1", "alice", noon, "192.0.2.1/32"))
	mustSave(t, s, openCase("c1", "alice"))
	redis.Do("ZADD", "t:{c}:due:restrict", "9999999999999", "alice")
	bob := started("1", "bob", noon.Add(time.Minute), "192.0.2.1/32")
	bob.Kind, bob.StartedAt = quarantine.SessionRenewed, noon
	mustRecord(t, s, bob, bob)
	if answer := redis.Do("EXISTS", "t:u:alice"); answer != ":0" {
		t.Errorf("alice's index is there: %s", answer)
	}
	if due, err := s.TakeDue(t.Context(), quarantine.LaneRestrict, noon, time.Minute, 9, 0); err != nil || len(due) != 1 {
		t.Errorf("alice's case is not due: %v, %v", due, err)
	}
	if s.Renamed() != 1 {
		t.Errorf("%d records counted, want 1", s.Renamed())
	}
	if found := held(t, s, "192.0.2.1"); len(found) != 2 || found[0].Subscriber == found[1].Subscriber {
		t.Errorf("%+v", found)
	}
}

// Records without a name renew a session too, and make its case due.
func TestARenewalWithoutANameWakesTheCaseOfTheSessionsSubscriber(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	mustRecord(t, s, started("1", "alice", noon, "192.0.2.1/32"))
	mustSave(t, s, openCase("c1", "alice"))
	for n := range 4 {
		redis.Do("ZADD", "t:{c}:due:restrict", "9999999999999", "alice")
		ev := started("1", "", noon.Add(time.Duration(n+1)*time.Minute), "192.0.2.1/32")
		ev.Kind, ev.StartedAt = quarantine.SessionRenewed, noon
		mustRecord(t, s, ev)
		if due, err := s.TakeDue(t.Context(), quarantine.LaneRestrict, noon, time.Minute, 9, 0); err != nil || len(due) != 1 {
			t.Errorf("record %d: alice's case is not due: %v, %v", n, due, err)
		}
	}
	if got, err := s.Session(t.Context(), quarantine.SessionKey{BNG: "bng1", ID: "1"}); err != nil || got.Subscriber != "alice" ||
		!got.SeenAt.Equal(noon.Add(4*time.Minute)) {
		t.Errorf("%+v, %v", got, err)
	}
}

// BenchmarkRecordOfAManyBlockSession measures a block assigned and one freed, of a
// session that has had a thousand.
func BenchmarkRecordOfAManyBlockSession(b *testing.B) {
	s := openStore(b, storetest.StartRedis(b, "--appendfsync", "no"))
	ev := started("1", "alice", noon, "192.0.2.1/32")
	mustRecordAll := func(events ...quarantine.SessionEvent) {
		for i, err := range s.Record(b.Context(), events) {
			if err != nil {
				b.Fatal(i, err)
			}
		}
	}
	mustRecordAll(ev)
	n := 0
	step := func() {
		at := noon.Add(time.Duration(n) * 10 * time.Second)
		mustRecordAll(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: ev.Key, Subscriber: "alice", At: at,
			Addresses: []quarantine.Address{natBlock(n)}})
		mustRecordAll(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: ev.Key, Subscriber: "alice",
			At: at.Add(5 * time.Second), Freed: []quarantine.Address{natBlock(n)}})
		n++
	}
	for range 1000 {
		step()
	}
	for b.Loop() {
		step()
	}
	b.ReportMetric(float64(n), "blocks")
}
