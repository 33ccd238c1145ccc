package bng

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/dialect"
)

// twinFleet is two boxes with the names of accel-ppp's sample, one without names,
// and one that has a name of its own.
func twinFleet(t *testing.T) *Fleet {
	t.Helper()
	d, _ := dialect.Builtin().Get("accel-ppp")
	secret, err := radiusx.NewSecret("0123456789abcdef0123456789abcdef")
	must(t, err)
	sample := []NAS{{IP: netip.MustParseAddr("127.0.0.1")}, {Identifier: "accel-ppp"}}
	box := func(name, address string, nas ...NAS) Config {
		return Config{Name: name, Address: netip.MustParseAddr(address), Secret: secret, Dialect: d, NAS: nas}
	}
	fleet, err := NewFleet([]Config{
		box("east", "192.0.2.2", sample...), box("west", "192.0.2.3", sample...), box("bare", "192.0.2.4"),
		box("edge", "192.0.2.5", NAS{IP: netip.MustParseAddr("10.0.0.5")}, NAS{Identifier: "edge"}),
	})
	must(t, err)
	return fleet
}

func TestADirectSenderWhoseNamesTellNothingIsKnownByItsAddress(t *testing.T) {
	addr := netip.MustParseAddr
	one := func(ip string) *acct.Client { return &acct.Client{Prefix: netip.PrefixFrom(addr(ip), 32)} }
	all := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.0/24")}
	relay := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.20/32"), Relay: true, RelayFor: []string{"east", "west", "edge"}}
	sample := acct.NAS{IP: addr("127.0.0.1"), Identifier: "accel-ppp"}
	for _, test := range []struct {
		about  string
		client *acct.Client
		from   string
		nas    acct.NAS
		bng    string // "": no event
		reason string // why not
	}{
		{"the first of two alike", one("192.0.2.2"), "192.0.2.2", sample, "east", ""},
		{"the second", one("192.0.2.3"), "192.0.2.3", sample, "west", ""},
		{"both within one client's prefix", all, "192.0.2.3", sample, "west", ""},
		{"an unspecified address", all, "192.0.2.2", acct.NAS{IP: addr("0.0.0.0"), IPv6: addr("::")}, "east", ""},
		{"a link-local address", all, "192.0.2.2", acct.NAS{IPv6: addr("fe80::1")}, "east", ""},
		{"no name at all", all, "192.0.2.3", acct.NAS{}, "west", ""},
		{"a name that nobody configured", all, "192.0.2.4", acct.NAS{IP: addr("127.0.0.1"), Identifier: "debian"}, "bare", ""},
		{"by the address in its names", all, "10.0.0.5", acct.NAS{}, "edge", ""},
		{"a BNG's own name from its own address", all, "192.0.2.5", acct.NAS{Identifier: "edge"}, "edge", ""},
		{"a BNG's own name from elsewhere in the prefix", all, "192.0.2.99", acct.NAS{Identifier: "edge"}, "edge", ""},
		{"a copy of a BNG's configuration on another box", all, "192.0.2.99", acct.NAS{IP: addr("127.0.0.1"), Identifier: "edge"},
			"nas:192.0.2.99", ""},
		{"another BNG's name", all, "192.0.2.2", acct.NAS{Identifier: "edge"}, "", "forbidden"},
		{"another BNG's address", all, "192.0.2.2", acct.NAS{IP: addr("10.0.0.5")}, "", "forbidden"},
		{"names of two BNGs", all, "192.0.2.99", acct.NAS{IP: addr("192.0.2.4"), Identifier: "edge"}, "", "forbidden"},
		{"unknown, and nothing that tells it apart but its address", all, "192.0.2.9", acct.NAS{IP: addr("127.0.0.1")},
			"nas:192.0.2.9", ""},
		{"a shared name from an unknown address", all, "192.0.2.9", sample, "nas:192.0.2.9", ""},
		{"an unknown name beside every host's address", all, "192.0.2.9", acct.NAS{IP: addr("127.0.0.1"), Identifier: "debian"},
			"nas:192.0.2.9", ""},
		{"an unknown name alone", all, "192.0.2.9", acct.NAS{Identifier: "debian"}, "nas:debian", ""},
		{"through a relay the sample's names identify nothing", relay, "192.0.2.20", sample, "", "unidentified_nas"},
		{"nor does an unknown name beside every host's address", relay, "192.0.2.20",
			acct.NAS{IP: addr("127.0.0.1"), Identifier: "debian"}, "", "unidentified_nas"},
		{"nor does no name", relay, "192.0.2.20", acct.NAS{}, "", "unidentified_nas"},
		{"a relay for a BNG with a name", relay, "192.0.2.20", acct.NAS{Identifier: "edge"}, "edge", ""},
		{"through a relay, an unknown name", relay, "192.0.2.20", acct.NAS{Identifier: "debian"}, "", "nas_not_allowed"},
		{"through a relay, an unknown address beside the shared name", relay, "192.0.2.20",
			acct.NAS{IP: addr("10.9.9.9"), Identifier: "accel-ppp"}, "", "nas_not_allowed"},
	} {
		store := &recorder{}
		a := NewAccounting(twinFleet(t), store, AccountingConfig{})
		err := a.Handle(t.Context(), []acct.Record{{
			Status: acct.Start, Client: test.client, From: netip.AddrPortFrom(addr(test.from), 1646), At: time.Unix(1000, 0),
			NAS: test.nas, SessionID: "42", UserName: "alice", Subscriber: "alice",
		}})[0]
		reason := ""
		for _, fault := range a.Faults() {
			reason += fault.Reason
		}
		if errors.Is(err, acct.ErrRejected) != (test.reason != "") || reason != test.reason {
			t.Errorf("%s: %v, counted as %q, want %q", test.about, err, reason, test.reason)
		}
		got := ""
		if len(store.events) > 0 {
			got = store.events[0].Key.BNG
		}
		if got != test.bng {
			t.Errorf("%s: taken for %q, want %q", test.about, got, test.bng)
		}
	}
}

func TestALogInWhoseNamesTellNothingIsKnownByWhereTheRequestCameFrom(t *testing.T) {
	sample := []string{"User-Name", "alice", "NAS-IP-Address", "127.0.0.1", "NAS-Identifier", "accel-ppp"}
	for _, test := range []struct {
		about string
		more  []string
		bng   string
	}{
		{"not told", nil, ""},
		{"from the first", []string{"Packet-Src-IP-Address", "192.0.2.2"}, "east"},
		{"from the second", []string{"Packet-Src-IP-Address", "192.0.2.3"}, "west"},
		{"through a proxy", []string{"Packet-Src-IP-Address", "192.0.2.20"}, ""},
		{"no address", []string{"Packet-Src-IP-Address", "east"}, ""},
	} {
		l, ok := NewLogIns(twinFleet(t), AccountingConfig{}).LogIn(attrs(append(sample[:6:6], test.more...)...))
		if ok != (test.bng != "") || ok && l.BNG() != test.bng {
			t.Errorf("%s: %+v %t, want %q", test.about, l, ok, test.bng)
		}
	}
}

func TestRowsWhoseNASTellsNothingAreRefused(t *testing.T) {
	store := &recorder{}
	im := NewImporter(twinFleet(t), store, AccountingConfig{})
	row := func(ip, name string) ImportedSession {
		return ImportedSession{Start: time.Unix(1000, 0), Seen: time.Unix(1000, 0), ID: "42", UserName: "alice",
			NAS: acct.NAS{IP: parseNAS(ip), Identifier: name}}
	}
	errs := im.Import(t.Context(), []ImportedSession{row("127.0.0.1", "accel-ppp"), row("", "accel-ppp"),
		row("192.0.2.3", "accel-ppp"), row("10.0.0.5", "")})
	for i, err := range errs {
		var wrong *quarantine.FieldError
		if refused := errors.As(err, &wrong); refused != (i < 2) {
			t.Errorf("row %d: %v", i, err)
		}
	}
	if len(store.events) != 2 || store.events[0].Key.BNG != "west" || store.events[1].Key.BNG != "edge" {
		t.Errorf("recorded %+v", store.events)
	}
}

// By the names of the sample a proxy would hand the request to any of them.
func TestAProxyFindsABNGByWhatIsItsAlone(t *testing.T) {
	for bng, want := range map[string]string{
		"east": "NAS-IP-Address=192.0.2.2", "bare": "NAS-IP-Address=192.0.2.4", "edge": "NAS-IP-Address=10.0.0.5 NAS-Identifier=edge",
	} {
		var got []string
		for _, a := range twinFleet(t).named[bng].proxyNames {
			got = append(got, a.Name+"="+a.Value)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %q, want %q", bng, got, want)
		}
	}
}

func TestTwoBNGsMayHaveOneIdentifierButNotOneAddress(t *testing.T) {
	c := twinFleet(t).named["edge"].Config
	other := c
	other.Name, other.Address, other.NAS = "other", netip.MustParseAddr("192.0.2.6"), []NAS{{Identifier: "edge"}}
	if _, err := NewFleet([]Config{c, other}); err != nil {
		t.Errorf("one identifier: %v", err)
	}
	other.NAS = []NAS{{IP: netip.MustParseAddr("10.0.0.5")}}
	if _, err := NewFleet([]Config{c, other}); err == nil {
		t.Error("one address was taken")
	}
}

func TestUnconfiguredBNGsOfDifferentNamesAreDifferent(t *testing.T) {
	names := map[string]string{}
	for _, said := range []string{"M\xfcnchen", "M\xe4nchen", "M\ufffdnchen", `M\xfcnchen`, "a\nb"} {
		name := nameOf(nil, acct.NAS{Identifier: said}, netip.Addr{})
		if other, twice := names[name]; twice {
			t.Errorf("%q and %q are both %q", said, other, name)
		}
		if names[name] = said; !utf8.ValidString(name) {
			t.Errorf("%q is %q, which JSON does not hold", said, name)
		}
	}
}
