package app

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bngsim"
	"cordon/store/storetest"
)

// BenchmarkVerdictToACK takes b.N subscribers from an accepted verdict to an
// acked restriction: log with fsync, real Redis, UDP to a simulated BNG in this
// process, limits and rate off. Its figure is subscribers a second.
func BenchmarkVerdictToACK(b *testing.B) {
	redis := storetest.StartRedis(b, "--appendfsync", "everysec")
	const secret = "0123456789abcdef0123456789abcdef"
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	port := conn.LocalAddr().(*net.UDPAddr).Port
	text := fmt.Sprintf(`
redis: {addrs: [%q]}
journal: {dir: %s}
http: {listen: "127.0.0.1:0"}
profiles: [{name: garden, severity: 20, reachable: "112"}]
bngs:
  - {name: bng1, address: 127.0.0.1, coa_port: %d, secret: %q, dialect: filter-id, rate: 1e6, max_in_flight: 256,
     profiles: {garden: {restricted: GARDEN, normal: PLAN}}}
policy: {mode: enforce, rules: [{name: bots, match: {category: [botnet]}, profile: garden, for: 72h}]}
limits: {per_hour: 0, per_day: 0, per_bng_per_hour: 0, per_source_per_hour: 0}
`, redis.Socket, b.TempDir(), port, secret)
	cfg, parts, _, err := parse("bench.yaml", []byte(text))
	if err != nil {
		b.Fatal(err)
	}
	app, err := New(b.Context(), cfg, parts, Options{})
	if err != nil {
		b.Fatal(err)
	}
	app.Start()
	defer app.Stop()
	ids, stop := startBNG(b, conn, secret)
	defer stop()
	verdicts := loginAll(b, app, ids)
	b.ResetTimer()
	acceptAll(b, app, verdicts)
	for app.coa.Stats().ACKs < uint64(b.N) {
		time.Sleep(5 * time.Millisecond)
		mustAct(b, app, verdicts[0].ID)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "subscribers/s")
}

// mustAct ends the benchmark if a verdict was decided and restricts nobody: nothing would.
func mustAct(b *testing.B, app *App, id string) {
	b.Helper()
	v, err := app.engine.Verdict(b.Context(), id)
	if err != nil {
		b.Fatal(err)
	}
	if v.Final && v.State != quarantine.VerdictActed {
		b.Fatalf("the verdict is %s: %s", v.State, v.Reason)
	}
}

// startBNG returns the session ids of b.N users, u0 and on.
func startBNG(b *testing.B, conn net.PacketConn, secret string) (ids []string, stop func()) {
	b.Helper()
	s, err := radiusx.NewSecret(secret)
	if err != nil {
		b.Fatal(err)
	}
	sim, err := bngsim.New(bngsim.Config{
		Name: "bng1", NASIP: netip.MustParseAddr("127.0.0.1"), Platform: bngsim.FilterID, Secret: s, Conn: conn, DuplicateWindow: -1,
		KeepPackets: -1,
	})
	if err != nil {
		b.Fatal(err)
	}
	for n := range b.N {
		session, err := sim.Login(b.Context(), bngsim.Subscriber{User: fmt.Sprint("u", n), Profile: bngsim.State{FilterID: "PLAN"}})
		if err != nil {
			b.Fatal(err)
		}
		ids = append(ids, session.ID)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = sim.Run(ctx) }()
	return ids, func() { cancel(); <-ended }
}

// loginAll stores a session for each subscriber and returns a verdict about each.
func loginAll(b *testing.B, app *App, ids []string) []quarantine.Verdict {
	b.Helper()
	address := netip.MustParseAddr("198.18.0.1") // RFC 2544: for benchmarks, and not private
	began := time.Now().Add(-time.Hour)
	verdicts := make([]quarantine.Verdict, len(ids))
	var events []quarantine.SessionEvent
	for i, id := range ids {
		user := fmt.Sprint("u", i)
		events = append(events, quarantine.SessionEvent{
			Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: "bng1", ID: id}, Subscriber: user, At: began, StartedAt: began,
			Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(address, 32), Kind: quarantine.FramedIP}},
		})
		verdicts[i] = quarantine.Verdict{Source: fmt.Sprint("bench", i%32), ObservedAt: time.Now().Add(-time.Minute), IP: address,
			Category: "botnet"}
		address = address.Next()
		if len(events) == 256 || i == len(ids)-1 {
			for _, err := range app.store.Record(b.Context(), events) {
				if err != nil {
					b.Fatal(err)
				}
			}
			events = events[:0]
		}
	}
	return verdicts
}

func acceptAll(b *testing.B, app *App, verdicts []quarantine.Verdict) {
	b.Helper()
	var all sync.WaitGroup
	for len(verdicts) > 0 {
		batch := verdicts[:min(100, len(verdicts))]
		verdicts = verdicts[len(batch):]
		all.Go(func() {
			answers, err := app.engine.Accept(b.Context(), batch)
			if err != nil && !strings.Contains(err.Error(), "canceled") {
				b.Error(err)
			}
			for _, a := range answers {
				if a.Throttled != "" {
					b.Error(a.Throttled)
					return
				}
			}
		})
	}
	all.Wait()
}
