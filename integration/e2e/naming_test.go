package e2e

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// sends hands records in radclient's words in, apart by a blank line, all of which
// must be answered.
func (c *instance) sends(records ...string) {
	c.t.Helper()
	if out, err := radclient(c.t, c.radius(), "acct", acctSecret, strings.Join(records, "\n\n")+"\n", "-r", "5", "-t", "2"); err != nil {
		c.t.Fatalf("accounting was not answered: %v\n%s", err, out)
	}
}

// whoHeld returns who held an address, a line of `cordon session find` each.
func (c *instance) whoHeld(ip string) string {
	c.t.Helper()
	return c.ok("session", "find", "--ip", ip, "-o", "wide")
}

func circuit(text string) string {
	return "ADSL-Agent-Circuit-Id = 0x" + hex.EncodeToString([]byte(text))
}

// PPPoE names and IPoE circuits behind one BNG; accounting, another program's
// table and log-ins agree who a line is.
func TestNamesAndCircuitsBehindOneBNG(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) {
		s.bngs[0].more = "    subscriber_key: [User-Name, \"%{NAS-Identifier}/%{ADSL-Agent-Circuit-Id}\"]\n" + filterID
	})
	b.sends(
		`Acct-Status-Type = Start, NAS-Identifier = bng1, User-Name = alice, Acct-Session-Id = p1, Framed-IP-Address = 198.51.100.1, `+circuit("eth 0/1"),
		`Acct-Status-Type = Start, NAS-Identifier = bng1, Acct-Session-Id = i1, Framed-IP-Address = 198.51.100.2, `+circuit("eth 0/2"),
		`Acct-Status-Type = Interim-Update, NAS-Identifier = bng1, Acct-Session-Id = i3, Framed-IP-Address = 198.51.100.3, `+circuit("eth 0/3"),
		// In mid-session it does not say all that it said in its Start.
		`Acct-Status-Type = Interim-Update, NAS-Identifier = bng1, Acct-Session-Id = p1, Framed-IP-Address = 198.51.100.1, `+circuit("eth 0/1"),
		// The other BNG has no key of its own.
		`Acct-Status-Type = Start, NAS-Identifier = bng2, User-Name = bob, Acct-Session-Id = p2, Framed-IP-Address = 198.51.100.4, `+circuit("eth 0/1"),
	)
	for ip, subscriber := range map[string]string{"198.51.100.1": "alice", "198.51.100.2": "bng1/eth 0/2", "198.51.100.3": "bng1/eth 0/3",
		"198.51.100.4": "bob"} {
		if v := b.verdict(b.report(ip), "acted"); v.Subscriber != subscriber {
			t.Errorf("%s was %q, want %q", ip, v.Subscriber, subscriber)
		}
	}
	if got := b.whoHeld("198.51.100.1"); strings.Contains(got, "eth 0/1") {
		t.Errorf("an Interim without the name made another subscriber of alice:\n%s", got)
	}

	// A table has the circuit as text.
	file := filepath.Join(t.TempDir(), "radacct.csv")
	rows := "acctsessionid,username,nasidentifier,acctstarttime,framedipaddress,adsl_agent_circuit_id\n" +
		"t1,,bng1,2026-01-01T00:00:00Z,198.51.100.5,eth 0/5\nt2,carol,bng1,2026-01-01T00:00:00Z,198.51.100.6,eth 0/6\n"
	if err := os.WriteFile(file, []byte(rows), 0o600); err != nil {
		t.Fatal(err)
	}
	b.ok("session", "import", file)
	for ip, subscriber := range map[string]string{"198.51.100.5": "bng1/eth 0/5", "198.51.100.6": "carol"} {
		if got := b.whoHeld(ip); !strings.Contains(got, subscriber) {
			t.Errorf("the table's %s is not %q:\n%s", ip, subscriber, got)
		}
	}

	b.ok("quarantine", "add", "--subscriber", "bng1/eth 0/7", "--profile", "walled-garden", "--for", "1h", "--reason", "bots")
	ask := func(circuit string) string {
		body := fmt.Sprintf(`{"NAS-Identifier":{"type":"string","value":["bng1"]},"ADSL-Agent-Circuit-Id":{"type":"octets","value":["0x%s"]}}`,
			hex.EncodeToString([]byte(circuit)))
		status, answer, err := b.post("/radius/authorize", "application/json", body)
		if err != nil || status != http.StatusOK && status != http.StatusNoContent {
			t.Fatalf("authorize: %d %s %v", status, answer, err)
		}
		return answer
	}
	if got := ask("eth 0/7"); !strings.Contains(got, "GARDEN") {
		t.Errorf("the line that is to be restricted logs in with %s", got)
	}
	if got := ask("eth 0/8"); strings.Contains(got, "GARDEN") {
		t.Errorf("another line logs in with %s", got)
	}
}

// accelSample is a record of a box that was set up by accel-ppp's sample.
func accelSample(from, user, ip string) string {
	return fmt.Sprintf("Acct-Status-Type = Start, NAS-Identifier = accel-ppp, NAS-IP-Address = 127.0.0.1, User-Name = %s, Acct-Session-Id "+
		"= a1, "+
		"Framed-IP-Address = %s, Packet-Src-IP-Address = %s", user, ip, from)
}

func TestBNGsWithTheSameNamesAreDiscoveredConfiguredAndDistinguished(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) {
		s.clients = ""
		for _, from := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3"} {
			s.clients += fmt.Sprintf("    - {address: %s/32, secret: %s}\n", from, acctSecret)
		}
		s.clients += fmt.Sprintf("    - {address: 127.0.0.9/32, secret: %s, relay_for: [bng1]}", acctSecret)
	})
	b.sends(accelSample("127.0.0.2", "alice", "198.51.100.1"))
	b.sends(accelSample("127.0.0.3", "bob", "198.51.100.2"))
	b.sends(accelSample("127.0.0.9", "carol", "198.51.100.3")) // a relay's: answered
	if got := b.metric(`cordon_accounting_faults_total{bng="",reason="unidentified_nas"}`); got != "1" {
		t.Errorf("%q records of a NAS that nothing identifies", got)
	}
	if got := b.cli("session", "find", "--ip", "198.51.100.3"); got.code != 1 || strings.Contains(got.out, "carol") {
		t.Errorf("a relay's record was taken for some BNG's:\n%s", got)
	}

	found := b.cli("bng", "discover")
	lines := strings.Split(strings.TrimSpace(found.err), "\n")
	if found.code != 0 || strings.Contains(found.err, "{identifier:") ||
		!strings.Contains(found.err, `# "127.0.0.1 accel-ppp", through 127.0.0.9: nothing`) {
		t.Fatal(found)
	}
	config, err := os.ReadFile(b.file)
	if err != nil {
		t.Fatal(err)
	}
	secret := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(secret, []byte(coaSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	proposed := strings.NewReplacer("FILE", secret, "    dialect: DIALECT", filterID).Replace(strings.Join(lines[1:], "\n"))
	text := strings.Replace(string(config), "\nbngs:\n", "\nbngs:\n"+proposed+"\n", 1)
	if err := os.WriteFile(b.file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	if checked := b.cli("check", "config", b.file); checked.code != 0 {
		t.Fatalf("%s\nthe proposal:\n%s", checked, proposed)
	}

	b.restart()
	b.sends(accelSample("127.0.0.2", "alice", "198.51.100.1"))
	b.sends(accelSample("127.0.0.3", "bob", "198.51.100.2"))
	for ip, who := range map[string][2]string{"198.51.100.1": {"alice", "127.0.0.2"}, "198.51.100.2": {"bob", "127.0.0.3"}} {
		id := b.verdict(b.report(ip), "acted")
		if id.Subscriber != who[0] {
			t.Errorf("%s was %s", ip, id.Subscriber)
		}
		within(t, soon, "the session is found at its box", func() (string, bool) {
			all, answer, _ := b.lookCases(who[0])
			return answer, len(all) == 1 && len(all[0].Sessions) > 0 && all[0].Sessions[0].BNG == who[1]
		})
	}
}

// A log-in at a box whose names are every box's is known by where the AAA server
// got the request from.
func TestALogInAtABoxWithTheSamplesNamesIsRestricted(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) {
		for _, addr := range []string{"127.0.0.2", "127.0.0.3"} {
			s.bngs = append(s.bngs, bngSite{name: "box" + addr[8:], addr: addr, port: s.bngs[0].port,
				nas: "{ip: 127.0.0.1}, {identifier: accel-ppp}"})
		}
	})
	a := startAAA(t, b.site.http, "none-is-needed")
	b.ok("quarantine", "add", "--subscriber", "alice", "--profile", "walled-garden", "--for", "1h", "--reason", "bots")
	for from, want := range map[string]bool{"127.0.0.3": true, "127.0.0.4": false} {
		within(t, soon, "Cordon answers a log-in from "+from, func() (string, bool) {
			before := b.metric(`cordon_authorize_total{outcome="restricted"}`) + b.metric(`cordon_authorize_total{outcome="unknown"}`)
			got := strings.Join(a.logIn("alice", "accel-ppp", "NAS-IP-Address=127.0.0.1", "Packet-Src-IP-Address="+from), ", ")
			after := b.metric(`cordon_authorize_total{outcome="restricted"}`) + b.metric(`cordon_authorize_total{outcome="unknown"}`)
			if before != after && strings.Contains(got, "GARDEN") != want {
				t.Fatalf("from %s: %s", from, got)
			}
			return got, before != after
		})
	}
}
