package bng

import (
	"net/netip"
	"testing"

	"cordon/quarantine"
)

func TestABNGIsNamedElsewhereByTheRulesOfAccounting(t *testing.T) {
	m := &member{Config: Config{Name: "bng1", NAS: []NAS{{IP: netip.MustParseAddr("192.0.2.1")}, {Identifier: "b1"}}}}
	f := &Fleet{named: map[string]*member{"bng1": m}, nas: map[NAS]*member{}}
	for _, n := range m.NAS {
		f.nas[n] = m
	}
	ip, other := netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2")
	for _, c := range []struct {
		ip         netip.Addr
		identifier string
		want       string
	}{
		{ip, "", "bng1"}, {netip.Addr{}, "b1", "bng1"}, {ip, "b1", "bng1"}, {ip, "b2", "nas:192.0.2.1"}, {other, "b1", "nas:192.0.2.2"},
		{netip.Addr{}, "b/2", "nas:b_2"}, {netip.Addr{}, "", ""},
	} {
		if got := f.NameOf(c.ip, c.identifier); got != c.want {
			t.Errorf("%s %q is %q, want %q", c.ip, c.identifier, got, c.want)
		}
	}
	for _, name := range []string{"bng1", "nas:192.0.2.2", "nas:b2"} {
		ips, identifiers := f.NASOf(name)
		for _, ip := range ips {
			if got := f.NameOf(ip, ""); got != name {
				t.Errorf("%s calls itself %s, which is %q", name, ip, got)
			}
		}
		for _, identifier := range identifiers {
			if got := f.NameOf(netip.Addr{}, identifier); got != name {
				t.Errorf("%s calls itself %s, which is %q", name, identifier, got)
			}
		}
		if len(ips)+len(identifiers) == 0 {
			t.Errorf("%s calls itself nothing", name)
		}
	}
}

func TestSessionsKnownElsewhereAreIgnoredAsThoseOfAccounting(t *testing.T) {
	f := &Fleet{named: map[string]*member{"lac1": {Config: Config{Name: "lac1", Role: RoleLAC}}}}
	ignores := f.Ignores([]Ignore{{Realm: "voip"}, {NASPortID: "*:836"}})
	for _, c := range []struct {
		session quarantine.Session
		want    bool
	}{
		{quarantine.Session{Subscriber: "alice"}, false},
		{quarantine.Session{Subscriber: "phone@voip"}, true},
		{quarantine.Session{Subscriber: "alice", Attributes: []quarantine.Attribute{{Name: "NAS-Port-Id", Value: "ge-0/0/1:836"}}}, true},
		{quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "lac1"}, Subscriber: "alice"}, true},
	} {
		if got := ignores(&c.session); got != c.want {
			t.Errorf("%+v: ignored %v", c.session, got)
		}
	}
}
