package quarantine

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
)

func rulebook(mode Mode) Rulebook {
	confidence := 0.7
	return Rulebook{
		Policy: Policy{Mode: mode, Rules: []Rule{
			{Name: "bots", Match: Match{Category: []string{"botnet"}, MinConfidence: &confidence}, Profile: "garden", For: Duration(72 * time.Hour)},
			{Name: "spam", Match: Match{Category: []string{"spam"}}, Profile: "no-smtp", For: Duration(24 * time.Hour),
				Threshold: Threshold{Count: 3, Within: Duration(time.Hour)}},
		}},
		Limits:      DefaultLimits,
		Profiles:    map[string]Profile{"no-smtp": {"no-smtp", 10, ""}, "garden": {"garden", 20, ""}},
		MaxSessions: 2, MaxAge: 24 * time.Hour,
	}
}

func verdict(category string, confidence float64, observed time.Time) Verdict {
	v := Verdict{Source: "ids", SourceID: observed.String() + category, ObservedAt: observed,
		IP: netip.MustParseAddr("198.51.100.7"), Category: category, Confidence: &confidence}
	v.Identify()
	return v
}

func TestWhatAVerdictLeadsTo(t *testing.T) {
	session := Session{SessionKey: SessionKey{"bng1", "1"}, Subscriber: "alice",
		Addresses: []Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: FramedIP}}}
	open := func(state CaseState) *Case {
		c := &Case{ID: "c-0", Subscriber: "alice", Profile: "no-smtp", Rule: "spam", OpenedAt: noon, ExpiresAt: at(60),
			Hold: &Hold{HoldMode, "approve"}, Generation: 1}
		c.move(state, noon, "", "opened")
		return c
	}
	cases := []struct {
		name      string
		mode      Mode
		verdict   Verdict
		situation Situation
		change    func(*Rulebook)
		verdictIs VerdictState
		caseIs    CaseState // "" = nothing of a case is written
		reason    string
	}{
		{name: "a rule enforces", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon), verdictIs: VerdictActed, caseIs: Restricting},
		{name: "no rule", mode: ModeEnforce, verdict: verdict("copyright", 0.9, noon), verdictIs: VerdictRecorded, reason: "no rule"},
		{name: "too little confidence", mode: ModeEnforce, verdict: verdict("botnet", 0.6, noon), verdictIs: VerdictRecorded, reason: "no rule"},
		{name: "off", mode: ModeOff, verdict: verdict("botnet", 0.9, noon), verdictIs: VerdictRecorded, reason: "off"},
		{name: "shadow", mode: ModeShadow, verdict: verdict("botnet", 0.9, noon), verdictIs: VerdictRecorded, reason: "shadow"},
		{name: "approve", mode: ModeApprove, verdict: verdict("botnet", 0.9, noon), verdictIs: VerdictHeld, caseIs: CaseHeld, reason: "approve"},
		{name: "a rule in shadow under enforce", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon),
			verdictIs: VerdictRecorded, reason: "shadow",
			change: func(r *Rulebook) { shadow := ModeShadow; r.Policy.Rules[0].Mode = &shadow }},
		{name: "stale", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon.Add(-25*time.Hour)),
			verdictIs: VerdictRecorded, reason: "too old"},
		{name: "below the threshold", mode: ModeEnforce, verdict: verdict("spam", 0.9, noon), verdictIs: VerdictRecorded,
			caseIs: Observing, reason: "threshold"},
		{name: "exempt subscriber", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon), verdictIs: VerdictHeld,
			caseIs: CaseHeld, reason: "hospital",
			change: func(r *Rulebook) { r.Exemptions = []Exemption{{Subscriber: "alice", Reason: "hospital"}} }},
		{name: "exempt prefix", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon), verdictIs: VerdictHeld,
			caseIs: CaseHeld, reason: "office",
			situation: Situation{Sessions: []Session{session}},
			change: func(r *Rulebook) {
				r.Exemptions = []Exemption{{Prefix: netip.MustParsePrefix("198.51.100.0/24"), Reason: "office"}}
			}},
		{name: "too many sessions", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon), verdictIs: VerdictHeld,
			caseIs: CaseHeld, reason: "3 live sessions",
			situation: Situation{Sessions: []Session{session, session, session}}},
		{name: "a full limit", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon), verdictIs: VerdictHeld,
			caseIs: CaseHeld, reason: "20 lines per hour",
			situation: Situation{Full: &LimitError{LimitScope{Label: "20 lines per hour"}}}},
		{name: "the same evidence after a person's release", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon),
			verdictIs: VerdictRecorded, reason: "released",
			situation: Situation{Dossier: Dossier{Released: &PersonRelease{Case: "c-0", By: "noc", At: noon}}}},
		{name: "new evidence after a person's release", mode: ModeEnforce, verdict: verdict("botnet", 0.9, at(1)),
			verdictIs: VerdictActed, caseIs: Restricting,
			situation: Situation{Dossier: Dossier{Released: &PersonRelease{Case: "c-0", By: "noc", At: noon}}}},
		{name: "while the case is being released", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon),
			verdictIs: VerdictActed, caseIs: Restricting,
			situation: Situation{Dossier: Dossier{Case: open(Releasing)}}},
		{name: "joins a held case", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon), verdictIs: VerdictHeld, caseIs: CaseHeld,
			situation: Situation{Dossier: Dossier{Case: open(CaseHeld)}}},
		{name: "makes a restricted case more severe", mode: ModeEnforce, verdict: verdict("botnet", 0.9, noon),
			verdictIs: VerdictActed, caseIs: Restricting,
			situation: Situation{Dossier: Dossier{Case: open(Restricted)}}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			rules := rulebook(c.mode)
			if c.change != nil {
				c.change(&rules)
			}
			d := rules.Decide(c.verdict, "alice", c.situation, "c-1", at(2))
			if d.Status.State != c.verdictIs || !strings.Contains(d.Status.Reason, c.reason) {
				t.Errorf("verdict is %s %q, want %s …%s…", d.Status.State, d.Status.Reason, c.verdictIs, c.reason)
			}
			switch {
			case (d.Case == nil) != (c.caseIs == ""):
				t.Fatalf("case to write: %+v, want %q", d.Case, c.caseIs)
			case d.Case != nil && d.Case.State != c.caseIs:
				t.Errorf("case is %s, want %s", d.Case.State, c.caseIs)
			}
			if acts := d.Case != nil && d.Case.State == Restricting; acts != counted(d) {
				t.Errorf("newly restricting %t, counted %t", acts, counted(d))
			}
			if d.Status.Final != (c.verdictIs != VerdictPending) {
				t.Errorf("settled %t", d.Status.Final)
			}
		})
	}
}

// counted reports whether the decision takes a place in the limits of restrictions.
func counted(d Decision) bool {
	return d.Reserve != nil && !(&LimitError{Scope: d.Reserve.Scopes[0]}).holds()
}

func TestTheSameVerdictTwiceIsOnePieceOfEvidence(t *testing.T) {
	rules := rulebook(ModeEnforce)
	first := rules.Decide(verdict("spam", 0.9, noon), "alice", Situation{}, "c-1", at(1))
	again := rules.Decide(verdict("spam", 0.9, noon), "alice", Situation{Dossier: Dossier{Case: first.Case}}, "c-2", at(2))
	if again.Case != nil {
		t.Errorf("the doubled verdict changes the case: %+v", again.Case)
	}
}

func TestAThresholdIsReachedByEnoughVerdictsWithinItsWindow(t *testing.T) {
	rules := rulebook(ModeEnforce)
	var c *Case
	for n, seconds := range []int{0, 4000, 4100, 4200} {
		d := rules.Decide(verdict("spam", 0.9, at(seconds)), "alice", Situation{Dossier: Dossier{Case: c}}, "c-1", at(seconds+1))
		if c = d.Case; (c.State == Restricting) != (n == 3) {
			t.Fatalf("after verdict %d the case is %s", n+1, c.State)
		}
	}
}

func TestFurtherEvidenceNeverMakesACaseMilderOrShorter(t *testing.T) {
	rules := rulebook(ModeEnforce)
	rules.Policy.Rules[1].Threshold = Threshold{}
	c := rules.Decide(verdict("botnet", 0.9, noon), "alice", Situation{}, "c-1", noon).Case
	expires := c.ExpiresAt
	milder := rules.Decide(verdict("spam", 0.9, at(1)), "alice", Situation{Dossier: Dossier{Case: c}}, "c-2", at(1)).Case
	if milder.Profile != "garden" || milder.ExpiresAt.Before(expires) || milder.Generation != c.Generation {
		t.Errorf("profile %s until %s, generation %d", milder.Profile, milder.ExpiresAt, milder.Generation)
	}
}

func TestAManualQuarantine(t *testing.T) {
	manual := ManualQuarantine{Subscriber: "alice", Profile: "garden", Reason: "call", For: time.Hour, By: "noc"}
	rules := rulebook(ModeShadow)
	c, reserve, err := rules.Quarantine(manual, Situation{}, "c-1", noon)
	if err != nil || c.State != Restricting || reserve == nil || !reserve.Forced {
		t.Fatalf("in shadow: %+v %+v %v; want it to act, counted and not held", c, reserve, err)
	}
	off := rulebook(ModeOff)
	if _, _, err := off.Quarantine(manual, Situation{}, "c-1", noon); err == nil {
		t.Error("acts although the mode is off")
	}
	rules.Exemptions = []Exemption{{Subscriber: "alice", Reason: "hospital"}}
	if _, _, err := rules.Quarantine(manual, Situation{}, "c-1", noon); err == nil || !strings.Contains(err.Error(), "override") {
		t.Errorf("exempt without override: %v", err)
	}
	manual.Override = true
	if _, _, err := rules.Quarantine(manual, Situation{}, "c-1", noon); err != nil {
		t.Errorf("exempt with override: %v", err)
	}
}

func TestFaultsOfAVerdictNameTheField(t *testing.T) {
	good := func() Verdict {
		return Verdict{Source: "ids", Category: "botnet", ObservedAt: noon, IP: netip.MustParseAddr("198.51.100.7")}
	}
	bad := 1.5
	cases := map[string]struct {
		change func(*Verdict)
		field  string
	}{
		"no source":         {func(v *Verdict) { v.Source = "" }, "source"},
		"control character": {func(v *Verdict) { v.Source = "a\nb" }, "source"},
		"long source":       {func(v *Verdict) { v.Source = strings.Repeat("a", 129) }, "source"},
		"no category":       {func(v *Verdict) { v.Category = "" }, "category"},
		"no time":           {func(v *Verdict) { v.ObservedAt = time.Time{} }, "observed_at"},
		"future":            {func(v *Verdict) { v.ObservedAt = at(60) }, "observed_at"},
		"old":               {func(v *Verdict) { v.ObservedAt = noon.Add(-25 * time.Hour) }, "observed_at"},
		"no target":         {func(v *Verdict) { v.IP = netip.Addr{} }, "ip"},
		"two targets":       {func(v *Verdict) { v.Subscriber = "alice" }, "ip"},
		"unspecified":       {func(v *Verdict) { v.IP = netip.IPv6Unspecified() }, "ip"},
		"loopback":          {func(v *Verdict) { v.IP = netip.MustParseAddr("127.1.2.3") }, "ip"},
		"multicast":         {func(v *Verdict) { v.IP = netip.MustParseAddr("ff02::1") }, "ip"},
		"link-local":        {func(v *Verdict) { v.IP = netip.MustParseAddr("fe80::1") }, "ip"},
		"broadcast":         {func(v *Verdict) { v.IP = netip.MustParseAddr("255.255.255.255") }, "ip"},
		"zone":              {func(v *Verdict) { v.IP = netip.MustParseAddr("2001:db8::1%eth0") }, "ip"},
		"confidence":        {func(v *Verdict) { v.Confidence = &bad }, "confidence"},
		"evidence":          {func(v *Verdict) { v.Evidence = make([]byte, 9000) }, "evidence"},
	}
	v := good()
	if err := v.Validate(noon, 24*time.Hour); err != nil {
		t.Fatalf("a good verdict: %v", err)
	}
	for name, c := range cases {
		v := good()
		c.change(&v)
		var field *FieldError
		if err := v.Validate(noon, 24*time.Hour); !errors.As(err, &field) || field.Field != c.field {
			t.Errorf("%s: %v, want a fault of %s", name, err, c.field)
		}
	}
}
