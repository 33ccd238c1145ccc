package quarantine

import (
	"testing"
	"time"
)

// A case that a person released and that newer evidence reopened is held by a limit: what
// the journal shows of it beside is given back with the rest.
func TestHostileWhatTheJournalShowsOfAReopenedHeldCaseIsGivenBack(t *testing.T) {
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
	held.Owe(Owed{Journal: "a", Mark: 9, Session: third, Applied: []Applied{{Profile: "garden", Undo: "x"}}}, at)
	for _, o := range held.Plan(lookAt(at, dead, fresh, third)) {
		if o.Session.ID == "3" && o.To == "" {
			return
		}
	}
	t.Errorf("session 3 stays restricted while the case is %s: %+v", held.State, held.Sessions)
}

// A clock that was a day ahead counted re-restrictions; it is right now.
func TestHostileAClockThatWasAheadPutsOffNoFurtherLogIn(t *testing.T) {
	c := wantingCase(noon.Add(24 * time.Hour))
	c.ExpiresAt = noon.Add(100 * time.Hour)
	restrictAll(t, c, lookAt(noon, sess("0", "alice", noon)))
	for i := range 3 {
		c.Relogins = append(c.Relogins, noon.Add(24*time.Hour+time.Duration(i)*time.Second))
	}
	next := sess("1", "alice", noon.Add(time.Minute))
	for i := range 30 {
		at := noon.Add(time.Minute + time.Duration(i)*10*time.Second)
		for _, o := range c.Plan(lookAt(at, next)) {
			if o.Restricts() && o.Session.ID == "1" {
				return
			}
		}
	}
	t.Errorf("not restricted within 5 minutes: next try %s", c.Sessions[len(c.Sessions)-1].NextAt)
}

// The reopened case that is below a threshold waits for more as long as a new one, not
// until the restriction that a person released would have ended.
func TestHostileAReopenedCaseObservesNoLongerThanANewOne(t *testing.T) {
	c, dead, fresh := beingReleased(t)
	c.ExpiresAt = noon.Add(720 * time.Hour)
	at := noon.Add(31 * time.Minute)
	rules := rulebook(ModeEnforce)
	rules.Policy.Rules = append([]Rule{{Name: "scan", Match: Match{Category: []string{"scan"}}, Profile: "garden", For: Duration(time.Hour), Threshold: Threshold{Count: 5}}}, rules.Policy.Rules...)
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

// A session of the case went to another subscriber, was given back, and its record is
// gone: nothing is to be done about it.
func TestHostileASessionThatIsAnothersAndNotKnownAnyMoreIsNotLookedAtForEver(t *testing.T) {
	c := wantingCase(noon.Add(24 * time.Hour))
	one := sess("1", "alice", noon)
	restrictAll(t, c, lookAt(noon, one))
	hers := one
	hers.Subscriber = "bob"
	at := noon.Add(time.Minute)
	answerAll(c, lookAt(at, hers), Outcome{Kind: OutcomeAcked})
	at = at.Add(time.Second)
	c.Plan(lookAt(at))
	if next := c.NextLook(at); !next.After(at) {
		t.Errorf("looked at again at once, for ever: %s %+v", c.State, c.Sessions)
	}
}

// The severest profile's time is over, and it is left where its BNG does not answer; then
// something is asked for that is less severe than that, and more than what goes on.
func TestHostileWhatIsOverIsNotKeptByARise(t *testing.T) {
	r := ladder()
	r.Limits = Limits{}
	r.Profiles["null"] = Profile{Name: "null", Severity: 40}
	one := sess("1", "alice", noon)
	c := &Case{
		ID: "c-1", Subscriber: "alice", State: Restricting, Profile: "null", Rule: "x", Mode: ModeEnforce, Source: "ids",
		OpenedAt: noon, ExpiresAt: noon.Add(time.Hour), Generation: 1,
		Others: []Demand{{Profile: "block-smtp", Rule: "smtp", Mode: ModeEnforce, Until: noon.Add(720 * time.Hour)}},
	}
	answerAll(c, lookAt(noon, one), Outcome{Kind: OutcomeAcked})
	at := noon.Add(time.Hour)
	answerAll(c, lookAt(at, one), Outcome{Kind: OutcomeUnanswered, Doubtful: true})
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
		orders := c.Plan(lookAt(at, one))
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
func TestHostileEvidenceOfACaseWhoseTimeIsOverIsCountedInTheLimits(t *testing.T) {
	for name, sessions := range map[string][]Session{"on line": {sess("1", "alice", noon)}, "off line": nil} {
		t.Run(name, func(t *testing.T) {
			r := ladder()
			c := restrictedBy("garden", "garden", noon.Add(time.Hour))
			if sessions != nil {
				c.State = Restricting
				answerAll(c, lookAt(noon, sessions...), Outcome{Kind: OutcomeAcked})
			}
			at := noon.Add(2 * time.Hour)
			c, d := file(r, c, seen(1, "botnet", at), at)
			if d.Status.State != VerdictActed || d.Reserve == nil {
				t.Errorf("%s, counted %v, %s until %s", d.Status.State, d.Reserve, c.State, c.ExpiresAt)
			}
			c.Plan(lookAt(at, sessions...))
			if !c.State.Wants() {
				t.Errorf("%s", c.State)
			}
		})
	}
}

// Recommit of a release: a person quarantined the subscriber again since.
func TestHostileAReleaseThatTheStoreLostDoesNotUndoWhatAPersonDecidedSince(t *testing.T) {
	rules := rulebook(ModeEnforce)
	c := wantingCase(noon.Add(24 * time.Hour))
	one := sess("1", "alice", noon)
	restrictAll(t, c, lookAt(noon, one))
	// released at 12:10, the store went back; at 12:11 a person wants her quarantined
	got, _, err := rules.Quarantine(Wish{Subscriber: "alice", Profile: "garden", Reason: "again", For: 100 * time.Hour, By: "noc"},
		Situation{Dossier: Dossier{Case: c}, Sessions: []Session{one}}, "c-2", noon.Add(11*time.Minute))
	if err != nil {
		t.Fatal(err)
	}
	got.Recommit(PersonRelease{Case: c.ID, At: noon.Add(10 * time.Minute), By: "desk", Reason: "cleaned"}, noon.Add(12*time.Minute))
	if !got.State.Wants() {
		t.Errorf("the case is %s", got.State)
	}
}
