package quarantine

import (
	"testing"
	"time"
)

// answer is one given to alice at bng1 at that time.
func answer(at time.Time) LogInAnswer {
	return LogInAnswer{BNG: "bng1", At: at, AppliedProfile: AppliedProfile{Profile: "walled-garden", Undo: "undo"}}
}

// wantingCase is a case that wants the walled garden of alice.
func wantingCase(at time.Time) *Case {
	return &Case{
		ID: "c-1", Subscriber: "alice", State: Waiting, Profile: "walled-garden", Generation: 1, OpenedAt: at, ExpiresAt: at.Add(24 * time.Hour),
	}
}

func snapshotAt(now time.Time, sessions ...Session) Snapshot {
	return Snapshot{Now: now, Sessions: sessions, MaxSessions: 4}
}

func TestASessionThatBeganRestrictedIsRestrictedAsASecondTry(t *testing.T) {
	c := wantingCase(noon)
	c.LogIns = []LogInAnswer{answer(noon.Add(time.Minute))}
	orders := c.Plan(snapshotAt(noon.Add(2*time.Minute), sess("1", "alice", noon.Add(time.Minute))))
	if len(orders) != 1 || len(orders[0].From) != 1 || orders[0].Confirmed || orders[0].Undo != "undo" || !orders[0].Prepared {
		t.Fatalf("%+v", orders)
	}
	c.Dispatch(&orders[0], noon.Add(2*time.Minute))
	c.Observe(orders[0], Outcome{Kind: OutcomeRefused, ErrorCause: 404}, noon.Add(2*time.Minute))
	c.release(noon.Add(3*time.Minute), "noc", "released")
	orders = c.Plan(snapshotAt(noon.Add(3*time.Minute), sess("1", "alice", noon.Add(time.Minute))))
	if len(orders) != 1 || orders[0].To != "" || len(orders[0].From) != 1 {
		t.Fatalf("a refusal of the CoA made the case forget what the log-in did: %+v", orders)
	}
}

func TestWhichSessionsMayHaveBegunRestricted(t *testing.T) {
	for _, test := range []struct {
		about string
		began time.Duration // after the answer
		bng   string
		guess bool
		want  bool
	}{
		{"at once", 0, "bng1", false, true},
		{"a minute before, by the BNG's clock", -time.Minute, "bng1", false, true},
		{"long before", -3 * time.Minute, "bng1", false, false},
		{"some minutes later", 9 * time.Minute, "bng1", false, true},
		{"much later", 11 * time.Minute, "bng1", false, false},
		{"first heard of much later", 11 * time.Minute, "bng1", true, true},
		{"at another BNG", 0, "bng2", false, false},
	} {
		s := sess("1", "alice", noon.Add(test.began))
		s.BNG, s.Guessed = test.bng, test.guess
		c := wantingCase(noon)
		c.LogIns = []LogInAnswer{answer(noon)}
		if got := len(c.given(&s)) > 0; got != test.want {
			t.Errorf("%s: %v", test.about, got)
		}
	}
}

// The case is released between the log-in and the session's Start: nobody but
// the case knows that something is to be given back.
func TestACaseThatIsReleasedWaitsForTheSessionThatBeganRestricted(t *testing.T) {
	c := wantingCase(noon)
	c.LogIns = []LogInAnswer{answer(noon.Add(time.Minute))}
	c.release(noon.Add(time.Minute), "noc", "released")
	if orders := c.Plan(snapshotAt(noon.Add(2 * time.Minute))); len(orders) != 0 || c.State != Releasing {
		t.Fatalf("%s, %+v", c.State, orders)
	}
	if next := c.NextDue(noon.Add(2 * time.Minute)); next.After(noon.Add(4 * time.Minute)) {
		t.Errorf("looks again at %s", next)
	}
	orders := c.Plan(snapshotAt(noon.Add(3*time.Minute), sess("1", "alice", noon.Add(time.Minute))))
	if len(orders) != 1 || orders[0].To != "" || orders[0].From[0] != (AppliedProfile{Profile: "walled-garden", Undo: "undo"}) {
		t.Fatalf("%+v", orders)
	}
	c.Dispatch(&orders[0], noon.Add(3*time.Minute))
	c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, noon.Add(3*time.Minute))
	if c.State != Closed {
		t.Errorf("given back, and the case is %s", c.State)
	}
}

func TestACaseWhoseLogInBeganNoSessionIsClosedAfterAWhile(t *testing.T) {
	c := wantingCase(noon)
	c.LogIns = []LogInAnswer{answer(noon)}
	c.release(noon.Add(time.Minute), "noc", "released")
	c.Plan(snapshotAt(noon.Add(9 * time.Minute)))
	if c.State != Releasing {
		t.Errorf("after 9 minutes: %s", c.State)
	}
	c.Plan(snapshotAt(noon.Add(11 * time.Minute)))
	if c.State != Closed {
		t.Errorf("after 11 minutes: %s", c.State)
	}
}

// A held case attaches no session; one that began restricted before the hold is
// given back all the same when the case ends.
func TestAHeldCaseGivesBackWhatALogInDidBeforeTheHold(t *testing.T) {
	c := wantingCase(noon)
	c.State, c.Hold = CaseHeld, &Hold{Kind: HoldMaxSessions}
	c.LogIns = []LogInAnswer{answer(noon)}
	session := sess("1", "alice", noon)
	if orders := c.Plan(snapshotAt(noon.Add(time.Hour), session)); len(orders) != 0 {
		t.Fatalf("a held case acts: %+v", orders)
	}
	if err := c.Reject("noc", "no", noon.Add(2*time.Hour), noon.Add(2*time.Hour)); err != nil {
		t.Fatal(err)
	}
	orders := c.Plan(snapshotAt(noon.Add(2*time.Hour), session))
	if len(orders) != 1 || orders[0].To != "" {
		t.Fatalf("%s: %+v", c.State, orders)
	}
}

// An answer of an earlier case keeps nothing open.
func TestAnAnswerFromBeforeTheCaseIsNoneOfIts(t *testing.T) {
	c := wantingCase(noon)
	c.LogIns = []LogInAnswer{answer(noon.Add(-time.Hour))}
	c.release(noon.Add(time.Minute), "noc", "released")
	if c.State != Closed {
		t.Errorf("%s", c.State)
	}
}
