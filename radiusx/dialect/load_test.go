package dialect

import (
	"errors"
	"os"
	"strings"
	"testing"
	"testing/fstest"

	"layeh.com/radius"

	"cordon/radiusx"
)

func TestTheBuiltInDialectsLoad(t *testing.T) {
	set, err := Load(builtinFiles, radiusx.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(set.Names(), " "),
		"accel-ppp cisco-isg cisco-xr coova-chilli ericsson-se filter-id hostapd huawei-ne junos mikrotik nokia-sros osvbng rtbrick skat staros vyos"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if _, ok := set.Get("none"); ok {
		t.Error("there is a dialect called none")
	}
}

// edited is the file of a built-in dialect with old replaced by new.
func edited(t *testing.T, file, old, new string) fstest.MapFS {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		t.Fatalf("%s does not contain %q", file, old)
	}
	return fstest.MapFS{file: {Data: []byte(strings.Replace(string(data), old, new, 1))}}
}

func TestAWrongFileIsRefusedWithThePlace(t *testing.T) {
	const restricts = `    - coa: ["Filter-Id={restricted}"]`
	tests := []struct {
		name, file, old, new string
		fault                string // begins with line and column where they are sure
	}{
		{"an unknown key", "filter-id.yaml", "\nrate:", "\nrates: 1\nrate:", ":11:1: unknown key rates"},
		{"a key twice", "filter-id.yaml", "\nrate:", "\nrate: 1\nrate:", "already defined"},
		{"no YAML", "filter-id.yaml", "makes: [", "makes: [[", "did not find"},
		{"a text for a number", "filter-id.yaml", "rate: 10", "rate: fast", ":11:7: "},
		{"an unknown placeholder", "filter-id.yaml", "{restricted}", "{restrict}", ":22:13: unknown placeholder {restrict}"},
		{"an open brace", "filter-id.yaml", "{restricted}", "{restricted", "{ without }"},
		{"a closing brace", "filter-id.yaml", "{restricted}", "restricted}", "} without {"},
		{"an unknown attribute", "filter-id.yaml", "Filter-Id={restricted}", "Filter-ID2={restricted}",
			":22:13: unknown attribute Filter-ID2"},
		{"no attribute", "filter-id.yaml", `"Filter-Id={restricted}"`, `"{restricted}"`, "must be Name=value"},
		{"an attribute that cannot be read", "filter-id.yaml", "Filter-Id={restricted}", "Filter Id={restricted}", "expected ="},
		{"an attribute that sets nothing", "filter-id.yaml", "Filter-Id={restricted}", "Filter-Id=", "sets nothing"},
		{"a tag where there is none", "filter-id.yaml", "Filter-Id={restricted}", "Filter-Id:1={restricted}", "carries no tag"},
		{"a literal that is too long", "filter-id.yaml", "Filter-Id={restricted}", "Filter-Id={restricted}" + strings.Repeat("x",
			254), "254 octets, at most 253 fit"},
		{"a literal not of its type", "filter-id.yaml", "Filter-Id={restricted}", "Session-Timeout=soon", "invalid number"},
		{"the previous restriction where there is none", "filter-id.yaml", "Filter-Id={restricted}",
			"Filter-Id={previous restricted}", "no value here"},
		{"the normal name in an overlay", "junos.yaml", "ERX-Service-Activate:1={restricted}", "ERX-Service-Activate:1={normal}",
			"no value here"},
		{"an unknown session attribute", "filter-id.yaml", "Filter-Id={restricted}", "Filter-Id={session Nobody}",
			"unknown attribute Nobody"},
		{"an unknown option", "filter-id.yaml", "Filter-Id={restricted}", "Filter-Id={option nothing}", "no such option"},
		{"a changed identifier", "filter-id.yaml", "Filter-Id={restricted}", "User-Name={restricted}",
			"identifies the session and cannot change it"},
		{"no identifiers", "filter-id.yaml", "identifiers: {must: [User-Name, Acct-Session-Id]}", "identifiers: {must: []}",
			":16:21: identifiers: nothing in must singles out a session"},
		{"identifiers that single out nobody", "filter-id.yaml", "identifiers: {must: [User-Name, Acct-Session-Id]}",
			"identifiers: {must: [NAS-IP-Address]}", "singles out"},
		{"no identifiers for disconnect", "filter-id.yaml", "disconnect: {must: [User-Name, Acct-Session-Id]}", "disconnect: {}",
			"disconnect: nothing in must"},
		{"an unknown identifier", "filter-id.yaml", "identifiers: {must: [User-Name,", "identifiers: {must: [Username,",
			":16:22: unknown attribute Username"},
		{"an identifier twice", "mikrotik.yaml", "if_known: [Framed-IP-Address]", "if_known: [User-Name]", "duplicate User-Name"},
		{"a restore that does not undo", "filter-id.yaml", `["Filter-Id={normal}"]` + "\n      undo: [\"Filter-Id={restricted}\"]",
			`["Filter-Id=open"]` + "\n      undo: [\"Filter-Id={restricted}\"]", "restore must undo restrict"},
		{"an undo of restore that does not restrict", "filter-id.yaml",
			`["Filter-Id={normal}"]` + "\n      undo: [\"Filter-Id={restricted}\"]",
			`["Filter-Id={normal}"]` + "\n      undo: [\"Filter-Id=shut\"]", "undoing restore is not restrict"},
		{"an undo that undoes nothing", "junos.yaml", "undo: [\"ERX-Service-Deactivate={restricted}\"]",
			"undo: [\"ERX-Service-Activate:1={restricted}\"]", "undo sends the same again"},
		{"a change that cannot be undone", "filter-id.yaml", `["Filter-Id={previous restricted}"]`, `["Filter-Id={normal}"]`,
			"undoing change is not the change back"},
		{"a step without undo", "filter-id.yaml", restricts + "\n      undo: [\"Filter-Id={normal}\"]\n", restricts + "\n",
			"what cannot be undone is not begun"},
		{"no restore", "filter-id.yaml",
			"  restore:\n    - coa: [\"Filter-Id={normal}\"]\n      undo: [\"Filter-Id={restricted}\"]\n", "", "restore has no steps"},
		{"a disconnect that is not announced", "filter-id.yaml", restricts + "\n      undo: [\"Filter-Id={normal}\"]\n",
			"    - disconnect: []\n", "drops_session is false"},
		{"a disconnect with an undo", "filter-id.yaml", restricts, "    - disconnect: []", "cannot be undone"},
		{"two kinds of step in one", "filter-id.yaml", restricts, restricts + "\n      disconnect: []", "not both"},
		{"a step of nothing", "filter-id.yaml", restricts, "    - coa: []", "must have coa or disconnect"},
		{"no form", "filter-id.yaml", "swap:", "swap: null\nx:", "unknown key x"},
		{"an unknown support level", "filter-id.yaml", "support: generic", "support: great", "want lab, field"},
		{"an unknown mark", "filter-id.yaml", "mark: documented", "mark: hearsay", "want source, documented"},
		{"another name than the file's", "filter-id.yaml", "name: filter-id", "name: filter",
			":1:7: name \"filter\" belongs into a file filter.yaml"},
		{"a bad name", "filter-id.yaml", "name: filter-id", "name: Filter Id", "want lower-case"},
		{"no port", "filter-id.yaml", "coa_port: 3799\n", "", "coa_port: must be set"},
		{"no coverage", "filter-id.yaml", "covered: depends, warning: \"The filter", "covered: maybe, warning: \"The filter",
			"want yes, no or depends"},
		{"no warning", "accel-ppp.yaml",
			`ipv6: {covered: no, warning: "L4 redirect adds only the IPv4 address: a dual-stack subscriber keeps IPv6 unrestricted."}`, "ipv6: {covered: no}", "warning: wanted unless"},
		{"an unknown Error-Cause", "filter-id.yaml", "cause: Missing-Attribute", "cause: Something", "unknown Error-Cause"},
		{"a bad pattern", "accel-ppp.yaml", `pattern: "^[^0]"`, `pattern: "^[^0"`, "missing closing ]"},
		{"a pattern without a reason", "accel-ppp.yaml", `pattern: "^[^0]", reason`, `pattern: "^[^0]", reason: "" } #`,
			"pattern without a reason"},
		{"a refusal without a reason", "accel-ppp.yaml", `value: PPP, reason: "L4`, `value: PPP} # {reason: "L4`,
			"value and reason must be set"},
		{"a site-defined attribute with a taken name", "accel-ppp.yaml", "{name: L4-Redirect,", "{name: User-Name,",
			"must not be empty or another attribute"},
		{"a site-defined attribute of the session", "accel-ppp.yaml", `number: "{option l4_redirect_number}"`,
			`number: "{session NAS-Port}"`, "no value here"},
		{"a site-defined attribute of nothing", "accel-ppp.yaml", `number: "{option l4_redirect_number}", `, "", "number must be set"},
		{"a default that does not fit", "accel-ppp.yaml", "default: string", "default: text", "must match the pattern"},
		{"an option twice", "accel-ppp.yaml", "- name: l4_redirect_vendor", "- name: l4_redirect_number",
			"duplicate option l4_redirect_number"},
		{"a step that may come to nothing", "filter-id.yaml", "Filter-Id={restricted}", "Filter-Id={restricted x?}", "always sent"},
		{"an optional number of an attribute", "accel-ppp.yaml", `number: "{option ipset_number}"`,
			`number: "{option ipset_number?}"`, "number must be set"},
		{"an attribute for an option there is not", "accel-ppp.yaml", "when: ipset,", "when: sets,", "no such option sets"},
		{"an AAA server's name from nowhere", "accel-ppp.yaml", `known_as: "{option ipset_name}"`, `known_as: "{option set_name}"`,
			"no such option"},
		{"a site's attribute at log-in without its name", "accel-ppp.yaml", `, known_as: "{option ipset_name}"`, "",
			"that no AAA server knows"},
		{"renamed sessions found by what changes", "coova-chilli.yaml", "identifiers: {must: [User-Name]}",
			"identifiers: {must: [User-Name, Acct-Session-Id]}", "is what changes"},
		{"renamed sessions found by nothing", "coova-chilli.yaml", "identifiers: {must: [User-Name]}",
			"identifiers: {must: [Calling-Station-Id]}", "singles out a session"},
		{"a renaming without a reason", "coova-chilli.yaml", "  reason: \"An ACK", "  x: \"An ACK", "unknown key x"},
		{"a renaming with an unknown cause", "coova-chilli.yaml", "gone: [none]", "gone: [nothing]", "unknown Error-Cause"},
		{"an option without help", "accel-ppp.yaml", `    help: "Number`, `    # "Number`, "has no help"},
	}
	for _, test := range tests {
		_, err := Load(edited(t, test.file, test.old, test.new), radiusx.Builtin())
		if err == nil || !strings.Contains(err.Error(), test.fault) {
			t.Errorf("%s:\n got %v\nwant %q", test.name, err, test.fault)
			continue
		}
		var fault Fault
		if !errors.As(err, &fault) || fault.File != test.file {
			t.Errorf("%s: %v names no file", test.name, err)
		}
	}
}

func TestAllFaultsOfAllFilesAreReturnedAtOnce(t *testing.T) {
	fsys := edited(t, "filter-id.yaml", "rate: 10\nmax_in_flight: 4", "rate: 0\nmax_in_flight: 0")
	fsys["junos.yaml"] = edited(t, "junos.yaml", "name: junos", "name: june")["junos.yaml"]
	_, err := Load(fsys, radiusx.Builtin())
	const want = `filter-id.yaml:11:7: rate: want more than 0 requests a second
filter-id.yaml:12:16: max_in_flight: want more than 0 requests
junos.yaml:1:7: name "june" belongs into a file june.yaml`
	if err == nil || err.Error() != want {
		t.Errorf("got\n%v\nwant\n%s", err, want)
	}
}

func TestAFileThatSaysNothingIsRefused(t *testing.T) {
	for _, text := range []string{"", "- a", "{}", "name: x"} {
		if _, err := Load(fstest.MapFS{"x.yaml": {Data: []byte(text)}}, radiusx.Builtin()); err == nil {
			t.Errorf("%q is a dialect", text)
		}
	}
}

func TestADialectMaySendTheNASAndDisconnectToRestrict(t *testing.T) {
	fsys := edited(t, "filter-id.yaml", "sends_nas: false", "sends_nas: true")
	data := string(fsys["filter-id.yaml"].Data)
	data = strings.Replace(data, "drops_session: false", "drops_session: true", 1)
	head, _, _ := strings.Cut(data, "  restrict:")
	_, tail, _ := strings.Cut(data, "  coverage:")
	fsys["filter-id.yaml"].Data = []byte(head +
		"  restrict: [disconnect: []]\n  restore: [disconnect: []]\n  change: [disconnect: []]\n  coverage:" + tail)
	set, err := Load(fsys, radiusx.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	d, _ := set.Get("filter-id")
	steps, err := d.Steps(Request{Action: Restrict, Profile: Profile{"garden", "normal"}, Session: alice()})
	if err != nil {
		t.Fatal(err)
	}
	const want = "NAS-IP-Address = 192.0.2.1\nNAS-Identifier = \"bng1\"\nUser-Name = \"alice\"\nAcct-Session-Id = \"42\"\n"
	if len(steps) != 1 || steps[0].Code != radius.CodeDisconnectRequest || steps[0].Undo != nil ||
		Render(radiusx.Builtin(), steps) != want {
		t.Errorf("got %+v, want one Disconnect-Request with\n%s", steps, want)
	}
	_, err = d.Steps(Request{Action: Disconnect, Session: attributes("User-Name=alice,Acct-Session-Id=42")})
	if !errors.Is(err, ErrIdentifierMissing) {
		t.Errorf("a session that names no NAS: got %v, want ErrIdentifierMissing", err)
	}
}

func TestWantsIncludesWhatTemplatesRead(t *testing.T) {
	fsys := edited(t, "filter-id.yaml", `["Filter-Id={restricted}"]`, `["Filter-Id={restricted}-{session NAS-Port-Id}"]`)
	data := string(fsys["filter-id.yaml"].Data)
	data = strings.Replace(data, `undo: ["Filter-Id={restricted}"]`, `undo: ["Filter-Id={restricted}-{session NAS-Port-Id}"]`, 1)
	data = strings.ReplaceAll(data, "Filter-Id={previous restricted}", "Filter-Id={previous restricted}-{session NAS-Port-Id}")
	data = strings.Replace(data, "    - coa: [\"Filter-Id={restricted}\"]",
		"    - coa: [\"Filter-Id={restricted}-{session NAS-Port-Id}\"]", 1)
	fsys["filter-id.yaml"].Data = []byte(data)
	set, err := Load(fsys, radiusx.Builtin())
	if err != nil {
		t.Fatal(err)
	}
	d, _ := set.Get("filter-id")
	if got := strings.Join(d.Wants(), " "); got != "User-Name Acct-Session-Id NAS-Port-Id" {
		t.Errorf("wants %s", got)
	}
	r := Request{Action: Restrict, Profile: Profile{"garden", "normal"}, Session: alice()}
	if steps, err := d.Steps(r); !errors.Is(err, ErrIdentifierMissing) {
		t.Errorf("without NAS-Port-Id: got %v, %v; want ErrIdentifierMissing", steps, err)
	}
	r.Session = append(r.Session, attributes("NAS-Port-Id='{normal}:836'")...)
	steps, err := d.Steps(r)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := radiusx.Find(steps[0].Attributes, "Filter-Id"); got != "garden-{normal}:836" {
		t.Errorf("Filter-Id is %q: a value was read as a template, or not put in", got)
	}
}

func TestWhatIsNoTextIsRefusedWithItsPlace(t *testing.T) {
	for text, want := range map[string]string{
		"name: x\ntitle: \x01y\n": "junos.yaml:2:8: control characters are not allowed (value: 1)",
		"\xfe\xff\x00":            "junos.yaml:1:3: incomplete UTF-16 character",
		"":                        "junos.yaml:1:1: yaml: no documents in stream",
	} {
		_, err := Load(fstest.MapFS{"junos.yaml": {Data: []byte(text)}}, radiusx.Builtin())
		if err == nil || err.Error() != want {
			t.Errorf("%q: got %v, want %s", text, err, want)
		}
	}
}
