package store

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

// typicalSession is a dual-stack subscriber as a BNG reports it: IPv4 address,
// IPv6 prefix on the line, delegated prefix, and what is needed to name it.
func typicalSession(i int) quarantine.SessionEvent {
	v4 := netip.AddrFrom4([4]byte{100, 64 + byte(i>>16), byte(i >> 8), byte(i)})
	line := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, byte(i >> 16), byte(i >> 8), byte(i)})
	home := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, byte(i >> 16), byte(i >> 8), byte(i)})
	return quarantine.SessionEvent{
		Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: "bng1", ID: fmt.Sprintf("%08d", 4000000+i)},
		Subscriber: fmt.Sprintf("user%06d@isp.example", i), At: noon, StartedAt: noon,
		Addresses: []quarantine.Address{
			{Prefix: netip.PrefixFrom(v4, 32), Kind: quarantine.FramedIP},
			{Prefix: netip.PrefixFrom(line, 64), Kind: quarantine.FramedIPv6Prefix},
			{Prefix: netip.PrefixFrom(home, 56), Kind: quarantine.DelegatedIPv6Prefix},
		},
		Attributes: []quarantine.Attribute{
			{Name: "NAS-Port-Id", Value: fmt.Sprintf("ge-1/0/0.%d:%d", i%4000, i%1000)},
			{Name: "Calling-Station-Id", Value: fmt.Sprintf("02:00:00:%02x:%02x:%02x", byte(i>>16), byte(i>>8), byte(i))},
			{Name: "ERX-Service-Session", Value: "SVC-INET"},
		},
	}
}

func TestALiveSessionWithItsBindingsTakesLessThanAKilobyte(t *testing.T) {
	const sessions, batch, floor = 8192, 256, 1000
	s := openStore(t, storetest.StartRedis(t, "--appendonly", "no"))
	used := func() int {
		text, err := s.client.Info(t.Context(), "memory").Result()
		if err != nil {
			t.Fatal(err)
		}
		var n int
		if _, err := fmt.Sscan(parseInfo(text)["used_memory"], &n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	mustRecord(t, s, typicalSession(1<<20)) // the first loads the scripts
	before := used()
	for i := 0; i < sessions; i += batch {
		var events []quarantine.SessionEvent
		for j := range batch {
			events = append(events, typicalSession(i+j))
		}
		mustRecord(t, s, events...)
	}
	each := (used() - before) / sessions
	record := s.client.MemoryUsage(t.Context(), s.keys.session(typicalSession(1).Key)).Val()
	index := s.client.MemoryUsage(t.Context(), s.keys.sessionsOf(typicalSession(1).Subscriber)).Val()
	block := s.client.MemoryUsage(t.Context(), s.keys.bindings(quarantine.Place{Addr: netip.MustParseAddr("100.64.0.0")}, 32)).Val()
	t.Logf("%d octets a live dual-stack session, all told; MEMORY USAGE: record %d, index %d, block of 16 bindings %d", each, record,
		index, block)
	if each > floor {
		t.Errorf("%d octets a session, the floor is %d", each, floor)
	}
}

// BenchmarkRecord measures Interim-Updates of 10,000 live sessions in batches
// of 128, as the accounting server hands them over.
func BenchmarkRecord(b *testing.B) {
	const sessions, batch = 10_000, 128
	s := openStore(b, storetest.StartRedis(b, "--appendfsync", "everysec"))
	n, round := 0, 0
	for b.Loop() {
		var events []quarantine.SessionEvent
		for range batch {
			ev := typicalSession(n % sessions)
			ev.Kind, ev.At = quarantine.SessionRenewed, noon.Add(time.Duration(round)*time.Second)
			events = append(events, ev)
			n++
		}
		round++
		if err := errors.Join(s.Record(b.Context(), events)...); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "records/s")
}
