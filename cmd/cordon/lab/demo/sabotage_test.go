package demo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"cordon/integration/wire"
	"cordon/radiusx/bngsim"
)

// known is the step of the script with that title.
func known(t *testing.T, part string) step {
	t.Helper()
	for _, s := range script {
		if strings.Contains(s.title, part) {
			return s
		}
	}
	t.Fatalf("there is no step %q", part)
	return step{}
}

// impatient is how long a step waits for what will never be seen.
const impatient = 2 * time.Second

// faulty makes the n-th BNG misbehave.
func faulty(n int, f bngsim.Faults) step {
	return step{"sabotage", func(s *story, _ context.Context) error {
		s.bngs[n].SetFaults(f)
		s.timeout = impatient
		return nil
	}}
}

// TestEachStepFailsWhenItIsNotSeenToHappen shows that the checks bite: what is
// sabotaged is told, by the step that should have seen it.
func TestEachStepFailsWhenItIsNotSeenToHappen(t *testing.T) {
	t.Parallel()
	var running errgroup.Group
	running.SetLimit(3)
	acted, doubled := known(t, "accepted, attributed"), known(t, "changes nothing")
	ignore, silent := bngsim.Faults{AckIgnore: true}, bngsim.Faults{Silent: true}
	sabotage := func(do func(s *story, ctx context.Context) error) step { return step{"sabotage", do} }
	for _, run := range []struct {
		name   string
		script []step
		wants  []string // all in the error
		stuck  bool     // told in the last line
	}{
		{"a BNG that says ACK and does nothing", []step{faulty(0, ignore), acted},
			[]string{"step 2 (a verdict is accepted", "wanted junos1 to show GARDEN", "saw services=INTERNET"}, true},
		{"a BNG that says nothing", []step{faulty(0, silent), acted},
			[]string{"step 2 (a verdict is accepted", "to be restricted", "saw restricting"}, true},
		{"a BNG that refuses", []step{faulty(0, bngsim.Faults{NAK: bngsim.ResourcesUnavailable}), acted},
			[]string{"step 2 (a verdict is accepted", "refused"}, true},
		{"a detector that is attributed to somebody else", []step{sabotage(func(s *story, ctx context.Context) error {
			p, other := s.take(s.bngs[0]), s.take(s.bngs[0])
			session, err := other.session()
			if err != nil {
				return err
			}
			_, err = s.report(ctx, p, verdict(sensor, "wrong", time.Now(), session.IPv4, "botnet", 0.9))
			return err
		})}, []string{"step 1 (sabotage)", "wanted it attributed to"}, true},
		{"somebody else is restricted, too", []step{acted, sabotage(func(s *story, ctx context.Context) error {
			p := s.take(s.bngs[1])
			if _, err := s.api.Post(ctx, "/quarantines", nil,
				map[string]string{"subscriber": p.user, "profile": "block-smtp", "reason": "sabotage"}); err != nil {
				return err
			}
			_, err := s.sessionIs(ctx, p, noSMTP, func(x bngsim.Session) bool { return shows(x, noSMTP) })
			return err
		})}, []string{"step 2 (sabotage)", "wanted no change of mikrotik1/"}, true},
		{"a double that is none", []step{acted, sabotage(func(s *story, _ context.Context) error {
			s.first.verdict.SourceID = "another"
			return nil
		}), doubled}, []string{"step 3 (the same verdict again", "wanted duplicate of"}, true},
		{"a path that loses nothing", []step{sabotage(func(s *story, ctx context.Context) error {
			p := s.take(s.bngs[1])
			session, err := p.session()
			if err != nil {
				return err
			}
			p.bng.path.misbehave(heldFor)
			p.bng.path.lose = 0 // nobody reads it before the verdict
			q, err := s.report(ctx, p, verdict(mailHub, "event", time.Now(), session.IPv4, "spam", 0.9))
			if err == nil {
				err = s.retransmitted(ctx, q)
			}
			return err
		})}, []string{"step 1 (sabotage)", "wanted packets delayed, arrives, reply lost", "saw delayed, arrives, reply delivered"}, true},
		{"a verdict that is refused", []step{sabotage(func(s *story, ctx context.Context) error {
			_, err := s.report(ctx, s.take(s.bngs[1]), wire.Verdict{Source: sensor})
			return err
		})}, []string{"step 1 (sabotage)", "wanted 202, got 422"}, false},
		{"a restriction that is gone", []step{acted, sabotage(func(s *story, ctx context.Context) error {
			session, err := s.first.session()
			if err != nil {
				return err
			}
			s.first.bng.SetFaults(ignore) // so that the new session is not restricted
			_, err = s.first.bng.Move(ctx, session.ID)
			return err
		})}, []string{"step 2 (sabotage)", "wanted GARDEN on junos1/"}, true},
		{"a subscriber who reconnects to a BNG that ignores", []step{acted, faulty(0, ignore), known(t, "reconnects")},
			[]string{"step 3 (a restricted subscriber reconnects)", "saw services=INTERNET"}, true},
		{"an address that nobody gave away", []step{faulty(1, ignore), known(t, "changed hands")},
			[]string{"step 2 (an address that changed hands", "wanted mikrotik1 to show GARDEN"}, true},
		{"a flood that is smaller", []step{sabotage(func(s *story, ctx context.Context) error {
			p := s.take(s.bngs[0])
			session, err := p.session()
			if err != nil {
				return err
			}
			q, err := s.report(ctx, p, verdict(honeypot, "before", time.Now(), session.IPv4, "botnet", 0.9))
			if err != nil {
				return err
			}
			return s.quietly(ctx, q)
		}), known(t, "a flood")}, []string{"step 2 (a flood", "wanted 5 acted on", "saw 4 and 16"}, true},
		{"releases that are not carried out", []step{acted, faulty(0, ignore), known(t, "everything is released")},
			[]string{"step 3 (everything is released)", "wanted no change of junos1/", "INTERNET+GARDEN"}, true},
		{"releases that are not answered", []step{acted, faulty(0, silent), known(t, "everything is released")},
			[]string{"step 3 (everything is released)", "to be closed, saw releasing"}, true},
	} {
		// Several at a time, in one slot of the parallel tests: they mostly wait.
		running.Go(func() error {
			t.Run(run.name, func(t *testing.T) { seeFailure(t, run.script, run.wants, run.stuck) })
			return nil
		})
	}
	_ = running.Wait() // t has the failures
}

// seeFailure runs a sabotaged script; all of wants is in the error, and the last
// line tells whether anybody is stuck.
func seeFailure(t *testing.T, script []step, wants []string, stuck bool) {
	var out output
	err := Run(t.Context(), Config{Once: true, Out: &out, Listen: freePort, Embedded: true, script: script})
	var failed *StepError
	if !errors.As(err, &failed) {
		t.Fatalf("want a *StepError, got %v\n%s", err, out.String())
	}
	for _, part := range wants {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("want %q in %q", part, err)
		}
	}
	if last := lastLine(out.String()); strings.HasSuffix(last, "stuck 0") == stuck || !strings.HasPrefix(last, "demo: ") {
		t.Errorf("stuck %t, and the last line is %q", stuck, last)
	}
	gone(t, out.String())
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	return lines[len(lines)-1]
}

func TestStuckIsCountedAtTheBNGsEvenWhenEveryStepSucceeded(t *testing.T) {
	t.Parallel()
	var out output
	err := Run(t.Context(), Config{Once: true, Out: &out, Listen: freePort, Embedded: true, script: []step{known(t, "accepted, attributed")}})
	if err == nil || !strings.Contains(err.Error(), "stuck: 1 subscribers") {
		t.Errorf("want one stuck, got %v", err)
	}
	if last := lastLine(out.String()); last != "demo: quarantined 1, released 0, stuck 1" {
		t.Errorf("the last line is %q", last)
	}
}

func TestAnAssertionIsNotTakenOnTrust(t *testing.T) {
	moment := time.Now()
	normal := fmt.Sprintf("changed to: %s", bngsim.State{AddressList: "INTERNET"})
	history := []bngsim.Event{{At: moment.Add(-1), What: normal}, {At: moment.Add(1), What: "refused a change"}}
	if at := since(history, moment, "INTERNET"); !at.IsZero() {
		t.Errorf("found at %s what was before", at)
	}
	history = append(history, bngsim.Event{At: moment.Add(2), What: normal})
	if at := since(history, moment, "INTERNET"); !at.Equal(moment.Add(2)) {
		t.Errorf("want %s, got %s", moment.Add(2), at)
	}
}
