package app

import (
	"slices"
	"strings"
	"testing"
)

// named is a configuration with a subscriber_key and BNGs of its own.
func named(key, bngs, more string) []byte {
	const top = `accounting:
  subscriber_key: KEY
  listen: ["127.0.0.1:1813"]
  clients:
    - {address: 192.0.2.0/24, secret: "0123456789abcdef0123456789abcdef"}
bngs:
`
	return []byte(strings.Replace(top, "KEY", key, 1) + bngs + more)
}

// box is lines of one BNG.
func box(name, address string, more ...string) string {
	lines := []string{
		"  - name: " + name, "    address: " + address, `    secret: "0123456789abcdef0123456789abcdef"`, "    dialect: filter-id",
	}
	for _, line := range more {
		lines = append(lines, "    "+line)
	}
	return strings.Join(lines, "\n") + "\n"
}

func TestASubscriberKeyIsOneOrAListOfItsOwnForEachBNG(t *testing.T) {
	for key, want := range map[string][]string{
		"User-Name":            {"User-Name"},
		"[Calling-Station-Id]": {"Calling-Station-Id"},
		`["mac:%{Calling-Station-Id}", User-Name]`: {"mac:%{Calling-Station-Id}", "User-Name"},
	} {
		text := named(key, box("a", "192.0.2.1")+box("b", "192.0.2.2",
			`subscriber_key: [User-Name, "%{NAS-Identifier}/%{ADSL-Agent-Circuit-Id}"]`), "")
		_, parts, _, err := parse("cordon.yaml", text)
		if err != nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		var got []string
		for _, template := range parts.Key {
			got = append(got, template.String())
		}
		if !slices.Equal(got, want) || len(parts.Fleet[0].SubscriberKey) != 0 || len(parts.Fleet[1].SubscriberKey) != 2 {
			t.Errorf("%s: %v, of the BNGs %v and %v", key, got, parts.Fleet[0].SubscriberKey, parts.Fleet[1].SubscriberKey)
		}
	}
}

func TestWhatIsWrongWithNamesAndGroupsIsReportedWithItsPlace(t *testing.T) {
	pair := box("a", "192.0.2.1", "group: pair") + box("b", "192.0.2.2", "group: pair")
	for _, test := range []struct{ key, bngs, more, want string }{
		{"No-Such", box("a", "192.0.2.1"), "", `cordon.yaml:2:19: accounting.subscriber_key[0]: unknown attribute "No-Such"`},
		{`[User-Name, "%{User-Name"]`, box("a", "192.0.2.1"), "",
			`cordon.yaml:2:31: accounting.subscriber_key[1]: invalid template "%{User-Name": %{ without }`},
		{"[]", box("a", "192.0.2.1"), "", "cordon.yaml:2:19: accounting.subscriber_key: must not be empty"},
		{"{a: b}", box("a", "192.0.2.1"), "", "cordon.yaml:2:19: must be an attribute, a template, or a list of these"},
		{"[User-Name, User-Name]", box("a", "192.0.2.1"), "", "cordon.yaml:2:31: accounting.subscriber_key[1]: duplicate template \"User-Name\""},
		{"User-Name", box("a", "192.0.2.1", `subscriber_key: ["%{No-Such}"]`), "",
			`cordon.yaml:11:22: bngs[0].subscriber_key[0]: invalid template "%{No-Such}": unknown attribute "No-Such"`},
		{"User-Name", pair, "", ""},
		{"User-Name", box("a", "192.0.2.1", "group: b") + box("b", "192.0.2.2"), "",
			"cordon.yaml:11:12: bngs[0].group: b must not be the name of a BNG"},
		{"User-Name", box("a", "192.0.2.1", "group: x/y"), "", `cordon.yaml:11:12: bngs[0].group: invalid name "x/y"`},
		{"User-Name", pair + box("c", "192.0.2.3", "group: pair", "interim: 5m"), "",
			"cordon.yaml:21:12: bngs[2].group: bng c: interim must be the same as of a"},
		{"User-Name", pair, "address_spaces: [{name: vrf-a, prefixes: [10.0.0.0/8], bngs: [a]}]\n",
			"cordon.yaml:16:12: bngs[1].group: address space vrf-a must have b and a, or neither"},
		{"User-Name", pair, "address_spaces: [{name: vrf-a, prefixes: [10.0.0.0/8], bngs: [a, b]}]\n", ""},
	} {
		_, _, _, err := parse("cordon.yaml", named(test.key, test.bngs, test.more))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s\n%s: %v, want %q", test.key, test.bngs, err, test.want)
		}
	}
}

func TestNamesThatAreNoEvidenceAreWarnedAbout(t *testing.T) {
	sample := "nas: [{ip: 127.0.0.1}, {identifier: accel-ppp}]"
	for _, test := range []struct {
		bngs string
		want []string
	}{
		{box("a", "192.0.2.1") + box("b", "192.0.2.2", "nas: [{identifier: b}]"), nil},
		{box("a", "192.0.2.1", "nas: [{ip: 192.0.2.1}]") + box("b", "192.0.2.2", "nas: [{ip: 192.0.2.2}, {identifier: b}]"), nil},
		{box("a", "192.0.2.1", sample),
			[]string{"bngs[0].nas[0]: 127.0.0.1 is every host's and no evidence: a is known by its other names, or by sending from 192.0.2.1"}},
		{box("a", "192.0.2.1", sample) + box("b", "192.0.2.2", sample), []string{
			"bngs[0].nas[0]: 127.0.0.1 is every host's", "bngs[0].nas[1]: accel-ppp is the name of several BNGs and no evidence: a is known",
			"bngs[1].nas[0]: 127.0.0.1 is every host's", "bngs[1].nas[1]: accel-ppp is the name of several BNGs and no evidence: b is known",
		}},
		{box("a", "127.0.0.1") + box("b", "127.0.0.1"), []string{"bngs[0]: a has no name and no address of its own",
			"bngs[1]: b has no name and no address of its own"}},
		{box("a", "127.0.0.1", sample) + box("b", "127.0.0.1", "nas: [{identifier: accel-ppp}]"), []string{
			"bngs[0].nas[0]: 127.0.0.1 is every host's and no evidence: only another name",
			"bngs[0].nas[1]: accel-ppp is the name of several BNGs and no evidence: only another name",
			"bngs[1].nas[0]: accel-ppp is the name",
		}},
	} {
		_, _, warnings, err := parse("cordon.yaml", named("User-Name", test.bngs, ""))
		if err != nil {
			t.Errorf("%s%v", test.bngs, err)
			continue
		}
		var got []string
		for _, w := range warnings {
			if strings.HasPrefix(w.Message, "bngs[") {
				got = append(got, w.Message)
			}
		}
		if len(got) != len(test.want) || slices.ContainsFunc(test.want, func(w string) bool {
			return !slices.ContainsFunc(got, func(g string) bool { return strings.HasPrefix(g, w) })
		}) {
			t.Errorf("%swarned %q, want %q", test.bngs, got, test.want)
		}
	}
}

func TestABNGThatOnlyARelayReportsNeedsANameOfItsOwn(t *testing.T) {
	text := strings.Replace(goodConfig, "nas: [{ip: 192.0.2.1}, {identifier: bng1}]", "nas: [{ip: 127.0.0.1}]", 1)
	_, _, warnings, err := parse("cordon.yaml", []byte(text))
	if err != nil || !slices.ContainsFunc(warnings, func(w Fault) bool {
		return strings.Contains(w.Message, "bng1 has no name of its own, so a relay's records of it are answered and ignored")
	}) {
		t.Errorf("%v, warnings %v", err, warnings)
	}
}

// A space that has the members of a redundancy group has their sessions.
func TestAnAddressSpaceHoldsTheSessionsOfAGroup(t *testing.T) {
	text := named("User-Name", box("a", "192.0.2.1", "group: pair", "interim: 5m")+box("b", "192.0.2.2", "group: pair", "interim: 5m"),
		"address_spaces: [{name: vrf-a, prefixes: [10.0.0.0/8], bngs: [a, b]}]\n")
	cfg, _, _, err := parse("cordon.yaml", text)
	if err != nil {
		t.Fatal(err)
	}
	if got := addressPlan(cfg).Spaces[0].BNGs; !slices.Equal(got, []string{"a", "b", "pair"}) {
		t.Errorf("BNGs of the space: %v", got)
	}
	if got := interim(cfg)("pair"); got.Minutes() != 5 {
		t.Errorf("interim of the group: %s", got)
	}
}
