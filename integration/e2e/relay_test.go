package e2e

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

// relayBed is a Cordon that receives accounting of bng1 only through an AAA server.
func relayBed(t *testing.T) (*bed, *forwardRules) {
	t.Helper()
	b := prepareBed(t, func(s *site) {
		s.clients = fmt.Sprintf("    - {address: 127.0.0.1/32, secret: %s, relay_for: [bng1]}", acctSecret)
	})
	rules := &forwardRules{cordon: b.site.acct, proxy: freePort(t), buffered: freePort(t)}
	b.bng.forward = rules
	b.bng.write("radiusd.conf", b.bng.configuration())
	b.bng.startNow()
	b.serve()
	return b, rules
}

// sendRecords sends records from the address of a NAS to the AAA server.
func sendRecords(t *testing.T, port int, records ...record) {
	t.Helper()
	for i := range records {
		records[i].more = strings.TrimPrefix(records[i].more+", Packet-Src-IP-Address = 127.0.0.2", ", ")
	}
	out, err := radclient(t, fmt.Sprintf("127.0.0.1:%d", port), "acct", acctSecret, join(records), "-r", "3", "-t", "5")
	if err != nil {
		t.Fatalf("the AAA server did not answer: %v\n%s", err, out)
	}
}

func TestAnAAAServerThatHandsAccountingOnIsHeard(t *testing.T) {
	t.Parallel()
	b, aaa := relayBed(t)
	for _, way := range []struct {
		name       string
		port       int
		ip, prefix string
	}{{"proxy", aaa.proxy, "198.51.100.7", "2001:db8:7"}, {"buffered", aaa.buffered, "198.51.100.8", "2001:db8:8"}} {
		user := "alice-" + way.name
		s := record{user: user, session: "s-" + user, ip: way.ip, ago: time.Minute}
		sendRecords(t, way.port, s)
		b.knows(user, url.Values{"subscriber": {user}})
		s.ago = 0
		s.status, s.more = "Interim-Update", "Acct-Session-Time = 60, Delegated-IPv6-Prefix = "+way.prefix+"::/56"
		sendRecords(t, way.port, s)
		b.knows(user, url.Values{"ip": {way.prefix + ":1::1"}})
		b.report(way.ip, "--at", "-1s")
		b.bng.expect(user, coaRequest(user, s.session, "GARDEN"))

		s.status, s.more = "Stop", "Acct-Session-Time = 61"
		sendRecords(t, way.port, s)
		b.stands(user, "waiting", "bng1/"+s.session+" gone")
		b.bng.expect(user, coaRequest(user, s.session, "GARDEN"))
	}
	if n := b.metric(`cordon_accounting_datagrams_total{outcome="stored"}`); n != "6" {
		t.Errorf("stored %s records, want 6", n)
	}
}

// knows waits until a subscriber is the only one that Cordon finds.
func (b *bed) knows(user string, query url.Values) {
	b.t.Helper()
	within(b.t, soon, fmt.Sprintf("%s is found by %s", user, query.Encode()), func() (string, bool) {
		s, answer, _ := look[wire.Holders](b.instance, "/sessions", query)
		return answer, len(s.Results) == 1 && s.Results[0].Subscriber == user
	})
}

func TestARelayIsNotTrustedAboutBNGsItDoesNotSpeakFor(t *testing.T) {
	t.Parallel()
	b, aaa := relayBed(t)
	sendRecords(t, aaa.proxy, record{bng: "bng2", user: "mallory", session: "m", ip: "198.51.100.9"})
	sendRecords(t, aaa.proxy, record{bng: "elsewhere", user: "mallory", session: "m", ip: "198.51.100.9"})
	sendRecords(t, aaa.proxy, record{user: "alice", session: "s-alice", ip: "198.51.100.7"})
	b.ok("session", "find", "--subscriber", "alice")
	if r := b.cli("session", "find", "--ip", "198.51.100.9"); r.code != 1 {
		t.Error(r)
	}
	for _, claimed := range []string{"bng2", ""} {
		if n := b.metric(fmt.Sprintf(`cordon_accounting_faults_total{bng=%q,reason="nas_not_allowed"}`, claimed)); n != "1" {
			t.Errorf("records of %q, which is not allowed: %s, want 1", claimed, n)
		}
	}
	id := b.report("198.51.100.9")
	b.verdict(id, "unknown")
	b.report("198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	b.bng.nothingAbout("mallory")
}

func TestProxyStateComesBackInOrder(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	r := record{user: "alice", session: "s-alice", ip: "198.51.100.7", more: "Proxy-State = 0x0102, Proxy-State = 0x03, Proxy-State = 0x0102"}
	out, err := radclient(t, b.radius(), "acct", acctSecret, r.String(), "-r", "2", "-t", "5")
	if _, answer, _ := strings.Cut(out, "Received Accounting-Response"); err != nil ||
		!strings.Contains(answer, "Proxy-State = 0x0102\n\tProxy-State = 0x03\n\tProxy-State = 0x0102") {
		t.Errorf("radclient: %v\n%s", err, out)
	}
	found := ask[wire.Holders](b.instance, "session", "find", "--ip", "198.51.100.7", "--at", time.Now().Format(time.RFC3339Nano))
	if len(found.Results) != 1 || found.Results[0].Subscriber != "alice" || found.Results[0].BNG != "bng1" {
		t.Errorf("found %+v", found)
	}
}
