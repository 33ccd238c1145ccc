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
	if d.Status.State != VerdictHeld || !strings.Contains(d.Status.Reason, "1 lines per hour") || d.Reserve != nil || c.State != Restricted || c.Profile != "block-smtp" || c.Generation != 1 {
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
	if err := c.Reject("noc", "a game server", at(10), at(10)); err != nil || c.Rise() != nil || c.State != Restricted || c.Profile != "block-smtp" {
		t.Fatalf("rejected: %v, %s %s", err, c.State, c.Profile)
	}
	if d := r.Decide(seen(2, "botnet", at(9)), "alice", Situation{Dossier: Dossier{Case: c}}, "", at(11)); d.Status.State != VerdictRecorded || d.Case != nil {
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
		"an exempt subscriber":          {func(r *Rulebook) { r.Exemptions = []Exemption{{Subscriber: "alice", Reason: "hospital"}} }, nil, HoldExempt},
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
	if h := d.Case.Hold; h.Kind != HoldMaxSessions || !strings.Contains(h.Detail, "6 live sessions") || !strings.Contains(d.Status.Reason, "6 live") {
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
	m.c.Others = []Demand{{Profile: "block-smtp", Rule: "smtp", Mode: ModeEnforce, Until: m.now.Add(3 * time.Hour)}}
	return m
}

func TestACaseStepsDownToAMilderProfileAndThenEnds(t *testing.T) {
	m := steps()
	id := m.reconnect()
	m.untilRestricted(t, id, 0)
	m.now = m.c.ExpiresAt
	orders := m.c.Plan(m.snapshot())
	if len(orders) != 1 || orders[0].To != "block-smtp" || len(orders[0].From) != 1 || orders[0].From[0].Profile != "garden" || m.c.Generation != 2 {
		t.Fatalf("%s %s, %+v", m.c.State, m.c.Profile, orders)
	}
	m.untilRestricted(t, id, 0)
	m.pass(t, 0)
	if m.c.State != Restricted || m.c.Profile != "block-smtp" || !m.c.Ends().Equal(m.c.ExpiresAt) {
		t.Fatalf("%s %s, ends %s", m.c.State, m.c.Profile, m.c.Ends())
	}
	m.now = m.c.ExpiresAt
	for range 3 {
		m.pass(t, 0)
	}
	if m.c.State != Closed || m.live[id].inForce != "" {
		t.Errorf("%s, %q in force", m.c.State, m.live[id].inForce)
	}
}

// A profile is not kept beyond its time because a milder one cannot take its place:
// the session is given back, and restricted when that can be.
func TestWhatIsOverIsGivenBackWhereAMilderProfileMayNotBeSent(t *testing.T) {
	for name, hinder := range map[string]func(m *model) (snapshot func() Snapshot, respond func(Order) Outcome){
		"restrictions are deferred": func(m *model) (func() Snapshot, func(Order) Outcome) {
			return func() Snapshot {
				in := m.snapshot()
				in.Deferred = func(_ *Session, profile string) bool { return profile == "block-smtp" }
				return in
			}, m.carryOut
		},
		"the session is suspect": func(m *model) (func() Snapshot, func(Order) Outcome) {
			return func() Snapshot {
				in := m.snapshot()
				for i := range in.Sessions {
					in.Sessions[i].Suspect = true
				}
				return in
			}, m.carryOut
		},
		"the BNG refuses the milder profile": func(m *model) (func() Snapshot, func(Order) Outcome) {
			return m.snapshot, func(o Order) Outcome {
				if o.To == "block-smtp" {
					return Outcome{Kind: OutcomeRefused, ErrorCause: 404}
				}
				return m.carryOut(o)
			}
		},
		"the milder profile is not sent": func(m *model) (func() Snapshot, func(Order) Outcome) {
			return m.snapshot, func(o Order) Outcome {
				if o.To == "block-smtp" {
					return Outcome{Kind: OutcomeNotSent, Reason: "paused"}
				}
				return m.carryOut(o)
			}
		},
	} {
		m := steps()
		id := m.reconnect()
		m.untilRestricted(t, id, 0)
		m.now = m.c.ExpiresAt
		over := m.now
		snapshot, respond := hinder(m)
		for m.live[id].inForce != "" && m.now.Sub(over) < time.Minute {
			for _, o := range m.c.Plan(snapshot()) {
				m.c.Dispatch(&o, m.now)
				if !m.c.Ends().Equal(over) && o.From != nil {
					t.Errorf("%s: what is in force ends at %s, the case says %s", name, over, m.c.Ends())
				}
				m.c.Observe(o, respond(o), m.now)
			}
			m.now = m.now.Add(time.Second)
		}
		if took := m.now.Sub(over); m.live[id].inForce != "" || took > 5*time.Second || !m.c.State.Wants() {
			t.Errorf("%s: %s after its time the session has %q; the case is %s", name, took, m.live[id].inForce, m.c.State)
		}
		m.now = m.now.Add(time.Hour) // what hindered is over
		m.pass(t, 0)
		m.untilRestricted(t, id, time.Second)
		if m.live[id].inForce != "block-smtp" {
			t.Errorf("%s: then it has %q", name, m.live[id].inForce)
		}
	}
}

func TestWhatWaitsForAPersonIsHeldWhenTheRestOfTheCaseEnds(t *testing.T) {
	m := standing()
	m.c.ExpiresAt = m.now.Add(time.Hour)
	m.c.Others = []Demand{{Profile: Disconnect, Rule: "kick", Until: m.now.Add(2 * time.Hour), Hold: &Hold{HoldLimit, "1 lines per hour"}}}
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

func TestByHandNothingIsWeakenedUnlessThePersonSaysSo(t *testing.T) {
	r := ladder()
	manual := ManualQuarantine{Subscriber: "alice", Profile: "block-smtp", Reason: "call", For: 30 * time.Minute, By: "noc"}
	for name, profile := range map[string]string{"a milder profile": "block-smtp", "the same, shorter": "garden"} {
		c := restrictedBy("garden", "garden", at(86400))
		c.Others = []Demand{{Profile: Disconnect, Rule: "kick", Until: at(86400), Hold: &Hold{HoldLimit, "full"}}}
		manual.Profile, manual.Replace = profile, false
		_, reserve, err := r.Quarantine(manual, Situation{Dossier: Dossier{Case: c}}, "", noon)
		if err == nil || reserve != nil {
			t.Fatalf("%s: it is done", name)
		}
		for _, word := range []string{"garden (rule garden) until 2026-03-02T12:00:00Z", profile + " (noc) until 2026-03-01T12:30:00Z", "--replace"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", name, err, word)
			}
		}
		manual.Replace = true
		done, _, err := r.Quarantine(manual, Situation{Dossier: Dossier{Case: c}}, "", noon)
		if err != nil || done.Profile != profile || !done.ExpiresAt.Equal(at(1800)) || len(done.Others) != 0 || c.Profile != "garden" {
			t.Fatalf("%s: %v, %+v", name, err, done)
		}
		last := done.History[len(done.History)-1].Text
		for _, word := range []string{"garden (rule garden) until 2026-03-02T12:00:00Z", profile + " (noc) until 2026-03-01T12:30:00Z", "dropped: disconnect"} {
			if !strings.Contains(last, word) {
				t.Errorf("%s: the history %q does not say %q", name, last, word)
			}
		}
		again := r.Decide(seen(1, "botnet", at(-60)), "alice", Situation{Dossier: Dossier{Case: done}}, "", at(60))
		if profile == "block-smtp" && again.Case != nil && again.Case.Profile == "garden" {
			t.Errorf("%s: older evidence undoes what the person decided", name)
		}
	}
}

func TestByHandASevererProfileIsCountedAndWhatWasThereGoesOn(t *testing.T) {
	r := ladder()
	c := restrictedBy("smtp", "block-smtp", at(30*86400))
	manual := ManualQuarantine{Subscriber: "alice", Profile: "garden", Reason: "call", For: time.Hour, By: "noc"}
	done, reserve, err := r.Quarantine(manual, Situation{Dossier: Dossier{Case: c}}, "", noon)
	if err != nil || reserve == nil || !reserve.Forced || done.Profile != "garden" || !done.ExpiresAt.Equal(at(3600)) {
		t.Fatalf("%v, counted as %+v, %s until %s", err, reserve, done.Profile, done.ExpiresAt)
	}
	if then := done.Then(); len(then) != 1 || then[0].Profile != "block-smtp" || !then[0].Until.Equal(at(30*86400)) {
		t.Errorf("then %+v", then)
	}
}

func TestACaseThatIsMadeToEndSoonerEnds(t *testing.T) {
	m := steps()
	if err := m.c.Extend("noc", "enough", 10*time.Minute, m.now); err != nil || len(m.c.Then()) != 0 {
		t.Errorf("%v, then %+v", err, m.c.Then())
	}
	m = steps()
	if err := m.c.Extend("noc", "worse", 2*time.Hour, m.now); err != nil || len(m.c.Then()) != 1 || !m.c.Then()[0].Until.Equal(m.now.Add(3*time.Hour)) {
		t.Errorf("%v, then %+v", err, m.c.Then())
	}
}

// Profiles end and give way to milder ones, exemptions come and go, the network
// lies, loses and refuses: in the end every session has what it should have.
func TestWhateverHappensOnTheWayDownEverySessionIsGivenBack(t *testing.T) {
	for seed := range uint64(500) {
		m := newModel(seed)
		m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(1000 * time.Hour), Generation: 1}
		m.c.move(Restricting, m.now, "", "opened")
		m.login()
		exempt, deferred := false, false
		snapshot := func() Snapshot {
			in := m.snapshot()
			in.Exempt = func(*Session) (string, bool) { return "hospital", exempt }
			in.Deferred = func(*Session, string) bool { return deferred }
			return in
		}
		pass := func() {
			orders := m.c.Plan(snapshot())
			for i := range orders {
				if o := &orders[i]; o.Restricts() && (exempt || deferred && o.From != nil && m.c.lapsed(m.c.find(o))) {
					t.Fatalf("seed %d: %+v although exempt %t, deferred %t", seed, o, exempt, deferred)
				}
				m.c.Dispatch(&orders[i], m.now)
			}
			for _, o := range orders {
				m.c.Observe(o, m.carryOut(o), m.now)
			}
			m.advance()
		}
		for range 10 + m.rng.IntN(40) {
			m.disturb()
			switch m.rng.IntN(8) {
			case 0:
				exempt = !exempt
			case 1:
				deferred = !deferred
			case 2:
				if m.c.State.Wants() && m.c.Profile == "garden" && len(m.c.Others) == 0 {
					m.c.Others = []Demand{{Profile: "no-smtp", Rule: "spam", Until: m.c.ExpiresAt}}
					m.c.ExpiresAt = m.now.Add(time.Minute)
				}
			}
			pass()
		}
		if m.c.State != Closed && m.c.State != Releasing {
			if err := m.c.ReleaseBy("noc", "cleaned", ReleaseCleaned, m.now, m.now); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		m.perfect = true
		for range 80 {
			pass()
		}
		for id, s := range m.live {
			if s.inForce != "" || s.halfway || m.c.State != Closed {
				t.Fatalf("seed %d: the case is %s, session %s has %q\n%+v", seed, m.c.State, id, s.inForce, m.c.History)
			}
		}
	}
}

// With a network that does as it is ordered, a session is never more than a few
// seconds behind what the case wants of it.
func TestOnTheWayDownEverySessionHasWhatTheCaseWants(t *testing.T) {
	for seed := range uint64(200) {
		m := newModel(seed)
		m.perfect = true
		m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(10 * time.Minute), Generation: 1}
		m.c.Others = []Demand{{Profile: "no-smtp", Until: m.now.Add(20 * time.Minute)}, {Profile: "slow", Until: m.now.Add(30 * time.Minute)}}
		m.c.move(Restricting, m.now, "", "opened")
		began := m.now
		m.login()
		for m.now.Sub(began) < 32*time.Minute {
			if m.rng.IntN(400) == 0 {
				m.reconnect()
			}
			m.work(m.snapshot())
			want := []string{"garden", "no-smtp", "slow", ""}[min(3, int(m.now.Sub(began)/(10*time.Minute)))]
			for id, s := range m.live {
				if paced := m.c.State == Restricting && m.now.Sub(s.StartedAt) < ReloginBackoff.Cap; s.inForce != want && !paced {
					t.Fatalf("seed %d after %s: session %s has %q, want %q; the case is %s", seed, m.now.Sub(began), id, s.inForce, want, m.c.State)
				}
			}
			m.now = m.now.Add(time.Second)
		}
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
