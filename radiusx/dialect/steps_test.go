package dialect

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"layeh.com/radius"

	"cordon/radiusx"
)

// alice is a session as accounting reported it.
func alice() []radiusx.Attribute {
	return attributes("User-Name=alice, Acct-Session-Id=42, Framed-IP-Address=192.0.2.7, NAS-IP-Address=192.0.2.1, NAS-Identifier=bng1")
}

func attributes(text string) []radiusx.Attribute {
	attrs, err := radiusx.ParseAttributes(text)
	if err != nil {
		panic(err)
	}
	return attrs
}

// siteOptions are the options that a dialect needs for all its forms.
var siteOptions = map[string]map[string]string{
	"accel-ppp": {"l4_redirect_number": "243", "ipset": "cordon", "l4_redirect_name": "L4-Redirect", "ipset_name": "L4-Redirect-ipset"},
	"osvbng":    {"profile_vendor": "4711", "profile_number": "1"},
}

func get(t *testing.T, name string) *Dialect {
	t.Helper()
	d, ok := Builtin().Get(name)
	if !ok {
		t.Fatalf("no dialect %s", name)
	}
	return d
}

func TestWhatAPlatformCannotDoIsRefusedWithTheReason(t *testing.T) {
	overlay, swap := Profile{"GARDEN", Overlay}, Profile{"GARDEN", "NORMAL"}
	long := strings.Repeat("x", 260)
	options := siteOptions["accel-ppp"]
	with := func(text string) []radiusx.Attribute { return append(alice(), attributes(text)...) }
	tests := []struct {
		name    string
		dialect string
		request Request
		want    error
		reason  string
	}{
		{"no session at all", "junos", Request{Action: Restrict, Profile: overlay}, ErrIdentifierMissing, "User-Name"},
		{"an identifier must be set", "junos", Request{Action: Restrict, Profile: overlay, Session: attributes("User-Name=alice")},
			ErrIdentifierMissing, "Acct-Session-Id"},
		{"an identifier is empty", "junos", Request{Action: Restrict, Profile: overlay,
			Session: attributes(`User-Name="", Acct-Session-Id=42`)}, ErrIdentifierMissing, "User-Name"},
		{"an identifier is a wildcard", "mikrotik",
			Request{Action: Disconnect, Session: attributes(`User-Name=*, Acct-Session-Id=42`)}, ErrIdentifierMissing, "User-Name"},
		{"an identifier is there twice", "filter-id", Request{Action: Restore, Profile: swap, Session: with("User-Name=bob")},
			ErrIdentifierMissing, "bob"},
		{"an identifier is too long", "filter-id",
			Request{Action: Restore, Profile: swap, Session: attributes("Acct-Session-Id=42, User-Name=" + long)},
			ErrIdentifierMissing, "at most 253"},
		{"no overlay", "filter-id", Request{Action: Restrict, Profile: overlay, Session: alice()}, ErrNeedsNormal, "filter-id"},
		{"no normal name", "mikrotik", Request{Action: Restrict, Profile: Profile{Restricted: "GARDEN"}, Session: alice()},
			ErrNeedsNormal, "mikrotik"},
		{"a release needs it too", "mikrotik", Request{Action: Restore, Profile: overlay, Session: alice()}, ErrNeedsNormal, "mikrotik"},
		{"a change from it", "mikrotik", Request{Action: Change, Profile: swap, From: overlay, Session: alice()}, ErrNeedsNormal,
			"profile in force"},
		{"no restricted name", "junos", Request{Action: Restrict, Profile: Profile{Normal: Overlay}, Session: alice()},
			ErrUnsupported, "no name"},
		{"nothing to restore", "junos", Request{Action: Restore, Profile: Profile{Normal: Overlay}, Session: alice()},
			ErrUnsupported, "no name"},
		{"nothing to change", "junos", Request{Action: Change, Profile: overlay, From: Profile{Normal: Overlay}, Session: alice()},
			ErrUnsupported, "no name"},
		{"restricted is normal", "junos", Request{Action: Restrict, Profile: Profile{"A", "A"}, Session: alice()}, ErrUnsupported,
			`both "A"`},
		{"restricted is overlay", "junos", Request{Action: Restrict, Profile: Profile{Overlay, Overlay}, Session: alice()},
			ErrUnsupported, "both"},
		{"a name that is too long", "junos", Request{Action: Restrict, Profile: Profile{long, Overlay}, Session: alice()},
			ErrUnsupported, "at most 247"},
		{"a normal name too long for the undo", "junos", Request{Action: Restrict, Profile: Profile{"A", long[:247]},
			Session: alice()}, ErrUnsupported, "at most 247"},
		{"L4 redirect without its number", "accel-ppp", Request{Action: Restrict, Profile: Profile{"1", Overlay}, Session: alice()},
			ErrOption, "l4_redirect_number must be set"},
		{"L4 redirect switched off", "accel-ppp", Request{Action: Restrict, Profile: Profile{"0", Overlay}, Session: alice(),
			Options: options}, ErrUnsupported, "turns L4 redirect off"},
		{"L4 redirect of a PPP session", "accel-ppp", Request{Action: Restrict, Profile: Profile{"1", Overlay},
			Session: with("Framed-Protocol=PPP"), Options: options}, ErrUnsupported, "IPoE sessions only"},
		{"a change into it", "accel-ppp", Request{Action: Change, Profile: Profile{"1", Overlay}, From: swap,
			Session: with("Framed-Protocol=PPP"), Options: options}, ErrUnsupported, "IPoE sessions only"},
		{"an option of another platform", "junos", Request{Action: Restrict, Profile: overlay, Session: alice(), Options: options},
			ErrOption, "no such option"},
		{"an option that is no number", "accel-ppp", Request{Action: Disconnect, Session: alice(),
			Options: map[string]string{"l4_redirect_number": "x"}}, ErrOption, "must match"},
		{"a number that is User-Name's", "accel-ppp", Request{Action: Disconnect, Session: alice(),
			Options: map[string]string{"l4_redirect_number": "1"}}, ErrOption, "already User-Name"},
		{"a number there is not", "accel-ppp", Request{Action: Disconnect, Session: alice(),
			Options: map[string]string{"l4_redirect_number": "256"}}, ErrOption, "must be from 1 to 255"},
		{"no action", "junos", Request{Profile: overlay, Session: alice()}, ErrUnsupported, "action 0"},
	}
	for _, test := range tests {
		steps, err := get(t, test.dialect).Steps(test.request)
		if !errors.Is(err, test.want) || !strings.Contains(err.Error(), test.reason) || steps != nil {
			t.Errorf("%s: got %v, %v; want no steps, %q and %q", test.name, steps, err, test.want, test.reason)
		}
	}
}

func TestAReleaseIsNotRefusedForWhatRefusesARestriction(t *testing.T) {
	reported := append(alice(), attributes("Framed-Protocol=PPP")...)
	for _, inForce := range []string{"1", "0", "walled"} {
		steps, err := get(t, "accel-ppp").Steps(Request{
			Action: Restore, Profile: Profile{inForce, Overlay}, Session: reported, Options: siteOptions["accel-ppp"],
		})
		if err != nil || len(steps) != 1 {
			t.Errorf("restoring %q: got %v, %v; want one step", inForce, steps, err)
		}
	}
}

func TestAReleaseIsTriedEvenIfItCouldNotBeUndone(t *testing.T) {
	reported := Request{Action: Restore, Profile: Profile{strings.Repeat("x", 260), "normal"}, Session: alice()}
	steps, err := get(t, "filter-id").Steps(reported)
	if err != nil || len(steps) != 1 || steps[0].Undo != nil {
		t.Errorf("got %v, %v; want one step without undo", steps, err)
	}
}

func TestAChangeToWhatIsInForceSendsNothing(t *testing.T) {
	p := Profile{"GARDEN", "SVC-INET"}
	steps, err := get(t, "junos").Steps(Request{Action: Change, Profile: p, From: p, Session: alice()})
	if err != nil || len(steps) != 0 {
		t.Errorf("got %v, %v; want nothing", steps, err)
	}
}

func TestAnEmptyNormalIsAnOverlayWhereThePlatformCan(t *testing.T) {
	d := get(t, "junos")
	want, _ := d.Steps(Request{Action: Restrict, Profile: Profile{"GARDEN", Overlay}, Session: alice()})
	got, err := d.Steps(Request{Action: Restrict, Profile: Profile{"GARDEN", ""}, Session: alice()})
	if err != nil || Render(radiusx.Builtin(), got) != Render(radiusx.Builtin(), want) {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
}

func TestAnAddressThatStandsForAnyIsNoIdentifier(t *testing.T) {
	for _, value := range []string{"", " ", "*", "%", "???", "\x00", "0.0.0.0", "255.255.255.255", "255.255.255.254", "::", "::/0"} {
		if !meansNobody(value) {
			t.Errorf("%q would be sent as an identifier", value)
		}
	}
	for _, value := range []string{"alice", "0", "192.0.2.1", "2001:db8::/64", "a*b"} {
		if meansNobody(value) {
			t.Errorf("%q is not accepted as an identifier", value)
		}
	}
}

func TestCheckFindsAtConfigurationTimeWhatStepsWouldRefuse(t *testing.T) {
	tests := []struct {
		dialect string
		profile Profile
		options map[string]string
		want    []string // one fault each, "" = none
	}{
		{"junos", Profile{"GARDEN", Overlay}, nil, nil},
		{"junos", Profile{"GARDEN", "SVC-INET"}, nil, nil},
		{"accel-ppp", Profile{"1", Overlay}, siteOptions["accel-ppp"], nil},
		{"accel-ppp", Profile{"64/64", "1000/5000"}, nil, nil},
		{"accel-ppp", Profile{"1", Overlay}, map[string]string{"l4_redirect_number": "243", "l4_redirect_type": "integer"}, nil},
		{"accel-ppp", Profile{"walled", Overlay}, map[string]string{"l4_redirect_number": "243", "l4_redirect_type": "integer"},
			[]string{"invalid number"}},
		{"accel-ppp", Profile{"1", Overlay}, nil, []string{"l4_redirect_number must be set"}},
		{"accel-ppp", Profile{"1", Overlay}, map[string]string{"l4_redirect_type": "text", "x": "1"},
			[]string{"l4_redirect_type", "no such option"}},
		{"mikrotik", Profile{"reject", Overlay}, nil, []string{"needs the name of the normal profile"}},
		{"filter-id", Profile{"", "normal"}, nil, []string{"restricted profile has no name"}},
	}
	for _, test := range tests {
		faults := get(t, test.dialect).Check(test.profile, test.options)
		if len(faults) != len(test.want) {
			t.Errorf("%s %v %v: got %v, want %q", test.dialect, test.profile, test.options, faults, test.want)
			continue
		}
		for i, fault := range faults {
			if !strings.Contains(fault.Error(), test.want[i]) {
				t.Errorf("%s %v %v: got %v, want %q", test.dialect, test.profile, test.options, fault, test.want[i])
			}
		}
	}
}

func TestTheSiteDefinedAttributeHasTheSitesNumber(t *testing.T) {
	dictionary, err := get(t, "accel-ppp").Dictionary(map[string]string{"l4_redirect_number": "7", "l4_redirect_vendor": "55999",
		"l4_redirect_type": "integer"})
	if err != nil {
		t.Fatal(err)
	}
	attrs, err := dictionary.EncodeAll(attributes("L4-Redirect=1"))
	if err != nil {
		t.Fatal(err)
	}
	if got := radiusx.Builtin().Input(radiusx.Builtin().Decode(attrs)); got != "Attr-26.55999.7 = 0x00000001\n" {
		t.Errorf("L4-Redirect goes out as %s", got)
	}
	without, err := get(t, "accel-ppp").Dictionary(nil)
	if err != nil {
		t.Fatal(err)
	}
	if def, ok := without.Lookup("L4-Redirect"); ok {
		t.Errorf("without options L4-Redirect is %+v", def)
	}
}

func TestWantsNamesEverySessionAttributeThatIsRead(t *testing.T) {
	tests := map[string][]string{
		"junos":     {"User-Name", "Acct-Session-Id"},
		"filter-id": {"User-Name", "Acct-Session-Id"},
		"mikrotik":  {"User-Name", "Acct-Session-Id", "Framed-IP-Address"},
		"accel-ppp": {"User-Name", "Acct-Session-Id", "Framed-Protocol"},

		"cisco-isg":    {"User-Name", "Acct-Session-Id"},
		"cisco-xr":     {"User-Name", "Acct-Session-Id"},
		"coova-chilli": {"User-Name", "Acct-Session-Id"},
		"ericsson-se":  {"User-Name", "Acct-Session-Id"},
		"hostapd":      {"Acct-Session-Id", "Calling-Station-Id"},
		"huawei-ne":    {"User-Name", "Acct-Session-Id"},
		"nokia-sros":   {"Acct-Session-Id"},
		"osvbng":       {"Acct-Session-Id"},
		"rtbrick":      {"User-Name", "Acct-Session-Id"},
		"skat":         {"User-Name"},
		"staros":       {"Acct-Session-Id", "NAS-IP-Address", "NAS-IPv6-Address", "NAS-Identifier"},
		"vyos":         {"User-Name", "Acct-Session-Id"},
	}
	for _, name := range Builtin().Names() {
		if got := get(t, name).Wants(); !slices.Equal(got, tests[name]) {
			t.Errorf("%s: got %v, want %v", name, got, tests[name])
		}
	}
}

func TestActionsHaveNames(t *testing.T) {
	for a := Restrict; a <= Disconnect; a++ {
		if got, err := ParseAction(a.String()); err != nil || got != a {
			t.Errorf("%v reads back as %v, %v", a, got, err)
		}
	}
	for _, name := range []string{"", "release"} {
		if a, err := ParseAction(name); err == nil {
			t.Errorf("%q is action %v", name, a)
		}
	}
}

func TestRenderGivesRadclientItsInput(t *testing.T) {
	steps, err := get(t, "junos").Steps(Request{
		Action: Restrict, Profile: Profile{"GARDEN", "SVC-INET"}, Session: attributes("User-Name=alice,Acct-Session-Id=42"),
	})
	if err != nil {
		t.Fatal(err)
	}
	const want = `User-Name = "alice"
Acct-Session-Id = "42"
ERX-Service-Deactivate = "SVC-INET"

User-Name = "alice"
Acct-Session-Id = "42"
ERX-Service-Activate:1 = "GARDEN"
`
	if got := Render(radiusx.Builtin(), steps); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, s := range steps {
		if s.Code != radius.CodeCoARequest {
			t.Errorf("a step is a %v", s.Code)
		}
	}
}
