package e2e

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

// waiting is how many records the spool holds, as /metrics shows.
func (c *instance) waiting() int {
	c.t.Helper()
	n, err := strconv.Atoi(c.metric("cordon_accounting_spool_records"))
	if err != nil {
		c.t.Fatal(err)
	}
	return n
}

// drained waits until the spool is empty.
func (c *instance) drained() {
	c.t.Helper()
	within(c.t, soon, "the spool is empty", func() (string, bool) {
		status, body := c.get("/metrics")
		return fmt.Sprint(status, body), strings.Contains(body, "\ncordon_accounting_spool_records 0\n")
	})
}

// holders asks who held an address at a moment.
func (c *instance) holders(ip string, at time.Time) []string {
	c.t.Helper()
	found, answer, ok := look[wire.Holders](c, "/sessions", url.Values{"ip": {ip}, "at": {at.Format(time.RFC3339Nano)}})
	if !ok {
		c.t.Fatal(answer)
	}
	var names []string
	for _, s := range found.Results {
		names = append(names, s.Subscriber)
	}
	return names
}

func TestAnAddressThatChangesHandsWhileRedisIsUnreachableIsAttributedToItsHolder(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "s-alice", ip: "198.51.100.7", ago: time.Hour})
	b.redis.Kill()
	b.account(record{status: "Stop", user: "alice", session: "s-alice", ip: "198.51.100.7", ago: 10 * time.Second})
	b.account(record{user: "bob", session: "s-bob", ip: "198.51.100.7", ago: 8 * time.Second})
	id := b.report("198.51.100.7", "--at", "-2s")
	if n := b.waiting(); n != 2 {
		t.Errorf("%d records in the spool, want 2", n)
	}
	if _, body := b.get("/readyz?verbose"); !strings.Contains(body, "2 records wait for Redis") {
		t.Errorf("/readyz?verbose does not show the spool:\n%s", body)
	}

	b.kill() // with the spool full of what nobody else knows
	b.launch("/livez")
	if n := b.waiting(); n != 2 {
		t.Errorf("%d records in the spool after a kill, want 2", n)
	}
	b.account(record{status: "Interim-Update", user: "bob", session: "s-bob", ip: "198.51.100.7", more: "Acct-Session-Time = 8"})
	b.verdict(id, "pending")
	b.redis.Start()
	b.drained()
	b.verdict(id, "acted")
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"))
	b.bng.nothingAbout("alice")
	if got := b.holders("198.51.100.7", time.Now().Add(-time.Minute)); len(got) != 1 || got[0] != "alice" {
		t.Errorf("a minute ago the address was held by %v", got)
	}
}

// TestWhatTheSpoolHoldsKeepsAVerdictWaitingWithRedisThere keeps the store from
// taking one session's record, so that the spool stays with Redis answering.
func TestWhatTheSpoolHoldsKeepsAVerdictWaitingWithRedisThere(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "s-alice", ip: "198.51.100.7", ago: time.Hour})
	b.redis.Do("CONFIG", "SET", "min-replicas-to-write", "1") // it answers questions and refuses writes
	b.account(record{status: "Stop", user: "alice", session: "s-alice", ip: "198.51.100.7", ago: 10 * time.Second})
	id := b.report("198.51.100.7", "--at", "-2s")
	never(t, 3*time.Second, "the verdict was decided while the Stop waits in the spool", func() (string, bool) {
		v, answer, ok := look[wire.VerdictStatus](b.instance, "/verdicts/"+id, nil)
		return answer, ok && v.State != "pending"
	})
	b.redis.Do("CONFIG", "SET", "min-replicas-to-write", "0")
	b.drained()
	b.verdict(id, "unknown")
	b.bng.nothingAbout("alice")
}

// A flow of accounting while Redis is killed twice and Cordon once.
const (
	flowLines  = 40
	flowRounds = 12
)

func TestEveryRecordIsAnsweredWhileRedisComesAndGoes(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	ctx, stop := context.WithCancel(t.Context())
	flowed := make(chan error, 1)
	go func() { flowed <- b.flow(ctx) }() // ends after its rounds
	defer stop()
	time.Sleep(300 * time.Millisecond)
	b.redis.Kill()
	time.Sleep(time.Second)
	b.redis.Start()
	time.Sleep(300 * time.Millisecond)
	b.redis.Kill()
	time.Sleep(500 * time.Millisecond)
	b.kill()
	b.launch("/livez")
	b.redis.Start()
	if err := <-flowed; err != nil {
		t.Fatal(err)
	}
	b.drained()
	now := time.Now()
	for line := range flowLines {
		// Each round the line's session moves to the next address but one.
		last := (flowRounds - 1) * flowLines
		user, ip := fmt.Sprint("u", line), flowAddress(last+line)
		if got := b.holders(ip, now); len(got) != 1 || got[0] != user {
			t.Errorf("%s is held by %v, want %s", ip, got, user)
		}
		if got := b.holders(flowAddress(last-flowLines+line), now); len(got) != 0 {
			t.Errorf("the address that %s had before is held by %v", user, got)
		}
	}
	if n := b.metric(`cordon_accounting_spooled_total{outcome="full"}`); n != "0" {
		t.Errorf("%s records were refused", n)
	}
}

func flowAddress(n int) string { return fmt.Sprintf("198.51.%d.%d", 100+n/250, n%250+1) }

// flow reports sessions that end and begin anew in every round, each record
// until it is answered.
func (b *bed) flow(ctx context.Context) error {
	for round := range flowRounds {
		var ends, begins []record
		for line := range flowLines {
			user, id := fmt.Sprint("u", line), fmt.Sprintf("s%d-%d", line, round)
			if round > 0 {
				ends = append(ends, record{status: "Stop", user: user, session: fmt.Sprintf("s%d-%d", line, round-1),
					ip: flowAddress((round-1)*flowLines + line)})
			}
			begins = append(begins, record{user: user, session: id, ip: flowAddress(round*flowLines + line)})
		}
		for _, records := range [][]record{ends, begins} {
			if len(records) == 0 {
				continue
			}
			if out, err := radclient(b.t, b.radius(), "acct", acctSecret, join(records), "-r", "20", "-t", "2", "-p", "20"); err != nil {
				return fmt.Errorf("round %d: %w\n%s", round, err, out)
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		time.Sleep(200 * time.Millisecond)
	}
	return nil
}

func TestAFullSpoolIsSilentAndCounts(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) { s.spool = "{max: 1MiB}" })
	b.redis.Kill()
	filler := strings.Repeat(", Class = 0x"+strings.Repeat("61", 250), 10)[2:]
	for n := 0; b.metric(`cordon_accounting_spooled_total{outcome="full"}`) == "0"; n++ {
		r := record{user: fmt.Sprint("u", n), session: fmt.Sprint("s", n), ip: flowAddress(n), more: filler}
		out, err := radclient(t, b.radius(), "acct", acctSecret, strings.Repeat(r.String()+"\n", 20), "-r", "1", "-t", "5", "-p", "20")
		if full := b.metric(`cordon_accounting_spooled_total{outcome="full"}`) != "0"; full != (err != nil) {
			t.Fatalf("full: %v, radclient: %v\n%s", full, err, out)
		}
	}
	if n := b.metric(`cordon_accounting_datagrams_total{outcome="handler_refused"}`); n == "0" {
		t.Error("unanswered records are not counted")
	}
	kept := b.waiting()
	b.redis.Start()
	b.drained()
	b.online("alice", "192.0.2.7")
	if got := b.holders("192.0.2.7", time.Now()); len(got) != 1 {
		t.Errorf("after the outage 192.0.2.7 is held by %v", got)
	}
	t.Logf("%d records were kept", kept)
}

func TestWithoutASpoolNothingIsAnsweredWhileRedisIsUnreachable(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) { s.spool = "{max: 0}" })
	b.redis.Kill()
	r := record{user: "alice", session: "s-alice", ip: "198.51.100.7"}
	if out, err := radclient(t, b.radius(), "acct", acctSecret, r.String(), "-r", "1", "-t", "2"); err == nil {
		t.Errorf("accounting was answered:\n%s", out)
	}
}
