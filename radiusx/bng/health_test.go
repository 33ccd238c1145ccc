package bng

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// park is several simulated BNGs of the filter-id platform behind a wire in memory.
type park struct {
	t        *testing.T
	sims     []*bngsim.BNG
	fleet    *Fleet
	enforcer *Enforcer
	users    int
}

// inPark runs a story with that many BNGs: bng1, bng2, …
func inPark(t *testing.T, bngs int, quirks []bngsim.Quirk, story func(*testing.T, *park), change ...func(*Config)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		wire := bngsim.NewWire(1)
		d, _ := dialect.Builtin().Get("filter-id")
		secret, err := radiusx.NewSecret("a-secret-of-the-lab-0123456789abcdef")
		must(t, err)
		p := &park{t: t}
		var configs []Config
		ctx, cancel := context.WithCancel(context.Background())
		var running sync.WaitGroup
		for i := range bngs {
			address := netip.AddrFrom4([4]byte{192, 0, 2, byte(i + 1)})
			conn, err := wire.Listen(netip.AddrPortFrom(address, d.CoAPort))
			must(t, err)
			sim, err := bngsim.New(bngsim.Config{
				Name: fmt.Sprint("bng", i+1), NASIP: address, Platform: bngsim.FilterID, Quirks: quirks, Secret: secret, Conn: conn,
				Profiles: []string{"GARDEN", "PLAN"},
			})
			must(t, err)
			p.sims = append(p.sims, sim)
			c := Config{
				Name: fmt.Sprint("bng", i+1), Address: address, Secret: secret, Dialect: d, Rate: 100, MaxInFlight: 50,
				Profiles: map[string]dialect.Profile{
					"garden": {Restricted: "GARDEN", Normal: "PLAN"}, "unknown": {Restricted: "NO-SUCH-FILTER", Normal: "PLAN"},
				},
			}
			for _, f := range change {
				f(&c)
			}
			configs = append(configs, c)
			running.Go(func() { _ = sim.Run(ctx) })
		}
		client, err := coa.New(coa.Config{Listen: func(string, string) (net.PacketConn, error) {
			return wire.Listen(netip.MustParseAddrPort("192.0.2.99:0"))
		}})
		must(t, err)
		p.fleet, err = NewFleet(configs)
		must(t, err)
		p.enforcer = NewEnforcer(p.fleet, client, nil)
		defer func() {
			cancel()
			running.Wait()
			must(t, client.Close())
		}()
		story(t, p)
	})
}

// login logs somebody new in at a BNG, counted from 1.
func (p *park) login(bng int) quarantine.Session {
	p.t.Helper()
	p.users++
	user := fmt.Sprint("user", p.users)
	s, err := p.sims[bng-1].Login(p.t.Context(), bngsim.Subscriber{
		User: user, IPv4: netip.AddrFrom4([4]byte{198, 51, 100, byte(p.users)}), Profile: bngsim.State{FilterID: "PLAN"},
	})
	must(p.t, err)
	return quarantine.Session{
		SessionKey: quarantine.SessionKey{BNG: fmt.Sprint("bng", bng), ID: s.ID}, Subscriber: user, StartedAt: time.Now(),
	}
}

func (p *park) restriction(s quarantine.Session, profile string) quarantine.Order {
	p.t.Helper()
	prepared, impossible := p.enforcer.Prepare(s, profile)
	if impossible != nil {
		p.t.Fatalf("prepare: %+v", impossible)
	}
	o := quarantine.Order{Session: s, To: profile}
	o.Prepare(prepared)
	return o
}

// all carries orders out at the same time.
func (p *park) all(orders ...quarantine.Order) []quarantine.Outcome {
	outcomes := make([]quarantine.Outcome, len(orders))
	var running sync.WaitGroup
	for i, o := range orders {
		running.Go(func() { outcomes[i] = p.enforcer.Enforce(p.t.Context(), o, quarantine.OpenGate{}) })
	}
	running.Wait()
	return outcomes
}

func (p *park) health(bng int) Health {
	p.t.Helper()
	return p.fleet.Health()[bng-1]
}

func (p *park) orders(bng, n int, profile string) []quarantine.Order {
	p.t.Helper()
	var list []quarantine.Order
	for range n {
		list = append(list, p.restriction(p.login(bng), profile))
	}
	return list
}

func TestAnUnresponsiveBNGIsNoticedAndAnotherIsNotTouched(t *testing.T) {
	inPark(t, 2, nil, func(t *testing.T, p *park) {
		p.sims[0].SetFaults(bngsim.Faults{Silent: true})
		p.all(append(p.orders(1, 5, "garden"), p.orders(2, 5, "garden")...)...)
		if one, two := p.health(1), p.health(2); one.State != PathUnresponsive || one.Unanswered != 5 || two.State != PathOK ||
			two.LastAnswer.IsZero() {
			t.Errorf("health %+v, %+v", one, two)
		}
		here, there := p.login(1), p.login(2)
		reason, deferred := defers(p.enforcer, here, "garden")
		if !deferred || !strings.HasPrefix(reason, "bng1 has been unresponsive since ") {
			t.Errorf("deferred %v: %q", deferred, reason)
		}
		if reason, deferred := defers(p.enforcer, there, "garden"); deferred {
			t.Errorf("bng2: %s", reason)
		}
	})
}

func TestAStormOfNAKsIsNotUnresponsive(t *testing.T) {
	inPark(t, 1, nil, func(t *testing.T, p *park) {
		for range 20 {
			p.all(p.orders(1, 10, "unknown")...)
		}
		if h := p.health(1); h.State != PathOK || h.Unanswered != 0 {
			t.Errorf("health %+v", h)
		}
	})
}

// cut is a client whose socket takes nothing.
type cut struct{}

func (cut) Do(context.Context, coa.Exchange) (coa.Result, error) {
	return coa.Result{Hint: net.ErrWriteToConnected}, nil
}

func TestOurOwnFaultInSendingIsNotUnresponsive(t *testing.T) {
	inPark(t, 1, nil, func(t *testing.T, p *park) {
		p.enforcer.client = cut{}
		p.all(p.orders(1, 20, "garden")...)
		if h := p.health(1); h.State != PathOK || h.Unanswered != 0 {
			t.Errorf("health %+v", h)
		}
	})
}

func TestAReleaseFindsOutThatAnUnresponsiveBNGIsBack(t *testing.T) {
	inPark(t, 1, nil, func(t *testing.T, p *park) {
		gone := p.orders(1, 6, "garden")
		p.all(gone...)
		p.sims[0].SetFaults(bngsim.Faults{Silent: true})
		p.all(p.orders(1, 5, "garden")...)
		var releases []quarantine.Order
		for _, o := range gone {
			releases = append(releases, quarantine.Order{Session: o.Session, From: []quarantine.AppliedProfile{applied(o)},
				Confirmed: true})
		}
		var most int
		done := make(chan struct{})
		go func() { defer close(done); p.all(releases...) }()
		for range 300 {
			time.Sleep(100 * time.Millisecond)
			most = max(most, p.health(1).InFlight)
		}
		if most != unresponsiveInFlight {
			t.Errorf("%d in flight to a silent BNG, want %d", most, unresponsiveInFlight)
		}
		p.sims[0].SetFaults(bngsim.Faults{})
		<-done
		if h := p.health(1); h.State != PathRecovering {
			t.Errorf("health %+v", h)
		}
		if returned := p.enforcer.Returned("bng1"); returned.IsZero() {
			t.Error("it never returned")
		}
		restored := 0
		for _, o := range gone {
			if s, _ := p.sims[0].Session(o.Session.ID); s.FilterID == "PLAN" {
				restored++
			}
		}
		if restored != len(gone)-unresponsiveInFlight { // the others were unanswered, and are asked for again
			t.Errorf("%d of %d were restored", restored, len(gone))
		}
	})
}

func TestAProfileThatABNGRefusesToEverybodyIsStoppedThereForRestrictionsOnly(t *testing.T) {
	inPark(t, 2, nil, func(t *testing.T, p *park) {
		orders := p.orders(1, 3, "unknown")
		for i, o := range orders {
			if reason, deferred := defers(p.enforcer, o.Session, o.To); deferred {
				t.Fatalf("stopped before the %d. subscriber: %s", i+1, reason)
			}
			if out := p.all(o)[0]; out.Kind != quarantine.OutcomeRefused {
				t.Fatalf("outcome %+v", out)
			}
		}
		next := p.login(1)
		reason, deferred := defers(p.enforcer, next, "unknown")
		if !deferred || !strings.Contains(reason, "bng1: profile unknown is stopped there: Invalid-Attribute-Value for everybody since ") {
			t.Errorf("deferred %v: %q", deferred, reason)
		}
		if reason, deferred := defers(p.enforcer, next, "garden"); deferred {
			t.Errorf("another profile: %s", reason)
		}
		if reason, deferred := defers(p.enforcer, p.login(2), "unknown"); deferred {
			t.Errorf("another BNG: %s", reason)
		}
		if h := p.health(1); len(h.Stopped) != 1 || h.Stopped[0].Profile != "unknown" || h.Stopped[0].ErrorCause != 407 {
			t.Errorf("health %+v", h)
		}
		release := quarantine.Order{Session: orders[0].Session, From: []quarantine.AppliedProfile{applied(orders[0])}}
		if out := p.all(release)[0]; out.Kind != quarantine.OutcomeAcked {
			t.Errorf("release: %+v", out)
		}
	})
}

func TestRefusedReleasesStopNothing(t *testing.T) {
	inPark(t, 1, nil, func(t *testing.T, p *park) {
		for range 10 {
			o := p.restriction(p.login(1), "garden")
			back := quarantine.AppliedProfile{Profile: "garden", Undo: `{"restricted":"GARDEN","normal":"NO-SUCH-FILTER"}`}
			if out := p.all(quarantine.Order{Session: o.Session, From: []quarantine.AppliedProfile{back},
				Confirmed: true})[0]; out.Kind != quarantine.OutcomeRefused {
				t.Fatalf("outcome %+v: the test proves nothing", out)
			}
		}
		if h := p.health(1); len(h.Stopped) > 0 {
			t.Errorf("health %+v", h)
		}
	})
}

func TestAClockThatIsOffIsReportedAndNamedWhereAnswersAreDiscardedForIt(t *testing.T) {
	for _, check := range []bool{false, true} {
		inPark(t, 1, []bngsim.Quirk{bngsim.ClockSkew}, func(t *testing.T, p *park) {
			out := p.all(p.orders(1, 1, "garden")...)[0]
			h := p.health(1)
			if h.SkewAt.IsZero() || h.Skew.Abs() < 5*time.Minute {
				t.Errorf("check %v: health %+v", check, h)
			}
			want := quarantine.OutcomeAcked
			if check {
				want = quarantine.OutcomeUnanswered
			}
			if out.Kind != want || (check && !strings.Contains(out.Reason, "the BNG's clock is "+skewText(h.Skew))) ||
				(h.ClockDiscards > 0) != check {
				t.Errorf("check %v: outcome %+v, health %+v", check, out, h)
			}
		}, func(c *Config) { c.CheckEventTimestamp, c.OmitEventTimestamp = check, true })
	}
}

func TestAFaultOfTheConfigurationIsKeptAndStopsNothing(t *testing.T) {
	now := time.Now()
	var v vitals
	v.note(coa.Result{Kind: coa.NAK, ErrorCause: 403}, coa.ConfigFault, false, now)
	v.note(coa.Result{Kind: coa.ACK}, coa.Success, false, now.Add(time.Second))
	if v.fault == nil || v.fault.ErrorCause != 403 || !v.fault.At.Equal(now) {
		t.Errorf("fault %+v", v.fault)
	}
	if list := []string{PathOK.String(), PathUnresponsive.String(), PathRecovering.String()}; !slices.Equal(list,
		[]string{"ok", "unresponsive", "recovering"}) {
		t.Errorf("states %v", list)
	}
}
