package quarantine

import (
	"testing"
	"time"
)

// A case that a person released and that newer evidence reopened is held by a limit: what
// the journal shows of it beside is restored with the rest.
func TestWhatTheJournalShowsOfAReopenedHeldCaseIsRestored(t *testing.T) {
	c, dead, fresh := beingReleased(t)
	at := noon.Add(31 * time.Minute)
	rules := rulebook(ModeApprove)
	s := Situation{Dossier: Dossier{Case: c, Released: c.Release}, Sessions: []Session{dead, fresh}}
	d := rules.Decide(verdict("botnet", 0.9, noon.Add(30*time.Minute)), "alice", s, "c-2", at)
	if d.Case == nil || d.Case.State != CaseHeld {
		t.Fatalf("%+v", d)
	}
	held := d.Case
	third := sess("3", "alice", noon)
	held.Owe(Owed{Journal: "a", Mark: 9, Session: third, Applied: []AppliedProfile{{Profile: "garden", Undo: "x"}}}, at)
	for _, o := range held.Plan(snapshotAt(at, dead, fresh, third)) {
		if o.Session.ID == "3" && o.To == "" {
			return
		}
	}
	t.Errorf("session 3 stays restricted while the case is %s: %+v", held.State, held.Sessions)
}

// A clock that was a day ahead counted re-restrictions; it is right now.
func TestAClockThatWasAheadPutsOffNoFurtherLogIn(t *testing.T) {
	c := wantingCase(noon.Add(24 * time.Hour))
	c.ExpiresAt = noon.Add(100 * time.Hour)
	restrictAll(t, c, snapshotAt(noon, sess("0", "alice", noon)))
	for i := range 3 {
		c.Relogins = append(c.Relogins, noon.Add(24*time.Hour+time.Duration(i)*time.Second))
	}
	next := sess("1", "alice", noon.Add(time.Minute))
	for i := range 30 {
		at := noon.Add(time.Minute + time.Duration(i)*10*time.Second)
		for _, o := range c.Plan(snapshotAt(at, next)) {
			if o.Restricts() && o.Session.ID == "1" {
				return
			}
		}
	}
	t.Errorf("not restricted within 5 minutes: next try %s", c.Sessions[len(c.Sessions)-1].NextAt)
}

// The reopened case that is below a threshold waits for more as long as a new one, not
// until the restriction that a person released would have ended.
func TestAReopenedCaseObservesNoLongerThanANewOne(t *testing.T) {
	c, dead, fresh := beingReleased(t)
	c.ExpiresAt = noon.Add(720 * time.Hour)
	at := noon.Add(31 * time.Minute)
	rules := rulebook(ModeEnforce)
	rules.Policy.Rules = append([]Rule{{Name: "scan", Match: Match{Category: []string{"scan"}}, Profile: "garden",
		For: Duration(time.Hour), Threshold: Threshold{Count: 5}}}, rules.Policy.Rules...)
	s := Situation{Dossier: Dossier{Case: c, Released: c.Release}, Sessions: []Session{dead, fresh}}
	d := rules.Decide(verdict("scan", 0.9, noon.Add(30*time.Minute)), "alice", s, "c-2", at)
	if d.Case == nil || d.Case.State != Observing {
		t.Fatalf("%+v", d)
	}
	if d.Case.ExpiresAt.After(at.Add(2 * time.Hour)) {
		t.Errorf("observes until %s", d.Case.ExpiresAt)
	}
	if d.Case.Rule != "scan" {
		t.Errorf("rule %q", d.Case.Rule)
	}
}

// A session of the case went to another subscriber, was restored, and its record is
// gone: nothing is to be done about it.
func TestASessionThatIsAnothersAndNotKnownAnyMoreIsNotQueriedForEver(t *testing.T) {
	c := wantingCase(noon.Add(24 * time.Hour))
	one := sess("1", "alice", noon)
	restrictAll(t, c, snapshotAt(noon, one))
	hers := one
	hers.Subscriber = "bob"
	at := noon.Add(time.Minute)
	answerAll(c, snapshotAt(at, hers), Outcome{Kind: OutcomeAcked})
	at = at.Add(time.Second)
	c.Plan(snapshotAt(at))
	if next := c.NextDue(at); !next.After(at) {
		t.Errorf("looked at again at once, for ever: %s %+v", c.State, c.Sessions)
	}
}

// The severest profile's time is over, and it is left where its BNG does not answer; then
// something is asked for that is less severe than that, and more than what goes on.
func TestWhatIsOverIsNotKeptByARise(t *testing.T) {
	r := ladder()
	r.Limits = Limits{}
	r.Profiles["null"] = Profile{Name: "null", Severity: 40}
	one := sess("1", "alice", noon)
	c := &Case{
		ID: "c-1", Subscriber: "alice", State: Restricting, Profile: "null", Rule: "x", Mode: ModeEnforce, Source: "ids",
		OpenedAt: noon, ExpiresAt: noon.Add(time.Hour), Generation: 1,
		OtherDemands: []Demand{{Profile: "block-smtp", Rule: "smtp", Mode: ModeEnforce, Until: noon.Add(720 * time.Hour)}},
	}
	answerAll(c, snapshotAt(noon, one), Outcome{Kind: OutcomeAcked})
	at := noon.Add(time.Hour)
	answerAll(c, snapshotAt(at, one), Outcome{Kind: OutcomeUnanswered, Doubtful: true})
	if c.Profile != "block-smtp" || c.SteppedAt.IsZero() {
		t.Fatalf("%+v", c)
	}
	c, d := file(r, c, seen(1, "botnet", at), at.Add(time.Second))
	if c.Profile != "garden" {
		t.Fatalf("%+v", d.Status)
	}
	if !c.Ends().Equal(noon.Add(time.Hour)) {
		t.Errorf("null is left, and ends %s", c.Ends())
	}
	for i := range 20 {
		at := at.Add(time.Duration(i+1) * time.Minute)
		orders := c.Plan(snapshotAt(at, one))
		for _, o := range orders {
			c.Dispatch(&o, at)
			out := Outcome{Kind: OutcomeRefused} // garden is not to be had there
			if o.To == "" {
				return
			}
			c.Observe(o, out, at)
		}
	}
	t.Errorf("null is left for the time of garden: %+v", c.Sessions)
}

// Its time is over, and nobody has looked at the case yet, as after an outage: further
// evidence restricts anew, and is counted.
func TestEvidenceOfACaseWhoseTimeIsOverIsCountedInTheLimits(t *testing.T) {
	for name, sessions := range map[string][]Session{"on line": {sess("1", "alice", noon)}, "off line": nil} {
		t.Run(name, func(t *testing.T) {
			r := ladder()
			c := restrictedBy("garden", "garden", noon.Add(time.Hour))
			if sessions != nil {
				c.State = Restricting
				answerAll(c, snapshotAt(noon, sessions...), Outcome{Kind: OutcomeAcked})
			}
			at := noon.Add(2 * time.Hour)
			c, d := file(r, c, seen(1, "botnet", at), at)
			if d.Status.State != VerdictActed || d.Reserve == nil {
				t.Errorf("%s, counted %v, %s until %s", d.Status.State, d.Reserve, c.State, c.ExpiresAt)
			}
			c.Plan(snapshotAt(at, sessions...))
			if !c.State.Wants() {
				t.Errorf("%s", c.State)
			}
		})
	}
}

// Recommit of a release: a person quarantined the subscriber again since.
func TestAReleaseThatTheStoreLostDoesNotUndoWhatAPersonDecidedSince(t *testing.T) {
	rules := rulebook(ModeEnforce)
	c := wantingCase(noon.Add(24 * time.Hour))
	one := sess("1", "alice", noon)
	restrictAll(t, c, snapshotAt(noon, one))
	// released at 12:10, the store went back; at 12:11 a person wants her quarantined
	got, _, err := rules.Quarantine(ManualQuarantine{Subscriber: "alice", Profile: "garden", Reason: "again", For: 100 * time.Hour, By: "noc"},
		Situation{Dossier: Dossier{Case: c}, Sessions: []Session{one}}, "c-2", noon.Add(11*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	got.Recommit(PersonRelease{Case: c.ID, At: noon.Add(10 * time.Minute), By: "desk", Reason: "cleaned"}, noon.Add(12*time.Minute))
	if !got.State.Wants() {
		t.Errorf("the case is %s", got.State)
	}
}

// While an order is under way, another journal shows something else in force there.
func TestWhatAJournalShowsDuringAnOrderIsNotForgottenWithItsAnswer(t *testing.T) {
	for name, kind := range map[string]OutcomeKind{"acked": OutcomeAcked, "refused": OutcomeRefused, "unanswered": OutcomeUnanswered} {
		t.Run(name, func(t *testing.T) {
			c := wantingCase(noon)
			one := sess("1", "alice", noon)
			orders := c.Plan(snapshotAt(noon, one))
			c.Dispatch(&orders[0], noon)
			c.Owe(Owed{Journal: "b", Mark: 3, Session: one, Applied: []AppliedProfile{{Profile: "block-smtp", Undo: "x"}}}, noon.Add(time.Second))
			c.Observe(orders[0], Outcome{Kind: kind}, noon.Add(2*time.Second))
			at := noon.Add(20 * time.Minute)
			if err := c.ReleaseBy("noc", "cleaned", "", at, at); err != nil {
				t.Fatal(err)
			}
			for range 5 {
				at = at.Add(time.Minute)
				for _, o := range c.Plan(snapshotAt(at, one)) {
					for _, a := range o.From {
						if a.Profile == "block-smtp" {
							return
						}
					}
					c.Dispatch(&o, at)
					c.Observe(o, Outcome{Kind: OutcomeAcked}, at)
				}
			}
			t.Errorf("block-smtp is never undone; the case is %s", c.State)
		})
	}
}

func TestWhatAJournalShowsDuringAReleaseIsReleasedToo(t *testing.T) {
	c := wantingCase(noon)
	one := sess("1", "alice", noon)
	restrictAll(t, c, snapshotAt(noon, one))
	at := noon.Add(20 * time.Minute)
	if err := c.ReleaseBy("noc", "cleaned", "", at, at); err != nil {
		t.Fatal(err)
	}
	orders := c.Plan(snapshotAt(at, one))
	c.Dispatch(&orders[0], at)
	c.Owe(Owed{Journal: "b", Mark: 3, Session: one, Applied: []AppliedProfile{{Profile: "block-smtp", Undo: "x"}}}, at.Add(time.Second))
	c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, at.Add(2*time.Second))
	if orders := c.Plan(snapshotAt(at.Add(3*time.Second), one)); len(orders) != 1 || len(orders[0].From) != 1 {
		t.Errorf("the case is %s, orders %+v", c.State, orders)
	}
}

// A person rejected what a case was to rise to; evidence of before that comes late, while
// the case is being released because its time is over.
func TestEvidenceThatAPersonRejectedReopensNoCase(t *testing.T) {
	r := ladder()
	c := restrictedBy("smtp", "block-smtp", noon.Add(time.Hour))
	c.Sessions = []SessionEnforcement{{Session: sess("1", "alice", noon), Wanted: "block-smtp", Enforcement: Acked,
		Applied: []AppliedProfile{{Profile: "block-smtp"}}}}
	c, _ = full(r, c, seen(1, "botnet", noon), noon)
	if c.Rise() == nil {
		t.Fatal("no rise")
	}
	if err := c.Reject("noc", "no", noon.Add(time.Minute), noon.Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	at := noon.Add(61 * time.Minute)
	c.Plan(snapshotAt(at, sess("1", "alice", noon)))
	if c.State != Releasing {
		t.Fatal(c.State)
	}
	if _, d := file(r, c, seen(2, "botnet", noon.Add(30*time.Second)), at); d.Status.State != VerdictRecorded {
		t.Errorf("%s %s", d.Status.State, d.Status.Reason)
	}
}

// What a journal shows of a session that was just restored, with doubts, goes on being
// owed when the session is wanted restricted again.
func TestWhatAJournalShowsAfterADoubtfulReleaseIsKept(t *testing.T) {
	c := wantingCase(noon)
	one := sess("1", "alice", noon)
	answerAll(c, snapshotAt(noon, one), Outcome{Kind: OutcomeAcked, Doubtful: true})
	at := noon.Add(20 * time.Minute)
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	must(c.ReleaseBy("noc", "cleaned", "", at, at))
	answerAll(c, snapshotAt(at, one), Outcome{Kind: OutcomeAcked})
	c.Owe(Owed{Journal: "b", Mark: 3, Session: one, Applied: []AppliedProfile{{Profile: "block-smtp", Undo: "x"}}}, at)
	rules := rulebook(ModeEnforce)
	got, _, err := rules.Quarantine(ManualQuarantine{Subscriber: "alice", Profile: "garden", Reason: "again", For: time.Hour, By: "noc"},
		Situation{Dossier: Dossier{Case: c}, Sessions: []Session{one}}, "c-2", at.Add(time.Second))
	must(err)
	for _, o := range got.Plan(snapshotAt(at.Add(2*time.Second), one)) {
		if !o.Restricts() || len(o.Unknown([]AppliedProfile{{Profile: "block-smtp"}})) > 0 {
			t.Errorf("%+v", o)
		}
	}
}
