package e2e

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
	"cordon/store/storetest"
)

// syncedEverySecond is a Redis with the default of its append-only file.
func syncedEverySecond(t *testing.T) (*storetest.Redis, func(*site)) {
	t.Helper()
	redis := storetest.StartRedis(t, "--appendfsync", "everysec")
	return redis, func(s *site) { s.redis = redis.Addr }
}

// handOver reports that alice, on line before, logged out and bob got her address,
// and lets the tolerance of verdicts pass.
func (b *bed) handOver(ip string) {
	b.t.Helper()
	b.account(record{status: "Stop", user: "alice", session: "s-alice", ip: ip})
	b.account(record{user: "bob", session: "s-bob", ip: ip})
	time.Sleep(700 * time.Millisecond)
}

// gapEnds is the last moment in doubt, as the log has it.
func (b *bed) gapEnds() time.Time {
	b.t.Helper()
	var line struct {
		To time.Time `json:"to"`
	}
	for text := range strings.Lines(b.output()) {
		if strings.Contains(text, "may have lost accounting") {
			if err := json.Unmarshal([]byte(text), &line); err != nil {
				b.t.Fatalf("%s: %v", text, err)
			}
		}
	}
	if line.To.IsZero() {
		b.t.Fatal("the log does not say what is in doubt")
	}
	return line.To
}

// The host of Redis loses its power right after alice's Stop and bob's Start
// were answered: neither of them is on its disk.
func TestAHandOverThatAPowerLossOfRedisTookIsNotBlamedOnTheHolderBefore(t *testing.T) {
	t.Parallel()
	const ip = "198.51.100.7"
	redis, everySecond := syncedEverySecond(t)
	b := newBed(t, everySecond)
	if _, body := b.get("/readyz?verbose"); !strings.Contains(body, "[+]redis ok; warning: Redis may lose a second") {
		t.Errorf("/readyz?verbose does not warn:\n%s", body)
	}
	b.account(record{user: "alice", session: "s-alice", ip: ip, ago: time.Hour})
	putBack := redis.Keep()
	b.handOver(ip)
	redis.Kill()
	putBack()
	redis.Start()
	within(t, soon, "the restart is logged", func() (string, bool) {
		return b.output(), strings.Contains(b.output(), "may have lost accounting")
	})
	if got := b.holders(ip, time.Now()); len(got) != 1 || got[0] != "alice" {
		t.Fatalf("nothing was lost, this test tests nothing: the address is held by %v", got)
	}

	id := b.report(ip)
	within(t, soon, "the verdict is in doubt", func() (string, bool) {
		v, answer, _ := look[wire.VerdictStatus](b.instance, "/verdicts/"+id, nil)
		return answer, v.State == "pending" && strings.Contains(v.Reason, "crashed")
	})
	if r := b.cli("quarantine", "add", "--ip", ip, "--profile", "walled-garden", "--reason", "phone call"); r.code != 1 ||
		!strings.Contains(r.err, "alice") {
		t.Errorf("a person who names the address is not refused with the candidate: %s", r)
	}
	b.bng.nothingAbout("alice")

	// Bob's first record of a moment when nothing was lost shows that he is there, from
	// then on.
	time.Sleep(time.Until(b.gapEnds()))
	b.account(record{status: "Interim-Update", user: "bob", session: "s-bob", ip: ip, more: "Acct-Session-Time = 30"})
	time.Sleep(2 * time.Second) // past the tolerance
	if v := b.verdict(b.report(ip), "acted"); v.Subscriber != "bob" {
		t.Errorf("the verdict after bob's Interim names %q", v.Subscriber)
	}
	b.stands("bob", "restricted", "bng1/s-bob acked")
	b.bng.nothingAbout("alice")
	if cases := b.cases("alice"); len(cases) > 0 {
		t.Errorf("alice has a case: %+v", cases)
	}
}

func TestARedisThatSyncsAlwaysLosesNobodyWithItsPower(t *testing.T) {
	t.Parallel()
	const ip = "198.51.100.7"
	b := newBed(t)
	if _, body := b.get("/readyz?verbose"); strings.Contains(body, "warning") {
		t.Errorf("/readyz?verbose warns:\n%s", body)
	}
	b.account(record{user: "alice", session: "s-alice", ip: ip, ago: time.Hour})
	b.handOver(ip)
	b.redis.Kill()
	b.redis.Start()
	id := b.report(ip)
	b.verdict(id, "acted")
	b.stands("bob", "restricted", "bng1/s-bob acked")
	b.bng.nothingAbout("alice")
	if strings.Contains(b.output(), "may have lost accounting") {
		t.Error("the restart was taken for a loss")
	}
}

// Redis is restarted in good order. Nobody can see that from outside, but what
// came through the spool is newer than anything that can be lost.
func TestWhoLoggedInWhileRedisWasRestartedIsAttributed(t *testing.T) {
	t.Parallel()
	const ip = "198.51.100.7"
	redis, everySecond := syncedEverySecond(t)
	b := newBed(t, everySecond)
	b.account(record{user: "alice", session: "s-alice", ip: ip, ago: time.Hour})
	b.online("carol", "198.51.100.9")
	redis.Stop()
	time.Sleep(2500 * time.Millisecond) // beyond the 2 s by which the clock of a BNG may be ahead
	b.handOver(ip)
	id := b.report(ip)
	b.verdict(id, "pending")
	redis.Start()
	b.drained()
	b.verdict(id, "acted")
	b.stands("bob", "restricted", "bng1/s-bob acked")
	b.bng.nothingAbout("alice")
	doubt := b.report("198.51.100.9")
	within(t, soon, "who was there before is in doubt", func() (string, bool) {
		v, answer, _ := look[wire.VerdictStatus](b.instance, "/verdicts/"+doubt, nil)
		return answer, v.State == "pending" && strings.Contains(v.Reason, "crashed")
	})
}
