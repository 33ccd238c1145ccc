package bng

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/dialect"
)

// recorder keeps the events.
type recorder struct {
	events []quarantine.SessionEvent
	err    error
}

func (r *recorder) Record(_ context.Context, events []quarantine.SessionEvent) []error {
	r.events = append(r.events, events...)
	errs := make([]error, len(events))
	for i := range errs {
		errs[i] = r.err
	}
	return errs
}

func testFleet(t *testing.T) *Fleet {
	t.Helper()
	d, _ := dialect.Builtin().Get("filter-id")
	secret, err := radiusx.NewSecret("0123456789abcdef0123456789abcdef")
	if err != nil {
		t.Fatal(err)
	}
	fleet, err := NewFleet([]Config{
		{Name: "bng1", Address: netip.MustParseAddr("192.0.2.1"), Secret: secret, Dialect: d},
		{Name: "bng2", Address: netip.MustParseAddr("192.0.2.2"), Secret: secret, Dialect: d,
			NAS: []NAS{{IP: netip.MustParseAddr("10.0.0.2")}, {IP: netip.MustParseAddr("2001:db8::2")}, {Identifier: "edge-2"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return fleet
}

func TestARecordIsOfTheBNGThatItNamesAndOnlyFromThoseWhoMayReportForIt(t *testing.T) {
	addr := netip.MustParseAddr
	direct := func(prefix string) *acct.Client { return &acct.Client{Prefix: netip.MustParsePrefix(prefix)} }
	relay := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.20/32"), Relay: true, RelayFor: []string{"bng2"}}
	cases := []struct {
		name     string
		client   *acct.Client
		nas      acct.NAS
		bng      string // "" = no event
		rejected bool
	}{
		{"its own address", direct("192.0.2.1/32"), acct.NAS{IP: addr("192.0.2.1")}, "bng1", false},
		{"no name at all, by its source", direct("192.0.2.1/32"), acct.NAS{}, "bng1", false},
		{"a configured identifier", direct("192.0.2.2/32"), acct.NAS{Identifier: "edge-2"}, "bng2", false},
		{"a configured IPv6 address", direct("192.0.2.2/32"), acct.NAS{IPv6: addr("2001:db8::2")}, "bng2", false},
		{"one name fits, another contradicts", direct("192.0.2.2/32"), acct.NAS{IP: addr("10.0.0.9"), Identifier: "edge-2"}, "", true},
		{"an identifier nobody asked about", direct("192.0.2.1/32"), acct.NAS{IP: addr("192.0.2.1"), Identifier: "whatever"},
			"bng1", false},
		{"another BNG's name", direct("192.0.2.1/32"), acct.NAS{IP: addr("10.0.0.2")}, "", true},
		{"unconfigured, within its prefix", direct("192.0.2.0/24"), acct.NAS{IP: addr("192.0.2.77")}, "nas:192.0.2.77", false},
		{"unconfigured, outside of its prefix", direct("192.0.2.0/24"), acct.NAS{IP: addr("203.0.113.1")}, "", true},
		{"a relay for its BNG", relay, acct.NAS{IP: addr("10.0.0.2")}, "bng2", false},
		{"a relay for another BNG", relay, acct.NAS{IP: addr("192.0.2.1")}, "", true},
		{"a relay for an unconfigured BNG", relay, acct.NAS{IP: addr("203.0.113.1")}, "", true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			store := &recorder{}
			a := NewAccounting(testFleet(t), store, AccountingConfig{})
			record := acct.Record{
				Status: acct.Start, Client: c.client, From: netip.AddrPortFrom(c.client.Prefix.Addr(), 1646), At: time.Unix(1000, 0),
				NAS: c.nas, SessionID: "42", UserName: "alice", Subscriber: "alice",
			}
			err := a.Handle(t.Context(), []acct.Record{record})[0]
			if errors.Is(err, acct.ErrRejected) != c.rejected {
				t.Errorf("answer %v, rejected should be %t", err, c.rejected)
			}
			switch {
			case c.bng == "" && len(store.events) != 0:
				t.Errorf("recorded %+v", store.events)
			case c.bng != "" && (len(store.events) != 1 || store.events[0].Key.BNG != c.bng):
				t.Errorf("recorded %+v, want a session of %s", store.events, c.bng)
			}
		})
	}
}

func TestWhatARecordTellsAboutItsSession(t *testing.T) {
	record := func(change func(*acct.Record)) acct.Record {
		r := acct.Record{
			Status: acct.InterimUpdate, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32")}, At: time.Unix(1000, 0),
			NAS: acct.NAS{IP: netip.MustParseAddr("192.0.2.1")}, SessionID: "42", UserName: "alice@isp", Subscriber: "alice",
			SessionTime: 100 * time.Second,
			FramedIP:    netip.MustParseAddr("198.51.100.7"),
			Prefixes:    []acct.Prefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/56"), Kind: acct.DelegatedPrefix}},
			Attributes: []radiusx.Attribute{
				{Name: "Filter-Id", Value: "PLAN"}, {Name: "NAS-Port-Id", Value: "ge-0/0/1:836"},
				{Name: "Framed-IP-Address", Value: "198.51.100.7"},
			},
		}
		if change != nil {
			change(&r)
		}
		return r
	}
	handle := func(t *testing.T, r acct.Record) []quarantine.SessionEvent {
		store := &recorder{}
		a := NewAccounting(testFleet(t), store, AccountingConfig{Ignore: []Ignore{{Realm: "voip"}, {NASPortID: "*:835"}}})
		if err := a.Handle(t.Context(), []acct.Record{r})[0]; err != nil {
			t.Fatal(err)
		}
		return store.events
	}
	t.Run("an Interim", func(t *testing.T) {
		events := handle(t, record(nil))
		if len(events) != 1 {
			t.Fatalf("events %+v", events)
		}
		e := events[0]
		if e.Kind != quarantine.SessionRenewed || !e.StartedAt.Equal(time.Unix(900, 0)) || e.Subscriber != "alice" || e.Ignored ||
			len(e.Addresses) != 2 {
			t.Errorf("event %+v", e)
		}
		want := []quarantine.Attribute{{Name: "User-Name", Value: "alice@isp"}, {Name: "Filter-Id", Value: "PLAN"},
			{Name: "NAS-Port-Id", Value: "ge-0/0/1:836"}}
		if len(e.Attributes) != len(want) {
			t.Fatalf("attributes %+v, want %+v", e.Attributes, want)
		}
		for i, a := range want {
			if e.Attributes[i] != a {
				t.Errorf("attribute %d is %+v, want %+v", i, e.Attributes[i], a)
			}
		}
	})
	t.Run("a service record touches no session", func(t *testing.T) {
		if events := handle(t, record(func(r *acct.Record) { r.Service, r.Status = true, acct.Stop })); len(events) != 0 {
			t.Errorf("events %+v", events)
		}
	})
	t.Run("a record without subscriber", func(t *testing.T) {
		if events := handle(t, record(func(r *acct.Record) { r.Subscriber = "" })); len(events) != 1 ||
			events[0].Subscriber != "" || len(events[0].Addresses) != 2 {
			t.Errorf("events %+v", events)
		}
	})
	t.Run("Accounting-On", func(t *testing.T) {
		events := handle(t, record(func(r *acct.Record) { r.Status = acct.On }))
		if len(events) != 1 || events[0].Kind != quarantine.BNGReset || events[0].Key != (quarantine.SessionKey{BNG: "bng1"}) {
			t.Errorf("events %+v", events)
		}
	})
	for what, change := range map[string]func(*acct.Record){
		"realm":       func(r *acct.Record) { r.UserName = "0301234@voip" },
		"NAS-Port-Id": func(r *acct.Record) { r.Attributes[1].Value = "ge-0/0/1:835" },
	} {
		t.Run("ignored by "+what, func(t *testing.T) {
			if events := handle(t, record(change)); len(events) != 1 || !events[0].Ignored {
				t.Errorf("events %+v, want one that is ignored", events)
			}
		})
	}
}

func TestOnlyWhatTheStoreHasIsAnswered(t *testing.T) {
	away := errors.New("the store is unavailable")
	a := NewAccounting(testFleet(t), &recorder{err: away}, AccountingConfig{})
	batch := []acct.Record{
		{Status: acct.Start, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32")},
			NAS: acct.NAS{IP: netip.MustParseAddr("192.0.2.1")}, SessionID: "1", Subscriber: "alice"},
		{Status: acct.Start, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32")},
			NAS: acct.NAS{IP: netip.MustParseAddr("192.0.2.1")}, SessionID: "2"},
	}
	batch[1].SessionID = ""
	answers := a.Handle(t.Context(), batch)
	if !errors.Is(answers[0], away) || !errors.Is(answers[1], acct.ErrRejected) {
		t.Errorf("answers %v; want the session unanswered, what is of no use answered", answers)
	}
}

func TestASessionOnALACIsIgnoredAndOnAnLNSIsNot(t *testing.T) {
	for role, ignored := range map[Role]bool{RoleBNG: false, RoleLAC: true, RoleLNS: false} {
		fleet, store := testFleet(t), &recorder{}
		fleet.named["bng1"].Role = role
		NewAccounting(fleet, store, AccountingConfig{}).Handle(t.Context(), []acct.Record{{
			Status: acct.Start, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32")},
			NAS: acct.NAS{IP: netip.MustParseAddr("192.0.2.1")}, SessionID: "1", Subscriber: "alice",
		}})
		if len(store.events) != 1 || store.events[0].Ignored != ignored {
			t.Errorf("%s: %+v, want ignored %t", role, store.events, ignored)
		}
	}
}

func TestEveryRoleReadsItsOwnWord(t *testing.T) {
	for role := range roles {
		var read Role
		if err := read.UnmarshalText([]byte(Role(role).String())); err != nil || read != Role(role) {
			t.Errorf("%s is read as %s: %v", Role(role), read, err)
		}
	}
	var r Role
	if err := r.UnmarshalText([]byte("router")); err == nil || Role(9).String() != "Role(9)" {
		t.Error("a role that is none is taken")
	}
}

func TestTheSubscriberIsTheKeyThatIsMadeOfTheRecords(t *testing.T) {
	store, keys := &recorder{}, &SubscriberKeys{StripRealm: true, Lower: true}
	a := NewAccounting(testFleet(t), store, AccountingConfig{Keys: keys})
	record := acct.Record{
		Status: acct.Start, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32")},
		NAS:       acct.NAS{IP: netip.MustParseAddr("192.0.2.1")},
		SessionID: "1", UserName: "Alice@ISP", Subscriber: "Alice@ISP",
	}
	a.Handle(t.Context(), []acct.Record{record})
	keys.Use(map[string]string{"alice": "4711"})
	a.Handle(t.Context(), []acct.Record{record})
	for i, want := range []string{"alice", "4711"} {
		e := store.events[i]
		if e.Subscriber != want || len(e.Attributes) != 1 ||
			e.Attributes[0] != (quarantine.Attribute{Name: "User-Name", Value: "Alice@ISP"}) {
			t.Errorf("event %+v, want subscriber %s, and the User-Name as the BNG knows it", e, want)
		}
	}
}

func TestPortBlocksOfARecordAreHeldOrReleased(t *testing.T) {
	store := &recorder{}
	plan := quarantine.AddressPlan{Spaces: []quarantine.AddressSpace{
		{Name: "outside-b", Prefixes: []netip.Prefix{netip.MustParsePrefix("203.0.113.128/25")}, BNGs: []string{"bng1"}},
	}}
	block := func(addr string, lo, hi uint16, freed bool) acct.PortBlock {
		return acct.PortBlock{Public: netip.MustParseAddr(addr), Lo: lo, Hi: hi, Freed: freed}
	}
	NewAccounting(testFleet(t), store, AccountingConfig{Plan: plan}).Handle(t.Context(), []acct.Record{{
		Status: acct.InterimUpdate, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32")},
		NAS: acct.NAS{IP: netip.MustParseAddr("192.0.2.1")}, SessionID: "1",
		Subscriber: "alice", FramedIP: netip.MustParseAddr("100.64.0.7"),
		Blocks: []acct.PortBlock{block("203.0.113.1", 1024, 2047, false), block("203.0.113.200", 4096, 4099, false),
			block("203.0.113.1", 1, 9, true)},
	}})
	e := store.events[0]
	want := quarantine.Address{Prefix: netip.MustParsePrefix("203.0.113.1/32"), Kind: quarantine.NATPortBlock,
		Ports: quarantine.PortRange{Lo: 1024, Hi: 2047}}
	if len(e.Addresses) != 3 || e.Addresses[1] != want || e.Addresses[2].Space != "outside-b" {
		t.Errorf("held %+v", e.Addresses)
	}
	if want.Ports = (quarantine.PortRange{Lo: 1, Hi: 9}); len(e.Freed) != 1 || e.Freed[0] != want {
		t.Errorf("released %+v", e.Freed)
	}
}

func TestASessionIsNeverIdentifiedByAnAddressItHadBeforeOrShares(t *testing.T) {
	address := func(text string, kind quarantine.AddressKind, until time.Time) quarantine.Address {
		return quarantine.Address{Prefix: netip.MustParsePrefix(text), Kind: kind, Until: until}
	}
	block := address("203.0.113.1/32", quarantine.NATPortBlock, time.Time{})
	block.Ports = quarantine.PortRange{Lo: 1024, Hi: 2047}
	reported := identifyingAttributes(&quarantine.Session{
		SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "1"}, Subscriber: "alice",
		Addresses: []quarantine.Address{
			address("198.51.100.7/32", quarantine.FramedIP, time.Unix(1000, 0)), address("198.51.100.8/32", quarantine.FramedIP,
				time.Time{}), block,
		},
	})
	want := []radiusx.Attribute{{Name: "Acct-Session-Id", Value: "1"}, {Name: "User-Name", Value: "alice"},
		{Name: "Framed-IP-Address", Value: "198.51.100.8"}}
	if !slices.Equal(reported, want) {
		t.Errorf("identified by %v, want %v", reported, want)
	}
}

func TestTheKeyIsNoUserNameWhereTheBNGKnowsNone(t *testing.T) {
	store := &recorder{}
	NewAccounting(testFleet(t), store, AccountingConfig{}).Handle(t.Context(), []acct.Record{{
		Status: acct.Start, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32")},
		NAS:       acct.NAS{IP: netip.MustParseAddr("192.0.2.1")},
		SessionID: "1", Subscriber: "02:00:00:00:00:01",
	}})
	e := store.events[0]
	reported := identifyingAttributes(&quarantine.Session{SessionKey: e.Key, Subscriber: e.Subscriber, Attributes: e.Attributes})
	if name, there := radiusx.Find(reported, "User-Name"); there {
		t.Errorf("the BNG would be asked for the User-Name %q", name)
	}
}
