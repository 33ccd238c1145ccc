package e2e

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

// answered sends records as they stand and fails the test if one gets no answer.
func (c *instance) answered(records ...string) {
	c.t.Helper()
	for _, r := range records {
		if out, err := radclient(c.t, c.radius(), "acct", acctSecret, r+"\n", "-r", "3", "-t", "2"); err != nil {
			c.t.Fatalf("not answered: %.200s\n%v\n%s", r, err, out)
		}
	}
}

// unknown reports an address and waits until the verdict is about nobody.
func (c *instance) unknown(ip string, more ...string) {
	c.t.Helper()
	v := c.verdict(c.report(ip, more...), "unknown")
	if v.Subscriber != "" {
		c.t.Errorf("%s is %s's", ip, v.Subscriber)
	}
}

// noCase fails the test if a subscriber ever had one.
func (c *instance) noCase(subscribers ...string) {
	c.t.Helper()
	for _, s := range subscribers {
		if all := c.cases(s); len(all) > 0 {
			c.t.Errorf("%s has a case: %s", s, show(all[0]))
		}
	}
}

func TestRecordsOfNoUseAreAnsweredAndCountedByTheBNGTheyClaim(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	const of1 = `NAS-Identifier = "bng1", `
	reasons := map[string]string{
		"no_status":          of1 + `User-Name = "alice", Acct-Session-Id = "x"`,
		"unknown_status":     of1 + `Acct-Status-Type = 77, User-Name = "alice", Acct-Session-Id = "x"`,
		"contradictory":      of1 + `Acct-Status-Type = Start, Acct-Status-Type = Stop, User-Name = "alice", Acct-Session-Id = "x"`,
		"no_session_id":      of1 + `Acct-Status-Type = Start, User-Name = "alice"`,
		"doubled_session_id": of1 + `Acct-Status-Type = Start, User-Name = "alice", Acct-Session-Id = "x", Acct-Session-Id = "y"`,
		"doubled_user_name":  of1 + `Acct-Status-Type = Start, User-Name = "alice", User-Name = "bob", Acct-Session-Id = "x1"`,
		"doubled_framed_ip": of1 +
			`Acct-Status-Type = Start, User-Name = "alice", Acct-Session-Id = "x2", Framed-IP-Address = 198.51.100.61, Framed-IP-Address = 198.51.100.62`,
		"too_many_attributes": of1 + `Acct-Status-Type = Start, User-Name = "carol", Acct-Session-Id = "x3", Framed-IP-Address = 198.51.100.63` +
			strings.Repeat(`, Filter-Id = "x"`, 200),
		"no_subscriber": of1 + `Acct-Status-Type = Start, Acct-Session-Id = "x4", Framed-IP-Address = 198.51.100.64`,
	}
	for reason, record := range reasons {
		b.answered(record)
		if n := b.metric(fmt.Sprintf(`cordon_accounting_faults_total{bng="bng1",reason=%q}`, reason)); n == "" || n == "0" {
			t.Errorf("%s is not counted", reason)
		}
	}
	b.answered(`NAS-Identifier = "bng1", NAS-Identifier = "bng2", Acct-Status-Type = Start, User-Name = "dora", Acct-Session-Id = "d1", Framed-IP-Address = 198.51.100.65`)
	if n := b.metric(`cordon_accounting_faults_total{bng="",reason="nas_unknown"}`); n != "1" {
		t.Errorf("two BNGs at one address: counted %q", n)
	}
	within(t, soon, "the log names reason and NAS", func() (string, bool) {
		return "", strings.Contains(b.output(), `"reason":"no_session_id"`) && strings.Contains(b.output(), `NAS-Identifier=\"bng1\"`)
	})
	b.online("erin", "198.51.100.66")
	b.report("198.51.100.66")
	b.bng.expect("erin", coaRequest("erin", "s-erin", "GARDEN"))
	b.report("198.51.100.63")
	b.bng.expect("carol", coaRequest("carol", "x3", "GARDEN"))
	b.noCase("alice", "bob", "dora")
}

// The newcomer's record says who he is in a way that nobody can read; whoever had
// the address before has it no more.
func TestWhoeverTookTheAddressTheEarlierHolderHasItNoMore(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	const start = `NAS-Identifier = "bng1", Acct-Status-Type = Start, `
	for i, newcomer := range []string{
		start + `Acct-Session-Id = "n%d", Framed-IP-Address = %s`,
		start + `Acct-Session-Id = "n%d", User-Name = "bob", User-Name = "carol", Framed-IP-Address = %s`,
		start + `Acct-Session-Id = "n%d", User-Name = "bob", Framed-IP-Address = %s, Framed-IP-Address = 198.51.100.200`,
		start + `Connect-Info = "n%d", User-Name = "bob", Framed-IP-Address = %s`,
		start + `Acct-Session-Id = "n%[1]d", Acct-Session-Id = "m%[1]d", User-Name = "bob", Framed-IP-Address = %[2]s`,
	} {
		alice, ip := fmt.Sprint("alice", i), fmt.Sprintf("198.51.100.%d", 10+i)
		b.account(record{user: alice, session: "a" + alice, ip: ip, ago: time.Hour},
			record{status: "Interim-Update", user: alice, session: "a" + alice, ip: ip, ago: 20 * time.Minute}) // her Stop is lost
		b.answered(fmt.Sprintf(newcomer, i, ip))
		time.Sleep(1200 * time.Millisecond) // event times are whole seconds
		b.unknown(ip)
		b.noCase(alice, "bob", "carol")
		b.report(ip, "--at", "-30m") // then it was hers
		b.bng.expect(alice, coaRequest(alice, "a"+alice, "GARDEN"))
	}
}

func TestANameOfOtherOctetsIsAName(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "a1", ip: "198.51.100.7", ago: time.Hour}) // her Stop is lost
	b.answered(`NAS-Identifier = "bng1", Acct-Status-Type = Start, Acct-Session-Id = "m1", User-Name = "M\374ller", Framed-IP-Address = 198.51.100.7`)
	const key = `M\xfcller`
	found := ask[wire.Holders](b.instance, "session", "find", "--subscriber", key)
	if len(found.Results) != 1 || found.Results[0].Subscriber != key {
		t.Errorf("%+v", found)
	}
	time.Sleep(1200 * time.Millisecond)
	b.report("198.51.100.7")
	b.stands(key, "restricted", "bng1/m1 acked")
	within(t, soon, "the BNG is sent the octets that it knows", func() (string, bool) {
		got := b.bng.requests()
		for _, q := range got {
			if q.has(`User-Name = "M\374ller"`) {
				return "", true
			}
		}
		return fmt.Sprint(got), false
	})
	b.noCase("alice")
	b.ok("quarantine", "release", b.cases(key)[0].ID, "--reason", "cleaned")
	b.stands(key, "closed")
	b.account(record{user: `CORP\xavier`, session: "x1", ip: "198.51.100.9"})
	if got := b.cli("quarantine", "add", "--subscriber", `CORP\xavier`, "--profile", "walled-garden", "--reason", "test"); got.code == 0 ||
		!strings.Contains(got.err, "twice") {
		t.Error(got)
	}
	b.ok("quarantine", "add", "--subscriber", `CORP\\xavier`, "--profile", "walled-garden", "--reason", "test")
	b.stands(`CORP\\xavier`, "restricted", "bng1/x1 acked")
}

// bob's Start bears a stamp of five hours ago: local time as UTC. What he is said to
// have held in those hours was alice's.
func TestARecordStampedLongBeforeItsArrivalBlamesNobodyForTheTimeBetween(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "a1", ip: "198.51.100.7", ago: 2 * time.Hour}) // her Stop is lost
	stamp := fmt.Sprintf("Event-Timestamp = %d", time.Now().Add(-5*time.Hour).Unix())
	b.account(record{user: "bob", session: "b1", ip: "198.51.100.7", more: stamp})
	time.Sleep(1200 * time.Millisecond)
	for _, at := range []string{"-1h", "-3h", "-1s"} { // a Start that came late may also be of before alice's
		v := b.report("198.51.100.7", "--at", at)
		within(t, soon, "nobody is named for the time between", func() (string, bool) {
			got, answer, _ := look[wire.VerdictStatus](b.instance, "/verdicts/"+v, nil)
			return answer, got.State == "ambiguous" || got.State == "unknown"
		})
	}
	b.noCase("alice", "bob")

	if got := b.ok("bng", "list", "-o", "wide"); !strings.Contains(got, "-1800") || !strings.Contains(got, "accounting?") {
		t.Errorf("the clock is not shown:\n%s", got)
	}
	if n := b.metric(`cordon_accounting_clock_records_total{bng="bng1",kind="contradictory"}`); n != "1" {
		t.Errorf("counted %q", n)
	}
	within(t, soon, "the log says so", func() (string, bool) {
		return "", strings.Contains(b.output(), "stamped by a clock that is off")
	})
}

func TestAnAddressThatEndsInMidSessionIsTheNextHoldersAlone(t *testing.T) {
	t.Parallel()
	lists := "    interim_addresses: all\n" + filterID
	b := newBed(t, func(s *site) { s.bngs[1].more = lists })
	const v6 = `Delegated-IPv6-Prefix = 2001:db8:%d::/56`
	for i, release := range []record{
		{more: `, Attr-26 = 0x0000130aa40a72656c6561736564`}, // Juniper's Ipv4-release-control
		{more: `, Alc-Acct-Triggered-Reason = 5`},
		{bng: "bng2"}, // whose Interim-Updates list all
	} {
		alice, bob, ip, prefix := fmt.Sprint("alice", i), fmt.Sprint("bob", i), fmt.Sprintf("198.51.100.%d", 10+i), fmt.Sprintf(v6, 16+i)
		b.account(record{bng: release.bng, user: alice, session: "a-" + alice, ip: ip, ago: 10 * time.Minute, more: prefix})
		release.status, release.user, release.session, release.ago = "Interim-Update", alice, "a-"+alice, 5*time.Minute
		release.more = prefix + release.more
		b.account(release)
		b.unknown(ip, "--at", "-4m")
		b.account(record{user: bob, session: "b-" + bob, ip: ip, ago: 3 * time.Minute})
		b.report(ip, "--at", "-1m")
		b.bng.expect(bob, coaRequest(bob, "b-"+bob, "GARDEN"))
		b.noCase(alice)
		b.report(fmt.Sprintf("2001:db8:%d::1", 16+i)) // the prefix is still hers
		b.bng.expect(alice, coaRequest(alice, "a-"+alice, "GARDEN"))
	}
}

func TestAReportAboutANATsPortIsAboutWhoHeldTheInsideAddress(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "a1", ip: "100.64.0.9", ago: time.Hour},
		record{user: "bob", session: "b1", ip: "100.64.0.10", ago: time.Hour})
	nat := func(status, session, inside, ports, more string) {
		b.account(record{status: status, user: "LSN44@" + inside, session: session, ip: inside, ago: 10 * time.Minute,
			more: `Alc-Nat-Port-Range = "203.0.113.1 ` + ports + ` router base"` + more})
	}
	nat("Start", "nat-1", "100.64.0.9", "1024-2047", "")
	nat("Start", "nat-2", "100.64.0.10", "2048-3071", "")
	b.report("203.0.113.1", "--port", "1500")
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
	b.stands("alice", "restricted", "bng1/a1 acked")
	b.noCase("bob", "LSN44@100.64.0.9")
	if out := b.ok("session", "find", "--ip", "100.64.0.9"); !strings.Contains(out, "alice") || strings.Contains(out, "LSN44") {
		t.Errorf("the inside address:\n%s", out)
	}
	b.report("203.0.113.1", "--port", "3000")
	b.bng.expect("bob", coaRequest("bob", "b1", "GARDEN"))
	for _, q := range b.bng.requests() {
		if strings.Contains(q.String(), "nat-") {
			t.Errorf("the NAT's session was sent to the BNG: %s", q)
		}
	}
	// A customer who calls himself so has another address.
	b.account(record{user: "LSN44@100.64.0.99", session: "l1", ip: "198.51.100.44"})
	b.report("198.51.100.44")
	b.bng.expect("LSN44@100.64.0.99", coaRequest("LSN44@100.64.0.99", "l1", "GARDEN"))
}

func TestWhatRedisCannotHoldIsSetAsideAndStopsNobody(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "a1", ip: "198.51.100.7", ago: time.Hour}) // her Stop is lost
	b.redis.Do("LPUSH", "cordon:s:bng1:b1", "another program's")
	b.redis.Do("SET", "cordon:down:bng2", "yesterday")
	b.account(record{user: "bob", session: "b1", ip: "198.51.100.7"}, record{user: "carol", session: "c1", ip: "198.51.100.8"},
		record{bng: "bng2", user: "dora", session: "d1", ip: "198.51.100.9"})
	file := filepath.Join(b.site.journal, "unstorable.ndjson")
	text, err := os.ReadFile(file)
	if err != nil || !strings.Contains(string(text), `"acct_session_id":"b1"`) || !strings.Contains(string(text), "WRONGTYPE") {
		t.Errorf("set aside: %v %s", err, text)
	}
	if _, page := b.get("/readyz?verbose"); !strings.Contains(page, "unstorable.ndjson") || !strings.Contains(page, "cordon:down:bng2") {
		t.Errorf("it is not reported:\n%s", page)
	}
	if n := b.metric("cordon_accounting_set_aside_total"); n != "1" {
		t.Errorf("counted %q", n)
	}
	time.Sleep(1200 * time.Millisecond)
	b.report("198.51.100.8")
	b.bng.expect("carol", coaRequest("carol", "c1", "GARDEN"))
	b.unknown("198.51.100.7")
	b.noCase("alice", "bob")
	b.account(record{bng: "bng2", status: "Interim-Update", user: "dora", session: "d1", ip: "198.51.100.9"})
	b.report("198.51.100.9")
	b.bng.expect("dora", coaRequest("dora", "d1", "GARDEN"))
}

// What a relay repeats until it is answered stands before everything behind it.
func TestRecordsOfNoUseDoNotHoldUpARelay(t *testing.T) {
	t.Parallel()
	b, aaa := relayBed(t)
	raw := func(record string) {
		out, err := radclient(t, fmt.Sprintf("127.0.0.1:%d", aaa.buffered), "acct", acctSecret, record+", Packet-Src-IP-Address = 127.0.0.2\n",
			"-r", "3", "-t", "5")
		if err != nil {
			t.Fatalf("the AAA server did not answer: %v\n%s", err, out)
		}
	}
	for _, record := range []string{
		`NAS-Identifier = "bng1", Acct-Status-Type = Start, User-Name = "alice"`,
		`NAS-Identifier = "bng1", Acct-Status-Type = Start, User-Name = "alice", User-Name = "bob", Acct-Session-Id = "u1", Framed-IP-Address = 198.51.100.21`,
		`NAS-Identifier = "bng1", NAS-Identifier = "bng2", Acct-Status-Type = Start, User-Name = "alice", Acct-Session-Id = "u2", Framed-IP-Address = 198.51.100.22`,
		`NAS-Identifier = "bng1", Acct-Status-Type = Start, User-Name = "alice", Acct-Session-Id = "u3", Framed-IP-Address = 198.51.100.23, Framed-IP-Address = 198.51.100.24`,
		`NAS-Identifier = "bng2", Acct-Status-Type = Start, User-Name = "alice", Acct-Session-Id = "u4", Framed-IP-Address = 198.51.100.25`,
		`NAS-Identifier = "bng1", Acct-Status-Type = Start, Acct-Session-Id = "u5", Framed-IP-Address = 198.51.100.26`,
	} { // FreeRADIUS itself drops what has more than 200 attributes
		raw(record)
	}
	sendRecords(t, aaa.buffered, record{user: "erin", session: "e1", ip: "198.51.100.30"})
	b.knows("erin", url.Values{"subscriber": {"erin"}})
	b.report("198.51.100.30")
	b.bng.expect("erin", coaRequest("erin", "e1", "GARDEN"))
	for _, reason := range []string{"no_session_id", "doubled_user_name", "doubled_framed_ip", "no_subscriber"} {
		if n := b.metric(fmt.Sprintf(`cordon_accounting_faults_total{bng="bng1",reason=%q}`, reason)); n == "" || n == "0" {
			t.Errorf("%s is not counted", reason)
		}
	}
}
