package quarantine

import (
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func confidence(c float64) *float64 { return &c }

// wantFaults compares faults with those wanted, each "path: beginning of the error".
func wantFaults(t *testing.T, what string, got Faults, want ...string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%s: %d faults, want %d:\n%v", what, len(got), len(want), got)
		return
	}
	for i, w := range want {
		if !strings.HasPrefix(got[i].Error(), w) {
			t.Errorf("%s: fault %q, want %q", what, got[i], w)
		}
	}
}

func TestAPolicyIsValidatedRuleByRule(t *testing.T) {
	good := Rule{Name: "bots", Profile: "garden", For: Duration(time.Hour)}
	with := func(change func(*Rule)) Rule {
		r := good
		change(&r)
		return r
	}
	profiles := ProfilesByName([]Profile{{Name: "garden"}, {Name: "slow"}, {Name: Disconnect}})
	lacking := func(profile string) []string {
		if profile == "slow" {
			return []string{"bng1", "bng2"}
		}
		return nil
	}
	for what, c := range map[string]struct {
		rules []Rule
		want  []string
	}{
		"valid":            {[]Rule{good, with(func(r *Rule) { r.Name, r.Profile = "kick", Disconnect })}, nil},
		"no name, no time": {[]Rule{{Profile: "garden"}}, []string{"rules[0].name: must be set", "rules[0].for: must be greater than 0"}},
		"one name twice":   {[]Rule{good, good}, []string{`rules[1].name: duplicate name "bots"`}},
		"unknown profile":  {[]Rule{with(func(r *Rule) { r.Profile = "gardn" })}, []string{`rules[0].profile: unknown profile "gardn"`}},
		"a profile that two BNGs lack": {[]Rule{with(func(r *Rule) { r.Profile = "slow" })},
			[]string{"rules[0].profile: bng bng1 has no slow under its profiles", "rules[0].profile: bng bng2 has no slow"}},
		"confidence of 7": {[]Rule{with(func(r *Rule) { r.Match.MinConfidence = confidence(7) })},
			[]string{"rules[0].match.min_confidence: must be between 0 and 1"}},
		"confidence NaN": {[]Rule{with(func(r *Rule) { r.Match.MinConfidence = confidence(math.NaN()) })},
			[]string{"rules[0].match.min_confidence: must be between 0 and 1"}},
		"negative amounts": {[]Rule{with(func(r *Rule) { r.Threshold.Count = -1 })},
			[]string{"rules[0].threshold: amounts must not be negative"}},
		"sum NaN": {[]Rule{with(func(r *Rule) { r.Threshold.Sum = math.NaN() })},
			[]string{"rules[0].threshold: amounts must not be negative"}},
		"count beyond": {[]Rule{with(func(r *Rule) { r.Threshold.Count = MaxThreshold + 1 })},
			[]string{"rules[0].threshold.count: must be at most 1000"}},
		"sources beyond": {[]Rule{with(func(r *Rule) { r.Threshold.Sources = MaxThresholdSources + 1 })},
			[]string{"rules[0].threshold.sources: must be at most 100"}},
		"sum at its bound": {[]Rule{with(func(r *Rule) { r.Threshold.Sum = 10 })}, nil},
		"sum beyond": {[]Rule{with(func(r *Rule) { r.Threshold.Sum = 10.1 })},
			[]string{"rules[0].threshold.sum: must be at most 10: 1000 verdicts of the least confidence that counts, 0.01"}},
		"sum of the certain": {[]Rule{with(func(r *Rule) { r.Match.MinConfidence, r.Threshold.Sum = confidence(0.5), 500 })}, nil},
	} {
		p := Policy{Rules: c.rules}
		wantFaults(t, what, p.Validate(profiles, lacking), c.want...)
	}
}

func TestProfilesLimitsAndExemptionsAreValidated(t *testing.T) {
	faults, warnings := ValidateProfiles([]Profile{{Name: "garden", Reachable: "DNS"}, {},
		{Name: "garden", Reachable: "DNS"}, {Name: "slow"}, {Name: Disconnect}})
	wantFaults(t, "profiles", faults, "[1].name: must be set", `[2].name: duplicate name "garden"`)
	wantFaults(t, "warnings", warnings, "[3].reachable: slow does not say what stays reachable")
	wantFaults(t, "default limits", DefaultLimits.Validate())
	wantFaults(t, "limits", Limits{PerHour: -1, PerBNGPerHour: -2}.Validate(), "per_hour: must not be negative",
		"per_bng_per_hour: must not be negative")
	wantFaults(t, "exemptions", ValidateExemptions([]Exemption{
		{BNG: "bng1", Reason: "laboratory"}, {Reason: "who?"}, {Subscriber: "alice", BNG: "bng1"}, {Subscriber: "al\x00ice", Reason: "x"},
	}), "[1]: must have exactly one of subscriber, prefix and bng", "[2]: must have exactly one",
		"[2].reason: must be set", "[3].subscriber: holds control characters")
}

func TestAttributionIsValidated(t *testing.T) {
	wantFaults(t, "default", DefaultAttribution.Validate())
	a := DefaultAttribution
	a.Tolerance = 0
	wantFaults(t, "no tolerance", a.Validate())
	a.History = Duration(time.Hour)
	wantFaults(t, "short history", a.Validate(), "history: must be at least max_age (168h)")
	a = AttributionConfig{Tolerance: -1}
	wantFaults(t, "nothing", a.Validate(), "tolerance: must not be negative", "retry_for: must be greater than 0",
		"max_age: must be greater than 0",
		"history: must be greater than 0", "max_sessions: must be at least 1")
	if got := DefaultAttribution.VerdictRetention(); got != 8*day {
		t.Errorf("verdicts are retained for %s", got)
	}
}

func TestSourcesOfVerdictsAndTranslatorLogsAreValidated(t *testing.T) {
	maxAge := Duration(7 * day)
	wantFaults(t, "sources", ValidateVerdictSources([]VerdictSource{
		{Name: "ids", Kind: "stream", MaxAge: maxAge}, {}, {Name: "ids"}, {Name: "a", Kind: "push"},
		{Name: "b", MaxAge: maxAge + 1}, {Name: "c", Tolerance: -1, MaxAge: -1},
	}, maxAge), "[1].name: must be set", `[2].name: duplicate name "ids"`, "[3].kind: must be stream or batch",
		"[4].max_age: must be at most attribution.max_age (168h)",
		"[5].tolerance: must not be negative", "[5].max_age: must not be negative")
	wantFaults(t, "translator logs", ValidateTranslatorLogs([]TranslatorLog{
		{Name: "cgn1", Renewal: Duration(time.Hour)}, {}, {Name: "cgn1"}, {Name: "a", Delivery: "udp"},
		{Name: "b", Renewal: Duration(10 * time.Second)},
		{Name: "c", Delivery: DeliveryReliable, Renewal: Duration(time.Hour)},
	}), "[1].name: must be set", `[2].name: duplicate name "cgn1"`, "[3].delivery: must be lossy or reliable",
		"[4].renewal: must be from 1m to 24h",
		"[5].renewal: must not be set with delivery: reliable")
}

func TestAnOpenBlockOfATranslatorsLogIsStaleAsItsDeliverySays(t *testing.T) {
	for _, c := range []struct {
		log  TranslatorLog
		want time.Duration // after the last line; 0: never
	}{
		{TranslatorLog{}, 24 * time.Hour},
		{TranslatorLog{Delivery: DeliveryLossy, Renewal: Duration(30 * time.Minute)}, 30 * time.Minute},
		{TranslatorLog{Delivery: DeliveryReliable}, 0},
	} {
		if got := MissedInterims * c.log.Interim(); got != c.want {
			t.Errorf("%+v: stale after %s, want %s", c.log, got, c.want)
		}
	}
}

func TestAnIntervalOfInterimUpdatesHasBounds(t *testing.T) {
	for text, want := range map[string]time.Duration{"none": 0, "1m": time.Minute, "24h": 24 * time.Hour, "59s": -1, "25h": -1, "soon": -1} {
		var i Interim
		err := i.UnmarshalText([]byte(text))
		if (err != nil) != (want < 0) || err == nil && time.Duration(i) != want {
			t.Errorf("%s: %s, %v", text, time.Duration(i), err)
		}
	}
}

func TestEachNameIsOneBNGsAlone(t *testing.T) {
	a, b := ConfiguredBNG{Name: "a"}, ConfiguredBNG{Name: "b"}
	formerly := func(bng ConfiguredBNG, names ...string) ConfiguredBNG {
		bng.Formerly = names
		return bng
	}
	inGroup := func(bng ConfiguredBNG, group string) ConfiguredBNG {
		bng.Group = group
		return bng
	}
	for _, c := range []struct {
		bngs    []ConfiguredBNG
		retired []RetiredBNG
		want    []string
	}{
		{[]ConfiguredBNG{formerly(a, "x", "y"), inGroup(b, "pair")}, []RetiredBNG{{"gone", "sold"}}, nil},
		{[]ConfiguredBNG{formerly(a, "x"), formerly(b, "x")}, nil, []string{"bngs[1].formerly[0]: duplicate former name: x is one of a already"}},
		{[]ConfiguredBNG{formerly(a, "b"), b}, nil, []string{"bngs[0].formerly[0]: b must not be the name of a BNG or group now"}},
		{[]ConfiguredBNG{formerly(a, "pair"), inGroup(b, "pair")}, nil, []string{"bngs[0].formerly[0]: pair must not be the name"}},
		{[]ConfiguredBNG{formerly(a, "")}, nil, []string{"bngs[0].formerly[0]: must not be empty"}},
		{[]ConfiguredBNG{a, a}, nil, []string{`bngs[1].name: duplicate name "a"`}},
		{[]ConfiguredBNG{inGroup(a, "b"), b}, nil, []string{"bngs[0].group: b must not be the name of a BNG"}},
		{[]ConfiguredBNG{a}, []RetiredBNG{{"a", "x"}}, []string{"retired_bngs[0].name: a must not be in bngs"}},
		{[]ConfiguredBNG{formerly(a, "x")}, []RetiredBNG{{"x", "x"}}, []string{"retired_bngs[0].name: x must not be a former name of a"}},
		{[]ConfiguredBNG{a}, []RetiredBNG{{"x", "x"}, {"x", "y"}}, []string{`retired_bngs[1].name: duplicate name "x"`}},
		{[]ConfiguredBNG{a}, []RetiredBNG{{"x", " "}}, []string{"retired_bngs[0]: must have name and reason"}},
	} {
		r := BNGRoster{c.bngs, c.retired}
		wantFaults(t, "roster", r.Validate(), c.want...)
	}
}

func TestAnExemptionOfARenamedBNGHoldsUnderItsPresentName(t *testing.T) {
	r := BNGRoster{[]ConfiguredBNG{{Name: "a", Formerly: []string{"old-a"}}, {Name: "b", Group: "pair"}}, []RetiredBNG{{"gone", "sold"}}}
	present, warnings := r.Exemptions([]Exemption{{BNG: "old-a"}, {BNG: "gone"}, {BNG: "pair"}, {Subscriber: "alice"}, {BNG: "zz"}})
	if present[0].BNG != "a" || present[2].BNG != "pair" {
		t.Errorf("exemptions %+v", present)
	}
	wantFaults(t, "warnings", warnings, "bng old-a is called a now; the exemption holds there",
		`unknown BNG "gone"; it was retired: the exemption protects nobody`, `unknown BNG "zz": the`)
	if err := r.Check("old-a"); err == nil || !strings.Contains(err.Error(), "it is called a now") {
		t.Errorf("error %v", err)
	}
	if err := r.Check("b"); err != nil {
		t.Error(err)
	}
}

func TestAnAddressIsInOneSpaceOnlyForEachBNGAndSource(t *testing.T) {
	private := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}
	part := []netip.Prefix{netip.MustParsePrefix("10.1.0.0/16")}
	r := &BNGRoster{BNGs: []ConfiguredBNG{{Name: "a", Group: "pair"}, {Name: "b", Group: "pair"}, {Name: "c", Formerly: []string{"old-c"}}}}
	both := []string{"a", "b"}
	for what, c := range map[string]struct {
		spaces []AddressSpace
		want   []string
	}{
		"valid": {[]AddressSpace{{"s", private, both, []string{"ids"}}, {"t", part, []string{"c"}, nil}}, nil},
		"a BNG twice": {[]AddressSpace{{"s", private, both, nil}, {"t", part, both, nil}},
			[]string{"address_spaces[1]: must not overlap with address space s for BNG a"}},
		"a source twice": {[]AddressSpace{{"s", private, both, []string{"ids"}}, {"t", part, []string{"c"}, []string{"ids"}}},
			[]string{"address_spaces[1]: must not overlap with address space s for source ids"}},
		"half a group": {[]AddressSpace{{"s", private, both[:1], nil}},
			[]string{"bngs[1].group: address space s must have b and a, or neither"}},
		"nothing in it": {[]AddressSpace{{"s", nil, both, nil}}, []string{"address_spaces[0].prefixes: must not be empty"}},
		"nobody's":      {[]AddressSpace{{"s", private, nil, nil}}, []string{"address_spaces[0].bngs: must not be empty"}},
		"a bad name":    {[]AddressSpace{{"S!", private, both, nil}}, []string{`address_spaces[0].name: invalid name "S!"`}},
		"a name twice": {[]AddressSpace{{"s", private, both, nil}, {"s", part, []string{"c"}, nil}},
			[]string{`address_spaces[1].name: duplicate name "s"`}},
		"a former name": {[]AddressSpace{{"s", private, []string{"old-c"}, nil}},
			[]string{`address_spaces[0].bngs[0]: unknown BNG "old-c": must be one of bngs; it is called c now`}},
	} {
		wantFaults(t, what, ValidateAddressSpaces(c.spaces, r), c.want...)
	}
	plan := NewAddressPlan([]AddressSpace{{"s", private, both, nil}}, &DefaultAttribution, r)
	if got := plan.Spaces[0].BNGs; !slices.Equal(got, []string{"a", "b", "pair"}) {
		t.Errorf("the group's sessions are in the space of %v", got)
	}
}
