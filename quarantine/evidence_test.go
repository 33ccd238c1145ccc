package quarantine

import (
	"net/netip"
	"testing"
	"time"
)

func sess(id, sub string, began time.Time) Session {
	return Session{SessionKey: SessionKey{"bng1", id}, Subscriber: sub, StartedAt: began, SeenAt: began, StartSeen: true}
}

// book has two rules that want three verdicts each.
func book() *Rulebook {
	return &Rulebook{
		Policy: Policy{Mode: ModeEnforce, Rules: []Rule{
			{Name: "bots", Match: Match{Category: []string{"botnet"}}, Profile: "garden", For: Duration(72 * time.Hour),
				Threshold: Threshold{Count: 3, Within: Duration(24 * time.Hour)}},
			{Name: "spam", Match: Match{Category: []string{"spam"}}, Profile: "block", For: Duration(72 * time.Hour),
				Threshold: Threshold{Count: 3, Within: Duration(24 * time.Hour)}},
		}},
		Profiles: map[string]Profile{"garden": {"garden", 20, ""}, "block": {"block", 10, ""}}, MaxSessions: 4, MaxAge: 168 * time.Hour,
	}
}

func TestOnlyItsOwnRulesEvidenceReachesAThreshold(t *testing.T) {
	r := book()
	var c *Case
	for i, cat := range []string{"spam", "spam", "botnet"} {
		v := Verdict{ID: string(rune('a' + i)), Source: "s", Category: cat, ObservedAt: noon}
		d := r.Decide(v, "alice", Situation{Dossier: Dossier{Case: c}}, "c1", noon)
		c = d.Case
	}
	if c.State != Observing {
		t.Errorf("two spam and ONE botnet verdict, both rules want three: %s, profile %s by rule %s", c.State, c.Profile, c.Rule)
	}
}

func TestEvidenceChangesNothingForAnExemptSubscriber(t *testing.T) {
	r := book()
	r.Policy.Rules[0].Threshold = Threshold{}
	r.Exemptions = []Exemption{{Subscriber: "hospital", Reason: "emergency line"}}
	s := []Session{sess("1", "hospital", noon)}
	c, _, err := r.Quarantine(ManualQuarantine{Subscriber: "hospital", Profile: "block", Reason: "agreed on the phone",
		For: time.Hour, By: "noc", Override: true}, Situation{Sessions: s}, "c1", noon)
	if err != nil {
		t.Fatal(err)
	}
	d := r.Decide(Verdict{ID: "v", Source: "s", Category: "botnet", ObservedAt: noon}, "hospital",
		Situation{Dossier: Dossier{Case: c}, Sessions: s}, "", noon.Add(time.Minute))
	if d.Case.Profile != "block" || d.Case.ExpiresAt.After(noon.Add(2*time.Hour)) {
		t.Errorf("exempt subscriber: %s %s until %s, nobody asked", d.Status.State, d.Case.Profile, d.Case.ExpiresAt)
	}
}

func TestACaseHeedsTheModeThatItsRuleHasNow(t *testing.T) {
	r := book()
	r.Policy.Rules[0].Threshold = Threshold{}
	d := r.Decide(Verdict{ID: "v", Source: "s", Category: "botnet", ObservedAt: noon}, "alice", Situation{}, "c1", noon)
	shadow := ModeShadow
	r.Policy.Rules[0].Mode = &shadow // the operator turns the rule to shadow and restarts
	if reason, acts := acts(r, d.Case, &Session{}); acts {
		t.Errorf("rule is shadow now, and its case still restricts new log-ins %q", reason)
	}
}

func TestASessionThatIsGoneDoesNotCountAsANewOne(t *testing.T) {
	c := &Case{ID: "c", Subscriber: "alice", State: Restricting, Profile: "garden", ExpiresAt: noon.Add(72 * time.Hour), Generation: 1}
	s := sess("1", "alice", noon)
	now := noon
	for now.Before(noon.Add(3 * time.Hour)) {
		orders := c.Plan(Snapshot{Now: now, Sessions: []Session{s}, MaxSessions: 4})
		for _, o := range orders {
			o.Undo = "x"
			c.Dispatch(&o, now)
			c.Observe(o, Outcome{Kind: OutcomeSessionGone, ErrorCause: 503}, now)
		}
		if c.State == CaseHeld {
			t.Errorf("held after %s: %s (one session, never a new one)", now.Sub(noon), c.Hold)
			return
		}
		next := now.Add(time.Minute) // Interims of a second session wake the case
		if !next.After(now) {
			next = now.Add(time.Second)
		}
		now = next
	}
}

func TestAnExemptBNGOrPrefixIsHeededAtALaterLogIn(t *testing.T) {
	// Opened while nobody is on line; the log-in comes later.
	r := book()
	r.Policy.Rules[0].Threshold = Threshold{}
	r.Exemptions = []Exemption{{BNG: "bng1", Reason: "hospital BNG"}, {Prefix: netip.MustParsePrefix("198.51.100.0/24"), Reason: "x"}}
	d := r.Decide(Verdict{ID: "v", Source: "s", Category: "botnet", ObservedAt: noon}, "alice", Situation{}, "c1", noon)
	c := d.Case
	orders := c.Plan(Snapshot{Now: noon, Sessions: []Session{sess("1", "alice", noon)}, MaxSessions: 4})
	if _, acts := acts(r, c, &orders[0].Session); acts && len(orders) == 1 && orders[0].Restricts() {
		t.Errorf("restricted on the exempt BNG %s", orders[0].Session.BNG)
	}
}

func TestASuspectSessionDoesNotKeepTheCaseRestricting(t *testing.T) {
	c := &Case{ID: "c", Subscriber: "alice", State: Restricting, Profile: "garden", ExpiresAt: noon.Add(72 * time.Hour), Generation: 1}
	old, live := sess("1", "alice", noon.Add(-time.Hour)), sess("2", "alice", noon)
	old.Suspect = true
	for range 3 {
		for _, o := range c.Plan(Snapshot{Now: noon, Sessions: []Session{old, live}, MaxSessions: 4}) {
			c.Dispatch(&o, noon)
			c.Observe(o, Outcome{Kind: OutcomeAcked}, noon)
		}
	}
	if c.State != Restricted {
		t.Errorf("the only session that is there is %s, the case says %s", c.Sessions[1].Enforcement, c.State)
	}
}

func TestAfterALostReleaseARefusalIsNoNews(t *testing.T) {
	c := &Case{ID: "c", Subscriber: "alice", State: Restricting, Profile: "garden", ExpiresAt: noon.Add(72 * time.Hour), Generation: 1}
	snapshot := Snapshot{Now: noon, Sessions: []Session{sess("2", "alice", noon)}, MaxSessions: 4}
	o := c.Plan(snapshot)[0]
	c.Dispatch(&o, noon)
	c.Observe(o, Outcome{Kind: OutcomeAcked}, noon)
	_ = c.ReleaseBy("noc", "x", "", noon, noon)
	o = c.Plan(snapshot)[0]
	c.Dispatch(&o, noon)
	// crash here: or unanswered
	snapshot.Now = noon.Add(time.Minute)
	o = c.Plan(snapshot)[0]
	if o.Confirmed {
		t.Error("the second release still says that a refusal is news")
	}
}
