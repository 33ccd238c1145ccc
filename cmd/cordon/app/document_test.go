package app

import (
	"errors"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v4"

	"cordon/quarantine"
)

func TestAFaultOfTheDomainGetsItsLineAndColumn(t *testing.T) {
	const text = "policy:\n  rules:\n    - name: bots\n      match: {category: [botnet, spam]}\nprofiles: [{name: garden}]\n"
	for path, want := range map[string]string{
		"policy.rules[0].match.category[1]": "c.yaml:4:34: policy.rules[0].match.category[1]: must be known",
		"policy.rules[0].for":               "c.yaml:3:7: policy.rules[0].for: must be known", // the rule, where the key is not there
		"profiles[0].name":                  "c.yaml:5:19: profiles[0].name: must be known",
		"bngs[3].profiles.a-b":              "c.yaml:1:1: bngs[3].profiles.a-b: must be known",
		"":                                  "c.yaml:1:1: must be known",
	} {
		d := document{file: "c.yaml", data: []byte(text)}
		if err := yaml.Load(d.data, &d.root); err != nil {
			t.Fatal(err)
		}
		outer, inner, _ := strings.Cut(path, ".")
		faults := quarantine.Faults{{Path: inner, Err: errors.New("must be known")}}
		d.add(path0(outer), faults)
		d.addWarnings(nil, faults.Under(outer))
		for _, got := range []Faults{d.faults, d.warned} {
			if len(got) != 1 || got[0].Error() != want {
				t.Errorf("%s: %v, want %s", path, got, want)
			}
		}
	}
}

func TestAKeyThatLooksLikeAPathLeadsToItsOwnLine(t *testing.T) {
	d := document{file: "c.yaml", data: []byte("profiles:\n  walled.garden: 1\n  \"a[0]\": 2\n")}
	if err := yaml.Load(d.data, &d.root); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"walled.garden", "a[0]"} {
		d.add(nil, quarantine.Faults{{Path: quarantine.PathTo("profiles", key), Err: errors.New("must be known")}})
	}
	const want = "c.yaml:2:18: profiles.walled.garden: must be known\nc.yaml:3:11: profiles.a[0]: must be known"
	if got := d.faults.Error(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// path0 is the path of a key, which may have an index.
func path0(written string) path { return path{}.below(written) }

func TestWhatTheYAMLLibrarySaysIsPutInWordsOfTheConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"cannot construct !!str `x` into int":                                                  "must be a number, not text `x`",
		"cannot construct !!str `127.0.0...` into []string":                                    "must be a list, [A, B], not text `127.0.0...`",
		"cannot construct !!seq into string":                                                   "must be text, not a list",
		"cannot construct !!str `a` into quarantine.Match":                                     "must be a mapping of keys, not text `a`",
		"field profils not found in type bng.Config":                                           "unknown key profils",
		`netip.ParsePrefix("1.2.3.300/32"): ParseAddr("1.2.3.300"): IPv4 field has value >255`: `invalid prefix "1.2.3.300/32": must be like 198.51.100.0/24 or 2001:db8::/32`,
		`ParseAddr("bng.example"): unexpected character`:                                       `invalid IP address "bng.example"`,
		"interim is from 1m0s to 24h0m0s, or none":                                             "interim is from 1m0s to 24h0m0s, or none",
	} {
		if got := inWords(text); got != want {
			t.Errorf("%s\n got %s\nwant %s", text, got, want)
		}
	}
}
