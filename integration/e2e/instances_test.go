package e2e

import (
	"strings"
	"testing"
	"time"
)

func TestOfTwoInstancesOneSendsAndTheOtherTakesOver(t *testing.T) {
	t.Parallel()
	// Nothing is answered that is not stored, so nobody waits for one that is killed
	// for longer than its BNGs take to repeat elsewhere.
	a := newBed(t, func(s *site) { s.spool = "{alone_for: 0s}" })
	s := a.site
	s.name, s.journal = "cordon-b", ""
	b := newInstance(t, s)
	b.serve()
	pair := map[*instance]*instance{a.instance: b, b: a.instance}
	var sender *instance
	within(t, soon, "one instance is the sender", func() (string, bool) {
		sender = nil
		senders := 0
		for c := range pair {
			if c.metric("cordon_sender") == "1" {
				sender, senders = c, senders+1
			}
		}
		return "", senders == 1
	})
	other := pair[sender]

	// Everything but sending is done by both, each for the other.
	other.account(record{user: "alice", session: "a1", ip: "198.51.100.7"})
	sender.account(record{user: "bob", session: "b1", ip: "198.51.100.8"})
	sender.report("198.51.100.7")
	other.report("198.51.100.8")
	a.bng.expect("alice", coaRequest("alice", "a1", "GARDEN"))
	a.bng.expect("bob", coaRequest("bob", "b1", "GARDEN"))
	if n := other.metric(`cordon_coa_exchanges_total{outcome="ack"}`); n != "0" {
		t.Errorf("the instance that is not the sender made %s exchanges", n)
	}
	c := other.stands("bob", "restricted", "bng1/b1 acked")
	other.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	sender.stands("bob", "closed")
	a.bng.expect("bob", coaRequest("bob", "b1", "GARDEN"), coaRequest("bob", "b1", "INTERNET"))

	// The same verdict at both is one verdict.
	args := []string{"--category", "botnet", "--confidence", "0.9", "--source-id", "77"}
	if here, there := sender.report("198.51.100.7", args...), other.report("198.51.100.7", args...); here != there {
		t.Errorf("the same verdict is %s at one and %s at the other", here, there)
	}

	sender.kill()
	killed := time.Now()
	other.account(record{user: "carol", session: "c1", ip: "198.51.100.9"})
	other.report("198.51.100.9")
	a.bng.expect("carol", coaRequest("carol", "c1", "GARDEN"))
	if took := time.Since(killed); took > 25*time.Second {
		t.Errorf("the takeover took %s", took)
	} else {
		t.Logf("the takeover took %s", took.Round(time.Millisecond))
	}
	released := other.stands("alice", "restricted")
	other.ok("quarantine", "release", released.ID, "--reason", "cleaned")
	other.stands("alice", "closed")
	if got := a.bng.about("alice"); len(got) != 2 {
		t.Errorf("about alice the BNG got:\n%s", strings.Join(got, "\n"))
	}

	// Who comes back finds the other one sending, and works for it.
	sender.serve()
	sender.account(record{user: "dave", session: "d1", ip: "198.51.100.10"})
	sender.report("198.51.100.10")
	a.bng.expect("dave", coaRequest("dave", "d1", "GARDEN"))
	if sender.metric("cordon_sender") != "0" || other.metric("cordon_sender") != "1" {
		t.Error("the sender's office changed hands without need")
	}
}

func TestARestartedSenderGoesOnAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	within(t, soon, "sender", func() (string, bool) { return "", b.metric("cordon_sender") == "1" })
	b.online("alice", "198.51.100.7")
	b.restart()
	ready := time.Now()
	b.report("198.51.100.7")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	if took := time.Since(ready); took > 8*time.Second { // the lock of the killed process would last 10 s
		t.Errorf("it took %s: the holder did not reclaim its own lock", took)
	}
}

func TestTwoInstancesDoNotShareALog(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	s := b.site
	s.name = "cordon-b"
	second := newInstance(t, s)
	r := runCLI(t, nil, "serve", "-c", second.file)
	if r.code != 1 || !strings.Contains(r.err, s.journal) {
		t.Errorf("%s", r)
	}
}

func TestAPortThatIsTakenIsReportedAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	s := b.site
	s.name, s.journal = "cordon-b", t.TempDir()
	second := newInstance(t, s)
	own := second.site
	for what, port := range map[string]func(*site){
		"http":       func(s *site) { s.http = b.site.http },
		"accounting": func(s *site) { s.acct = b.site.acct },
	} {
		s := own
		port(&s)
		second.configure(s)
		if r := runCLI(t, nil, "serve", "-c", second.file); r.code != 1 || !strings.Contains(r.err, "address already in use") {
			t.Errorf("%s: %s", what, r)
		}
	}
}
