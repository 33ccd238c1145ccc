package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestASubscriberWhoReconnectsIsRestrictedAgainHoweverOften(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	stop := func(bng, session string) record {
		return record{status: "Stop", bng: bng, user: "alice", session: session, ip: "198.51.100.7"}
	}
	start := func(bng, session string) record {
		return record{bng: bng, user: "alice", session: session, ip: "198.51.100.7"}
	}
	b.account(start("bng1", "a1"))
	b.report("198.51.100.7")
	want := []string{coaRequest("alice", "a1", "GARDEN")}
	b.bng.expect("alice", want...)

	b.account(stop("bng1", "a1"))
	b.stands("alice", "waiting", "bng1/a1 gone")
	b.account(start("bng2", "a2")) // another BNG
	want = append(want, coaRequest("alice", "a2", "GARDEN"))
	b.bng.expect("alice", want...)
	b.stands("alice", "restricted", "bng1/a1 gone", "bng2/a2 acked")

	b.account(record{bng: "bng1", user: "alice", session: "a3", ip: "198.51.100.77"}) // a second session
	want = append(want, coaRequest("alice", "a3", "GARDEN"))
	b.bng.expect("alice", want...)
	b.stands("alice", "restricted", "bng1/a1 gone", "bng2/a2 acked", "bng1/a3 acked")
	b.restart() // retries and restarts do not count
	b.stands("alice", "restricted", "bng1/a1 gone", "bng2/a2 acked", "bng1/a3 acked")

	b.account(stop("bng2", "a2"), start("bng2", "a4"))
	want = append(want, coaRequest("alice", "a4", "GARDEN"))
	b.bng.expect("alice", want...)

	b.account(stop("bng2", "a4"), start("bng2", "a5")) // the fourth within an hour is paced
	if list := b.ok("quarantine", "list"); strings.Contains(list, "held") {
		t.Errorf("reconnects hold the case:\n%s", list)
	}
	want = append(want, coaRequest("alice", "a5", "GARDEN"))
	b.bng.expect("alice", want...)
	b.stands("alice", "restricted")
	if all := b.cases("alice"); len(all) != 1 {
		t.Errorf("%d cases", len(all))
	}
}

func TestASubscriberWhoIsOfflineIsWaitedFor(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "a1", ip: "198.51.100.7", ago: 10 * time.Minute})
	b.account(record{status: "Stop", user: "alice", session: "a1", ip: "198.51.100.7", ago: 2 * time.Minute})
	b.report("198.51.100.7", "--at", "-5m")
	b.stands("alice", "waiting")
	b.bng.nothingAbout("alice")
	b.account(record{user: "alice", session: "a2", ip: "198.51.100.50"})
	b.bng.expect("alice", coaRequest("alice", "a2", "GARDEN"))
}

func TestADisconnectIsOneShotForEachLogIn(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	kick := func(session string) string {
		return fmt.Sprintf("Disconnect-Request: User-Name = %q, Acct-Session-Id = %q", "alice", session)
	}
	b.account(record{user: "alice", session: "a1", ip: "198.51.100.7"})
	b.ok("quarantine", "add", "--subscriber", "alice", "--profile", "disconnect", "--for", "1h", "--reason", "stuck", "--wait", "20s")
	b.bng.expect("alice", kick("a1"))
	b.account(record{status: "Stop", user: "alice", session: "a1", ip: "198.51.100.7"})
	b.stands("alice", "waiting", "bng1/a1 gone")
	b.account(record{user: "alice", session: "a2", ip: "198.51.100.7"})
	b.bng.expect("alice", kick("a1"), kick("a2"))
	c := b.stands("alice", "restricted")
	b.ok("quarantine", "release", c.ID, "--reason", "done")
	b.stands("alice", "closed")
	if got := b.bng.about("alice"); !slices.Equal(got, []string{kick("a1"), kick("a2")}) {
		t.Errorf("there is nothing to restore after a disconnect, but the BNG got:\n%s", strings.Join(got, "\n"))
	}
}

func TestAQuarantineEndsByItself(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.ok("quarantine", "add", "--ip", "198.51.100.7", "--profile", "walled-garden", "--for", "3s", "--reason", "short")
	garden, restore := coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET")
	b.bng.expect("alice", garden, restore)
	b.stands("alice", "closed")
}
