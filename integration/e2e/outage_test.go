package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"cordon/integration/wire"
)

// pair is two instances on one Redis. The addresses change hands by accounting
// that b alone answers, and verdicts about them go to a.
type pair struct {
	*bed  // a
	b     *instance
	lineB *line // b's way to Redis
}

func newPair(t *testing.T, change ...func(*site)) *pair {
	t.Helper()
	p := &pair{bed: newBed(t, change...)}
	p.lineB = newLine(t, p.redis.Addr)
	s := p.site
	s.name, s.journal, s.redis = "cordon-b", "", p.lineB.addr
	p.b = newInstance(t, s)
	p.b.serve()
	p.b.sees("cordon-a", "up")
	p.sees("cordon-b", "up")
	return p
}

// sees waits until an instance knows another one in a state.
func (c *instance) sees(name, state string) wire.Instance {
	c.t.Helper()
	var found wire.Instance
	within(c.t, soon, name+" is "+state, func() (string, bool) {
		page, answer, _ := look[wire.Page[wire.Instance]](c, "/instances", nil)
		for _, i := range page.Results {
			if i.Name == name {
				found = i
			}
		}
		return answer, found.Name == name && found.State == state
	})
	return found
}

// lines is how many addresses change hands.
const lines = 100

func lineIP(n int) string { return fmt.Sprintf("198.51.100.%d", n+1) }

// holders has alice0, alice1, … on line, through b.
func (p *pair) online(n int) {
	p.t.Helper()
	var starts []record
	for i := range n {
		starts = append(starts, record{user: fmt.Sprint("alice", i), session: fmt.Sprint("A", i), ip: lineIP(i), ago: time.Hour})
	}
	p.b.account(starts...)
}

// moves has bob0, bob1, … follow them, and b alone learn it.
func (p *pair) moves(n int) {
	p.t.Helper()
	var ends, begins []record
	for i := range n {
		ends = append(ends, record{status: "Stop", user: fmt.Sprint("alice", i), session: fmt.Sprint("A", i), ip: lineIP(i)})
		begins = append(begins, record{user: fmt.Sprint("bob", i), session: fmt.Sprint("B", i), ip: lineIP(i)})
	}
	for _, records := range [][]record{ends, begins} {
		if out, err := radclient(p.t, p.b.radius(), "acct", acctSecret, join(records), "-r", "10", "-t", "4", "-p", "50"); err != nil {
			p.t.Fatalf("b does not answer accounting: %v\n%.2000s", err, out)
		}
	}
}

// reports hands in a verdict about each address, at a.
func (p *pair) reports(n int) {
	p.t.Helper()
	var verdicts []map[string]any
	for i := range n {
		verdicts = append(verdicts, map[string]any{"source": "ids", "source_id": fmt.Sprint(i), "observed_at": stampNow(), "ip": lineIP(i),
			"category": "botnet", "confidence": 0.9})
	}
	var body bytes.Buffer
	if err := json.NewEncoder(&body).Encode(verdicts); err != nil {
		p.t.Fatal(err)
	}
	if status, answer, err := p.post("/verdicts", "application/json", body.String()); err != nil || status != 202 {
		p.t.Fatalf("%d %s %v", status, answer, err)
	}
}

// blamed counts whose cases there are.
func (p *pair) blamed() (alices, bobs int, answer string) {
	p.t.Helper()
	all, answer, ok := p.lookCases("")
	if !ok {
		return 0, 0, answer
	}
	for _, c := range all {
		if strings.HasPrefix(c.Subscriber, "alice") {
			alices++
		} else {
			bobs++
		}
	}
	return alices, bobs, fmt.Sprintf("%d alice, %d bob of %d", alices, bobs, len(all))
}

// right waits until the verdicts name who held the addresses, and nobody else.
func (p *pair) right(n int) {
	p.t.Helper()
	within(p.t, 2*soon, "the verdicts are attributed", func() (string, bool) {
		alices, bobs, answer := p.blamed()
		if alices > 0 {
			p.t.Fatalf("somebody who did not hold the address is blamed: %s", answer)
		}
		return answer, bobs >= n*95/100
	})
	time.Sleep(2 * time.Second) // nobody else follows
	alices, bobs, answer := p.blamed()
	if alices > 0 {
		p.t.Errorf("somebody who did not hold the address is blamed: %s", answer)
	}
	p.t.Logf("%d of %d right, %d wrong", bobs, n, alices)
}

// longOutage is longer than anything that an instance says could be thought to
// last.
const longOutage = 17 * time.Second

func TestAfterAnOutageAccountingOfBothInstancesCounts(t *testing.T) {
	t.Parallel()
	for name, later := range map[string]time.Duration{"both are back at once": 0, "b is back later": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			p.online(lines)
			p.redis.Kill()
			if later > 0 {
				p.lineB.set(lineRefuses)
			}
			down := time.Now()
			p.moves(lines)
			time.Sleep(3 * time.Second)
			p.reports(lines)
			time.Sleep(time.Until(down.Add(longOutage)))
			p.redis.Start()
			time.Sleep(later)
			p.lineB.set(lineUp)
			p.right(lines)
		})
	}
}

func TestAfterRedisHungAccountingOfBothInstancesCounts(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.online(lines)
	p.redis.Pause()
	hung := time.Now()
	p.moves(lines)
	time.Sleep(3 * time.Second)
	p.reports(lines)
	time.Sleep(time.Until(hung.Add(longOutage + 10*time.Second)))
	p.redis.Resume()
	p.right(lines)
}

func TestAnInstanceThatAloneIsCutOffIsWaitedForByName(t *testing.T) {
	t.Parallel()
	for name, cut := range map[string]lineState{"refused": lineRefuses, "hanging": lineHangs} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPair(t)
			p.online(lines)
			p.lineB.set(cut)
			p.moves(lines)
			time.Sleep(longOutage)
			p.reports(lines)
			within(t, soon, "readiness and metrics name the instance", func() (string, bool) {
				_, ready := p.get("/readyz?verbose")
				named := strings.Contains(ready,
					"[-]instances failed (not essential): "+fmt.Sprint(lines)+" verdicts wait for instance cordon-b, silent since ") &&
					strings.Contains(ready, "cordon instance forget cordon-b")
				return ready, named && p.metric(`cordon_verdicts_awaiting_instance{name="cordon-b"}`) == fmt.Sprint(lines)
			})
			if silent := p.metric(`cordon_instance_silent_seconds{name="cordon-b"}`); silent == "" || silent == "0" {
				t.Errorf("cordon_instance_silent_seconds is %q", silent)
			}
			if _, ready := p.b.get("/readyz?verbose"); !strings.Contains(ready, "[-]heartbeat failed (not essential): cut off from Redis for ") {
				t.Errorf("b says of itself:\n%s", ready)
			}
			if alices, bobs, answer := p.blamed(); alices+bobs > 0 {
				t.Errorf("somebody is blamed: %s", answer)
			}
			p.sees("cordon-b", "silent")
			p.lineB.set(lineUp)
			p.right(lines)
			within(t, soon, "nothing waits any more", func() (string, bool) {
				_, ready := p.get("/readyz?verbose")
				return ready, strings.Contains(ready, "[+]instances ok") && p.metric(`cordon_verdicts_awaiting_instance{name="cordon-b"}`) == "0"
			})
		})
	}
}

// waits returns once a verdict waits for b, which is silent.
func (p *pair) waits(id string) {
	p.t.Helper()
	within(p.t, soon, "the verdict waits for cordon-b", func() (string, bool) {
		v, answer, _ := look[wire.VerdictStatus](p.instance, "/verdicts/"+id, nil)
		return answer, v.State == "pending" && strings.Contains(v.Reason, "on instance cordon-b, silent since ") &&
			strings.Contains(v.Reason, "cordon instance forget cordon-b")
	})
}

func TestAKilledInstanceWithAFullSpoolIsWaitedForUntilItIsBack(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.online(lines)
	p.lineB.set(lineRefuses)
	p.moves(lines)
	p.b.kill()
	p.lineB.set(lineUp)
	time.Sleep(2500 * time.Millisecond) // sooner after the hand-over, both may have held it
	id := p.report(lineIP(0))
	p.waits(id)
	p.restart() // a too: its journal and Redis know b
	p.reports(lines)
	p.waits(id)
	p.b.serve()
	p.right(lines)
	p.verdict(id, "acted")
}

func TestAKilledInstanceThatStaysDownEndsInUnknown(t *testing.T) {
	t.Parallel()
	p := newPair(t, func(s *site) { s.retry = "25s" })
	p.online(1)
	p.lineB.set(lineRefuses)
	p.moves(1)
	p.b.kill()
	id := p.report(lineIP(0))
	p.waits(id)
	v := p.verdict(id, "unknown")
	if !strings.Contains(v.Reason, "instance cordon-b") {
		t.Errorf("the reason is %q", v.Reason)
	}
	p.bng.nothingAbout("alice0")
}

func TestAForgottenInstanceIsNotWaitedForAndWhatItAnsweredIsInDoubt(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.online(2)
	p.lineB.set(lineRefuses)
	p.moves(1) // bob0 has alice0's address; alice1 keeps hers
	p.b.kill()
	moved, kept := p.report(lineIP(0)), p.report(lineIP(1))
	p.waits(moved)
	refused := p.cli("instance", "forget", "cordon-a", "--reason", "a mistake")
	if refused.code != 1 || !strings.Contains(refused.err, "this instance, which is up") {
		t.Error(refused)
	}
	if out := p.ok("instance", "forget", "cordon-b", "--reason", "its host burnt"); !strings.Contains(out, "forgotten") {
		t.Error(out)
	}
	doubtful := func(id string) {
		t.Helper()
		within(t, soon, "the verdict is in doubt", func() (string, bool) {
			v, answer, _ := look[wire.VerdictStatus](p.instance, "/verdicts/"+id, nil)
			return answer, v.State == "pending" && strings.Contains(v.Reason, "instance cordon-b answered accounting of that time that may be lost")
		})
	}
	doubtful(moved)
	doubtful(kept)
	if found := p.ok("session", "find", "--ip", lineIP(1), "-o", "json"); !strings.Contains(found, "in doubt: instance cordon-b") {
		t.Errorf("who held the address is shown as certain:\n%s", found)
	}
	p.account(record{status: "Interim-Update", user: "alice1", session: "A1", ip: lineIP(1)})
	p.verdict(kept, "acted")
	p.bng.expect("alice1", coaRequest("alice1", "A1", "GARDEN"))
	p.restart()
	doubtful(moved)
	p.bng.nothingAbout("alice0")
	if gone := p.sees("cordon-b", "forgotten"); gone.By != "noc" || gone.Reason != "its host burnt" {
		t.Errorf("%+v", gone)
	}
}

func TestAnInstanceThatEndsCleanlyIsNotWaitedFor(t *testing.T) {
	t.Parallel()
	p := newPair(t)
	p.online(1)
	p.b.end(soon)
	p.sees("cordon-b", "left")
	p.report(lineIP(0))
	p.bng.expect("alice0", coaRequest("alice0", "A0", "GARDEN"))
	p.b.serve()
	p.sees("cordon-b", "up")
}

// TestAccountingIsAnsweredWhileAllAreCutOffAndNotForEverByOneAlone lasts as long
// as the shortest alone_for, and a bit.
func TestAccountingIsAnsweredWhileAllAreCutOffAndNotForEverByOneAlone(t *testing.T) {
	t.Parallel()
	p := newPair(t, func(s *site) { s.spool = "{alone_for: 1m}" })
	answered := func(c *instance, user string) bool {
		t.Helper()
		_, err := radclient(t, c.radius(), "acct", acctSecret, record{user: user, session: user, ip: "192.0.2.7"}.String(), "-r", "1", "-t", "3")
		return err == nil
	}
	p.redis.Kill()
	time.Sleep(75 * time.Second)
	if !answered(p.instance, "u1") || !answered(p.b, "u2") {
		t.Error("all are cut off, and accounting is not answered")
	}
	p.lineB.set(lineRefuses)
	p.redis.Start()
	p.drained()
	within(t, time.Minute, "b finds that a reaches Redis", func() (string, bool) { return "b answers", !answered(p.b, "u3") })
	if n := p.b.metric(`cordon_accounting_spooled_total{outcome="alone"}`); n == "" || n == "0" {
		t.Errorf("refused because alone: %q", n)
	}
	if _, ready := p.b.get("/readyz?verbose"); !strings.Contains(ready, "accounting is not answered: cut off from the store for ") {
		t.Errorf("b says of itself:\n%s", ready)
	}
	if !answered(p.instance, "u4") {
		t.Error("a does not answer")
	}
	p.lineB.set(lineUp)
	within(t, soon, "b answers again", func() (string, bool) { return "", answered(p.b, "u5") })
}
