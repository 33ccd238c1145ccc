package store

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"

	"github.com/redis/go-redis/v9"
)

// counting counts the fields of hashes that Redis returns.
type counting struct{ fields atomic.Int64 }

func (c *counting) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (c *counting) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		err := next(ctx, cmd)
		c.count(cmd)
		return err
	}
}

func (c *counting) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			c.count(cmd)
		}
		return err
	}
}

func (c *counting) count(cmd redis.Cmder) {
	if hash, ok := cmd.(*redis.MapStringStringCmd); ok {
		c.fields.Add(int64(len(hash.Val())))
	}
}

// A translator with public addresses whose blocks of ports change hands.
const (
	publicAddresses = 16
	blocksEach      = 63
	blockHolds      = time.Hour
)

func publicAddress(n int) netip.Addr { return netip.AddrFrom4([4]byte{203, 0, 113, byte(n)}) }

// fillTranslator records the blocks of all public addresses over a time that ends
// now, the last of which are held still.
func fillTranslator(t testing.TB, s *Store, now time.Time, history time.Duration) {
	t.Helper()
	n, held := 0, int(history/blockHolds)
	for h := range held {
		var list []quarantine.Binding
		for ip := range publicAddresses {
			for block := range blocksEach {
				lo := uint16(1024 + 1024*block)
				b := quarantine.Binding{
					Address: quarantine.Address{Prefix: netip.PrefixFrom(publicAddress(ip), 32), Kind: quarantine.NATPortBlock,
						Ports: quarantine.PortRange{Lo: lo, Hi: lo + 1023}},
					Session: quarantine.SessionKey{BNG: "bng1", ID: fmt.Sprintf("%08x", n)}, Subscriber: fmt.Sprintf("customer%07d@isp.example", n),
					From: now.Add(-time.Duration(held-h) * blockHolds),
				}
				b.RenewedAt = b.From
				if h < held-1 {
					b.To = b.From.Add(blockHolds)
					b.RenewedAt = b.To
				}
				list = append(list, b)
				n++
			}
		}
		for _, err := range s.RecordBindings(t.Context(), list) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// attribute answers who held a port of a public address.
func attribute(t testing.TB, s *Store, n int, port uint16, moment, now time.Time) quarantine.Attribution {
	t.Helper()
	const tolerance = 2 * time.Second
	found, err := s.PortBindings(t.Context(), quarantine.Place{Addr: publicAddress(n)}, port, moment.Add(-tolerance),
		moment.Add(tolerance), now)
	if err != nil {
		t.Fatal(err)
	}
	return quarantine.WhoHeld(found, nil, port, moment, tolerance)
}

// What is read for a verdict is what the slice of its port holds: neither the other
// blocks of the address nor its neighbours.
func TestALookUpOfASharedAddressReadsOneSliceOfItsPorts(t *testing.T) {
	const hours = 12
	now := noon.Truncate(time.Hour)
	s := openStore(t, storetest.StartRedis(t, "--appendfsync", "no"))
	fillTranslator(t, s, now, hours*time.Hour)
	c := &counting{}
	s.client.AddHook(c)
	for _, at := range []struct {
		port   uint16
		ago    time.Duration
		result quarantine.AttributionResult
		read   int64 // fields at most: those of the slice, and the count
	}{
		{5000, 90 * time.Minute, quarantine.Attributed, hours + 1},
		{1024, 10 * time.Minute, quarantine.Attributed, hours + 1},
		{80, 90 * time.Minute, quarantine.Unknown, 1},
		{0, 90 * time.Minute, quarantine.Ambiguous, 0},
		{0, 1000 * time.Hour, quarantine.Unknown, 0},
	} {
		c.fields.Store(0)
		got := attribute(t, s, 5, at.port, now.Add(-at.ago), now)
		if got.Result != at.result || (got.Result == quarantine.Attributed) != strings.HasPrefix(got.Subscriber, "customer") {
			t.Errorf("port %d, %s ago: %v %q, want %v", at.port, at.ago, got.Result, got.Subscriber, at.result)
		}
		if n := c.fields.Load(); n > at.read {
			t.Errorf("port %d, %s ago: %d fields were read, want %d at most", at.port, at.ago, n, at.read)
		}
	}
	all, err := s.Bindings(t.Context(), quarantine.Place{Addr: publicAddress(5)}, time.Time{}, now)
	if err != nil || len(all) != hours*blocksEach {
		t.Errorf("of the whole address: %d, want %d; %v", len(all), hours*blocksEach, err)
	}
}

// The part of a block that was given on lies in another slice than the port.
func TestABlockThatWasReassignedAnywhereIsOver(t *testing.T) {
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	block := func(subscriber string, lo, hi uint16, from int) quarantine.Binding {
		return quarantine.Binding{
			Address: quarantine.Address{Prefix: netip.PrefixFrom(publicAddress(1), 32), Kind: quarantine.NATPortBlock,
				Ports: quarantine.PortRange{Lo: lo, Hi: hi}},
			Session: quarantine.SessionKey{BNG: "log:a", ID: subscriber}, Subscriber: subscriber, From: at(from), RenewedAt: at(from),
		}
	}
	for name, c := range map[string]struct{ older, newer quarantine.Binding }{
		"in the next slice":             {block("alice", 1024, 4000, 0), block("bob", 3900, 3999, 100)},
		"far away, of a wide one":       {block("alice", 1024, 60000, 0), block("bob", 50000, 50100, 100)},
		"by a wide one":                 {block("alice", 1024, 4000, 0), block("bob", 3900, 65000, 100)},
		"of an address that was whole":  {whole(block("alice", 0, 0, 0)), block("bob", 50000, 50100, 100)},
		"of an address that was shared": {block("alice", 1024, 2047, 0), whole(block("bob", 0, 0, 100))},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, storetest.StartRedis(t, "--appendfsync", "no"))
			record := func(b quarantine.Binding) {
				if err := s.RecordBindings(t.Context(), []quarantine.Binding{b})[0]; err != nil {
					t.Fatal(err)
				}
			}
			record(c.older)
			if got := attribute(t, s, 1, 1100, at(200), at(300)); got.Subscriber != "alice" {
				t.Fatalf("before it was given on: %v %q", got.Result, got.Subscriber)
			}
			record(c.newer)
			if got := attribute(t, s, 1, 1100, at(200), at(300)); got.Subscriber == "alice" {
				t.Errorf("%v %q, who may hold it no more", got.Result, got.Subscriber)
			}
		})
	}
}

// whole makes an address with all its ports of a block.
func whole(b quarantine.Binding) quarantine.Binding {
	b.Kind, b.Ports = quarantine.FramedIP, quarantine.PortRange{}
	b.Session.BNG = "bng1"
	return b
}

func TestAPlaceWhoseMarkCannotBeReadIsShared(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	fillTranslator(t, s, noon, 2*time.Hour)
	redis.Do("SET", "t:shared:203.0.113.5/32", "since ever")
	if got := attribute(t, s, 5, 0, noon.Add(-1000*time.Hour), noon); got.Result != quarantine.Ambiguous {
		t.Errorf("%v, want ambiguous", got.Result)
	}
	if s.Unreadable() != 1 {
		t.Errorf("%d unreadable", s.Unreadable())
	}
}

// After a failover or a restart everything is written again.
func TestThatAnAddressIsSharedIsWrittenOnceAndAgainWhenRedisMayHaveForgotten(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openStore(t, redis)
	const key = "t:shared:203.0.113.5/32"
	written := func() string {
		fillTranslator(t, s, noon, time.Hour)
		return redis.Do("EXISTS", key)
	}
	for _, step := range []struct {
		do   func()
		want string
	}{{func() {}, ":1"}, {func() { redis.Do("DEL", key) }, ":0"}, {s.written.forget, ":1"}} {
		step.do()
		if got := written(); got != step.want {
			t.Errorf("there is %s, want %s", got, step.want)
		}
	}
}

// BenchmarkLookUpOfASharedAddress measures who held a port of 16 addresses with 63
// blocks each, held for an hour on average, over 7 days of history.
func BenchmarkLookUpOfASharedAddress(b *testing.B) {
	r := storetest.StartRedis(b, "--appendfsync", "no")
	s := openStore(b, r)
	now := noon.Truncate(time.Hour)
	fillTranslator(b, s, now, 168*time.Hour)
	n := 0
	for b.Loop() {
		if got := attribute(b, s, n%publicAddresses, uint16(1024+n%60000), now.Add(-90*time.Minute), now); got.Result != quarantine.Attributed {
			b.Fatal(got.Reason)
		}
		n++
	}
	info, err := s.client.Info(b.Context(), "commandstats").Result()
	if err != nil {
		b.Fatal(err)
	}
	var usec, calls float64
	for line := range strings.Lines(info) {
		if rest, ok := strings.CutPrefix(line, "cmdstat_hgetall:calls="); ok {
			_, _ = fmt.Sscanf(rest, "%f,usec=%f", &calls, &usec)
		}
	}
	b.ReportMetric(usec/float64(n), "redis-µs/op")
}
