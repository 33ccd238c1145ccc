package quarantine

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

// ladder is rules of three severities, with and without thresholds.
func ladder() *Rulebook {
	day := Duration(24 * time.Hour)
	return &Rulebook{
		Policy: Policy{Mode: ModeEnforce, Rules: []Rule{
			{Name: "smtp", Match: Match{Category: []string{"spam"}}, Profile: "block-smtp", For: 30 * day},
			{Name: "garden", Match: Match{Category: []string{"botnet"}}, Profile: "garden", For: day},
			{Name: "kick", Match: Match{Category: []string{"ddos"}}, Profile: Disconnect, For: Duration(time.Hour)},
			{Name: "many", Match: Match{Category: []string{"scan"}}, Profile: "garden", For: day, Threshold: Threshold{Count: 60, Within: day}},
			{Name: "three", Match: Match{Category: []string{"brute"}}, Profile: "garden", For: day, Threshold: Threshold{Count: 3, Within: day}},
			{Name: "two-sources", Match: Match{Category: []string{"noise"}}, Profile: "garden", For: day, Threshold: Threshold{Sources: 2, Within: Duration(time.Hour)}},
		}},
		Profiles:    map[string]Profile{"block-smtp": {Name: "block-smtp", Severity: 10}, "garden": {Name: "garden", Severity: 20}, Disconnect: {Name: Disconnect, Severity: 30}},
		Limits:      Limits{PerHour: 1, PerDay: 1, PerBNGPerHour: 1, PerSourcePerHour: 1},
		MaxSessions: 4, MaxAge: 168 * time.Hour,
	}
}

func seen(n int, category string, observed time.Time) Verdict {
	v := Verdict{Source: "ids", SourceID: fmt.Sprint(category, n), ObservedAt: observed, IP: netip.MustParseAddr("198.51.100.7"), Category: category}
	v.Identify()
	return v
}

// file reports to the rules what happened at a moment and returns the case.
func file(r *Rulebook, c *Case, v Verdict, now time.Time) (*Case, Decision) {
	d := r.Decide(v, "alice", Situation{Dossier: Dossier{Case: c}}, "c-1", now)
	if d.Case != nil {
		c = d.Case
	}
	return c, d
}

func restrictedBy(rule, profile string, until time.Time) *Case {
	return &Case{
		ID: "c-1", Subscriber: "alice", State: Restricted, Profile: profile, Rule: rule, Mode: ModeEnforce, Source: "ids",
		OpenedAt: noon, ExpiresAt: until, Generation: 1,
	}
}

func TestARiseOfSeverityIsCountedInTheLimits(t *testing.T) {
	r := ladder()
	c, d := file(r, restrictedBy("smtp", "block-smtp", at(7200)), seen(1, "ddos", noon), noon)
	if d.Status.State != VerdictActed || c.Profile != Disconnect || d.Reserve == nil || d.Reserve.Forced || c.Generation != 2 {
		t.Fatalf("%s %s, generation %d, counted as %+v", d.Status.State, c.Profile, c.Generation, d.Reserve)
	}
	if want := "source:ids:hour"; d.Reserve.ID != "c-1/2" || d.Reserve.Scopes[2].Key != want {
		t.Errorf("counted as %s in %+v", d.Reserve.ID, d.Reserve.Scopes)
	}
}

func TestAMilderRuleDoesNotProlongASevererRestriction(t *testing.T) {
	r := ladder()
	c, d := file(r, restrictedBy("garden", "garden", at(86400)), seen(1, "spam", noon), noon)
	if c.Profile != "garden" || !c.ExpiresAt.Equal(at(86400)) {
		t.Errorf("%s: %s until %s", d.Status.State, c.Profile, c.ExpiresAt)
	}
}

func TestAThresholdAboveFiftyIsReached(t *testing.T) {
	r := ladder()
	var c *Case
	for i := range 60 {
		now := at(i)
		if c, _ = file(r, c, seen(i, "scan", now), now); (c.State == Restricting) != (i == 59) {
			t.Fatalf("after %d of 60 verdicts the case is %s", i+1, c.State)
		}
	}
}

func TestAnotherRulesEvidenceNeitherPushesOutNorShortens(t *testing.T) {
	r := ladder()
	c, _ := file(r, nil, seen(1, "brute", noon), noon)
	c, _ = file(r, c, seen(2, "brute", at(60)), at(60))
	waits := c.ExpiresAt
	for i := range 120 {
		c, _ = file(r, c, seen(i, "noise", at(120+i)), at(120+i))
	}
	if c.ExpiresAt.Before(waits) || c.Rule != "three" {
		t.Errorf("the case waited until %s for rule three, now until %s for rule %s", waits, c.ExpiresAt, c.Rule)
	}
	if c, _ = file(r, c, seen(3, "brute", at(600)), at(600)); c.State != Restricting {
		t.Errorf("the third verdict of three leaves the case %s", c.State)
	}
}

func TestEvidenceThatJoinsAHeldCaseRaisesWhatAnApprovalDoes(t *testing.T) {
	r := ladder()
	r.Policy.Mode = ModeApprove
	c, _ := file(r, nil, seen(1, "spam", noon), noon)
	c, d := file(r, c, seen(2, "botnet", at(1)), at(1))
	if d.Status.State != VerdictHeld || c.State != CaseHeld || c.Profile != "garden" || c.Rule != "garden" || !strings.Contains(c.Reason, "botnet") || !c.ExpiresAt.Equal(at(86401)) {
		t.Fatalf("%s; the case is %s: %s by %s (%s) until %s", d.Status.State, c.State, c.Profile, c.Rule, c.Reason, c.ExpiresAt)
	}
	if _, err := r.Approve(c, nil, "noc", "go", at(10)); err != nil || c.Profile != "garden" || !c.ExpiresAt.Equal(at(86410)) {
		t.Fatalf("approved: %v, %s until %s", err, c.Profile, c.ExpiresAt)
	}
}

func TestASubscriberWhoReconnectsStaysRestricted(t *testing.T) {
	c := restrictedBy("garden", "garden", at(72*3600))
	c.State = Restricting
	var known []Session
	for i := range 12 {
		now := at(i * 300)
		for j := range known {
			known[j].EndedAt = now
		}
		known = append(known, sess(fmt.Sprint("s", i), "alice", now))
		for until := now.Add(3 * time.Minute); now.Before(until); now = now.Add(time.Second) {
			for _, o := range c.Plan(Look{Now: now, Sessions: known, MaxSessions: 4}) {
				c.Dispatch(&o, now)
				c.Observe(o, Outcome{Kind: OutcomeAcked}, now)
			}
		}
		if c.State != Restricted {
			t.Fatalf("log-in %d: the case is %s %v", i+1, c.State, c.Hold)
		}
	}
}
