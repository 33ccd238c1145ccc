package quarantine

import (
	"testing"
	"time"
)

// beingReleased is a case that a person released, of a session on a BNG that does not
// answer and one that is new.
func beingReleased(t *testing.T) (c *Case, dead, fresh Session) {
	t.Helper()
	dead, fresh = sess("1", "alice", noon), sess("2", "alice", noon.Add(30*time.Minute))
	c = wantingCase(noon)
	restrictAll(t, c, snapshotAt(noon, dead))
	if err := c.ReleaseBy("noc", "cleaned", ReleaseCleaned, noon.Add(20*time.Minute), noon.Add(20*time.Minute)); err != nil {
		t.Fatal(err)
	}
	answerAll(c, snapshotAt(noon.Add(20*time.Minute), dead), Outcome{Kind: OutcomeUnanswered, Doubtful: true})
	return c, dead, fresh
}

func TestNewerEvidenceActsAtOnceWhateverIsBeingReleased(t *testing.T) {
	c, dead, fresh := beingReleased(t)
	at := noon.Add(31 * time.Minute)
	rules := rulebook(ModeEnforce)
	s := Situation{Dossier: Dossier{Case: c, Released: c.Release}, Sessions: []Session{dead, fresh}}
	if d := rules.Decide(verdict("botnet", 0.9, noon.Add(20*time.Minute)), "alice", s, "c-2", at); d.Status.State != VerdictRecorded ||
		d.Case != nil {
		t.Errorf("what was observed before the release: %s, %v", d.Status.State, d.Case)
	}
	d := rules.Decide(verdict("botnet", 0.9, noon.Add(30*time.Minute)), "alice", s, "c-2", at)
	if d.Status.State != VerdictActed || d.Case == nil || d.Case.ID != c.ID || d.Case.State != Restricting || d.Reserve == nil {
		t.Fatalf("%+v", d)
	}
	restricted := map[string]bool{}
	for _, o := range d.Case.Plan(snapshotAt(at, dead, fresh)) {
		restricted[o.Session.ID] = o.Restricts()
	}
	if !restricted["2"] {
		t.Errorf("orders: %v", restricted)
	}
	if d.Case.Release != nil || !d.Case.Ends().Equal(d.Case.ExpiresAt) {
		t.Errorf("release %v, ends %s", d.Case.Release, d.Case.Ends())
	}
}

func TestByHandACaseThatIsBeingReleasedActsAtOnce(t *testing.T) {
	c, dead, fresh := beingReleased(t)
	at := noon.Add(31 * time.Minute)
	rules := rulebook(ModeEnforce)
	got, reserve, err := rules.Quarantine(ManualQuarantine{Subscriber: "alice", Profile: "garden", Reason: "again", For: time.Hour, By: "noc"},
		Situation{Dossier: Dossier{Case: c}, Sessions: []Session{dead, fresh}}, "c-2", at)
	if err != nil || reserve == nil || got.State != Restricting {
		t.Fatalf("%v, %v, %v", got, reserve, err)
	}
	if orders := got.Plan(snapshotAt(at, dead, fresh)); len(orders) != 2 || !orders[1].Restricts() {
		t.Errorf("orders: %+v", orders)
	}
}

// What a hold, or a threshold, keeps from acting keeps no release back.
func TestAReleaseGoesOnInACaseThatWasReopenedAndDoesNotAct(t *testing.T) {
	for name, in := range map[string]struct {
		change func(*Rulebook)
		state  CaseState
	}{
		"held":                {func(r *Rulebook) { r.Policy.Mode = ModeApprove }, CaseHeld},
		"below the threshold": {func(r *Rulebook) { r.Policy.Rules[0].Threshold.Count = 2 }, Observing},
	} {
		t.Run(name, func(t *testing.T) {
			c, dead, fresh := beingReleased(t)
			at := noon.Add(31 * time.Minute)
			rules := rulebook(ModeEnforce)
			in.change(&rules)
			d := rules.Decide(verdict("botnet", 0.9, noon.Add(30*time.Minute)), "alice",
				Situation{Dossier: Dossier{Case: c}, Sessions: []Session{dead, fresh}}, "c-2", at)
			if d.Case == nil || d.Case.State != in.state || d.Case.Lane() != LaneRelease || !d.Case.Ends().Equal(noon.Add(20*time.Minute)) {
				t.Fatalf("%+v", d.Case)
			}
			if next := d.Case.NextDue(at); next.After(at.Add(time.Minute)) {
				t.Errorf("looks again at %s", next)
			}
			orders := answerAll(d.Case, snapshotAt(at, dead, fresh), Outcome{Kind: OutcomeAcked})
			if len(orders) != 1 || orders[0].Restricts() || orders[0].Session.ID != "1" {
				t.Fatalf("orders: %+v", orders)
			}
			if d.Case.State != in.state || len(d.Case.Sessions[0].Applied) != 0 {
				t.Errorf("the case is %s: %+v", d.Case.State, d.Case.Sessions)
			}
		})
	}
}

func TestEvidenceOfBeforeTheReleaseCountsForNoThreshold(t *testing.T) {
	c, dead, _ := beingReleased(t)
	rules := rulebook(ModeEnforce)
	rules.Policy.Rules[0].Threshold.Count = 2
	before := verdict("botnet", 0.9, noon)
	c.join(&before, &rules.Policy.Rules[0])
	d := rules.Decide(verdict("botnet", 0.9, noon.Add(30*time.Minute)), "alice",
		Situation{Dossier: Dossier{Case: c}, Sessions: []Session{dead}}, "c-2", noon.Add(31*time.Minute))
	if d.Case.State != Observing {
		t.Errorf("the case is %s", d.Case.State)
	}
}

func TestAnObservingCaseThatStillOwesIsReleasedBeforeItIsClosed(t *testing.T) {
	c, dead, _ := beingReleased(t)
	rules := rulebook(ModeEnforce)
	rules.Policy.Rules[0].Threshold.Count = 2
	c = rules.Decide(verdict("botnet", 0.9, noon.Add(30*time.Minute)), "alice",
		Situation{Dossier: Dossier{Case: c}, Sessions: []Session{dead}}, "c-2", noon.Add(31*time.Minute)).Case
	at := c.ExpiresAt
	answerAll(c, snapshotAt(at, dead), Outcome{Kind: OutcomeUnanswered})
	if c.State != Releasing {
		t.Fatalf("the case is %s", c.State)
	}
	for at = c.NextDue(at); c.Open() && at.Before(c.ExpiresAt.Add(time.Hour)); at = c.NextDue(at) {
		answerAll(c, snapshotAt(at, dead), Outcome{Kind: OutcomeAcked})
	}
	if c.State != Closed {
		t.Errorf("the case is %s", c.State)
	}
}
