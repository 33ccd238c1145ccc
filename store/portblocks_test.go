package store

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"

	"github.com/redis/go-redis/v9"
)

// fieldsRead counts the fields of all hashes that are read.
type fieldsRead struct{ n atomic.Int64 }

func (f *fieldsRead) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

func (f *fieldsRead) ProcessHook(next redis.ProcessHook) redis.ProcessHook { return next }

func (f *fieldsRead) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		err := next(ctx, cmds)
		for _, cmd := range cmds {
			if all, ok := cmd.(*redis.MapStringStringCmd); ok {
				f.n.Add(int64(len(all.Val())))
			}
		}
		return err
	}
}

// shareOut has addresses whose ports are given out in blocks, each to somebody
// else every hour.
func shareOut(t testing.TB, s *Store, addresses, hours int, now time.Time) {
	t.Helper()
	const blocks = 63
	n := 0
	for h := range hours {
		var list []quarantine.Binding
		for ip := range addresses {
			for block := range blocks {
				b := pushedBlock(byte(ip), 1024+1024*block, 2047+1024*block, fmt.Sprintf("customer%07d", n), now.Add(-time.Duration(hours-h)*time.Hour))
				if h < hours-1 {
					b.To, b.RenewedAt = b.From.Add(time.Hour), b.From.Add(time.Hour)
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

func pushedBlock(host byte, lo, hi int, subscriber string, from time.Time) quarantine.Binding {
	return quarantine.Binding{
		Address: quarantine.Address{
			Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, host}), 32), Kind: quarantine.NATPortBlock,
			Ports: quarantine.PortRange{Lo: uint16(lo), Hi: uint16(hi)},
		},
		Session: quarantine.SessionKey{BNG: "log:cgn1", ID: subscriber}, Subscriber: subscriber, From: from, RenewedAt: from,
	}
}

func TestALookUpOfAPortReadsWhatWasSaidOfItsPortsOnly(t *testing.T) {
	r := storetest.StartRedis(t, "--appendfsync", "no")
	s := openStore(t, r)
	const addresses, hours = 16, 24
	now := noon
	shareOut(t, s, addresses, hours, now)
	counted := &fieldsRead{}
	s.client.AddHook(counted)
	at := quarantine.Place{Addr: netip.MustParseAddr("203.0.113.5")}
	found, err := s.BindingsOfPort(t.Context(), at, 5000, time.Time{}, now)
	if err != nil || len(found) != hours {
		t.Fatalf("%d bindings, %v; want %d", len(found), err, hours)
	}
	if n := counted.n.Swap(0); n > 2*hours {
		t.Errorf("%d fields were read to find %d", n, hours)
	}
	for _, b := range found {
		if !b.Ports.Has(5000) || b.Prefix.Addr() != at.Addr {
			t.Errorf("found %s %s", b.Prefix, b.Ports)
		}
	}
	if a := quarantine.WhoHeld(found, nil, 5000, now.Add(-90*time.Minute), 2*time.Second); a.Result != quarantine.Attributed {
		t.Errorf("the answer is %+v", a)
	}
	shared, err := s.Shared(t.Context(), at, now.Add(-90*time.Minute), now.Add(-90*time.Minute))
	if err != nil || !shared {
		t.Errorf("shared %t, %v", shared, err)
	}
	if n := counted.n.Load(); n > sharedAtOnce*(hours+1) {
		t.Errorf("%d fields were read to find that the address is shared", n)
	}
	all, err := s.Bindings(t.Context(), at, now.Add(-90*time.Minute), now.Add(-90*time.Minute))
	if err != nil || len(all) != 63 {
		t.Errorf("%d had the address, %v; want 63", len(all), err)
	}
}

// A week of 16 addresses of 63 blocks that change hands every hour.
func BenchmarkLookUpOfAPort(b *testing.B) {
	r := storetest.StartRedis(b, "--appendfsync", "no")
	s, err := New(Config{Addrs: []string{r.Socket}, KeyPrefix: "t"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = s.Close() })
	now := time.Now().Truncate(time.Millisecond)
	shareOut(b, s, 16, 168, now)
	for b.Loop() {
		if _, err := s.BindingsOfPort(b.Context(), quarantine.Place{Addr: netip.MustParseAddr("203.0.113.5")}, 5000, time.Time{}, now); err != nil {
			b.Fatal(err)
		}
	}
}
