package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"cordon/quarantine"
	"cordon/store"
)

// Memory is what live dual-stack sessions with their bindings take in Redis.
type Memory struct {
	Sessions int     `json:"sessions"`
	Octets   float64 `json:"octets_per_session"` // used_memory as Redis reports it, less that of an empty one
}

// Lookup is what it costs to find out who held an address.
type Lookup struct {
	Sessions int     `json:"sessions"`
	P50      float64 `json:"p50_us"`
	P99      float64 `json:"p99_us"`
}

// lookups is how many addresses are asked for at each size.
const lookups = 5000

// measureSizes fills a Redis of its own, without files, to each size in turn.
func (m *Accounting) measureSizes(ctx context.Context, c AccountingConfig) error {
	sizes := slices.Concat(c.Sizes, c.Lookups)
	slices.Sort(sizes)
	sizes = slices.DeleteFunc(slices.Compact(sizes), func(n int) bool { return n <= 0 })
	if len(sizes) == 0 {
		return nil
	}
	dir, err := os.MkdirTemp("", "bench-sizes")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	server, client, err := startRedis(ctx, dir, "--appendonly", "no")
	if err != nil {
		return err
	}
	defer server.stop()
	defer func() { _ = client.Close() }()
	s, err := store.New(store.Config{Addrs: []string{client.Options().Addr}, KeyPrefix: "cordon"})
	if err != nil {
		return err
	}
	defer func() { _ = s.Close() }()
	f := &filling{store: s, began: time.Now().Add(-time.Hour).Truncate(time.Second)}
	if err := f.until(ctx, fillBatch); err != nil { // scripts and connections are no session's
		return err
	}
	empty, err := usedMemory(ctx, client)
	if err != nil {
		return err
	}
	for _, size := range sizes {
		if err := f.until(ctx, size); err != nil {
			return err
		}
		if slices.Contains(c.Sizes, size) {
			used, err := usedMemory(ctx, client)
			if err != nil {
				return err
			}
			m.Memory = append(m.Memory, Memory{Sessions: size, Octets: float64(used-empty) / float64(size-fillBatch)})
		}
		if slices.Contains(c.Lookups, size) {
			lookup, err := f.lookUp(ctx)
			if err != nil {
				return err
			}
			m.Lookups = append(m.Lookups, lookup)
		}
	}
	return nil
}

func usedMemory(ctx context.Context, client *redis.Client) (int, error) {
	text, err := client.Info(ctx, "memory").Result()
	if err != nil {
		return 0, err
	}
	_, rest, _ := strings.Cut(text, "used_memory:")
	n, _, _ := strings.Cut(rest, "\r\n")
	return strconv.Atoi(n)
}

// filling stores sessions 0, 1, 2, … of lines like those of the load.
type filling struct {
	store *store.Store
	began time.Time
	n     int
}

const fillBatch = 512

func (f *filling) until(ctx context.Context, size int) error {
	for f.n < size {
		events := make([]quarantine.SessionEvent, 0, fillBatch)
		for range min(fillBatch, size-f.n) {
			events = append(events, f.event(f.n))
			f.n++
		}
		if err := errors.Join(f.store.Record(ctx, events)...); err != nil {
			return err
		}
	}
	return nil
}

func fillAddress(n int) netip.Addr {
	return netip.AddrFrom4([4]byte{100, byte(64 + n>>16), byte(n >> 8), byte(n)})
}

func (f *filling) event(n int) quarantine.SessionEvent {
	ev := quarantine.SessionEvent{
		Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: "bng1", ID: fmt.Sprintf("%08x%04x", n, 0)},
		Subscriber: fmt.Sprintf("user%07d@isp.example", n), At: f.began, StartedAt: f.began,
		Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(fillAddress(n), 32), Kind: quarantine.FramedIP}},
		Attributes: []quarantine.Attribute{
			{Name: "NAS-Port-Id", Value: fmt.Sprintf("ge-1/0/0.%d:%d", n%4000, n%1000)},
			{Name: "Calling-Station-Id", Value: fmt.Sprintf("02:00:00:%02x:%02x:%02x", byte(n>>16), byte(n>>8), byte(n))},
		},
	}
	line := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb8, 0, byte(n >> 16), byte(n >> 8), byte(n)})
	home := netip.AddrFrom16([16]byte{0x20, 0x01, 0x0d, 0xb9, byte(n >> 16), byte(n >> 8), byte(n)})
	ev.Addresses = append(ev.Addresses,
		quarantine.Address{Prefix: netip.PrefixFrom(line, 64), Kind: quarantine.FramedIPv6Prefix},
		quarantine.Address{Prefix: netip.PrefixFrom(home, 56), Kind: quarantine.DelegatedIPv6Prefix})
	return ev
}

// lookUp asks who held addresses, one after the other; a wrong answer is an error.
func (f *filling) lookUp(ctx context.Context) (Lookup, error) {
	random := rand.New(rand.NewPCG(uint64(f.n), 0)) //nolint:gosec // which addresses, not keys
	took := make([]time.Duration, 0, lookups)
	at := f.began.Add(time.Minute)
	for range lookups {
		n := random.IntN(f.n)
		began := time.Now()
		found, err := f.find(ctx, fillAddress(n), at)
		took = append(took, time.Since(began))
		if err != nil {
			return Lookup{}, err
		}
		if want := fmt.Sprintf("user%07d@isp.example", n); found != want {
			return Lookup{}, fmt.Errorf("%s was held by %q, want %s", fillAddress(n), found, want)
		}
	}
	slices.Sort(took)
	return Lookup{Sessions: f.n, P50: micros(quantile(took, 0.5)), P99: micros(quantile(took, 0.99))}, nil
}

// find is what attribution asks of the store and of the domain.
func (f *filling) find(ctx context.Context, addr netip.Addr, at time.Time) (string, error) {
	const tolerance = 2 * time.Second
	found, err := f.store.Bindings(ctx, quarantine.Place{Addr: addr}, at.Add(-tolerance), at.Add(tolerance))
	if err != nil {
		return "", err
	}
	held := quarantine.WhoHeld(found, nil, 0, at, tolerance)
	return held.Subscriber, nil
}
