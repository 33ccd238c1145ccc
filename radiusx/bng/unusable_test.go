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

var (
	bng1Client = &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32")}
	relayFor1  = &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.20/32"), Relay: true, RelayFor: []string{"bng1"}}
)

// aRecord is a Start of alice on bng1 with an IPv4 address and a prefix.
func aRecord(change func(*acct.Record)) acct.Record {
	r := acct.Record{
		Status: acct.Start, Client: bng1Client, From: netip.MustParseAddrPort("192.0.2.1:1646"), At: time.Unix(1000, 0),
		Arrived: time.Unix(1000, 0),
		NAS:     acct.NAS{IP: netip.MustParseAddr("192.0.2.1")}, SessionID: "42", UserName: "alice", Subscriber: "alice",
		FramedIP: netip.MustParseAddr("198.51.100.7"),
		Prefixes: []acct.Prefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/56"), Kind: acct.DelegatedPrefix}},
	}
	change(&r)
	return r
}

func handled(t *testing.T, change func(*acct.Record)) ([]quarantine.SessionEvent, *Accounting, error) {
	t.Helper()
	store := &recorder{}
	a := NewAccounting(testFleet(t), store, AccountingConfig{})
	err := a.Handle(t.Context(), []acct.Record{aRecord(change)})[0]
	return store.events, a, err
}

func addresses(events ...quarantine.SessionEvent) (held []string) {
	for _, e := range events {
		for _, a := range e.Addresses {
			held = append(held, a.Prefix.String())
		}
	}
	return held
}

func TestARecordThatNamesNobodyOrTwoBindsItsAddressesToNobody(t *testing.T) {
	for name, change := range map[string]func(*acct.Record){
		"no name":        func(r *acct.Record) { r.UserName, r.Subscriber = "", "" },
		"two User-Names": func(r *acct.Record) { r.Conflicts = acct.ConflictingUserName },
		"two keys":       func(r *acct.Record) { r.Conflicts = acct.ConflictingSubscriber },
		"two addresses": func(r *acct.Record) {
			r.Conflicts, r.MoreIPs = acct.ConflictingAddress, []netip.Addr{netip.MustParseAddr("198.51.100.8")}
		},
	} {
		for _, status := range []acct.Status{acct.Start, acct.InterimUpdate, acct.Stop} {
			events, a, err := handled(t, func(r *acct.Record) { change(r); r.Status = status })
			if err != nil || len(events) != 1 || events[0].Subscriber != "" || events[0].Key.ID != "42" ||
				events[0].Kind != eventKinds[status] {
				t.Errorf("%s: %v %+v", name, err, events)
				continue
			}
			want := []string{"198.51.100.7/32", "2001:db8:1::/56"}
			if name == "two addresses" {
				want = []string{"198.51.100.7/32", "198.51.100.8/32", "2001:db8:1::/56"}
			}
			if got := addresses(events...); !slices.Equal(got, want) {
				t.Errorf("%s: holds %v, want %v", name, got, want)
			}
			counts := a.Faults()
			if name == "no name" && (len(counts) != 1 ||
				counts[0] != (acct.FaultCount{Reason: "no_subscriber", BNG: "bng1", Times: 1})) || name != "no name" && len(counts) != 0 {
				t.Errorf("%s: counted %v", name, counts)
			}
		}
	}
}

func TestWithoutASessionIDEachAddressIsASessionOfItsOwn(t *testing.T) {
	block := acct.PortBlock{Public: netip.MustParseAddr("203.0.113.1"), Lo: 1024, Hi: 2047}
	started, _, err := handled(t, func(r *acct.Record) { r.SessionID, r.Blocks = "", []acct.PortBlock{block} })
	want := []string{
		quarantine.NoSessionID + "198.51.100.7", quarantine.NoSessionID + "2001:db8:1::/56",
		quarantine.NoSessionID + "203.0.113.1:1024-2047",
	}
	var ids []string
	for _, e := range started {
		ids = append(ids, e.Key.ID)
		if e.Subscriber != "" || e.Kind != quarantine.SessionStarted || len(e.Addresses) != 1 || e.Key.Identified() || e.Key.BNG != "bng1" {
			t.Errorf("%+v", e)
		}
	}
	if err != nil || !slices.Equal(ids, want) {
		t.Errorf("%v: sessions %q, want %q", err, ids, want)
	}
	block.Freed = true
	ended, _, _ := handled(t, func(r *acct.Record) {
		r.SessionID, r.Status, r.Prefixes, r.Blocks = "", acct.Stop, nil, []acct.PortBlock{block}
	})
	if len(ended) != 2 || ended[0].Kind != quarantine.SessionEnded || ended[0].Key.ID != want[0] ||
		ended[1].Kind != quarantine.SessionEnded || ended[1].Key.ID != want[2] {
		t.Errorf("the Stop: %+v", ended)
	}
	if events, _, err := handled(t, func(r *acct.Record) {
		r.SessionID, r.FramedIP, r.Prefixes = "", netip.Addr{},
			nil
	}); len(events) != 0 || !errors.Is(err, acct.ErrRejected) {
		t.Errorf("a record that says nothing: %v %+v", err, events)
	}
	if events, _, _ := handled(t, func(r *acct.Record) {
		r.SessionID = quarantine.NoSessionID +
			"198.51.100.7"
	}); len(events) != 2 || events[0].Subscriber != "" {
		t.Errorf("a session id that looks like one of ours: %+v", events)
	}
}

func TestWhoNamesItsNASTwiceIsKnownByItsAddressOrNot(t *testing.T) {
	addr := netip.MustParseAddr
	for _, c := range []struct {
		name   string
		client *acct.Client
		from   string
		nas    acct.NAS
		bng    string
	}{
		{"the BNG itself", bng1Client, "192.0.2.1", acct.NAS{}, "bng1"},
		{"by one of its names", &acct.Client{Prefix: netip.MustParsePrefix("10.0.0.0/8")}, "10.0.0.2", acct.NAS{}, "bng2"},
		{"its other name fits", bng1Client, "192.0.2.1", acct.NAS{IP: addr("192.0.2.1")}, "bng1"},
		{"its other name is another's", bng1Client, "192.0.2.1", acct.NAS{IP: addr("10.0.0.2")}, ""},
		{"a relay", relayFor1, "192.0.2.20", acct.NAS{}, ""},
		{"a relay at a BNG's address", &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Relay: true,
			RelayFor: []string{"bng1"}}, "192.0.2.1", acct.NAS{}, ""},
		{"an address that is no BNG's", &acct.Client{Prefix: netip.MustParsePrefix("203.0.113.0/24")}, "203.0.113.1", acct.NAS{}, ""},
	} {
		events, a, err := handled(t, func(r *acct.Record) {
			r.Client, r.From, r.NAS, r.Conflicts = c.client, netip.AddrPortFrom(addr(c.from), 1646), c.nas, acct.ConflictingNAS
		})
		switch {
		case c.bng == "" && (errors.Is(err, acct.ErrRejected) != (len(events) == 0) || slices.ContainsFunc(events, isSomebodys) ||
			len(a.FaultReports(time.Unix(2000, 0))) != 1):
			t.Errorf("%s: %v %+v", c.name, err, events)
		case c.bng != "" && (err != nil || len(events) != 1 || events[0].Key.BNG != c.bng || events[0].Subscriber != "alice"):
			t.Errorf("%s: %v %+v, want a session of %s", c.name, err, events, c.bng)
		}
	}
}

func isSomebodys(ev quarantine.SessionEvent) bool { return ev.Subscriber != "" || ev.Key.Identified() }

func TestARestartAtAnUncertainTimeCountsFromTheLatest(t *testing.T) {
	events, _, err := handled(t, func(r *acct.Record) { r.Status, r.SessionID, r.Latest = acct.On, "", time.Unix(4600, 0) })
	if err != nil || len(events) != 1 || events[0].Kind != quarantine.BNGReset || !events[0].At.Equal(time.Unix(4600, 0)) {
		t.Errorf("%v %+v", err, events)
	}
}

func TestAnUncertainTimeIsHandedOn(t *testing.T) {
	latest := time.Unix(4600, 0)
	events, _, _ := handled(t, func(r *acct.Record) { r.Status, r.SessionTime, r.Latest = acct.InterimUpdate, time.Minute, latest })
	if e := events[0]; !e.At.Equal(time.Unix(1000, 0)) || !e.Latest.Equal(latest) || !e.StartedAt.IsZero() {
		t.Errorf("%+v", e)
	}
	events, _, _ = handled(t, func(r *acct.Record) { r.Latest = latest })
	if e := events[0]; !e.StartedAt.Equal(time.Unix(1000, 0)) || !e.Latest.Equal(latest) {
		t.Errorf("a Start: %+v", e)
	}
}

func TestReleasedAddressesAreTheOnlyOnesOfTheirKind(t *testing.T) {
	all := []quarantine.AddressKind{quarantine.FramedIP, quarantine.FramedIPv6Prefix, quarantine.DelegatedIPv6Prefix,
		quarantine.FramedIPv6Address}
	for _, c := range []struct {
		name   string
		lists  bool
		change func(*acct.Record)
		want   []quarantine.AddressKind
	}{
		{"a platform that says nothing", false, func(*acct.Record) {}, nil},
		{"a release", false, func(r *acct.Record) { r.Released = []string{"Framed-IP-Address"} },
			[]quarantine.AddressKind{quarantine.FramedIP}},
		{"a platform that lists all", true, func(*acct.Record) {}, all},
		{"its Start", true, func(r *acct.Record) { r.Status = acct.Start }, nil},
		{"its Stop", true, func(r *acct.Record) { r.Status = acct.Stop }, nil},
		{"an Interim-Update that an event caused", true, func(r *acct.Record) {
			r.Triggered, r.Released = true,
				[]string{"Framed-IPv6-Prefix"}
		}, []quarantine.AddressKind{quarantine.FramedIPv6Prefix}},
	} {
		fleet, store := testFleet(t), &recorder{}
		if c.lists {
			fleet.named["bng1"].InterimAddresses = "all"
		}
		NewAccounting(fleet, store, AccountingConfig{}).Handle(t.Context(),
			[]acct.Record{aRecord(func(r *acct.Record) { r.Status = acct.InterimUpdate; c.change(r) })})
		if got := store.events[0].Only; !slices.Equal(got, c.want) {
			t.Errorf("%s: only %v, want %v", c.name, got, c.want)
		}
	}
}

func TestANATsRecordNamesTheInsideAddressAndNobody(t *testing.T) {
	addr := netip.MustParseAddr
	block := acct.PortBlock{Public: addr("203.0.113.1"), Lo: 1024, Hi: 2047}
	v6 := func(text string) []acct.Prefix {
		return []acct.Prefix{{Prefix: netip.MustParsePrefix(text), Kind: acct.FramedPrefix}}
	}
	for _, c := range []struct {
		name, user, key string
		ip              string
		prefixes        []acct.Prefix
		inside          string // "": a subscriber
	}{
		{"LSN44", "LSN44@100.64.0.9", "", "100.64.0.9", nil, "100.64.0.9"},
		{"without Framed-IP-Address", "LSN44@100.64.0.9", "", "", nil, "100.64.0.9"},
		{"by Alc-Subsc-ID-Str", "", "LSN44@100.64.0.9", "100.64.0.9", nil, "100.64.0.9"},
		{"DS-Lite", "DS-Lite@2001:0db8:0000:0000:0000:0000:0000:0001", "", "", v6("2001:db8::1/128"), "2001:db8::1"},
		{"DS-lite, as the guide's text has it", "DS-lite@2001:db8::1", "", "", nil, "2001:db8::1"},
		{"NAT64", "NAT64@2001:db8::1", "", "", v6("2001:db8::1/128"), "2001:db8::1"},
		{"a customer of that name", "LSN44@100.64.0.9", "", "198.51.100.7", nil, ""},
		{"another customer of that name", "NAT64@2001:db8::1", "", "", v6("2001:db8:1::/64"), ""},
		{"with another family's address", "LSN44@2001:db8::1", "", "", nil, ""},
		{"a realm", "LSN44@isp", "", "100.64.0.9", nil, ""},
		{"LSN1@isp", "LSN1@isp", "", "100.64.0.9", nil, ""},
		{"another number", "LSN45@100.64.0.9", "", "100.64.0.9", nil, ""},
		{"alice", "alice@100.64.0.9", "", "100.64.0.9", nil, ""},
	} {
		events, _, err := handled(t, func(r *acct.Record) {
			r.UserName, r.Subscriber, r.FramedIP, r.Prefixes = c.user, c.user+c.key, netip.Addr{}, c.prefixes
			if c.ip != "" {
				r.FramedIP = addr(c.ip)
			}
			r.Blocks = []acct.PortBlock{block}
		})
		if err != nil || len(events) != 1 {
			t.Fatalf("%s: %v %+v", c.name, err, events)
		}
		e := events[0]
		if c.inside == "" {
			if e.Subscriber != c.user || e.Via.IsValid() || len(e.Addresses) < 1 {
				t.Errorf("%s: %+v", c.name, e)
			}
			continue
		}
		if e.Subscriber != "" || e.Via.Addr != addr(c.inside) || e.Key.ID != "42" ||
			!slices.Equal(addresses(e), []string{"203.0.113.1/32"}) || e.Attributes != nil {
			t.Errorf("%s: %+v", c.name, e)
		}
	}
	im := NewImporter(testFleet(t), &recorder{}, AccountingConfig{})
	imported := aRecord(func(r *acct.Record) {
		r.UserName, r.Subscriber, r.FramedIP, r.Prefixes = "LSN44@100.64.0.9", "LSN44@100.64.0.9", addr("100.64.0.9"), nil
	})
	var wrong *quarantine.FieldError
	if err := im.Import(t.Context(), []ImportedSession{rowOf(imported)})[0]; !errors.As(err, &wrong) {
		t.Errorf("imported: %v", err)
	}
}

func TestAnInsideAddressIsInTheBNGsSpace(t *testing.T) {
	store := &recorder{}
	plan := quarantine.AddressPlan{Spaces: []quarantine.AddressSpace{{Name: "east",
		Prefixes: []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10")}, BNGs: []string{"bng1"}}}}
	a := NewAccounting(testFleet(t), store, AccountingConfig{Plan: plan})
	a.Handle(t.Context(), []acct.Record{aRecord(func(r *acct.Record) {
		r.UserName, r.FramedIP, r.Prefixes = "LSN44@100.64.0.9", netip.MustParseAddr("100.64.0.9"), nil
	})})
	if got := store.events[0].Via; got != (quarantine.Place{Addr: netip.MustParseAddr("100.64.0.9"), Space: "east"}) {
		t.Errorf("inside %v", got)
	}
}

func TestNoRequestIsMadeAboutASessionThatIsNobodys(t *testing.T) {
	e := NewEnforcer(testFleet(t), nil, nil)
	for name, s := range map[string]quarantine.Session{
		"named by nobody": {SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "1"}},
		"without an id": {SessionKey: quarantine.SessionKey{BNG: "bng1", ID: quarantine.NoSessionID + "198.51.100.7"},
			Subscriber: "alice"},
		"that is not stored": {SessionKey: quarantine.SessionKey{BNG: "bng1", ID: quarantine.NotStored + "198.51.100.7"},
			Subscriber: "alice"},
		"of a NAT": {SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "1"},
			Via: quarantine.Place{Addr: netip.MustParseAddr("100.64.0.9")}},
	} {
		s.Attributes = []quarantine.Attribute{{Name: "User-Name", Value: "alice"}}
		s.Addresses = []quarantine.Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: quarantine.FramedIP}}
		if reported := requested(&s); len(reported) != 0 {
			t.Errorf("%s: identified by %v", name, reported)
		}
		if _, impossible := e.Prepare(s, quarantine.Disconnect); impossible == nil {
			t.Errorf("%s: a Disconnect-Request would be sent", name)
		}
	}
}

func TestNamesOfOtherOctetsAreNamesEverywhere(t *testing.T) {
	const name, key = "M\xfcller@ISP", `M\xfcller@ISP`
	events, _, _ := handled(t, func(r *acct.Record) { r.UserName, r.Subscriber = name, name })
	e := events[0]
	reported := identifyingAttributes(&quarantine.Session{SessionKey: e.Key, Subscriber: e.Subscriber, Attributes: e.Attributes})
	if user, _ := radiusx.Find(reported, "User-Name"); e.Subscriber != key || user != name {
		t.Errorf("accounting: subscriber %s, the BNG is asked for %q", e.Subscriber, user)
	}
	if encoded, err := radiusx.Builtin().EncodeAll(reported); err != nil ||
		!slices.ContainsFunc(encoded.Get(1), func(b byte) bool { return b == 0xfc }) {
		t.Errorf("the BNG is told %v, %v", encoded, err)
	}
	store := &recorder{}
	row := rowOf(aRecord(func(r *acct.Record) { r.UserName = name }))
	if err := NewImporter(testFleet(t), store, AccountingConfig{}).Import(t.Context(), []ImportedSession{row})[0]; err != nil ||
		store.events[0].Subscriber != key {
		t.Errorf("import: %v %+v", err, store.events)
	}
	desk := NewLogIns(testFleet(t), AccountingConfig{})
	if in, ok := desk.LogIn([]radiusx.Attribute{{Name: "NAS-IP-Address", Value: "192.0.2.1"},
		{Name: "User-Name", Value: name}}); !ok || in.Subscriber != key {
		t.Errorf("log-in: %+v", in)
	}
	keys := &SubscriberKeys{StripRealm: true, Lower: true}
	for reported, want := range map[string]string{name: `m\xfcller`, "M\xfcLLER\xdc@isp": `m\xfcller\xdc`, `CORP\Xfc`: `corp\\xfc`,
		"CORP\\\xfc": `corp\x5c\xfc`} {
		if got := keys.Key(reported); got != want {
			t.Errorf("%q has key %s, want %s", reported, got, want)
		}
	}
}
