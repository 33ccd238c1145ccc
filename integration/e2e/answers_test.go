package e2e

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestASessionTheBNGDoesNotKnowClosesNothingAndIsLookedUpAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{user: "alice", session: "lost-1", ip: "198.51.100.7"})
	b.report("198.51.100.7")
	lost := coaRequest("alice", "lost-1", "GARDEN")
	b.bng.expect("alice", lost)
	c := b.stands("alice", "restricting", "bng1/lost-1 refused")
	if cause := c.Sessions[0].ErrorCause; cause == nil || *cause != 503 {
		t.Errorf("the case does not show Error-Cause 503: %s", show(c))
	}
	b.bng.expect("alice", lost, lost) // asked again by itself

	// The session has another id now, and accounting says so at last.
	b.account(record{user: "alice", session: "a-2", ip: "198.51.100.7"},
		record{status: "Stop", user: "alice", session: "lost-1", ip: "198.51.100.7"})
	c = b.stands("alice", "restricted", "bng1/lost-1 gone", "bng1/a-2 acked")
	if len(b.cases("alice")) != 1 {
		t.Errorf("more than one case came of it: %s", show(c))
	}
	if got := b.bng.about("alice"); got[len(got)-1] != coaRequest("alice", "a-2", "GARDEN") {
		t.Errorf("the new session was not restricted last:\n%s", strings.Join(got, "\n"))
	}
}

func TestARefusalIsShownWithItsErrorCauseAndNotRepeatedAtOnce(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("refused", "198.51.100.7")
	b.report("198.51.100.7")
	b.bng.expect("refused", coaRequest("refused", "s-refused", "GARDEN"))
	c := b.stands("refused", "restricting", "bng1/s-refused refused")
	page := b.ok("quarantine", "show", c.ID)
	if !strings.Contains(page, "Error-Cause 401") {
		t.Errorf("the page does not show the Error-Cause:\n%s", page)
	}
	never(t, 8*time.Second, "a refused request was repeated", func() (string, bool) {
		got := b.bng.about("refused")
		return strings.Join(got, "\n"), len(got) != 1
	})
	// Some platforms do what they refuse, so it is restored all the same.
	b.ok("quarantine", "release", c.ID, "--reason", "the profile does not exist there")
	b.stands("refused", "closed")
	b.bng.expect("refused", coaRequest("refused", "s-refused", "GARDEN"), coaRequest("refused", "s-refused", "INTERNET"))
}

func TestSilenceIsUnansweredAndTheReleaseIsAssertedOnceMore(t *testing.T) {
	t.Parallel()
	b := prepareBed(t)
	w := newLink(t, b.bng.coa[0])
	s := b.site
	s.bngs[0].port = w.port
	b.configure(s)
	b.bng.startNow()
	b.serve()

	w.lose(answers)
	b.online("alice", "198.51.100.7")
	b.report("198.51.100.7")
	b.stands("alice", "restricting", "bng1/s-alice unanswered")
	first := exchanges(w.sent())
	if len(first) != 1 || len(first[0]) < 3 {
		t.Fatalf("within 10 s there were to be 3 or 4 transmissions of one request:\n%s", timetable(w.sent()))
	}
	for _, d := range first[0] {
		if !bytes.Equal(d.octets, first[0][0].octets) || d.from != first[0][0].from {
			t.Errorf("a retransmission differs from the first transmission:\n%s", timetable(w.sent()))
		}
	}

	// It is tried again by itself, as a new request.
	within(t, 40*time.Second, "the request is made again", func() (string, bool) {
		return timetable(w.sent()), len(exchanges(w.sent())) > 1
	})
	w.lose(nothing)
	c := b.stands("alice", "restricted", "bng1/s-alice acked")
	again := exchanges(w.sent())
	if bytes.Equal(again[1][0].octets, again[0][0].octets) {
		t.Errorf("a new request is the old one:\n%s", timetable(w.sent()))
	}

	// A late duplicate of an unanswered request could undo the release; so it is
	// sent once more when none can come any more.
	b.ok("quarantine", "release", c.ID, "--reason", "cleaned")
	restore := coaRequest("alice", "s-alice", "INTERNET")
	restores := func() (n int) {
		for _, line := range b.bng.about("alice") {
			if line == restore {
				n++
			}
		}
		return n
	}
	within(t, soon, "the session is restored", func() (string, bool) { return fmt.Sprint(restores()), restores() == 1 })
	released := time.Now()
	b.stands("alice", "releasing", "bng1/s-alice acked")
	b.standsWithin(60*time.Second, "alice", "closed")
	if waited := time.Since(released); waited < 30*time.Second {
		t.Errorf("closed %s after the first release, when a duplicate may still be on its way", waited)
	}
	if n := restores(); n != 2 {
		t.Errorf("the release was sent %d times, want 2:\n%s", n, strings.Join(b.bng.about("alice"), "\n"))
	}
}

func TestABNGThatAnswersNothingDoesNotHoldUpAnother(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.online("silent", "198.51.100.7")
	b.account(record{bng: "bng2", user: "bob", session: "s-bob", ip: "198.51.100.8"})
	b.report("198.51.100.7")
	b.report("198.51.100.8")
	b.bng.expect("bob", coaRequest("bob", "s-bob", "GARDEN"))
	b.stands("bob", "restricted", "bng2/s-bob acked")
	b.stands("silent", "restricting", "bng1/s-silent unanswered")
	got := b.bng.requests()
	for _, q := range got {
		if q.has(`User-Name = "bob"`) && q.port != fmt.Sprint(b.bng.coa[1]) {
			t.Errorf("bob's request went to another BNG: %+v", q)
		}
	}
	// A release of what may or may not be in force is sent all the same; it is
	// unanswered too, and stays to be done.
	c := b.cases("silent")[0]
	b.ok("quarantine", "release", c.ID, "--reason", "false alarm")
	within(t, soon, "the release is tried", func() (string, bool) {
		lines := b.bng.about("silent")
		return strings.Join(lines, "\n"), lines[len(lines)-1] == coaRequest("silent", "s-silent", "INTERNET")
	})
	b.stands("silent", "releasing")
}

func TestOverAWireThatLosesEverybodyEndsAsWanted(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	b := prepareBed(t)
	w := newLink(t, b.bng.coa[0])
	s := b.site
	s.bngs[0].port = w.port
	b.configure(s)
	b.bng.startNow()
	b.serve()
	w.loseByChance(seed)
	const subscribers = 20
	user := func(i int) string { return fmt.Sprintf("u%02d", i) }
	for i := range subscribers {
		b.online(user(i), fmt.Sprintf("198.51.100.%d", i+1))
		b.report(fmt.Sprintf("198.51.100.%d", i+1))
	}
	for i := range subscribers {
		b.standsWithin(90*time.Second, user(i), "restricted", "bng1/s-"+user(i)+" acked")
		if i%2 == 0 {
			b.ok("quarantine", "release", b.cases(user(i))[0].ID, "--reason", "cleaned")
		}
	}
	for i := range subscribers {
		wants := "GARDEN"
		if i%2 == 0 {
			b.standsWithin(2*time.Minute, user(i), "closed")
			wants = "INTERNET"
		}
		got := b.bng.about(user(i))
		if last := got[len(got)-1]; last != coaRequest(user(i), "s-"+user(i), wants) {
			t.Errorf("seed %d: the BNG was left at %s, want %s", seed, last, wants)
		}
	}
}

func TestASessionOnABNGThatNobodyConfiguredIsFoundAndNotEnforced(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.account(record{bng: "new-bng", user: "alice", session: "a1", ip: "198.51.100.7"})
	b.report("198.51.100.7")
	c := b.stands("alice", "restricting", "nas:new-bng/a1 refused")
	if !strings.Contains(c.Sessions[0].Reason, "no such BNG") {
		t.Errorf("%s", show(c))
	}
	b.ok("quarantine", "release", c.ID, "--reason", "cannot be done")
	b.stands("alice", "closed")
	if got := b.bng.requests(); len(got) > 0 {
		t.Errorf("a BNG got %v", got)
	}
}

func TestTheBNGsSwitchesDecideHowARequestLooks(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) {
		s.bngs[0].more = filterID + "\n    message_authenticator: omit\n    event_timestamp: omit"
		s.bngs[1].more = filterID + "\n    message_authenticator: require-reply" // which FreeRADIUS does not sign
		s.more = "coa: {source: 127.0.0.5}"
	})
	b.online("alice", "198.51.100.7")
	b.account(record{bng: "bng2", user: "bob", session: "b1", ip: "198.51.100.8"})
	b.report("198.51.100.7")
	b.report("198.51.100.8")
	b.stands("alice", "restricted", "bng1/s-alice acked")
	c := b.stands("bob", "restricting", "bng2/b1 unanswered")
	if !strings.Contains(c.Sessions[0].Reason, "Message-Authenticator") && !strings.Contains(c.Sessions[0].Reason, "message") {
		t.Errorf("the case does not show why the reply is discarded: %s", show(c))
	}
	for _, q := range b.bng.requests() {
		plain := q.has(`User-Name = "alice"`)
		if (q.timestamp == "") != plain || q.signed == plain || q.source != "127.0.0.5" {
			t.Errorf("%+v", q)
		}
	}
}
