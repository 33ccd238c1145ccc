package e2e

import (
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

func TestWithoutRedisAtStartVerdictsAreAcceptedAndWorkedOffLater(t *testing.T) {
	t.Parallel()
	b := prepareBed(t)
	b.redis.Kill()
	b.bng.startNow()
	b.launch("/livez")
	if status, body := b.get("/readyz"); status != 503 {
		t.Errorf("/readyz without Redis ever seen: %d %s", status, body)
	}
	began, start := time.Now(), record{user: "alice", session: "s-alice", ip: "198.51.100.7", ago: 2 * time.Second}
	// No other instance could know of one that Redis has never seen, and wait for
	// what it answers.
	if out, err := radclient(t, b.radius(), "acct", acctSecret, start.String(), "-r", "1", "-t", "2"); err == nil {
		t.Errorf("accounting was answered:\n%s", out)
	}
	id := b.report("198.51.100.7")
	v := ask[wire.VerdictStatus](b.instance, "verdict", "show", id)
	if v.State != "pending" {
		t.Errorf("the verdict is %s without Redis", v.State)
	}
	if added := b.cli("quarantine", "add", "--ip", "198.51.100.7", "--profile", "block-smtp", "--reason", "x"); added.code != 3 {
		t.Error(added)
	}
	b.bng.nothingAbout("alice")

	b.redis.Start()
	within(t, soon, "ready", func() (string, bool) {
		status, body := b.get("/readyz")
		return body, status == 200
	})
	start.ago = time.Since(began) + 2*time.Second
	b.account(start) // as the BNG repeats it
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	b.stands("alice", "restricted", "bng1/s-alice acked")
	b.verdict(id, "acted")
}

func TestARedisThatIsKilledInTheMiddleIsWorkedRound(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.online("bob", "198.51.100.8")
	b.report("198.51.100.7")
	b.stands("alice", "restricted", "bng1/s-alice acked")

	b.redis.Kill()
	id := b.report("198.51.100.8")
	again := b.cli("verdict", "submit", "--ip", "198.51.100.8", "--category", "botnet", "--confidence", "0.9", "--source-id", "7", "-o",
		"name")
	twice := b.cli("verdict", "submit", "--ip", "198.51.100.8", "--category", "botnet", "--confidence", "0.9", "--source-id", "7", "-o",
		"name")
	if again.code != 0 || twice.code != 0 || again.out != twice.out {
		t.Errorf("the same source id twice without Redis:\n%s\n%s", again, twice)
	}
	b.account(record{user: "carol", session: "s-carol", ip: "198.51.100.9"})
	if list := b.cli("quarantine", "list"); list.code != 3 {
		t.Errorf("what cannot be known is unreachable: %s", list)
	}
	if status, body := b.get("/readyz"); status != 200 {
		t.Errorf("/readyz goes red for Redis alone: %d %s", status, body)
	}
	if _, body := b.get("/readyz?verbose"); !strings.Contains(body, "redis") {
		t.Errorf("/readyz?verbose does not show Redis:\n%s", body)
	}
	b.bng.nothingAbout("bob")

	b.redis.Start()
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"))
	b.stands("bob", "restricted", "bng1/s-bob acked")
	b.verdict(id, "acted")
	c := b.stands("alice", "restricted", "bng1/s-alice acked")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	b.stands("alice", "closed")
}

func TestAReleaseWithoutRedisIsSentFromTheJournal(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.online("bob", "198.51.100.8")
	b.report("198.51.100.7")
	b.report("198.51.100.8")
	c := b.stands("alice", "restricted", "bng1/s-alice acked")
	b.stands("bob", "restricted", "bng1/s-bob acked")

	b.redis.Kill()
	released := time.Now()
	r := b.cli("quarantine", "release", c.ID, "--reason", "emergency")
	if r.code != 0 || r.out != "" || !strings.Contains(r.err,
		c.ID+"  deferred: recorded in the journal; it will be applied when the session store is back") {
		t.Errorf("a person is not shown that the release is on its way: %s", r)
	}
	garden, restore := coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET")
	b.bng.expect("alice", garden, restore)
	t.Logf("restored %s after the release was commanded", time.Since(released).Round(time.Millisecond))

	b.redis.Start()
	closed := b.stands("alice", "closed")
	if closed.Release == nil || closed.Release.Reason != "emergency" {
		t.Errorf("%s", show(closed))
	}
	for _, line := range b.bng.about("alice")[1:] {
		if line != restore {
			t.Errorf("after the release the BNG got %s", line)
		}
	}
	b.stands("bob", "restricted", "bng1/s-bob acked")
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"))
}

func TestEnforceRefusesARedisThatForgets(t *testing.T) {
	t.Parallel()
	b := prepareBed(t)
	b.redis.Do("CONFIG", "SET", "maxmemory-policy", "allkeys-lru")
	r := runCLI(t, nil, "serve", "-c", b.file)
	if r.code != 1 || !strings.Contains(r.err, "maxmemory-policy") || !strings.Contains(r.err, "accept_weak") {
		t.Error(r)
	}
}

func TestAnExpiryWithoutRedisIsSentFromTheJournal(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.ok("quarantine", "add", "--subscriber", "alice", "--profile", "walled-garden", "--for", "4s", "--reason", "short", "--wait", "3s")
	b.redis.Kill()
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET"))
	b.redis.Start()
	b.stands("alice", "closed")
	for _, line := range b.bng.about("alice")[1:] {
		if line != coaRequest("alice", "s-alice", "INTERNET") {
			t.Errorf("after its expiry the BNG got %s", line)
		}
	}
}

func TestARedisThatHangsHoldsUpNeitherVerdictsNorReleases(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("alice", "198.51.100.7")
	b.online("bob", "198.51.100.8")
	b.report("198.51.100.7")
	c := b.stands("alice", "restricted")

	b.redis.Pause()
	began := time.Now()
	id := b.report("198.51.100.8")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a verdict waited %s for Redis", took)
	}
	began = time.Now()
	r := b.cli("quarantine", "release", c.ID, "--reason", "emergency")
	t.Logf("the release was answered after %s: %s", time.Since(began).Round(time.Millisecond), r)
	garden, restore := coaRequest("alice", "s-alice", "GARDEN"), coaRequest("alice", "s-alice", "INTERNET")
	b.bng.expect("alice", garden, restore)
	b.bng.nothingAbout("bob")
	b.redis.Resume()
	b.stands("alice", "closed")
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"))
	b.verdict(id, "acted")
}
