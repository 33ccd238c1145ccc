package bng

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
)

// rowOf is what another program would have kept of the session of a record.
func rowOf(r acct.Record) ImportedSession {
	s := ImportedSession{
		ID: r.SessionID, NAS: r.NAS, UserName: r.UserName, Start: r.Started(), Seen: r.At, Attributes: r.Attributes, Naming: r.Naming,
	}
	if r.Status == acct.Stop {
		s.Stop = r.At
	}
	if r.FramedIP.IsValid() {
		s.Addresses = append(s.Addresses, quarantine.Address{Prefix: hostPrefix(r.FramedIP), Kind: quarantine.FramedIP})
	}
	for _, p := range r.Prefixes {
		s.Addresses = append(s.Addresses, quarantine.Address{Prefix: p.Prefix, Kind: quarantine.AddressKind(p.Kind.String())})
	}
	return s
}

func TestAnImportedSessionIsOneThatNoStartWasSeenOf(t *testing.T) {
	store := &recorder{}
	im := NewImporter(testFleet(t), store, AccountingConfig{Ignore: []Ignore{{Realm: "voip"}}, Keys: &SubscriberKeys{Lower: true}})
	start, seen := time.Unix(1000, 0), time.Unix(4000, 0)
	row := ImportedSession{
		Start: start, Seen: seen, NAS: acct.NAS{IP: netip.MustParseAddr("192.0.2.1")}, ID: "1", UserName: "Alice",
		Addresses:  []quarantine.Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: quarantine.FramedIP}},
		Attributes: []radiusx.Attribute{{Name: "Filter-Id", Value: "GARDEN"}},
	}
	unnamed, voice, unknown := row, row, row
	unnamed.UserName = ""
	voice.UserName = "030@voip"
	unknown.NAS.IP, unknown.Stop = netip.MustParseAddr("203.0.113.1"), start.Add(-time.Second)
	answers := im.Import(t.Context(), []ImportedSession{row, unnamed, voice, unknown})
	var field *quarantine.FieldError
	if answers[0] != nil || !errors.As(answers[1], &field) || answers[2] != nil || answers[3] != nil || len(store.events) != 3 {
		t.Fatalf("answers %v, events %+v", answers, store.events)
	}
	e := store.events[0]
	if e.Kind != quarantine.SessionRenewed || e.Key != (quarantine.SessionKey{BNG: "bng1", ID: "1"}) || e.Subscriber != "alice" ||
		!e.At.Equal(seen) ||
		!e.StartedAt.Equal(start) || e.Ignored || len(e.Addresses) != 1 || e.Observed != nil || !e.Imported {
		t.Errorf("event %+v", e)
	}
	if !store.events[1].Ignored {
		t.Error("a session that is ignored in accounting is not when it is imported")
	}
	if e := store.events[2]; e.Kind != quarantine.SessionEnded || e.Key.BNG != "nas:203.0.113.1" || !e.At.Equal(unknown.Stop) ||
		!e.StartedAt.Equal(unknown.Stop) {
		t.Errorf("event of an unconfigured BNG %+v", e)
	}
}

// What accounting makes of an Interim-Update or Stop is what import makes of the row.
func TestARowIsTheEventThatItsBNGsRecordWouldBe(t *testing.T) {
	listing := func(c *Config) { c.InterimAddresses = "all" }
	for name, test := range map[string]struct {
		status acct.Status
		change func(*Config)
	}{
		"on line":                             {acct.InterimUpdate, func(*Config) {}},
		"on line, where interims list it all": {acct.InterimUpdate, listing},
		"ended":                               {acct.Stop, listing},
		"under a key that is not a User-Name": {acct.InterimUpdate,
			func(c *Config) { c.SubscriberKey = keyOf(t, "%{NAS-Identifier}/%{NAS-Port-Id}") }},
		"in a group":                           {acct.Stop, func(c *Config) { c.Group = "pair" }},
		"whose BNG carries sessions to an LNS": {acct.InterimUpdate, func(c *Config) { c.Role = RoleLAC }},
	} {
		config := testFleet(t).named["bng1"].Config
		config.NAS = []NAS{{IP: config.Address}, {Identifier: "edge-1"}}
		test.change(&config)
		fleet, err := NewFleet([]Config{config})
		must(t, err)
		record := direct(test.status, "NAS-Port-Id", "eth1")
		record.UserName, record.Subscriber, record.SessionTime = "Alice", "Alice", time.Minute
		record.FramedIP = netip.MustParseAddr("198.51.100.7")
		record.Prefixes = []acct.Prefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/56"), Kind: acct.DelegatedPrefix}}
		record.Attributes = attrs("NAS-Port-Id", "eth1", "Framed-IP-Address", "198.51.100.7")
		store := &recorder{}
		c := AccountingConfig{Keys: &SubscriberKeys{Lower: true}, Plan: quarantine.AddressPlan{Spaces: []quarantine.AddressSpace{
			{Name: "east", Prefixes: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}, BNGs: []string{"bng1"}},
		}}}
		must(t, NewAccounting(fleet, store, c).Handle(t.Context(), []acct.Record{record})[0])
		must(t, NewImporter(fleet, store, c).Import(t.Context(), []ImportedSession{rowOf(record)})[0])
		want, got := store.events[0], store.events[1]
		want.Imported = true
		if got.Kind != want.Kind || got.Key != want.Key || got.Member != want.Member || got.Subscriber != want.Subscriber ||
			!got.At.Equal(want.At) ||
			!got.StartedAt.Equal(want.StartedAt) || got.Ignored != want.Ignored || got.Imported != want.Imported ||
			got.Fallback != want.Fallback ||
			!slices.Equal(got.Addresses, want.Addresses) || !slices.Equal(got.Only, want.Only) ||
			!slices.Equal(got.Attributes, want.Attributes) {
			t.Errorf("%s:\nimport %+v\nrecord %+v", name, got, want)
		}
	}
}
