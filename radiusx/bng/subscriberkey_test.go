package bng

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
)

func keyOf(t *testing.T, templates ...string) SubscriberKey {
	t.Helper()
	var key SubscriberKey
	for _, text := range templates {
		template, err := ParseKeyTemplate(text, radiusx.Builtin())
		if err != nil {
			t.Fatal(err)
		}
		key = append(key, template)
	}
	return key
}

func TestAKeyIsMadeByTheFirstTemplateWhoseAttributesAreAllThere(t *testing.T) {
	long := strings.Repeat("x", 200)
	for _, test := range []struct {
		about     string
		templates []string
		reported  []radiusx.Attribute
		key       string
		template  int
	}{
		{"an attribute's bare name", []string{"user-name"}, attrs("User-Name", "alice"), "alice", 0},
		{"a template", []string{"%{NAS-Identifier}/%{ADSL-Agent-Circuit-Id}"},
			attrs("NAS-Identifier", "bng1", "ADSL-Agent-Circuit-Id", "0x65746820302f31"), "bng1/eth 0/1", 0},
		{"octets that are no text", []string{"ADSL-Agent-Circuit-Id"}, attrs("ADSL-Agent-Circuit-Id", "0x00ff"), "0x00ff", 0},
		{"octets that are text like hexadecimal digits", []string{"ADSL-Agent-Circuit-Id"},
			attrs("ADSL-Agent-Circuit-Id", "0x30783031"), "0x30783031", 0},
		{"octets as another program wrote them", []string{"ADSL-Agent-Circuit-Id"}, attrs("ADSL-Agent-Circuit-Id", "eth 0/1"),
			"eth 0/1", 0},
		{"text that looks like octets", []string{"Calling-Station-Id"}, attrs("Calling-Station-Id", "0x6161"), "0x6161", 0},
		{"a percent sign and text", []string{"100%%-%{User-Name}!"}, attrs("User-Name", "al%ice"), "100%-al%ice!", 0},
		{"the first of two", []string{"User-Name", "NAS-Port-Id"}, attrs("NAS-Port-Id", "1/1", "User-Name", "alice"), "alice", 0},
		{"the second", []string{"User-Name", "line:%{NAS-Port-Id}"}, attrs("NAS-Port-Id", "1/1"), "line:1/1", 1},
		{"an empty one must be set", []string{"User-Name", "NAS-Port-Id"}, attrs("NAS-Port-Id", "1/1", "User-Name", ""), "1/1", 1},
		{"half of a template", []string{"%{NAS-Port-Id}/%{User-Name}", "User-Name"}, attrs("User-Name", "alice"), "alice", 1},
		{"none", []string{"User-Name", "NAS-Port-Id"}, attrs("Class", "0x00"), "", 2},
		{"one said twice alike", []string{"User-Name"}, attrs("User-Name", "alice", "User-Name", "alice"), "alice", 0},
		{"two values name nobody, by no other template either", []string{"User-Name", "NAS-Port-Id"},
			attrs("User-Name", "alice", "User-Name", "bob", "NAS-Port-Id", "1/1"), "", 0},
		{"what is too long is not cut", []string{"%{User-Name} %{NAS-Port-Id}", "User-Name"},
			attrs("User-Name", long, "NAS-Port-Id", long), "", 0},
	} {
		record := acct.Record{Naming: test.reported}
		key, template, _ := keyOf(t, test.templates...).of(testFleet(t).valuesOf(record.UserName, record.Naming))
		if key.String() != test.key || template != test.template {
			t.Errorf("%s: got %q by %d, want %q by %d", test.about, key.String(), template, test.key, test.template)
		}
	}
}

func TestABrokenTemplateIsRefused(t *testing.T) {
	for text, why := range map[string]string{
		"":                             "unknown attribute",
		"No-Such-Attribute":            "unknown attribute",
		"%{No-Such-Attribute}":         "unknown attribute",
		"%{request:User-Name}":         "unknown attribute",
		"%{%{User-Name}:-x}":           "unknown attribute",
		"%{}":                          "unknown attribute",
		"%{User-Name":                  "%{ without }",
		"%u":                           "% must be followed",
		"%{User-Name}%":                "% must be followed",
		"100%%":                        "must name an attribute",
		"%{User-Name}%{NAS-Port-Id}":   "must have text between User-Name and NAS-Port-Id",
		"a%{User-Name}b%{NAS-Port-Id}": "",
	} {
		_, err := ParseKeyTemplate(text, radiusx.Builtin())
		if (err == nil) != (why == "") || err != nil && !strings.Contains(err.Error(), why) {
			t.Errorf("%q: %v, want %q", text, err, why)
		}
	}
}

// A network has PPPoE names and IPoE circuits behind one BNG.
func mixedFleet(t *testing.T) *Fleet {
	t.Helper()
	c := testFleet(t).named["bng1"].Config
	c.NAS = []NAS{{IP: c.Address}, {Identifier: "edge-1"}}
	c.SubscriberKey = keyOf(t, "User-Name", "%{NAS-Identifier}/%{ADSL-Agent-Circuit-Id}")
	fleet, err := NewFleet([]Config{c})
	must(t, err)
	return fleet
}

func direct(status acct.Status, naming ...string) acct.Record {
	r := acct.Record{
		Status: status, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32")},
		From: netip.MustParseAddrPort("192.0.2.1:1646"),
		At:   time.Unix(1000, 0), NAS: acct.NAS{IP: netip.MustParseAddr("192.0.2.1"), Identifier: "edge-1"}, SessionID: "42",
		Naming: attrs(naming...),
	}
	r.UserName, _ = radiusx.Find(r.Naming, "User-Name")
	r.Naming = append(r.Naming, radiusx.Attribute{Name: "NAS-Identifier", Value: "edge-1"})
	return r
}

func TestOnlyARecordInMidSessionNamesItsSubscriberByTheNextBest(t *testing.T) {
	circuit := []string{"ADSL-Agent-Circuit-Id", "0x61"}
	for _, test := range []struct {
		about    string
		record   acct.Record
		key      string
		fallback bool
	}{
		{"a PPPoE Start", direct(acct.Start, "User-Name", "alice", circuit[0], circuit[1]), "alice", false},
		{"an IPoE Start", direct(acct.Start, circuit...), "edge-1/a", false},
		{"a PPPoE Interim", direct(acct.InterimUpdate, "User-Name", "alice"), "alice", false},
		{"an Interim without a User-Name", direct(acct.InterimUpdate, circuit...), "edge-1/a", true},
		{"a Stop without a User-Name", direct(acct.Stop, circuit...), "edge-1/a", true},
	} {
		store := &recorder{}
		a := NewAccounting(mixedFleet(t), store, AccountingConfig{Key: keyOf(t, "Calling-Station-Id")})
		must(t, a.Handle(t.Context(), []acct.Record{test.record})[0])
		if len(store.events) != 1 || store.events[0].Subscriber != test.key || store.events[0].Fallback != test.fallback {
			t.Errorf("%s: %+v, want %q, fallback %t", test.about, store.events, test.key, test.fallback)
		}
	}
}

func TestAccountingImportAndLogInAgreeOnWhoItIs(t *testing.T) {
	fleet, store := mixedFleet(t), &recorder{}
	keys := &SubscriberKeys{Lower: true}
	c := AccountingConfig{Keys: keys}
	a, desk := NewAccounting(fleet, store, c), NewLogIns(fleet, c)
	row := ImportedSession{ // of a table that has no NAS-Identifier, and the circuit as text
		Start: time.Unix(1000, 0), Seen: time.Unix(1000, 0), ID: "42", NAS: acct.NAS{IP: netip.MustParseAddr("192.0.2.1")},
		Naming: attrs("ADSL-Agent-Circuit-Id", "A 1"),
	}
	start := direct(acct.Start, "ADSL-Agent-Circuit-Id", "0x412031")
	must(t, a.Handle(t.Context(), []acct.Record{start})[0])
	must(t, NewImporter(fleet, store, c).Import(t.Context(), []ImportedSession{row})[0])
	l, ok := desk.LogIn(attrs("NAS-Identifier", "edge-1", "ADSL-Agent-Circuit-Id", "0x412031"))
	if !ok || l.Subscriber != "edge-1/A 1" {
		t.Errorf("the log-in is of %+v", l)
	}
	for _, ev := range store.events {
		if ev.Subscriber != "edge-1/A 1" || ev.Key.BNG != "bng1" || ev.Fallback {
			t.Errorf("event %+v", ev)
		}
	}
}

// What a subscriber is called here is not what the BNG calls him.
func TestABNGIsNotSentAKeyAsAUserName(t *testing.T) {
	reported := func(r acct.Record, event func(*recorder, acct.Record) error) string {
		store := &recorder{}
		must(t, event(store, r))
		s := quarantine.Session{Subscriber: store.events[0].Subscriber, Attributes: store.events[0].Attributes}
		return userName(&s)
	}
	handle := func(store *recorder, r acct.Record) error {
		return NewAccounting(mixedFleet(t), store, AccountingConfig{}).Handle(t.Context(), []acct.Record{r})[0]
	}
	load := func(store *recorder, r acct.Record) error {
		return NewImporter(mixedFleet(t), store, AccountingConfig{}).Import(t.Context(), []ImportedSession{rowOf(r)})[0]
	}
	if got := reported(direct(acct.InterimUpdate, "ADSL-Agent-Circuit-Id", "0x61"), handle); got != "" {
		t.Errorf("an IPoE session first seen in an Interim has the User-Name %q", got)
	}
	if got := reported(direct(acct.InterimUpdate, "ADSL-Agent-Circuit-Id", "0x61"), load); got != "" {
		t.Errorf("an IPoE session of another program's has the User-Name %q", got)
	}
	if got := reported(direct(acct.Start, "User-Name", "alice"), handle); got != "alice" {
		t.Errorf("a PPPoE session has the User-Name %q", got)
	}
}

// Both boxes of a pair call themselves accel-ppp: with that in a key two lines would
// be one subscriber.
func TestANameOfTheNASThatTellsNothingIsMissingFromAKey(t *testing.T) {
	fleet := twinFleet(t)
	record := acct.Record{Naming: attrs("NAS-Identifier", "accel-ppp", "NAS-IP-Address", "127.0.0.1", "NAS-Port-Id", "eth1",
		"Calling-Station-Id", "aa")}
	key := keyOf(t, "%{NAS-Identifier}/%{NAS-Port-Id}", "%{NAS-IP-Address}/%{NAS-Port-Id}", "Calling-Station-Id")
	if got, _, _ := key.of(fleet.valuesOf(record.UserName, record.Naming)); got.String() != "aa" {
		t.Errorf("the key is %q", got.String())
	}
}
