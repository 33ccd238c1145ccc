package e2e

import (
	"testing"
	"time"

	"cordon/integration/wire"
)

// reset reports that a BNG restarted.
func (b *bed) reset(bng string, ago string) {
	b.t.Helper()
	on := `Acct-Status-Type = Accounting-On, NAS-Identifier = "` + bng + `", Acct-Delay-Time = ` + ago
	if out, err := radclient(b.t, b.radius(), "acct", acctSecret, on, "-r", "2", "-t", "5"); err != nil {
		b.t.Fatalf("%v\n%s", err, out)
	}
}

// control restricts a subscriber on line elsewhere and waits for it: what was
// to happen before it has had its time.
func (b *bed) control() {
	b.t.Helper()
	b.account(record{bng: "bng2", user: "control", session: "control", ip: "198.51.100.250"})
	b.report("198.51.100.250")
	b.bng.expect("control", coaRequest("control", "control", "GARDEN"))
}

func TestASuspectSessionIsRestrictedOnlyWhenItIsHeardOfAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(
		record{user: "alice", session: "a1", ip: "198.51.100.7", ago: 10 * time.Minute},
		record{status: "Interim-Update", user: "alice", session: "a1", ip: "198.51.100.7", ago: 4 * time.Minute, more: "Acct-Session-Time = 360"},
	)
	b.reset("bng1", "60")
	b.report("198.51.100.7", "--at", "-5m") // before the restart: it was alice
	c := b.stands("alice", "waiting")
	b.control()
	b.bng.nothingAbout("alice")
	b.account(record{status: "Interim-Update", user: "alice", session: "a1", ip: "198.51.100.7", more: "Acct-Session-Time = 600"})
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
	b.stands("alice", "restricted", "bng1/a1 acked")

	// A release is tried on a suspect session too.
	b.reset("bng1", "0")
	b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"), coaRequest("alice", "a1", "INTERNET"))
	b.stands("alice", "closed")
}

func TestASessionIDThatIsUsedAgainHitsNobodyElse(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "00000001", ip: "198.51.100.7"})
	b.report("198.51.100.7")
	b.stands("alice", "restricted", "bng1/00000001 acked")
	time.Sleep(1100 * time.Millisecond) // delays are whole seconds
	b.reset("bng1", "0")
	b.account(record{user: "bob", session: "00000001", ip: "198.51.100.8"})
	b.stands("alice", "waiting", "bng1/00000001 gone")
	b.control()
	b.bng.nothingAbout("bob")
	if all := b.cases("bob"); len(all) > 0 {
		t.Errorf("bob has a case: %s", show(all[0]))
	}
	b.account(record{bng: "bng2", user: "alice", session: "a2", ip: "198.51.100.9"})
	b.bng.expect("alice", coaRequest("alice", "00000001", "GARDEN"), coaRequest("alice", "a2", "GARDEN"))
	b.bng.nothingAbout("bob")
}

func TestARetransmittedStartIsNoNewSession(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	s := record{user: "alice", session: "a1", ip: "198.51.100.7", ago: 5 * time.Second}
	b.account(s)
	b.report("198.51.100.7")
	b.stands("alice", "restricted", "bng1/a1 acked")
	for range 5 { // more often than a subscriber may reconnect
		time.Sleep(time.Second)
		s.ago += time.Second
		b.account(s)
	}
	b.control()
	b.stands("alice", "restricted", "bng1/a1 acked")
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
}

func TestAStopThatOvertookItsStartEndsTheSession(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{status: "Stop", user: "alice", session: "a1", ip: "198.51.100.7", ago: 2 * time.Minute, more: "Acct-Session-Time = 300"})
	b.account(record{user: "alice", session: "a1", ip: "198.51.100.7", ago: 7 * time.Minute})
	b.report("198.51.100.7", "--at", "-4m")
	b.stands("alice", "waiting")
	id := b.report("198.51.100.7", "--at", "-1m")
	b.verdict(id, "unknown")
	b.control()
	b.bng.nothingAbout("alice")
}

func TestAnOldSessionFirstHeardOfByAnInterimIsKnownFromItsStart(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{status: "Interim-Update", user: "alice", session: "a1", ip: "198.51.100.7", more: "Acct-Session-Time = 7200"})
	found := ask[wire.Holders](b.instance, "session", "find", "--ip", "198.51.100.7", "--at", "-1h")
	if len(found.Results) != 1 || found.Results[0].Subscriber != "alice" {
		t.Fatalf("%+v", found)
	}
	b.report("198.51.100.7", "--at", "-1h")
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
}

func TestALateStopOfAnEarlierSessionEndsNotTheNewOne(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "a1", ip: "198.51.100.7", ago: 10 * time.Minute})
	b.account(record{user: "alice", session: "a2", ip: "198.51.100.7", ago: 2 * time.Minute})
	b.account(record{status: "Stop", user: "alice", session: "a1", ip: "198.51.100.7", ago: 3 * time.Minute})
	b.report("198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "a2", "GARDEN"))
	b.stands("alice", "restricted", "bng1/a2 acked")
}

func TestNamesWithOddCharactersAreCarriedThrough(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	const user, session = "o'neil/ü {x} %41:*@isp", "0/0/1.100:5%2f{a}"
	b.account(record{user: user, session: session, ip: "198.51.100.7"})
	b.ok("quarantine", "add", "--session", "bng1/"+session, "--profile", "block-smtp", "--reason", "odd", "--wait", "20s")
	b.bng.expect(user, coaRequest(user, session, "NO-SMTP"))
	c := b.stands(user, "restricted", "bng1/"+session+" acked")
	b.restart()
	b.ok("session", "find", "--subscriber", user)
	b.ok("quarantine", "release", c.ID, "--reason", "done")
	b.bng.expect(user, coaRequest(user, session, "NO-SMTP"), coaRequest(user, session, "INTERNET"))
	b.stands(user, "closed")
}
