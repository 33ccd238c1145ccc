package e2e

import (
	"fmt"
	"strings"
	"testing"

	"cordon/integration/wire"
)

func TestALimitHoldsWhatIsBeyondIt(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) { s.limits = "default" })
	var starts []record
	for i := range 12 { // on two BNGs: only the source's limit of 10 is reached
		starts = append(starts, record{
			bng: fmt.Sprintf("bng%d", i%2+1), user: fmt.Sprintf("u%d", i), session: fmt.Sprintf("s%d", i), ip: fmt.Sprintf("198.51.100.%d", i),
		})
	}
	b.account(starts...)
	var ids []string
	for _, s := range starts {
		ids = append(ids, b.report(s.ip, "--source", "mad-detector"))
	}
	states := map[string][]wire.Case{}
	within(t, soon, "10 restricted, 2 held", func() (string, bool) {
		clear(states)
		for _, c := range b.cases("") {
			states[c.State] = append(states[c.State], c)
		}
		return fmt.Sprint(len(states["restricted"]), len(states["held"])), len(states["restricted"]) == 10 && len(states["held"]) == 2
	})
	if n := len(b.bng.requests()); n != 10 {
		t.Errorf("the BNGs got %d requests, want 10", n)
	}
	held := 0
	for _, id := range ids {
		if v, answer, ok := look[wire.VerdictStatus](b.instance, "/verdicts/"+id, nil); !ok {
			t.Error(answer)
		} else if v.State == "held" {
			held++
			if !strings.Contains(v.Reason, "10 lines per source per hour") {
				t.Errorf("the reason does not name the limit: %+v", v)
			}
		}
	}
	if held != 2 {
		t.Errorf("%d verdicts are held", held)
	}

	first, second := states["held"][0], states["held"][1]
	b.bng.nothingAbout(first.Subscriber)
	if r := b.cli("quarantine", "approve", first.ID); r.code != 2 || !strings.Contains(r.err, "--reason") {
		t.Errorf("a person owes a reason: %s", r)
	}
	b.ok("quarantine", "approve", first.ID, "--reason", "looked at it")
	b.stands(first.Subscriber, "restricted")
	b.ok("quarantine", "reject", second.ID, "--reason", "false positive")
	b.stands(second.Subscriber, "closed")
	b.bng.nothingAbout(second.Subscriber)

	// A release passes every limit, and gives nothing of it back.
	b.ok("quarantine", "release", states["restricted"][0].ID, "--reason", "cleaned")
	b.stands(states["restricted"][0].Subscriber, "closed")
	b.online("late", "198.51.100.100")
	b.report("198.51.100.100", "--source", "mad-detector")
	b.stands("late", "held")
	b.bng.nothingAbout("late")
}

func TestAnExemptSubscriberIsHeldAndAPersonMayOverride(t *testing.T) {
	t.Parallel()
	b := newBed(t, func(s *site) {
		s.more = "exemptions:\n  - {subscriber: hospital, reason: emergency line}\n  - {prefix: 198.51.100.64/26, reason: our own servers}"
	})
	b.online("hospital", "198.51.100.7")
	b.online("server", "198.51.100.70")
	b.online("alice", "198.51.100.8")
	b.report("198.51.100.7")
	b.report("198.51.100.70")
	b.report("198.51.100.8")
	b.bng.expect("alice", coaRequest("alice", "s-alice", "GARDEN"))
	for _, user := range []string{"hospital", "server"} {
		if c := b.stands(user, "held"); c.Hold == nil || c.Hold.Kind != "exempt" {
			t.Errorf("%s", show(c))
		}
		b.bng.nothingAbout(user)
	}
	b.ok("quarantine", "reject", b.cases("hospital")[0].ID, "--reason", "never")
	b.stands("hospital", "closed")
	add := []string{"quarantine", "add", "--subscriber", "hospital", "--profile", "block-smtp", "--reason", "they asked for it"}
	if r := b.cli(add...); r.code != 1 || !strings.Contains(r.err, "emergency line") {
		t.Error(r)
	}
	b.ok(append(add, "--override", "--wait", "20s")...)
	b.bng.expect("hospital", coaRequest("hospital", "s-hospital", "NO-SMTP"))
}

func TestTooManySessionsAreHeld(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	for i := range 5 {
		b.account(record{user: "shared", session: fmt.Sprintf("s%d", i), ip: fmt.Sprintf("198.51.100.%d", i+1)})
	}
	b.report("198.51.100.1")
	if c := b.stands("shared", "held"); c.Hold == nil || c.Hold.Kind != "max_sessions" {
		t.Errorf("%s", show(c))
	}
	b.bng.nothingAbout("shared")
}
