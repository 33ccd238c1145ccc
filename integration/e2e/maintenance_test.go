package e2e

import (
	"strings"
	"testing"
)

func TestMaintenanceDefersRestrictionsAndNoRelease(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.online("bob", "198.51.100.8")
	b.account(record{bng: "bng2", user: "carol", session: "s-carol", ip: "198.51.100.9"})
	b.report("198.51.100.7")
	before := b.stands("alice", "restricted", "bng1/s-alice acked")
	b.ok("bng", "maintenance", "bng1", "--for", "2h", "--reason", "new software")
	if got := b.metric(`cordon_bng_maintenance{bng="bng1"}`) + b.metric(`cordon_bng_maintenance{bng="bng2"}`); got != "10" {
		t.Errorf("the metrics of bng1 and bng2 are %q", got)
	}

	id := b.report("198.51.100.8")
	b.report("198.51.100.9")
	b.stands("carol", "restricted", "bng2/s-carol acked") // another BNG's business goes on
	b.verdict(id, "acted")
	b.waitsForMaintenance("bob")
	b.ok("quarantine", "release", before.ID, "--reason", "cleaned")
	b.stands("alice", "closed")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET"))

	b.restart()
	b.waitsForMaintenance("bob")
	b.bng.nothingAbout("bob")
	if list := b.ok("bng", "maintenance"); !strings.Contains(list, "bng1") || !strings.Contains(list, "new software") ||
		strings.Contains(list, "bng2") {
		t.Errorf("the list of BNGs in maintenance:\n%s", list)
	}

	b.ok("bng", "maintenance", "bng1", "--end", "--reason", "done")
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"))
	b.stands("bob", "restricted", "bng1/s-bob acked")
}

// waitsForMaintenance checks that the subscriber's case says what it waits for.
func (b *bed) waitsForMaintenance(user string) {
	b.t.Helper()
	c := b.stands(user, "restricting", "bng1/s-"+user+" pending")
	within(b.t, soon, "the case of "+user+" shows what it waits for", func() (string, bool) {
		page := b.ok("quarantine", "show", c.ID)
		return page, strings.Contains(page, "bng1 is in maintenance until 20") && strings.Contains(page, "(new software, by noc)")
	})
}

func TestMaintenanceThatIsOverLetsGoByItself(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.ok("bng", "maintenance", "bng1", "--for", "15s", "--reason", "new software")
	b.report("198.51.100.7")
	b.waitsForMaintenance("alice")
	b.bng.nothingAbout("alice")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
}

func TestMaintenanceCommandedWhileRedisIsUnreachableIsKept(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.redis.Kill()
	r := b.cli("bng", "maintenance", "bng1", "--for", "2h", "--reason", "new software")
	if r.code != 0 || !strings.Contains(r.err, "bng1  deferred: recorded in the journal") {
		t.Fatal(r)
	}
	b.report("198.51.100.7")
	b.kill()
	b.redis.Start()
	b.serve()
	b.waitsForMaintenance("alice")
	b.bng.nothingAbout("alice")
}
