package app

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/engine"
	"cordon/quarantine/quarantinetest"
	"cordon/radiusx"
	"cordon/radiusx/bng"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// How much waits for the end of maintenance, and how fast the BNG takes it.
const (
	waitingSessions = 300
	maintainedRate  = 20 // requests a second, and as many at once after a rest
)

// TestWhatWaitedForMaintenanceIsSentAtTheBNGsRate runs the engine, the
// translator and the CoA client against a simulated BNG on a wire in memory.
func TestWhatWaitedForMaintenanceIsSentAtTheBNGsRate(t *testing.T) {
	for name, end := range map[string]func(*testing.T, *engine.Engine){
		"a window that is over": func(*testing.T, *engine.Engine) { time.Sleep(time.Hour) },
		"a window that is ended": func(t *testing.T, e *engine.Engine) {
			if _, err := e.EndMaintenance(t.Context(), "bng1", "alice", "done"); err != nil {
				t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				memory := quarantinetest.NewMemory()
				sim, enforcer := simulated(t)
				e := runEngine(t, memory, enforcer)
				if _, err := e.Maintain(t.Context(), "bng1", "alice", "new software", time.Hour); err != nil {
					t.Fatal(err)
				}
				reportAll(t, memory, sim, e)
				time.Sleep(10 * time.Minute)
				if sent := requests(sim); len(sent) > 0 {
					t.Fatalf("%d requests in maintenance", len(sent))
				}
				end(t, e)
				time.Sleep(time.Minute)
				sent := requests(sim)
				if len(sent) != waitingSessions {
					t.Errorf("%d requests for %d sessions", len(sent), waitingSessions)
				}
				withinRate(t, sent)
				for _, s := range sim.Sessions() {
					if s.State.FilterID != "GARDEN" {
						t.Errorf("session %s has %q", s.ID, s.State.FilterID)
					}
				}
			})
		})
	}
}

// withinRate fails the test if any span of time holds more requests than the
// rate allows.
func withinRate(t *testing.T, at []time.Time) {
	t.Helper()
	for first := range at {
		for last := first; last < len(at); last++ {
			span := at[last].Sub(at[first])
			if most := maintainedRate + int(span.Seconds()*maintainedRate) + 1; last-first+1 > most {
				t.Fatalf("%d requests within %s, %d are allowed", last-first+1, span, most)
			}
		}
	}
}

// requests is when each request arrived.
func requests(sim *bngsim.BNG) (at []time.Time) {
	for _, p := range sim.Packets() {
		if !p.Sent {
			at = append(at, p.At)
		}
	}
	return at
}

// simulated is one BNG and an enforcer that knows it, joined by a wire.
func simulated(t *testing.T) (*bngsim.BNG, quarantine.Enforcer) {
	t.Helper()
	address, own := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.99")
	wire := bngsim.NewWire(1)
	d, _ := dialect.Builtin().Get("filter-id")
	conn, err := wire.Listen(netip.AddrPortFrom(address, d.CoAPort))
	if err != nil {
		t.Fatal(err)
	}
	secret, err := radiusx.NewSecret("a-secret-of-the-lab-0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	sim, err := bngsim.New(bngsim.Config{
		Name: "bng1", NASIP: address, Platform: bngsim.FilterID, Secret: secret, Conn: conn, KeepPackets: 4 * waitingSessions,
	})
	if err != nil {
		t.Fatal(err)
	}
	client, err := coa.New(coa.Config{Listen: func(string, string) (net.PacketConn, error) {
		return wire.Listen(netip.AddrPortFrom(own, 0))
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	fleet, err := bng.NewFleet([]bng.Config{{
		Name: "bng1", Address: address, Secret: secret, Dialect: d, Rate: maintainedRate, MaxInFlight: 64,
		Profiles: map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "PLAN"}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	inBackground(t, sim.Run)
	return sim, bng.NewEnforcer(fleet, client, nil)
}

func runEngine(t *testing.T, memory *quarantinetest.Memory, enforcer quarantine.Enforcer) *engine.Engine {
	t.Helper()
	e, err := engine.New(t.Context(), engine.Config{
		Holder: "a", Store: memory, Enforcer: enforcer, Journal: &quarantinetest.Journal{},
		Rules: quarantine.Rulebook{
			Policy: quarantine.Policy{Mode: quarantine.ModeEnforce, Rules: []quarantine.Rule{{
				Name: "bots", Profile: "garden", For: quarantine.Duration(72 * time.Hour),
			}}},
			Profiles: map[string]quarantine.Profile{"garden": {Name: "garden"}}, MaxSessions: 4, MaxAge: time.Hour,
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	inBackground(t, e.Run)
	return e
}

func TestNothingIsLoggedOfABNGInMaintenance(t *testing.T) {
	all := []bng.Health{{BNG: "bng1", State: bng.PathUnresponsive}, {BNG: "bng2", State: bng.PathUnresponsive}}
	reported := outsideMaintenance(all, []quarantine.Maintenance{{BNG: "bng1"}, {BNG: "bng3"}})
	if len(reported) != 1 || reported[0].BNG != "bng2" || all[0].BNG != "bng1" {
		t.Errorf("reported %+v, of %+v", reported, all)
	}
}

// inBackground runs f until the test ends.
func inBackground(t *testing.T, f func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = f(ctx) }() // ends with the test
	t.Cleanup(func() { cancel(); <-ended })
}

// reportAll logs the subscribers in and reports each.
func reportAll(t *testing.T, memory *quarantinetest.Memory, sim *bngsim.BNG, e *engine.Engine) {
	t.Helper()
	var events []quarantine.SessionEvent
	var verdicts []quarantine.Verdict
	address := netip.MustParseAddr("198.51.100.0")
	for i := range waitingSessions {
		address = address.Next()
		user := fmt.Sprint("u", i)
		s, err := sim.Login(t.Context(), bngsim.Subscriber{User: user, IPv4: address, Profile: bngsim.State{FilterID: "PLAN"}})
		if err != nil {
			t.Fatal(err)
		}
		events = append(events, quarantine.SessionEvent{
			Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: "bng1", ID: s.ID}, Subscriber: user, At: time.Now(),
			StartedAt: time.Now(),
			Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(address, 32), Kind: quarantine.FramedIP}},
		})
		verdicts = append(verdicts, quarantine.Verdict{Source: "ids", ObservedAt: time.Now().Add(3 * time.Second), IP: address,
			Category: "botnet"})
	}
	for _, err := range memory.Record(t.Context(), events) {
		if err != nil {
			t.Fatal(err)
		}
	}
	time.Sleep(5 * time.Second)
	if _, err := e.Accept(t.Context(), verdicts); err != nil {
		t.Fatal(err)
	}
}
