package bng

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"layeh.com/radius"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// proxyStub answers as a proxy would, and remembers what it was asked.
type proxyStub struct {
	answer coa.Result
	asked  []coa.Exchange
}

func (p *proxyStub) Do(_ context.Context, x coa.Exchange) (coa.Result, error) {
	p.asked = append(p.asked, x)
	r := p.answer
	r.Transmissions = 1
	return r, nil
}

// behindProxy returns an enforcer with two BNGs behind one proxy.
func behindProxy(t *testing.T, stub *proxyStub, nas []NAS) *Enforcer {
	t.Helper()
	d, _ := dialect.Builtin().Get("filter-id")
	secret, err := radiusx.NewSecret("a-secret-of-the-proxy-0123456789abcdef")
	must(t, err)
	proxy := &Proxy{Name: "aaa1", Address: netip.MustParseAddr("192.0.2.50"), Secret: secret, CoAPort: 3700, Deadline: 30 * time.Second}
	profiles := map[string]dialect.Profile{"garden": {Restricted: "GARDEN", Normal: "PLAN"}}
	fleet, err := NewFleet([]Config{
		{Name: "bng1", Address: netip.MustParseAddr("192.0.2.1"), NAS: nas, Dialect: d, Via: proxy, Profiles: profiles},
		{Name: "bng2", Address: netip.MustParseAddr("2001:db8::2"), Dialect: d, Via: proxy, Profiles: profiles},
	})
	must(t, err)
	return NewEnforcer(fleet, stub, nil)
}

func proxied(bng, id string) quarantine.Session {
	return quarantine.Session{SessionKey: quarantine.SessionKey{BNG: bng, ID: id}, Subscriber: "user-" + id, StartedAt: time.Now()}
}

func restrictVia(e *Enforcer, s quarantine.Session) quarantine.Outcome {
	prepared, _ := e.Prepare(s, "garden")
	return e.Enforce(context.Background(), quarantine.Order{Session: s, To: "garden", Undo: prepared.Undo}, quarantine.OpenGate{})
}

func TestARequestThroughAProxyNamesTheBNGAndIsGivenMoreTimeThanTheProxyTakes(t *testing.T) {
	for name, c := range map[string]struct {
		bng  string
		nas  []NAS
		want []string
	}{
		"by address":      {"bng1", nil, []string{`NAS-IP-Address = "192.0.2.1"`}},
		"by IPv6 address": {"bng2", nil, []string{`NAS-IPv6-Address = "2001:db8::2"`}},
		"by its entry": {
			"bng1", []NAS{{IP: netip.MustParseAddr("192.0.2.7")}, {Identifier: "edge"}, {Identifier: "other"}},
			[]string{`NAS-IP-Address = "192.0.2.7"`, `NAS-Identifier = "edge"`},
		},
	} {
		stub := &proxyStub{answer: coa.Result{Kind: coa.ACK}}
		e := behindProxy(t, stub, c.nas)
		s := proxied(c.bng, "s1")
		if out := restrictVia(e, s); out.Kind != quarantine.OutcomeAcked {
			t.Fatalf("%s: %+v", name, out)
		}
		release := quarantine.Order{Session: s, From: []quarantine.AppliedProfile{{Profile: "garden"}}, Confirmed: true}
		if out := e.Enforce(t.Context(), release, quarantine.OpenGate{}); out.Kind != quarantine.OutcomeAcked ||
			out.AssertAfter() != 70*time.Second {
			t.Fatalf("%s: release %+v, asserted after %s", name, out, out.AssertAfter())
		}
		for i, x := range stub.asked {
			var got []string
			for _, a := range radiusx.Builtin().Decode(x.Attributes) {
				if strings.HasPrefix(a.Name, "NAS-") {
					got = append(got, a.String())
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("%s: request %d names %q, want %q", name, i, got, c.want)
			}
			if x.Peer != netip.MustParseAddrPort("192.0.2.50:3700") || x.Code != radius.CodeCoARequest || x.Timeout != 35*time.Second ||
				!strings.HasPrefix(string(x.Secret.Bytes()), "a-secret-of-the-proxy") {
				t.Errorf("%s: request %d to %s, timeout %s", name, i, x.Peer, x.Timeout)
			}
		}
	}
}

func TestAProxysFaultIsNotTheBNGsNorTheProfiles(t *testing.T) {
	for cause, want := range map[uint32]struct {
		kind   quarantine.OutcomeKind
		reason string
	}{
		502: {quarantine.OutcomeRefused, "proxy aaa1 does not know the way to bng1: NAK Proxy-Request-Not-Routable"},
		505: {quarantine.OutcomeUnanswered, "proxy aaa1 has no reply from bng1: NAK Proxy-Processing-Error"},
	} {
		stub := &proxyStub{answer: coa.Result{Kind: coa.NAK, ErrorCause: cause}}
		e := behindProxy(t, stub, nil)
		for i := range 20 {
			out := restrictVia(e, proxied("bng1", string(rune('a'+i))))
			if out.Kind != want.kind || out.Reason != want.reason || out.ErrorCause != cause || out.Doubtful != (cause == 505) {
				t.Fatalf("%d: outcome %+v", cause, out)
			}
		}
		h := e.fleet.Health()[0]
		if h.State != PathOK || len(h.Stopped) > 0 || !h.LastAnswer.IsZero() || h.Fault == nil ||
			h.Fault.Disposition != coa.PathFault || h.Fault.ErrorCause != cause {
			t.Errorf("%d: health %+v, fault %+v", cause, h, h.Fault)
		}
	}
}

func TestAnUnresponsiveProxyIsUnresponsiveForAllBNGsBehindIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stub := &proxyStub{answer: coa.Result{Kind: coa.Unanswered}}
		e := behindProxy(t, stub, nil)
		for i := range unresponsiveExchanges {
			out := restrictVia(e, proxied("bng1", string(rune('a'+i))))
			if out.Kind != quarantine.OutcomeUnanswered || !strings.HasPrefix(out.Reason, "proxy aaa1: no reply") {
				t.Fatalf("outcome %+v", out)
			}
		}
		if reason, deferred := defers(e, proxied("bng2", "x"), "garden"); !deferred ||
			!strings.HasPrefix(reason, "proxy aaa1 has been unresponsive since") {
			t.Errorf("deferred %v: %q", deferred, reason)
		}
		for _, h := range e.fleet.Health() {
			if h.State != PathUnresponsive || h.Path != "proxy aaa1" {
				t.Errorf("health %+v", h)
			}
		}
	})
}

func TestADirectBNGsOwn505IsARefusalAsEver(t *testing.T) {
	inPark(t, 1, nil, func(t *testing.T, p *park) {
		p.enforcer.client = &proxyStub{answer: coa.Result{Kind: coa.NAK, ErrorCause: 505}}
		if out := p.all(p.orders(1, 1, "garden")...)[0]; out.Kind != quarantine.OutcomeRefused ||
			out.AssertAfter() != quarantine.AssertDelay {
			t.Errorf("outcome %+v", out)
		}
	})
}

func TestAPlatformThatMustNotGetNASAttributesIsNotReachedThroughAProxy(t *testing.T) {
	builtin, _ := dialect.Builtin().Get("filter-id")
	d := *builtin
	d.Identifiers.Never = append(slices.Clone(d.Identifiers.Never), dialect.Never{Attribute: "NAS-IP-Address", Reason: "refused with 401"})
	c := Config{Name: "bng1", Address: netip.MustParseAddr("192.0.2.1"), Dialect: &d}
	secret, err := radiusx.NewSecret("a-secret-of-the-proxy-0123456789abcdef")
	must(t, err)
	c.Secret = secret
	must(t, c.Validate().Err())
	c.Via = &Proxy{Name: "aaa1", Address: netip.MustParseAddr("192.0.2.50"), Secret: secret}
	if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "via: requests through a proxy name the BNG by NAS-IP-Address") {
		t.Errorf("%v", err)
	}
	for name, p := range map[string]Proxy{
		"no name": {Address: c.Address, Secret: secret}, "no address": {Name: "a", Secret: secret},
		"no secret":   {Name: "a", Address: c.Address},
		"too patient": {Name: "a", Address: c.Address, Secret: secret, Deadline: 31 * time.Second},
	} {
		if p.Validate() == nil {
			t.Errorf("%s: no fault", name)
		}
	}
}
