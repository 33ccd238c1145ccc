package app

import (
	"strings"
	"testing"
	"time"
)

func TestFormerAndRetiredNamesAreReadAndOneBNGsAlone(t *testing.T) {
	bngs := box("a", "192.0.2.1", "formerly: [old-a, older-a]", "interim: 5m") + box("b", "192.0.2.2", "group: pair", "formerly: [old-b]") +
		box("c", "192.0.2.3", "group: pair")
	more := "retired_bngs: [{name: gone, reason: sold}]\nexemptions:\n  - {bng: old-a, reason: lab}\n  - {bng: gone, reason: lab}\n"
	cfg, parts, warnings, err := parse("cordon.yaml", named("User-Name", bngs, more))
	if err != nil {
		t.Fatal(err)
	}
	n := parts.Names
	if n.Formerly["old-a"] != "a" || n.Formerly["older-a"] != "a" || n.Formerly["old-b"] != "pair" || n.Members["old-b"] != "b" ||
		n.Retired["gone"] != "sold" {
		t.Errorf("names %+v", n)
	}
	if got := parts.Rules.Exemptions[0].BNG; got != "a" {
		t.Errorf("the exemption of old-a holds on %s", got)
	}
	var all strings.Builder
	for _, w := range warnings {
		all.WriteString(w.Message + "\n")
	}
	for _, says := range []string{"old-a is called a now", "unknown BNG \"gone\"; it was retired: the exemption protects nobody"} {
		if !strings.Contains(all.String(), says) {
			t.Errorf("warnings do not say %q:\n%s", says, all.String())
		}
	}
	if every := interim(cfg); every("old-a") != 5*time.Minute || every("a") != 5*time.Minute {
		t.Errorf("sessions under the old name are renewed every %s", every("old-a"))
	}
}

func TestWhatIsWrongWithFormerAndRetiredNamesIsReportedWithItsPlace(t *testing.T) {
	for _, test := range []struct{ bngs, more, want string }{
		{box("a", "192.0.2.1", "formerly: [x]") + box("b", "192.0.2.2", "formerly: [x]"), "",
			"bngs[1].formerly[0]: duplicate former name: x is one of a already"},
		{box("a", "192.0.2.1", "formerly: [b]") + box("b", "192.0.2.2"), "", "bngs[0].formerly[0]: b must not be the name of a BNG or group now"},
		{box("a", "192.0.2.1", "formerly: [a]"), "", "bngs[0].formerly[0]: a must not be the name"},
		{box("a", "192.0.2.1", "formerly: [pair]") + box("b", "192.0.2.2", "group: pair"), "", "bngs[0].formerly[0]: pair must not be the name"},
		{box("a", "192.0.2.1"), "retired_bngs: [{name: a, reason: x}]\n", "retired_bngs[0].name: a must not be in bngs"},
		{box("a", "192.0.2.1", "formerly: [x]"), "retired_bngs: [{name: x, reason: x}]\n",
			"retired_bngs[0].name: x must not be a former name of a"},
		{box("a", "192.0.2.1"), "retired_bngs: [{name: x, reason: x}, {name: x, reason: y}]\n", "retired_bngs[1].name: duplicate name \"x\""},
		{box("a", "192.0.2.1"), "retired_bngs: [{name: x}]\n", "retired_bngs[0]: must have name and reason"},
		{box("a", "192.0.2.1", "formerly: [x]"), "address_spaces: [{name: s, prefixes: [10.0.0.0/8], bngs: [x]}]\n",
			"unknown BNG \"x\": must be one of bngs; it is called a now"},
	} {
		_, _, _, err := parse("cordon.yaml", named("User-Name", test.bngs, test.more))
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v\nwant %s", err, test.want)
		}
	}
	relay := strings.Replace(string(named("User-Name", box("a", "192.0.2.1", "formerly: [x]"), "")), `0123456789abcdef"}`,
		`0123456789abcdef", relay_for: [x]}`, 1)
	if _, _, _, err := parse("cordon.yaml", []byte(relay)); err == nil ||
		!strings.Contains(err.Error(), "unknown BNG \"x\": must be one of bngs; it is called a now") {
		t.Errorf("relay_for: %v", err)
	}
}
