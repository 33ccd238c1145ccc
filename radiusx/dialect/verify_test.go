package dialect

import (
	"net/netip"
	"strings"
	"testing"

	"layeh.com/radius"

	"cordon/radiusx"
)

func TestWhatABNGReportsProvesOrContradictsAChange(t *testing.T) {
	swap := func(a Action, restricted string) Request {
		return Request{Action: a, Profile: Profile{restricted, "INTERNET"}, From: Profile{"OLD", "INTERNET"}}
	}
	overlay := func(a Action) Request { return Request{Action: a, Profile: Profile{"GARDEN", Overlay}} }
	tests := []struct {
		name, dialect string
		request       Request
		message       string
		want          Finding
	}{
		{"ISG lists the garden", "cisco-isg", overlay(Restrict), "Cisco-Account-Info=N1VOICE, Cisco-Account-Info=N1GARDEN", Shown},
		{"ISG lists others only", "cisco-isg", overlay(Restrict), "Cisco-Account-Info=N1VOICE", Contradicted},
		{"ISG lists nothing", "cisco-isg", overlay(Restrict), "", SaysNothing},
		{"ISG still lists it", "cisco-isg", overlay(Restore), "Cisco-Account-Info=N1VOICE, Cisco-Account-Info=N1GARDEN", Contradicted},
		{"ISG no longer lists it", "cisco-isg", overlay(Restore), "Cisco-Account-Info=S192.0.2.7", Shown},
		{"ISG lists neither", "cisco-isg", swap(Restore, "GARDEN"), "Cisco-Account-Info=N1VOICE", Contradicted},
		{"ISG lists the normal one", "cisco-isg", swap(Restore, "GARDEN"), "Cisco-Account-Info=N1INTERNET", Shown},
		{"ISG lists both", "cisco-isg", swap(Change, "GARDEN"), "Cisco-Account-Info=N1GARDEN, Cisco-Account-Info=N1OLD", Contradicted},
		{"SR OS has the profile", "nokia-sros", swap(Restrict, "GARDEN"), "Alc-SLA-Prof-Str=GARDEN", Shown},
		{"SR OS has another", "nokia-sros", swap(Restrict, "GARDEN"), "Alc-SLA-Prof-Str=INTERNET", Contradicted},
		{"SR OS does not include it", "nokia-sros", swap(Restrict, "GARDEN"), "User-Name=alice", SaysNothing},
		{"SR OS has the normal one", "nokia-sros", swap(Restore, "GARDEN"), "Alc-SLA-Prof-Str=INTERNET", Shown},
		{"SR OS has a third one", "nokia-sros", swap(Restore, "GARDEN"), "Alc-SLA-Prof-Str=THIRD", Contradicted},
		{"SR OS has the previous one", "nokia-sros", swap(Change, "GARDEN"), "Alc-SLA-Prof-Str=OLD", Contradicted},
		{"Junos names the service", "junos", overlay(Restrict), "ERX-Service-Session=GARDEN", Shown},
		{"Junos names another", "junos", overlay(Restrict), "ERX-Service-Session=VOICE", SaysNothing},
		{"Junos still names it", "junos", overlay(Restore), "ERX-Service-Session=GARDEN", Contradicted},
		{"Junos names it no longer", "junos", overlay(Restore), "ERX-Service-Session=VOICE", SaysNothing},
		{"Filter-Id as wanted", "filter-id", swap(Restrict, "GARDEN"), "Filter-Id=GARDEN", Shown},
		{"Filter-Id as at log-in, perhaps", "filter-id", swap(Restrict, "GARDEN"), "Filter-Id=INTERNET", SaysNothing},
		{"Filter-Id is back", "filter-id", swap(Restore, "GARDEN"), "Filter-Id=INTERNET", Shown},
	}
	for _, test := range tests {
		test.request.Session = alice()
		checks, err := get(t, test.dialect).Checks(test.request)
		if err != nil || len(checks) != 1 {
			t.Errorf("%s: got %v, %v; want one check", test.name, checks, err)
			continue
		}
		if got := checks[0].Judge(attributes(test.message)); got != test.want {
			t.Errorf("%s: %s %s, want %s", test.name, test.message, got, test.want)
		}
	}
}

func TestAQueryChangesNothingAndSaysWhoIsMeant(t *testing.T) {
	r := Request{Action: Restrict, Profile: Profile{"GARDEN", Overlay}, Session: alice()}
	checks, err := get(t, "cisco-isg").Checks(r)
	if err != nil {
		t.Fatal(err)
	}
	q := checks[0].Query
	const want = "User-Name = \"alice\"\nAcct-Session-Id = \"42\"\nCisco-AVPair = \"subscriber:command=account-status-query\"\n"
	if q == nil || q.Code != radius.CodeCoARequest || radiusx.Builtin().Input(q.Attributes) != want || checks[0].In != InACK {
		t.Errorf("got %+v in %s", q, checks[0].In)
	}
	r.Session = nil
	if _, err := get(t, "cisco-isg").Checks(r); err == nil {
		t.Error("a query that says not who is meant was made")
	}
}

func TestWhereNothingCanProveAChangeThereIsNoCheck(t *testing.T) {
	r := Request{Action: Restrict, Profile: Profile{"garden", "normal"}, Session: alice()}
	if checks, err := get(t, "mikrotik").Checks(r); err != nil || len(checks) > 0 {
		t.Errorf("got %v, %v; want nothing", checks, err)
	}
	if checks, err := get(t, "cisco-isg").Checks(Request{Action: Disconnect, Session: alice()}); err != nil || len(checks) > 0 {
		t.Errorf("a disconnect: got %v, %v; want nothing", checks, err)
	}
}

func TestASnippetShowsTheSecretOnlyWhenAsked(t *testing.T) {
	secret, err := radiusx.NewSecret("s3cret{port}word")
	if err != nil {
		t.Fatal(err)
	}
	r := SnippetRequest{Name: "bng1", Cordon: netip.MustParseAddr("2001:db8::9"), Secret: secret, Port: 1812}
	d := get(t, "cisco-isg")
	const masked = "aaa server radius dynamic-author\n client 2001:db8::9 server-key <secret>\n port 1812\n auth-type all\n"
	if got, ok := d.Snippet(r); !ok || got != masked {
		t.Errorf("got %q, %v", got, ok)
	}
	r.Revealed = true
	if got, _ := d.Snippet(r); got != strings.Replace(masked, "<secret>", "s3cret{port}word", 1) {
		t.Errorf("revealed: got %q", got)
	}
	r.Secret, _ = radiusx.NewSecret("two\nlines")
	if got, _ := d.Snippet(r); got != masked {
		t.Errorf("a secret that breaks the line: got %q", got)
	}
	if got, _ := d.Snippet(SnippetRequest{}); got != "aaa server radius dynamic-author\n client <cordon> server-key <secret>\n port 1700\n auth-type all\n" {
		t.Errorf("of nothing: got %q", got)
	}
	if got, ok := get(t, "rtbrick").Snippet(r); ok || got != "" {
		t.Errorf("a platform whose lines are not known: got %q", got)
	}
}

func TestPlatformsThatNeedItAreSpokenToInTheirWay(t *testing.T) {
	tests := map[string]struct {
		signing  Signing
		stamping Stamping
	}{
		"junos": {SignSend, StampSend}, "osvbng": {SignOmit, StampSend}, "staros": {SignSend, StampMandatory},
		"hostapd": {SignRequireReply, StampSend},
	}
	for name, want := range tests {
		if d := get(t, name); d.MessageAuthenticator != want.signing || d.EventTimestamp != want.stamping {
			t.Errorf("%s: %s, %s; want %v", name, d.MessageAuthenticator, d.EventTimestamp, want)
		}
	}
	experimental := "coova-chilli ericsson-se hostapd osvbng rtbrick skat staros vyos"
	var got []string
	for _, name := range Builtin().Names() {
		if get(t, name).Experimental {
			got = append(got, name)
		}
	}
	if strings.Join(got, " ") != experimental {
		t.Errorf("experimental are %v, want %s", got, experimental)
	}
}
