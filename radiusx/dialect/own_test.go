package dialect

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"cordon/radiusx"
)

// acmeDictionary is a FreeRADIUS dictionary of the operator's.
const acmeDictionary = `VENDOR	Acme	4711
BEGIN-VENDOR	Acme
ATTRIBUTE	Acme-Profile	1	string	has_tag
ATTRIBUTE	Acme-Level	2	byte
ATTRIBUTE	Acme-Key	3	octets[4]
ATTRIBUTE	Acme-Password	4	string	encrypt=1
END-VENDOR	Acme
`

// acmeDialect is an operator's own dialect that uses it.
const acmeDialect = `name: acme
title: ACME
makes: [ACME]
support: lab
evidence: {mark: field, source: ours}
coa_port: 3799
disconnect_port: 3799
rate: 5
max_in_flight: 1
identifiers: {must: [User-Name, Acct-Session-Id]}
disconnect: {must: [User-Name, Acct-Session-Id]}
overlay:
  about: Level 3 is the walled garden.
  restrict:
    - coa: ["Acme-Profile:1={restricted}", "Acme-Level=3", "Attr-26.4711.9=0x01"]
      undo: ["Acme-Level=0"]
  restore:
    - coa: ["Acme-Level=0"]
      undo: ["Acme-Profile:1={restricted}", "Acme-Level=3", "Attr-26.4711.9=0x01"]
  change:
    - coa: ["Acme-Profile:1={restricted}"]
      undo: ["Acme-Profile:1={previous restricted}"]
  coverage: {ipv4: {covered: yes}, ipv6: {covered: yes}}
  verify: [{about: The level in the next Interim-Update., in: interim, reports: one, restricted: [Acme-Level=3]}]
ack_proves: {applied: true, sentence: It always does.}
`

func withAcme(t *testing.T) *radiusx.Dictionary {
	t.Helper()
	d, skipped, err := radiusx.LoadDictionary(radiusx.Builtin(), fstest.MapFS{"dictionary": {Data: []byte(acmeDictionary)}}, "dictionary")
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	return d
}

func TestAnOperatorsDialectUsesAnOperatorsDictionary(t *testing.T) {
	own, err := Load(fstest.MapFS{"acme.yaml": {Data: []byte(acmeDialect)}}, withAcme(t))
	if err != nil {
		t.Fatal(err)
	}
	set, err := Builtin().With(own)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(set.Names()), len(Builtin().Names())+1; got != want {
		t.Errorf("%d dialects, want %d", got, want)
	}
	d, _ := set.Get("acme")
	r := Request{Action: Restrict, Profile: Profile{"GARDEN", Overlay}, Session: alice()}
	steps, err := d.Steps(r)
	if err != nil {
		t.Fatal(err)
	}
	dictionary, err := d.Dictionary(nil)
	if err != nil {
		t.Fatal(err)
	}
	attrs, err := dictionary.EncodeAll(steps[0].Attributes[2:])
	if err != nil {
		t.Fatal(err)
	}
	const want = "Attr-26.4711.1 = 0x0147415244454e\nAttr-26.4711.2 = 0x03\nAttr-26.4711.9 = 0x01\n"
	if got := radiusx.Builtin().Input(radiusx.Builtin().Decode(attrs)); got != want {
		t.Errorf("on the wire:\n%swant\n%s", got, want)
	}
	checks, err := d.Checks(r)
	if err != nil || len(checks) != 1 || checks[0].Judge(attributes("Acme-Level=3")) != Shown {
		t.Errorf("got %+v, %v; want a check that level 3 passes", checks, err)
	}
	if faults := d.Check(Profile{"GARDEN", Overlay}, nil); len(faults) > 0 {
		t.Errorf("check: %v", faults)
	}
}

func TestAnOperatorsDialectIsRefusedWithThePlace(t *testing.T) {
	restrict := `"Acme-Profile:1={restricted}", "Acme-Level=3"`
	tests := []struct{ name, old, new, fault string }{
		{"an attribute that no dictionary has", restrict, `"Acme-Profil:1={restricted}", "Acme-Level=3"`,
			"acme.yaml:15:13: unknown attribute Acme-Profil"},
		{"a value too long for its type", restrict, `"Acme-Profile:1={restricted}", "Acme-Level=300"`,
			`acme.yaml:15:44: cannot encode Acme-Level: invalid number "300": must have 8 bits`},
		{"octets of another length", restrict, `"Acme-Profile:1={restricted}", "Acme-Key=0x0102"`, "2 octets, want 4"},
		{"an encrypted attribute", restrict, `"Acme-Password={restricted}", "Acme-Level=3"`, "encrypted with the shared secret"},
		{"a raw number with more than fits", restrict, `"Attr-26.4711.9=0x` + strings.Repeat("00", 248) + `"`,
			"248 octets, at most 247 fit"},
		{"a raw number that is an identifier", restrict, `"Attr-1={restricted}"`, "identifies the session and cannot change it"},
		{"a restore that does not undo", `    - coa: ["Acme-Level=0"]`, `    - coa: ["Acme-Level=1"]`,
			"acme.yaml:18:5: overlay: restore must undo restrict"},
		{"an address for an identifier", "identifiers: {must: [User-Name, Acct-Session-Id]}",
			"identifiers: {must: [Framed-IP-Address]}", "acme.yaml:10:21: identifiers: nothing in must singles out a session"},
		{"half of an IPv6 address", "identifiers: {must: [User-Name, Acct-Session-Id]}",
			"identifiers: {must: [User-Name, Framed-IPv6-Prefix]}", "only together"},
		{"what is sent and never sent", "identifiers: {must: [User-Name, Acct-Session-Id]}",
			"identifiers: {must: [User-Name], never: [{attribute: User-Name, reason: no}]}", "is sent and never to be sent"},
		{"never without a reason", "identifiers: {must: [User-Name, Acct-Session-Id]}",
			"identifiers: {must: [User-Name], never: [{attribute: NAS-Port}]}", "never NAS-Port: reason must be set"},
		{"a step that sends what is never sent", "identifiers: {must: [User-Name, Acct-Session-Id]}",
			"identifiers: {must: [User-Name], never: [{attribute: Acme-Level, reason: no}]}", "Acme-Level is never to be sent"},
		{"a step that sends it by its number", "identifiers: {must: [User-Name, Acct-Session-Id]}",
			"identifiers: {must: [User-Name], never: [{attribute: Attr-26.4711.2, reason: no}]}", "Acme-Level is never to be sent"},
		{"no change", "  change:\n    - coa: [\"Acme-Profile:1={restricted}\"]\n      undo: [\"Acme-Profile:1={previous restricted}\"]\n", "", "change has no steps"},
		{"nothing about verifying", "  verify: [", "  x-verify: [", "unknown key x-verify"},
		{"no verify", `  verify: [{about: The level in the next Interim-Update., in: interim, reports: one, restricted: [Acme-Level=3]}]` + "\n", "", "verify must be set"},
		{"a place there is not", "in: interim", "in: stop", "in: want ack, interim"},
		{"a reading there is not", "reports: one", "reports: maybe", "reports: want all"},
		{"an answer without a query", "in: interim", "in: ack", "query must be set"},
		{"a check that shows nothing", "restricted: [Acme-Level=3]", "restored: [Acme-Level=0]", "restricted must be set: what shows it"},
		{"a check in no place", "in: interim, reports: one, ", "", "in must be set"},
		{"a check of an unknown attribute", "restricted: [Acme-Level=3]", "restricted: [Acme-Lever=3]", "unknown attribute Acme-Lever"},
		{"a check of a value that is none", "restricted: [Acme-Level=3]", "restricted: [Acme-Level=many]", "must have 8 bits"},
		{"a way of signing there is not", "rate: 5", "rate: 5\nmessage_authenticator: maybe", "want send, omit or require-reply"},
		{"a way of stamping there is not", "rate: 5", "rate: 5\nevent_timestamp: maybe", "want send, omit or mandatory"},
		{"disconnect only, with a form", "rate: 5", "rate: 5\ndisconnect_only: it cannot", "there are forms"},
		{"replacing another name", "rate: 5", "rate: 5\nreplaces: junos", "acme.yaml:9:11: replaces: want the file's own name"},
		{"a doubt about what is not said", "source: ours", "source: ours, unverified: [naks]", "unverified: the file says nothing of naks"},
		{"a snippet with an unknown name", "rate: 5", "rate: 5\nsnippet: secret is {password}", "unknown placeholder {password}"},
		{"a log-in that does nothing", "  coverage:", "  login: {mark: lab}\n  coverage:",
			"acme.yaml:23:10: overlay: login: want set, add or the reason in none"},
		{"a log-in that rests on nothing", "  coverage:", "  login: {set: [Acme-Level=3]}\n  coverage:", "login: mark: want source"},
		{"a log-in that is none and something", "  coverage:", "  login: {none: why, set: [Acme-Level=3]}\n  coverage:",
			"none, and yet something"},
		{"a log-in with an unknown attribute", "  coverage:", "  login: {mark: field, add: [Acme-Lever=3]}\n  coverage:",
			"acme.yaml:23:30: unknown attribute Acme-Lever"},
		{"a log-in that needs what only a session has", "  coverage:",
			"  login: {mark: field, add: [\"Acme-Profile:1={session Class}\"]}\n  coverage:", "that placeholder has no value here"},
		{"a log-in that drops what it sets", "  coverage:",
			"  login: {mark: field, set: [Acme-Level=3], drop: [{attribute: Acme-Level, reason: no}]}\n  coverage:",
			"Acme-Level is in set and in drop"},
		{"a log-in that drops without a reason", "  coverage:",
			"  login: {mark: field, set: [Acme-Level=3], drop: [{attribute: Filter-Id}]}\n  coverage:",
			"drop Filter-Id: reason must be set"},
		{"a key that a log-in has not", "  coverage:", "  login: {mark: field, replace: [Acme-Level=3]}\n  coverage:",
			"acme.yaml:23:24: unknown key replace"},
		{"a part of a name that is none", "Acme-Profile:1={restricted}\", \"Acme-Level=3",
			"Acme-Profile:1={restricted 0}\", \"Acme-Level=3", "unknown placeholder {restricted 0}"},
	}
	for _, test := range tests {
		if !strings.Contains(acmeDialect, test.old) {
			t.Fatalf("%s: the dialect has no %q", test.name, test.old)
		}
		text := strings.Replace(acmeDialect, test.old, test.new, 1)
		_, err := Load(fstest.MapFS{"acme.yaml": {Data: []byte(text)}}, withAcme(t))
		if err == nil || !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s:\n got %v\nwant %q", test.name, err, test.fault)
		}
	}
}

func TestAnOwnDialectTakesABuiltInsPlaceOnlyIfItSaysSoAndIsAsExact(t *testing.T) {
	tests := []struct {
		name, file string
		edits      []string // old and new, in turns
		fault      string
	}{
		{"as it is, with leave", "junos.yaml", []string{"title:", "replaces: junos\ntitle:"}, ""},
		{"without leave", "junos.yaml", []string{"rate: 20", "rate: 40"}, "junos.yaml:1:7: there is a dialect junos already"},
		{"an identifier fewer", "junos.yaml", []string{"title:", "replaces: junos\ntitle:", "must: [User-Name, Acct-Session-Id]",
			"must: [User-Name]"},
			"junos.yaml:19:14: identifiers: must have Acct-Session-Id"},
		{"an identifier the platform never takes", "nokia-sros.yaml",
			[]string{"title:", "replaces: nokia-sros\ntitle:", "must: [Acct-Session-Id]", "must: [Acct-Session-Id, User-Name]",
				"attribute: User-Name,", "attribute: NAS-Port,"},
			"identifiers: never User-Name: A second key"},
		{"a query with what the platform never takes", "nokia-sros.yaml",
			[]string{"title:", "replaces: nokia-sros\ntitle:", "Alc-Trigger-Acct-Interim=cordon", "Alc-Subsc-ID-Str=cordon",
				"attribute: Alc-Subsc-ID-Str,", "attribute: Alc-Subsc-Prof-Str,"},
			"swap: never Alc-Subsc-ID-Str: It means all hosts"},
		{"with the NAS, which this platform takes", "junos.yaml", []string{"title:", "replaces: junos\ntitle:", "sends_nas: false",
			"sends_nas: true"}, ""},
	}
	for _, test := range tests {
		data := string(edited(t, test.file, test.edits[0], test.edits[1])[test.file].Data)
		for pair := range slices.Chunk(test.edits[2:], 2) {
			data = strings.Replace(data, pair[0], pair[1], 1)
		}
		own, err := Load(fstest.MapFS{test.file: {Data: []byte(data)}}, radiusx.Builtin())
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		_, err = Builtin().With(own)
		if got := fmt.Sprint(err); test.fault == "" && err != nil || !strings.Contains(got, test.fault) {
			t.Errorf("%s:\n got %s\nwant %q", test.name, got, test.fault)
		}
	}
}

func TestThereMustBeSomethingToReplace(t *testing.T) {
	text := strings.Replace(acmeDialect, "rate: 5", "rate: 5\nreplaces: acme", 1)
	own, err := Load(fstest.MapFS{"acme.yaml": {Data: []byte(text)}}, withAcme(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = Builtin().With(own); err == nil || err.Error() != "acme.yaml:9:11: unknown dialect acme: replaces must name one that there is" {
		t.Errorf("got %v", err)
	}
}

func TestEveryBuiltInFileIsShipped(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, entry := range entries {
		if name, isDialect := strings.CutSuffix(entry.Name(), ".yaml"); isDialect {
			get(t, name)
		}
	}
}
