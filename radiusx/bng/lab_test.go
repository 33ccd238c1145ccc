package bng

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// lab is one simulated BNG behind a wire in memory, and an enforcer that knows
// it.
type lab struct {
	t        *testing.T
	sim      *bngsim.BNG
	enforcer *Enforcer
	seen     []quarantine.Datagram
}

// make is how a lab is set up.
type setup struct {
	platform bngsim.Platform
	dialect  string
	options  map[string]string
	profiles map[string]dialect.Profile
	known    []string // names the BNG knows; nil: any
}

var setups = []setup{
	{bngsim.Junos, "junos", nil, map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: dialect.Overlay},
		"no-smtp": {Restricted: "NO-SMTP", Normal: dialect.Overlay}}, nil},
	{bngsim.Junos, "junos", nil, map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "SVC-INET"},
		"no-smtp": {Restricted: "NO-SMTP", Normal: "SVC-INET"}}, nil},
	{bngsim.FilterID, "filter-id", nil, map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "PLAN"},
		"no-smtp": {Restricted: "NO-SMTP", Normal: "PLAN"}}, nil},
	{bngsim.MikroTik, "mikrotik", nil, map[string]dialect.Profile{"garden": {Restricted: "garden", Normal: "customers"},
		"no-smtp": {Restricted: "no-smtp", Normal: "customers"}}, nil},
	{bngsim.AccelPPP, "accel-ppp", nil, map[string]dialect.Profile{"garden": {Restricted: "64/64", Normal: "1000/5000"},
		"no-smtp": {Restricted: "128/128", Normal: "1000/5000"}}, nil},
}

// plan is what AAA gives at log-in on every platform.
var plan = bngsim.State{Services: []string{"SVC-INET"}, FilterID: "PLAN", AddressList: "customers"}

func inLab(t *testing.T, s setup, story func(*testing.T, *lab)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		wire := bngsim.NewWire(1)
		bngAddr := netip.MustParseAddr("192.0.2.1")
		d, _ := dialect.Builtin().Get(s.dialect)
		conn, err := wire.Listen(netip.AddrPortFrom(bngAddr, d.CoAPort))
		if err != nil {
			t.Fatal(err)
		}
		secret, err := radiusx.NewSecret("a-secret-of-the-lab-0123456789abcdef")
		if err != nil {
			t.Fatal(err)
		}
		sim, err := bngsim.New(bngsim.Config{Name: "bng1", NASIP: bngAddr, Platform: s.platform, Secret: secret, Conn: conn,
			Profiles: s.known})
		if err != nil {
			t.Fatal(err)
		}
		client, err := coa.New(coa.Config{Listen: func(string, string) (net.PacketConn, error) {
			return wire.Listen(netip.AddrPortFrom(netip.MustParseAddr("192.0.2.99"), 0))
		}})
		if err != nil {
			t.Fatal(err)
		}
		fleet, err := NewFleet([]Config{{Name: "bng1", Address: bngAddr, Secret: secret, Dialect: d, Options: s.options,
			Profiles: s.profiles}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { defer close(ended); _ = sim.Run(ctx) }()
		defer func() {
			cancel()
			<-ended
			if err := client.Close(); err != nil {
				t.Error(err)
			}
		}()
		story(t, &lab{t: t, sim: sim, enforcer: NewEnforcer(fleet, client, nil)})
	})
}

// login logs a subscriber in and returns the session as the domain knows it.
func (l *lab) login(user string, state bngsim.State) quarantine.Session {
	l.t.Helper()
	s, err := l.sim.Login(l.t.Context(), bngsim.Subscriber{User: user, IPv4: netip.MustParseAddr("198.51.100.7"), Profile: state})
	if err != nil {
		l.t.Fatal(err)
	}
	return quarantine.Session{
		SessionKey: quarantine.SessionKey{BNG: "bng1", ID: s.ID}, Subscriber: user, StartedAt: time.Now(),
		Addresses: []quarantine.Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: quarantine.FramedIP}},
	}
}

func (l *lab) state(s quarantine.Session) bngsim.State {
	l.t.Helper()
	now, ok := l.sim.Session(s.ID)
	if !ok {
		l.t.Fatalf("session %s is gone", s.ID)
	}
	return now.State
}

func (l *lab) enforce(o quarantine.Order) quarantine.Outcome {
	return l.enforcer.Enforce(l.t.Context(), o, gate{send: func(d quarantine.Datagram) error {
		l.seen = append(l.seen, d)
		return nil
	}})
}

// gate lets every datagram leave that its functions do; one that is nil lets all leave.
type gate struct {
	send   func(quarantine.Datagram) error
	repeat func() error
}

func (g gate) BeforeSend(_ context.Context, d quarantine.Datagram) error {
	if g.send == nil {
		return nil
	}
	return g.send(d)
}

func (g gate) BeforeRepeat() error {
	if g.repeat == nil {
		return nil
	}
	return g.repeat()
}

// defers says why the enforcer would not restrict the session now, as the engine asks it.
func defers(e *Enforcer, s quarantine.Session, profile string) (reason string, deferred bool) {
	if reason, deferred = e.PathDefers(s, true); deferred {
		return reason, true
	}
	return e.ProfileStopped(s, profile, true)
}

// restrict brings the session into a profile, from those in force.
func (l *lab) restrict(s quarantine.Session, profile string, from ...quarantine.AppliedProfile) quarantine.Order {
	l.t.Helper()
	prepared, impossible := l.enforcer.Prepare(s, profile)
	if impossible != nil {
		l.t.Fatalf("prepare: %+v", impossible)
	}
	o := quarantine.Order{Session: s, To: profile, From: from, Confirmed: len(from) > 0}
	o.Prepare(prepared)
	return o
}

func (l *lab) wantState(s quarantine.Session, want bngsim.State) {
	l.t.Helper()
	if got := l.state(s); !got.Equal(want) {
		l.t.Errorf("the BNG has %v, want %v", got, want)
	}
}

func (l *lab) wantOutcome(got quarantine.Outcome, want quarantine.OutcomeKind) {
	l.t.Helper()
	if got.Kind != want {
		l.t.Errorf("outcome %s (%s, cause %d), want %s", got.Kind, got.Reason, got.ErrorCause, want)
	}
}

func applied(o quarantine.Order) quarantine.AppliedProfile {
	return o.Restriction()
}

func name(s setup) string { return fmt.Sprintf("%s/%s", s.dialect, s.profiles["garden"].Normal) }
