package bng

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/bngsim"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// silentHost counts the datagrams that come to it, and answers none.
func silentHost(t *testing.T, wire *bngsim.Wire, at netip.AddrPort) *atomic.Int64 {
	t.Helper()
	conn, err := wire.Listen(at)
	must(t, err)
	var n atomic.Int64
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		buffer := make([]byte, 4096)
		for {
			if _, _, err := conn.ReadFrom(buffer); err != nil {
				return
			}
			n.Add(1)
		}
	}()
	t.Cleanup(func() { _ = conn.Close(); <-ended })
	return &n
}

// enforcerOn returns an enforcer whose datagrams go over the wire to bng1, directly or
// by way of a proxy, and to where they go.
func enforcerOn(t *testing.T, wire *bngsim.Wire, byProxy bool) (*Enforcer, netip.AddrPort) {
	t.Helper()
	d, _ := dialect.Builtin().Get("filter-id")
	secret, err := radiusx.NewSecret("a-secret-of-the-lab-0123456789abcdef")
	must(t, err)
	c := Config{
		Name: "bng1", Address: netip.MustParseAddr("192.0.2.1"), Secret: secret, Dialect: d,
		Profiles: map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "PLAN"}},
	}
	to := netip.AddrPortFrom(c.Address, d.CoAPort)
	if byProxy {
		to = netip.MustParseAddrPort("192.0.2.50:3700")
		c.Via = &Proxy{Name: "aaa1", Address: to.Addr(), Secret: secret, CoAPort: to.Port(), Deadline: 30 * time.Second}
	}
	fleet, err := NewFleet([]Config{c})
	must(t, err)
	client, err := coa.New(coa.Config{Listen: func(string, string) (net.PacketConn, error) {
		return wire.Listen(netip.MustParseAddrPort("192.0.2.99:0"))
	}})
	must(t, err)
	t.Cleanup(func() { _ = client.Close() })
	return NewEnforcer(fleet, client, nil), to
}

func TestOnceItMayNotBeRepeatedNoRestrictionLeavesAndEveryReleaseDoes(t *testing.T) {
	for name, byProxy := range map[string]bool{"directly": false, "through a proxy": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wire := bngsim.NewWire(1)
				e, to := enforcerOn(t, wire, byProxy)
				came := silentHost(t, wire, to)
				s := proxied("bng1", "s1")
				undo, _ := e.Prepare(s, "garden")
				var paused atomic.Bool
				var asked atomic.Int64
				may := func() error {
					if asked.Add(1); paused.Load() {
						return errors.New("restricting is paused: link cut")
					}
					return nil
				}
				order := quarantine.Order{Session: s, To: "garden", Undo: undo.Undo}
				began := time.Now()
				answer := make(chan quarantine.Outcome, 1)
				go func() { answer <- e.Enforce(context.Background(), order, gate{repeat: may}) }()
				time.Sleep(3 * time.Second) // the second transmission is at 2 s
				before := came.Load()
				paused.Store(true)
				out := <-answer
				if out.Kind != quarantine.OutcomeUnanswered || !out.Doubtful || !strings.Contains(out.Reason, "link cut") {
					t.Errorf("outcome %+v", out)
				}
				if took := time.Since(began); took > 8*time.Second {
					t.Errorf("it ended %s after its beginning, want at the next repeat", took)
				}
				time.Sleep(time.Minute)
				if after := came.Load(); before != 2 || after != before || asked.Load() != 2 {
					t.Errorf("%d datagrams before the pause, %d after it; asked %d times", before, after-before, asked.Load())
				}
				release := quarantine.Order{Session: s, From: []quarantine.AppliedProfile{applied(order)}}
				if out := e.Enforce(context.Background(), release, gate{repeat: may}); out.Kind != quarantine.OutcomeUnanswered {
					t.Errorf("release: %+v", out)
				}
				if n := came.Load() - before; n < 4 || asked.Load() != 2 {
					t.Errorf("%d datagrams of the release, asked %d times", n, asked.Load())
				}
			})
		})
	}
}
