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
			{Name: "two-sources", Match: Match{Category: []string{"noise"}}, Profile: "garden", For: day,
				Threshold: Threshold{Sources: 2, Within: Duration(time.Hour)}},
		}},
		Profiles: map[string]Profile{"block-smtp": {Name: "block-smtp", Severity: 10}, "garden": {Name: "garden", Severity: 20},
			Disconnect: {Name: Disconnect, Severity: 30}},
		Limits:      Limits{PerHour: 1, PerDay: 1, PerBNGPerHour: 1, PerSourcePerHour: 1},
		MaxSessions: 4, MaxAge: 168 * time.Hour,
	}
}

func seen(n int, category string, observed time.Time) Verdict {
	v := Verdict{Source: "ids", SourceID: fmt.Sprint(category, n), ObservedAt: observed,
		IP: netip.MustParseAddr("198.51.100.7"), Category: category}
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
	if d.Status.State != VerdictHeld || c.State != CaseHeld || c.Profile != "garden" || c.Rule != "garden" ||
		!strings.Contains(c.Reason, "botnet") || !c.ExpiresAt.Equal(at(86401)) {
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
			for _, o := range c.Plan(Snapshot{Now: now, Sessions: known, MaxSessions: 4}) {
				c.Dispatch(&o, now)
				c.Observe(o, Outcome{Kind: OutcomeAcked}, now)
			}
		}
		if c.State != Restricted {
			t.Fatalf("log-in %d: the case is %s %v", i+1, c.State, c.Hold)
		}
	}
}

// full decides as the engine does when a limit refuses the write.
func full(r *Rulebook, c *Case, v Verdict, now time.Time) (*Case, Decision) {
	s := Situation{Dossier: Dossier{Case: c}, Full: &LimitError{LimitScope{Label: "1 lines per hour"}}}
	d := r.Decide(v, "alice", s, "c-1", now)
	return d.Case, d
}

func TestARiseThatALimitRefusesIsHeldAndTheCaseGoesOn(t *testing.T) {
	r := ladder()
	c, d := full(r, restrictedBy("smtp", "block-smtp", at(30*86400)), seen(1, "botnet", noon), noon)
	rise := c.Rise()
	if d.Status.State != VerdictHeld || !strings.Contains(d.Status.Reason, "1 lines per hour") || d.Reserve != nil ||
		c.State != Restricted || c.Profile != "block-smtp" || c.Generation != 1 {
		t.Fatalf("%s %q: %s %s", d.Status.State, d.Status.Reason, c.State, c.Profile)
	}
	if rise == nil || rise.Profile != "garden" || rise.Rule != "garden" || !rise.Until.Equal(at(86400)) || rise.Hold.Kind != HoldLimit {
		t.Fatalf("what waits: %+v", rise)
	}
	if !(&CaseFilter{State: CaseHeld}).Selects(c) || !(&CaseFilter{State: Restricted}).Selects(c) {
		t.Error("who lists what is held does not find it")
	}
	// There would be room now; what is held waits for a person all the same.
	c, d = file(r, c, seen(2, "ddos", at(1)), at(1))
	if d.Status.State != VerdictHeld || d.Reserve != nil || c.Rise().Profile != Disconnect || c.Profile != "block-smtp" {
		t.Fatalf("%s: %s, what waits: %+v", d.Status.State, c.Profile, c.Rise())
	}
	reserve, err := r.Approve(c, nil, "noc", "yes", at(10))
	if err != nil || reserve == nil || !reserve.Forced || reserve.ID != "c-1/2" {
		t.Fatalf("approved: %v, counted as %+v", err, reserve)
	}
	if c.Profile != Disconnect || c.State != Restricting || !c.ExpiresAt.Equal(at(3610)) || !c.Cleared || c.Rise() != nil {
		t.Errorf("approved: %s %s until %s", c.State, c.Profile, c.ExpiresAt)
	}
	if then := c.Then(); len(then) != 2 || then[0].Profile != "garden" || then[1].Profile != "block-smtp" {
		t.Errorf("then %+v", then)
	}
}

func TestARiseThatAPersonRejectsIsForgottenWithItsEvidence(t *testing.T) {
	r := ladder()
	c, _ := full(r, restrictedBy("smtp", "block-smtp", at(30*86400)), seen(1, "botnet", noon), noon)
	if err := c.Reject("noc", "a game server", at(10), at(10)); err != nil || c.Rise() != nil ||
		c.State != Restricted || c.Profile != "block-smtp" {
		t.Fatalf("rejected: %v, %s %s", err, c.State, c.Profile)
	}
	if d := r.Decide(seen(2, "botnet", at(9)), "alice", Situation{Dossier: Dossier{Case: c}}, "",
		at(11)); d.Status.State != VerdictRecorded || d.Case != nil {
		t.Errorf("evidence from before: %s %q", d.Status.State, d.Status.Reason)
	}
	if c, _ = file(r, c, seen(3, "botnet", at(11)), at(12)); c.Profile != "garden" {
		t.Errorf("evidence from after: %s", c.Profile)
	}
}

func TestWhatHoldsANewCaseHoldsARise(t *testing.T) {
	approve := ModeApprove
	for name, test := range map[string]struct {
		change   func(*Rulebook)
		sessions []Session
		want     HoldKind
	}{
		"a rule that a person approves": {func(r *Rulebook) { r.Policy.Rules[1].Mode = &approve }, nil, HoldMode},
		"an exempt subscriber": {func(r *Rulebook) { r.Exemptions = []Exemption{{Subscriber: "alice", Reason: "hospital"}} },
			nil, HoldExempt},
		"an exempt address": {func(r *Rulebook) {
			r.Exemptions = []Exemption{{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Reason: "hospital"}}
		}, nil, HoldExempt},
		"too many lines": {func(r *Rulebook) { r.MaxSessions = 2 }, lines("bng1", 3), HoldMaxSessions},
	} {
		r := ladder()
		test.change(r)
		c := restrictedBy("smtp", "block-smtp", at(86400))
		d := r.Decide(seen(1, "botnet", noon), "alice", Situation{Dossier: Dossier{Case: c}, Sessions: test.sessions}, "", noon)
		if rise := d.Case.Rise(); d.Status.State != VerdictHeld || rise == nil || rise.Hold.Kind != test.want || d.Case.Profile != "block-smtp" {
			t.Errorf("%s: %s, %+v", name, d.Status.State, d.Case.Rise())
		}
	}
}

func TestARuleRaisesACaseOnlyAboveItsThreshold(t *testing.T) {
	for _, state := range []CaseState{Restricted, Waiting, CaseHeld} {
		r := ladder()
		c := restrictedBy("smtp", "block-smtp", at(86400))
		if c.State = state; state == CaseHeld {
			c.Hold = &Hold{HoldLimit, "1 lines per hour"}
		}
		for i := range 3 {
			if c.Profile != "block-smtp" {
				t.Fatalf("%s: %d verdicts of three", state, i)
			}
			c, _ = file(r, c, seen(i, "brute", at(i)), at(i))
		}
		if c.Profile != "garden" {
			t.Errorf("%s: after three verdicts of three: %s", state, c.Profile)
		}
	}
}

func TestTheHoldIsWeighedAnewWithFurtherEvidence(t *testing.T) {
	r := ladder()
	c, _ := full(r, nil, seen(1, "spam", noon), noon)
	if c.Hold.Kind != HoldLimit {
		t.Fatal(c.Hold)
	}
	d := r.Decide(seen(2, "spam", at(1)), "alice", Situation{Dossier: Dossier{Case: c}, Sessions: lines("bng1", 6)}, "", at(1))
	if h := d.Case.Hold; h.Kind != HoldMaxSessions || !strings.Contains(h.Detail, "6 live sessions") ||
		!strings.Contains(d.Status.Reason, "6 live") {
		t.Errorf("held: %s; %q", h, d.Status.Reason)
	}
	d = r.Decide(seen(3, "spam", at(2)), "alice", Situation{Dossier: Dossier{Case: d.Case}}, "", at(2))
	if h := d.Case.Hold; h.Kind != HoldMaxSessions {
		t.Errorf("a hold is not lifted by evidence: %s", h)
	}
}

// steps is a model whose case has the garden for an hour and then no mail for two
// more.
func steps() *model {
	m := standing()
	m.c.ExpiresAt = m.now.Add(time.Hour)
	m.c.OtherDemands = []Demand{{Profile: "block-smtp", Rule: "smtp", Mode: ModeEnforce, Until: m.now.Add(3 * time.Hour)}}
	return m
}

func TestWhatWaitsForAPersonIsHeldWhenTheRestOfTheCaseEnds(t *testing.T) {
	m := standing()
	m.c.ExpiresAt = m.now.Add(time.Hour)
	m.c.OtherDemands = []Demand{{Profile: Disconnect, Rule: "kick", Until: m.now.Add(2 * time.Hour), Hold: &Hold{HoldLimit, "1 lines per hour"}}}
	id := m.reconnect()
	m.untilRestricted(t, id, 0)
	m.now = m.c.ExpiresAt
	m.pass(t, 0)
	m.pass(t, 0)
	if m.c.State != CaseHeld || m.c.Hold.Kind != HoldLimit || m.c.Profile != Disconnect || m.live[id].inForce != "" {
		t.Fatalf("%s %v %s, %q in force", m.c.State, m.c.Hold, m.c.Profile, m.live[id].inForce)
	}
	m.now = m.c.ExpiresAt
	if m.pass(t, 0); m.c.State != Closed {
		t.Errorf("nobody approved it: %s", m.c.State)
	}
}

// A verdict that was held says what became of it: the case acts, but not by it.
func TestAHeldVerdictOfACaseThatActsSaysWhetherItsRiseWaits(t *testing.T) {
	r := ladder()
	v := seen(1, "botnet", noon)
	c, _ := full(r, restrictedBy("smtp", "block-smtp", at(30*86400)), v, noon)
	if state, reason := r.Since(&v, c); state != VerdictHeld || !strings.Contains(reason, "garden is held: limit: 1 lines per hour") {
		t.Errorf("while its rise waits: %s %q", state, reason)
	}
	rejected := c.Clone()
	if err := rejected.Reject("noc", "a game server", at(10), at(10)); err != nil {
		t.Fatal(err)
	}
	if state, reason := r.Since(&v, rejected); state != VerdictRecorded || !strings.Contains(reason, "a person decided against garden") {
		t.Errorf("rejected: %s %q", state, reason)
	}
	if _, err := r.Approve(c, nil, "noc", "yes", at(10)); err != nil {
		t.Fatal(err)
	}
	if state, reason := r.Since(&v, c); state != VerdictActed || reason != "" {
		t.Errorf("approved: %s %q", state, reason)
	}
}
