package e2e

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/radiusx"
	"cordon/radiusx/bngsim"
)

// proxySecret is between Cordon and the proxy; the BNG has another.
const proxySecret = "e2e-proxy-secret-0123456789abcdef01"

// proxyMain is the least around the site of examples/freeradius.
const proxyMain = `
prefix = /usr
raddbdir = DIR
logdir = DIR
run_dir = DIR
libdir = /usr/lib/freeradius
proxy_requests = yes
security {
  allow_vulnerable_openssl = yes
}
modules {
  always ok {
    rcode = ok
  }
  always reject {
    rcode = reject
  }
}
$INCLUDE coa_for_cordon
`

// simulated is a BNG of the filter-id platform on a UDP port of its own, until the
// test ends.
func simulated(t *testing.T, name string) (sim *bngsim.BNG, port int) {
	t.Helper()
	conn, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	secret, err := radiusx.NewSecret(coaSecret)
	if err != nil {
		t.Fatal(err)
	}
	sim, err = bngsim.New(bngsim.Config{Name: name, NASIP: netip.MustParseAddr("127.0.0.1"), Platform: bngsim.FilterID, Secret: secret,
		Conn: conn})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { defer close(ended); _ = sim.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		<-ended
	})
	return sim, conn.LocalAddr().(*net.UDPAddr).Port
}

// proxyBed is a Cordon whose BNGs are behind a FreeRADIUS with the site of
// examples/freeradius: bng1, which it knows, and bng9, which it does not.
type proxyBed struct {
	*bed
	sim *bngsim.BNG
}

func newProxyBed(t *testing.T) *proxyBed {
	t.Helper()
	sim, bngPort := simulated(t, "bng1")
	via := "    via: aaa1\n" + filterID
	b := prepareBed(t, func(s *site) {
		s.bngs = []bngSite{{name: "bng1", more: via}, {name: "bng9", more: via}}
	})
	port := freePort(t)
	s := b.site
	s.more = fmt.Sprintf("proxies: [{name: aaa1, address: 127.0.0.1, coa_port: %d, secret: %s, deadline: 3s}]", port, proxySecret)
	b.configure(s)
	example, err := os.ReadFile(filepath.Join("..", "..", "docs", "examples", "freeradius", "sites-available", "coa_for_cordon"))
	if err != nil {
		t.Fatal(err)
	}
	text := string(example)
	for _, pair := range [][2]string{
		{"ipaddr = 192.0.2.10\n", "ipaddr = 127.0.0.1\n"}, {`"the secret of this server under proxies in cordon.yaml"`, `"` + proxySecret + `"`},
		{"ipaddr = 192.0.2.1\n\tport = 3799\n", fmt.Sprintf("ipaddr = 127.0.0.1\n\tport = %d\n", bngPort)},
		{`"the secret between this server and bng1"`, `"` + coaSecret + `"`}, {"response_window = 30", "response_window = 3"},
		{"ipaddr = 192.0.2.20         # this server\n\t\tport = 3799\n", fmt.Sprintf("ipaddr = 127.0.0.1\n\t\tport = %d\n", port)},
	} {
		if strings.Count(text, pair[0]) != 1 {
			t.Fatalf("coa_for_cordon does not contain %q once", pair[0])
		}
		text = strings.Replace(text, pair[0], pair[1], 1)
	}
	b.bng.write("coa_for_cordon", text)
	b.bng.write("radiusd.conf", strings.ReplaceAll(proxyMain, "DIR", b.bng.dir))
	b.bng.startNow()
	b.serve()
	return &proxyBed{b, sim}
}

// login brings a subscriber on line at bng1 and returns the session's id.
func (b *proxyBed) login(user, ip string) string {
	b.t.Helper()
	s, err := b.sim.Login(b.t.Context(), bngsim.Subscriber{User: user, IPv4: netip.MustParseAddr(ip),
		Profile: bngsim.State{FilterID: "INTERNET"}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.account(record{user: user, session: s.ID, ip: ip})
	return s.ID
}

// expectFilter waits until the BNG has the session under that filter.
func (b *proxyBed) expectFilter(session, filter string) {
	b.t.Helper()
	within(b.t, soon, fmt.Sprintf("session %s has filter %s", session, filter), func() (string, bool) {
		s, _ := b.sim.Session(session)
		return s.FilterID, s.FilterID == filter
	})
}

func TestASessionIsRestrictedAndReleasedThroughAProxy(t *testing.T) {
	t.Parallel()
	b := newProxyBed(t)
	session := b.login("alice", "198.51.100.7")
	b.report("198.51.100.7")
	c := b.stands("alice", "restricted", "bng1/"+session+" acked")
	b.expectFilter(session, "GARDEN")
	b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	b.expectFilter(session, "INTERNET")
	b.standsWithin(time.Minute, "alice", "closed")
}

func TestABNGThatTheProxyDoesNotKnowIsTheProxysFault(t *testing.T) {
	t.Parallel()
	b := newProxyBed(t)
	b.account(record{bng: "bng9", user: "bob", session: "s-bob", ip: "198.51.100.8"})
	b.report("198.51.100.8")
	c := b.stands("bob", "restricting", "bng9/s-bob refused")
	if s := c.Sessions[0]; s.ErrorCause == nil || *s.ErrorCause != 502 ||
		!strings.Contains(s.Reason, "proxy aaa1 does not know the way to bng9") {
		t.Errorf("session %+v", s)
	}
	list := b.ok("bng", "list", "-o", "wide")
	if !strings.Contains(list, "Proxy-Request-Not-Routable") || !strings.Contains(list, "proxy aaa1") {
		t.Errorf("bng list:\n%s", list)
	}
}

func TestABNGThatIsDeadBehindAProxyMakesTheProxySilent(t *testing.T) {
	t.Parallel()
	b := newProxyBed(t)
	b.sim.SetFaults(bngsim.Faults{Silent: true})
	session := b.login("alice", "198.51.100.7")
	b.report("198.51.100.7")
	c := b.stands("alice", "restricting", "bng1/"+session+" unanswered")
	if s := c.Sessions[0]; !strings.HasPrefix(s.Reason, "proxy aaa1: no reply") {
		t.Errorf("session %+v", s)
	}
	for i := range 5 {
		user, ip := fmt.Sprint("user", i), fmt.Sprint("198.51.100.", 20+i)
		b.login(user, ip)
		b.report(ip)
	}
	within(t, time.Minute, "the path is silent", func() (string, bool) {
		return "", b.metric(`cordon_bng_state{bng="bng9",state="unresponsive"}`) == "1"
	})
	late := b.login("late", "198.51.100.30")
	b.report("198.51.100.30")
	b.stands("late", "restricting", "bng1/"+late+" pending")
	within(t, soon, "the case says why nothing is sent", func() (string, bool) {
		cases := b.cases("late")
		reason := cases[0].Sessions[0].Reason
		return reason, strings.Contains(reason, "proxy aaa1 has been unresponsive since")
	})
}
