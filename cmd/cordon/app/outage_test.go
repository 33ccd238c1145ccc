package app

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
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

// departure is one first transmission.
type departure struct {
	at       time.Time
	restores bool
}

// outageLab is an engine with one simulated BNG, on a clock of its own.
type outageLab struct {
	t      *testing.T
	engine *engine.Engine
	memory *quarantinetest.Memory
	sim    *bngsim.BNG
	fleet  *bng.Fleet
	users  int

	mu   sync.Mutex // guards what follows
	left []departure
}

// outageWorkers leave few places for one BNG, so that most of what waits there
// pauses now and then, and nothing but the breaker puts it before restrictions.
const outageWorkers = 64

// outageRate is what the BNG of an outageLab may be asked, requests a second.
const outageRate = 20

func inOutage(t *testing.T, story func(*testing.T, *outageLab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		must := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		l := &outageLab{t: t, memory: quarantinetest.NewMemory()}
		wire := bngsim.NewWire(1)
		wire.SetLink(netip.Addr{}, netip.Addr{}, bngsim.Link{Delay: 5 * time.Millisecond})
		d, _ := dialect.Builtin().Get("filter-id")
		address := netip.MustParseAddr("192.0.2.1")
		conn, err := wire.Listen(netip.AddrPortFrom(address, d.CoAPort))
		must(err)
		secret, err := radiusx.NewSecret("a-secret-of-the-lab-0123456789abcdef")
		must(err)
		l.sim, err = bngsim.New(bngsim.Config{Name: "bng1", NASIP: address, Platform: bngsim.FilterID, Secret: secret, Conn: conn})
		must(err)
		client, err := coa.New(coa.Config{Listen: func(string, string) (net.PacketConn, error) {
			return wire.Listen(netip.MustParseAddrPort("192.0.2.99:0"))
		}})
		must(err)
		l.fleet, err = bng.NewFleet([]bng.Config{{
			Name: "bng1", Address: address, Secret: secret, Dialect: d, Rate: outageRate, MaxInFlight: 10,
			Profiles: map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "PLAN"}},
		}})
		must(err)
		enforcer := bng.NewEnforcer(l.fleet, client, l.depart)
		l.engine, err = engine.New(t.Context(), engine.Config{
			Instance: "a", Holder: "a", Store: l.memory, Enforcer: enforcer, Paths: enforcer, Journal: &quarantinetest.Journal{},
			Workers: outageWorkers,
			Rules: quarantine.Rulebook{
				Policy:   quarantine.Policy{Mode: quarantine.ModeEnforce},
				Profiles: map[string]quarantine.Profile{"garden": {Name: "garden", Severity: 20}}, MaxSessions: 4, MaxAge: time.Hour,
			},
		})
		must(err)
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		running.Go(func() { _ = l.sim.Run(ctx) })
		running.Go(func() { _ = l.engine.Run(ctx) })
		defer func() {
			cancel()
			running.Wait()
			must(client.Close())
		}()
		story(t, l)
	})
}

func (l *outageLab) depart(direction radiusx.Direction, _ *radiusx.Dictionary, _, _ netip.AddrPort, octets []byte) {
	if direction == radiusx.Sent {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.left = append(l.left, departure{time.Now(), bytes.Contains(octets, []byte("PLAN"))})
	}
}

// departures returns what left since the last call.
func (l *outageLab) departures() []departure {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := l.left
	l.left = nil
	return left
}

// quarantine wants so many new subscribers restricted and returns their cases.
func (l *outageLab) quarantine(n int) []*quarantine.Case {
	l.t.Helper()
	var cases []*quarantine.Case
	for range n {
		l.users++
		user := fmt.Sprint("user", l.users)
		address := netip.AddrFrom4([4]byte{198, 18, byte(l.users >> 8), byte(l.users)})
		s, err := l.sim.Login(l.t.Context(), bngsim.Subscriber{User: user, IPv4: address, Profile: bngsim.State{FilterID: "PLAN"}})
		if err != nil {
			l.t.Fatal(err)
		}
		for _, err := range l.memory.Record(l.t.Context(), []quarantine.SessionEvent{{
			Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: "bng1", ID: s.ID}, Subscriber: user, At: time.Now(),
			StartedAt: time.Now(),
		}}) {
			if err != nil {
				l.t.Fatal(err)
			}
		}
		c, err := l.engine.Quarantine(l.t.Context(), quarantine.ManualQuarantine{Subscriber: user, Profile: "garden", Reason: "test",
			For: 24 * time.Hour, By: "test"}, false)
		if err != nil {
			l.t.Fatal(err)
		}
		cases = append(cases, c)
	}
	return cases
}

// inGarden counts the subscribers that the BNG has in the garden.
func (l *outageLab) inGarden() int {
	n := 0
	for i := range l.users {
		for _, s := range l.sim.Find(fmt.Sprint("user", i+1)) {
			if s.FilterID == "GARDEN" {
				n++
			}
		}
	}
	return n
}

// wantRate fails if more left within any time of that length than the rate and
// its burst allow.
func wantRate(t *testing.T, left []departure, window time.Duration) {
	t.Helper()
	most := outageRate + int(outageRate*window.Seconds()) + 1
	for i := range left {
		n := 0
		for _, d := range left[i:] {
			if d.at.Sub(left[i].at) < window {
				n++
			}
		}
		if n > most {
			t.Fatalf("%d requests within %s of %s, at most %d are allowed", n, window, left[i].at, most)
		}
	}
}

func TestAfterAnOutageAllReleasesGoBeforeAnyRestrictionWithinTheRate(t *testing.T) {
	const each = 500
	inOutage(t, func(t *testing.T, l *outageLab) {
		old := l.quarantine(each)
		time.Sleep(2 * time.Minute)
		if n := l.inGarden(); n != each {
			t.Fatalf("%d are in the garden", n)
		}
		l.sim.SetFaults(bngsim.Faults{Silent: true})
		fresh := l.quarantine(each)
		time.Sleep(time.Minute)
		for _, c := range old {
			if _, err := l.engine.Release(t.Context(), c.ID, "test", "test", quarantine.ReleaseCleaned); err != nil {
				t.Fatal(err)
			}
		}
		l.departures()
		time.Sleep(10 * time.Minute)
		tried := l.departures()
		for _, d := range tried {
			if !d.restores {
				t.Fatalf("a restriction was tried at %s while releases were pending", d.at)
			}
		}
		if len(tried) == 0 || len(tried) > 100 {
			t.Errorf("%d requests in ten minutes of silence", len(tried))
		}
		c, err := l.memory.Case(t.Context(), fresh[each-1].ID)
		if err != nil {
			t.Fatal(err)
		}
		if reason := c.Sessions[0].Reason; !strings.Contains(reason, "bng1 has been unresponsive since ") {
			t.Errorf("a restriction is kept back because %q", reason)
		}
		l.sim.SetFaults(bngsim.Faults{})
		time.Sleep(5 * time.Minute)
		left := l.departures()
		wantRate(t, left, time.Second)
		wantRate(t, left, 10*time.Second)
		restores, began := 0, false
		for _, d := range left {
			if d.restores && began {
				t.Fatalf("a release left at %s, after restrictions", d.at)
			}
			began = began || !d.restores
			if d.restores {
				restores++
			}
		}
		if restores < each-4 { // up to four were on their way when it came back
			t.Errorf("%d releases left, of %d", restores, each)
		}
		if n := l.inGarden(); n != each {
			t.Errorf("%d are in the garden, want the %d new ones", n, each)
		}
		if h := l.fleet.Health()[0]; h.State != bng.PathOK {
			t.Errorf("health %+v", h)
		}
	})
}

// Each session that went unanswered pauses up to a minute. One answer is enough
// for all of them; those that are on their way are transmitted again within 16 s.
func TestTheFirstAnswerAfterAnOutageEndsThePausesOfAllSessions(t *testing.T) {
	const each = 12
	inOutage(t, func(t *testing.T, l *outageLab) {
		cases := l.quarantine(each)
		time.Sleep(time.Minute)
		l.sim.SetFaults(bngsim.Faults{Silent: true})
		for _, c := range cases {
			if _, err := l.engine.Release(t.Context(), c.ID, "test", "test", quarantine.ReleaseCleaned); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(10 * time.Minute)
		l.sim.SetFaults(bngsim.Faults{})
		for l.inGarden() == each {
			time.Sleep(time.Second)
		}
		time.Sleep(18 * time.Second)
		if n := l.inGarden(); n > 0 {
			t.Errorf("%d of %d are in the garden 18 s after the first answer", n, each)
		}
	})
}
