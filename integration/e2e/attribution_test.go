package e2e

import (
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

func TestAVerdictAboutAnAddressThatChangedHandsHitsTheEarlierHolder(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "a1", ip: "198.51.100.7", ago: 10 * time.Minute})
	b.account(record{status: "Stop", user: "alice", session: "a1", ip: "198.51.100.7", ago: 5 * time.Minute})
	b.account(record{bng: "bng2", user: "alice", session: "a2", ip: "198.51.100.99", ago: 4 * time.Minute})
	b.account(record{user: "bob", session: "b1", ip: "198.51.100.7", ago: 3 * time.Minute})

	then := b.cli("session", "find", "--ip", "198.51.100.7", "--at", "-7m")
	now := b.cli("session", "find", "--ip", "198.51.100.7")
	if then.code != 0 || !strings.Contains(then.out, "alice") || now.code != 0 || !strings.Contains(now.out, "bob") {
		t.Errorf("who held it:\n%s\n%s", then, now)
	}
	between := b.cli("session", "find", "--ip", "198.51.100.7", "--at", "-4m")
	if between.code != 1 || !strings.Contains(between.out, "alice") || !strings.Contains(between.out, "bob") {
		t.Errorf("nobody held it, and the neighbours help: %s", between)
	}

	id := b.report("198.51.100.7", "--at", "-7m")
	b.bng.expect("alice", coaRequest("alice", "a2", "GARDEN"))
	b.stands("alice", "restricted", "bng2/a2 acked")
	if v := b.verdict(id, "acted"); v.Subscriber != "alice" {
		t.Errorf("%+v", v)
	}
	b.bng.nothingAbout("bob")
	if all := b.cases("bob"); len(all) > 0 {
		t.Errorf("bob has a case: %s", show(all[0]))
	}
	b.report("198.51.100.7")
	b.bng.expect("bob", coaRequest("bob", "b1", "GARDEN"))
	b.bng.expect("alice", coaRequest("alice", "a2", "GARDEN"))
}

func TestAnIPv6AddressIsAttributedByTheDelegatedPrefix(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(
		record{user: "alice", session: "a1", ip: "198.51.100.7",
			more: "Delegated-IPv6-Prefix = 2001:db8:100::/56, Framed-IPv6-Prefix = 2001:db8:f:1::/64"},
		record{user: "bob", session: "b1", ip: "198.51.100.8", more: "Delegated-IPv6-Prefix = 2001:db8:100:100::/56"})
	b.report("2001:db8:100:ff::1")
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
	b.bng.nothingAbout("bob")
	b.report("2001:db8:100:100::1")
	b.bng.expect("bob", coaRequest("bob", "b1", "GARDEN"))
	outside := b.report("2001:db8:100:200::1")
	b.verdict(outside, "unknown")
	found := ask[wire.Holders](b.instance, "session", "find", "--ip", "2001:db8:f:1::42")
	if len(found.Results) != 1 || found.Results[0].Subscriber != "alice" {
		t.Errorf("by Framed-IPv6-Prefix: %+v", found)
	}
}

func TestAnUnknownAddressIsLookedUpAgainWhenItsStartComesLate(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	id := b.report("198.51.100.7", "--at", "-10s")
	if v := b.verdict(id, "unknown"); v.Reason == "" {
		t.Errorf("unknown without a reason: %+v", v)
	}
	b.account(record{user: "alice", session: "a1", ip: "198.51.100.7", ago: 40 * time.Second})
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
	b.verdict(id, "acted")
}

func TestAnAmbiguousAddressRestrictsNoneAndNamesTheCandidates(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(
		record{user: "alice", session: "a1", ip: "198.51.100.7", ago: time.Minute},
		record{bng: "bng2", user: "bob", session: "b1", ip: "198.51.100.7", ago: time.Minute})
	id := b.report("198.51.100.7")
	v := b.verdict(id, "ambiguous")
	if len(v.Candidates) != 2 || v.Reason == "" {
		t.Errorf("%+v", v)
	}
	shown := b.ok("verdict", "show", id)
	if !strings.Contains(shown, "alice") || !strings.Contains(shown, "bob") {
		t.Errorf("the page lacks a candidate:\n%s", shown)
	}
	add := b.cli("quarantine", "add", "--ip", "198.51.100.7", "--profile", "walled-garden", "--reason", "phone call")
	if add.code != 1 || !strings.Contains(add.err, "alice") || !strings.Contains(add.err, "bob") {
		t.Error(add)
	}
	b.ok("quarantine", "add", "--subscriber", "bob", "--profile", "walled-garden", "--reason", "phone call", "--wait", "20s")
	b.bng.expect("bob", coaRequest("bob", "b1", "GARDEN"))
	b.bng.nothingAbout("alice")
}

func TestServiceAccountingEndsNoSession(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	service := record{user: "alice", session: "s-alice:17", ip: "198.51.100.7", more: `ERX-Service-Session = "GARDEN"`}
	b.account(service)
	service.status = "Stop"
	b.account(service)
	b.report("198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	b.stands("alice", "restricted", "bng1/s-alice acked")
}

func TestSessionsToBeIgnoredAreSeenAndNeverTouched(t *testing.T) {
	t.Parallel()
	b := prepareBed(t)
	s := b.site
	s.ignore = "[{realm: voip}]"
	b.configure(s)
	b.bng.startNow()
	b.serve()
	b.account(record{user: "phone@voip", session: "v1", ip: "198.51.100.6"}, record{user: "alice", session: "a1", ip: "198.51.100.7"})
	b.ok("session", "find", "--ip", "198.51.100.6")
	id := b.report("198.51.100.6")
	b.verdict(id, "recorded")
	b.report("198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
	b.bng.nothingAbout("phone@voip")
}

func TestABNGThatRestartedIsNoEvidenceUntilItsSessionsAreHeardOfAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "a1", ip: "198.51.100.7", ago: time.Minute})
	b.reset("bng1", "30")
	id := b.report("198.51.100.7")
	b.verdict(id, "unknown")
	b.bng.nothingAbout("alice")
	b.account(record{user: "alice", session: "a2", ip: "198.51.100.7", ago: 20 * time.Second})
	b.bng.expect("alice", coaRequest("alice", "a2", "GARDEN"))
	b.verdict(id, "acted")
}

func TestSubscribersMayBeKnownByAnotherAttributeThanUserName(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) { s.key = "Calling-Station-Id" })
	b.account(record{user: "dhcp", session: "a1", ip: "198.51.100.7", more: `Calling-Station-Id = "02:00:00:00:00:01"`},
		record{user: "dhcp", session: "b1", ip: "198.51.100.8", more: `Calling-Station-Id = "02:00:00:00:00:02"`})
	b.report("198.51.100.7")
	b.stands("02:00:00:00:00:01", "restricted", "bng1/a1 acked")
	b.bng.expect("dhcp", coaRequest("dhcp", "a1", "GARDEN"))
	if all := b.cases("02:00:00:00:00:02"); len(all) > 0 {
		t.Errorf("the other line has a case: %s", show(all[0]))
	}
}

func TestAVerdictMayNameTheSubscriber(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.account(record{bng: "bng2", user: "alice", session: "a2", ip: "198.51.100.8"})
	b.ok("verdict", "submit", "--subscriber", "alice", "--category", "spam", "--source", "mail")
	b.stands("alice", "restricted", "bng1/s-alice acked", "bng2/a2 acked")
	for _, line := range b.bng.about("alice") {
		if !strings.HasSuffix(line, `Filter-Id = "NO-SMTP"`) {
			t.Errorf("the BNG got %s", line)
		}
	}
}
