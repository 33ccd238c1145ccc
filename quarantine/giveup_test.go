package quarantine

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"
)

// stuck is a case that was released an hour before noon and whose sessions the BNG
// does not give back.
func stuck(ids ...string) *Case {
	c := &Case{ID: "c-1", Subscriber: "alice", State: Releasing, Profile: "garden", OpenedAt: noon.Add(-2 * time.Hour),
		ExpiresAt: noon.Add(time.Hour), Generation: 2}
	for _, id := range ids {
		c.Sessions = append(c.Sessions, SessionEnforcement{
			Session: Session{SessionKey: SessionKey{"bng1", id}, Subscriber: "alice", StartedAt: noon.Add(-3 * time.Hour),
				SeenAt: noon.Add(-time.Hour), StartSeen: true},
			Enforcement: Refused, Attempts: 8, NextAt: noon.Add(10 * time.Minute), Applied: []AppliedProfile{{Profile: "garden", Undo: "overlay"}},
		})
	}
	return c
}

func TestARetryMakesWhatIsOutstandingDueNowAndRecordsWho(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*Case)
		orders int
	}{
		{"a release in its back-off", func(*Case) {}, 1},
		{"a restriction in its back-off", func(c *Case) {
			c.State, c.Sessions[0].Wanted, c.Sessions[0].Applied = Restricting, "garden", nil
		}, 1},
		{"a restriction that waits for the end of a maintenance window", func(c *Case) {
			c.State, c.Sessions[0].Wanted, c.Sessions[0].Enforcement = Restricting, "garden", Pending
			c.Sessions[0].Deferrals, c.Sessions[0].NotBefore = 3, noon.Add(10*time.Minute)
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			stuck := stuck("s1")
			c.change(stuck)
			sessions := []Session{stuck.Sessions[0].Session}
			if orders := stuck.Clone().Plan(Snapshot{Now: noon, Sessions: sessions, MaxSessions: 4}); len(orders) != 0 {
				t.Fatalf("%d orders before the retry: the test shows nothing", len(orders))
			}
			if err := stuck.Retry("noc", noon); err != nil {
				t.Fatal(err)
			}
			if last := stuck.History[len(stuck.History)-1]; last.By != "noc" || !strings.HasPrefix(last.Text, "retried") {
				t.Errorf("history ends with %+v", last)
			}
			if orders := stuck.Plan(Snapshot{Now: noon, Sessions: sessions, MaxSessions: 4}); len(orders) != c.orders {
				t.Errorf("%d orders after the retry, want %d", len(orders), c.orders)
			}
		})
	}
}

func TestARetryWithNothingOutstandingSaysWhy(t *testing.T) {
	for _, state := range []CaseState{Observing, CaseHeld, Waiting, Restricted, Closed, Releasing} {
		c := stuck("s1")
		c.State, c.Sessions[0].Applied = state, nil
		if state == CaseHeld || state == Restricted {
			c.Sessions[0].Wanted, c.Sessions[0].Enforcement, c.Sessions[0].Applied = "garden", Acked,
				[]AppliedProfile{{Profile: "garden", Undo: "overlay"}}
		}
		before := len(c.History)
		var refused *CommandError
		if err := c.Retry("noc", noon); !errors.As(err, &refused) || !strings.Contains(err.Error(), string(state)) || len(c.History) != before {
			t.Errorf("%s: %v, history %v", state, err, c.History)
		}
	}
}

// An assertion is late on purpose: sooner, a late duplicate of the restriction
// could come after it.
func TestARetryDoesNotHastenAnAssertion(t *testing.T) {
	c := stuck("s1")
	e := &c.Sessions[0]
	e.Applied, e.Given, e.AssertAt = nil, []AppliedProfile{{Profile: "garden", Undo: "overlay"}}, noon.Add(AssertDelay)
	if err := c.Retry("noc", noon); err == nil {
		t.Error("something was retried")
	}
	if !e.AssertAt.Equal(noon.Add(AssertDelay)) {
		t.Errorf("asserted at %s", e.AssertAt)
	}
}

func TestGivingUpEndsWhatIsOwedAndClosesTheCase(t *testing.T) {
	c := stuck("s1", "s2")
	if err := c.GiveUp("noc", "the card was swapped", SessionKey{}, noon); err != nil {
		t.Fatal(err)
	}
	if c.State != Closed || !c.ClosedAt.Equal(noon) {
		t.Errorf("case is %s", c.State)
	}
	for _, e := range c.Sessions {
		if e.Enforcement != Gone || e.Reason != "given up by noc: the card was swapped" || e.Owed() {
			t.Errorf("session %+v", e)
		}
	}
	if !slices.ContainsFunc(c.History, func(h HistoryEntry) bool {
		return h.By == "noc" && h.Text == "given up: the card was swapped" && h.State == Releasing
	}) {
		t.Errorf("history %+v", c.History)
	}
	if last := c.History[len(c.History)-1].Text; !strings.Contains(last, "2 sessions that were given up") {
		t.Errorf("closed: %q", last)
	}
}

func TestGivingUpOneSessionLeavesTheOthersToBeReleased(t *testing.T) {
	c := stuck("s1", "s2")
	other := c.Sessions[1].Session
	if err := c.GiveUp("noc", "dead", SessionKey{"bng1", "s1"}, noon); err != nil {
		t.Fatal(err)
	}
	if c.State != Releasing || c.Sessions[0].Enforcement != Gone || c.Sessions[1].Enforcement == Gone {
		t.Fatalf("case is %s: %+v", c.State, c.Sessions)
	}
	due := noon.Add(time.Hour)
	orders := c.Plan(Snapshot{Now: due, Sessions: []Session{c.Sessions[0].Session, other}, MaxSessions: 4})
	if len(orders) != 1 || orders[0].Session.ID != "s2" {
		t.Errorf("orders %+v", orders)
	}
	if err := c.GiveUp("noc", "dead", SessionKey{"bng1", "s1"}, noon); err == nil {
		t.Error("given up twice")
	}
}

// A session that is to be given back may belong to a case that wants something of
// others, which was reopened by newer evidence.
func TestGivingUpInAWantingCaseTouchesOnlyWhatIsToBeRestored(t *testing.T) {
	c := stuck("s1", "s2")
	c.State = Restricted
	c.Sessions[1].Wanted, c.Sessions[1].Enforcement = "garden", Acked
	if err := c.GiveUp("noc", "dead", SessionKey{}, noon); err != nil {
		t.Fatal(err)
	}
	if c.State != Restricted || c.Sessions[0].Enforcement != Gone || c.Sessions[1].Enforcement != Acked {
		t.Errorf("case is %s: %+v", c.State, c.Sessions)
	}
}

func TestAWantingCaseIsNotGivenUpButReleasedFirst(t *testing.T) {
	for _, state := range []CaseState{Observing, CaseHeld, Restricting, Waiting, Restricted} {
		c := stuck("s1")
		c.State, c.Sessions[0].Wanted = state, "garden"
		err := c.GiveUp("noc", "x", SessionKey{}, noon)
		var refused *CommandError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), "cordon quarantine release c-1") || c.Sessions[0].Enforcement == Gone {
			t.Errorf("%s: %v", state, err)
		}
	}
}

func TestGivingUpDoesNotWaitForASessionThatMayHaveBegunRestricted(t *testing.T) {
	c := stuck()
	c.LogIns = []LogInAnswer{{"bng1", noon.Add(-time.Minute), AppliedProfile{Profile: "garden", Undo: "overlay"}}}
	if c.Plan(Snapshot{Now: noon, MaxSessions: 4}); c.State != Releasing {
		t.Fatalf("the case is %s: the test shows nothing", c.State)
	}
	if err := c.GiveUp("noc", "x", SessionKey{}, noon); err != nil || c.State != Closed {
		t.Errorf("%v, case is %s", err, c.State)
	}
}

// The answer to an order that was under way when a person gave up changes nothing.
func TestAnAnswerAfterGivingUpBringsNothingBack(t *testing.T) {
	c := stuck("s1", "s2")
	orders := c.Plan(Snapshot{Now: noon.Add(time.Hour), Sessions: []Session{c.Sessions[0].Session, c.Sessions[1].Session}, MaxSessions: 4})
	for i := range orders {
		c.Dispatch(&orders[i], noon)
	}
	if err := c.GiveUp("noc", "x", SessionKey{"bng1", "s1"}, noon); err != nil {
		t.Fatal(err)
	}
	c.Observe(orders[0], Outcome{Kind: OutcomeUnanswered}, noon)
	if e := c.Sessions[0]; e.Enforcement != Gone || e.Owed() {
		t.Errorf("session %+v", e)
	}
}
