package acct

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"cordon/radiusx"
)

func TestARecordSaysWhatThePacketSays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &memory{}
		r := newRig(t, m, func(c *Config) { c.SubscriberKey = "calling-station-id" })
		defer r.stop()
		if r.ask(accounting(t, 1, `Acct-Status-Type=Stop, Acct-Session-Id="00 a1", Acct-Multi-Session-Id=m1, User-Name="alice@isp",
			NAS-IP-Address=192.0.2.1, NAS-IPv6-Address="2001:db8::1", NAS-Identifier=bng1, NAS-Port-Id="eth0.7", ADSL-Agent-Circuit-Id=0x6c7431,
			Calling-Station-Id="02:00:00:00:00:01", Framed-IP-Address=198.51.100.7, Framed-IPv6-Prefix="2001:db8:1::/64",
			Delegated-IPv6-Prefix="2001:db8:2::/56", Framed-IPv6-Address="2001:db8:3::5", Acct-Session-Time=3600,
			Acct-Terminate-Cause=Lost-Carrier, Acct-Delay-Time=3, Acct-Input-Octets=1, Filter-Id=GARDEN`)) == nil {
			t.Fatal("no answer")
		}
		got := m.all()[0]
		now := time.Now()
		want := Record{
			Status: Stop, Client: got.Client, From: bngAddr, Arrived: got.Arrived,
			At: got.Arrived.Add(-3 * time.Second), AtSource: FromDelay, Delay: 3 * time.Second,
			NAS:       NAS{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), "bng1"},
			SessionID: "00 a1", MultiSessionID: "m1", UserName: "alice@isp", Subscriber: "02:00:00:00:00:01",
			SessionTime: time.Hour, FramedIP: netip.MustParseAddr("198.51.100.7"),
			Prefixes: []Prefix{
				{netip.MustParsePrefix("2001:db8:1::/64"), FramedPrefix},
				{netip.MustParsePrefix("2001:db8:2::/56"), DelegatedPrefix},
				{netip.MustParsePrefix("2001:db8:3::5/128"), FramedAddress},
			},
			TerminateCause: 2,
			Attributes: []radiusx.Attribute{
				{Name: "Acct-Multi-Session-Id", Value: "m1"}, {Name: "NAS-Port-Id", Value: "eth0.7"},
				{Name: "ADSL-Agent-Circuit-Id", Value: "0x6c7431"},
				{Name: "Calling-Station-Id", Value: "02:00:00:00:00:01"},
				{Name: "Framed-IP-Address", Value: "198.51.100.7"}, {Name: "Filter-Id", Value: "GARDEN"},
			},
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}, netip.AddrPort{}),
			cmp.Comparer(func(a, b *Client) bool { return a == b })); diff != "" {
			t.Errorf("record (-want +got):\n%s", diff)
		}
		if got.Arrived.After(now) || got.Client == nil || !got.Started().Equal(got.At.Add(-time.Hour)) {
			t.Errorf("arrived %v, client %v, started %v", got.Arrived, got.Client, got.Started())
		}
	})
}

func TestSessionIdentifiersKeepTheirOctets(t *testing.T) {
	for _, id := range []string{"\x00\xff\n", "AbC", "abc ", "日本"} {
		d := decodedOf(accounting(t, 1, aStart[:len("Acct-Status-Type=Start, ")]+"Acct-Session-Id="+radiusx.Attribute{Name: "x",
			Value: id}.String()[len("x = "):]))
		if d.record.SessionID != id {
			t.Errorf("session %q became %q", id, d.record.SessionID)
		}
	}
}

func TestPrefixesAreMaskedAndTheImpossibleOnesLeftOut(t *testing.T) {
	address := make([]byte, 16)
	copy(address, netip.MustParseAddr("2001:db8:1:2:3:4:5:6").AsSlice())
	value := func(bits byte, octets ...byte) []byte { return append([]byte{0, bits}, octets...) }
	for _, test := range []struct {
		name  string
		kind  byte
		value []byte
		want  string // "" = left out
	}{
		{"host bits", attrFramedIPv6Prefix, value(64, address...), "2001:db8:1:2::/64"},
		{"host bits of a delegation", attrDelegatedPrefix, value(56, address...), "2001:db8:1::/56"},
		{"a bit within an octet", attrDelegatedPrefix, value(57, address...), "2001:db8:1::/57"},
		{"as few octets as possible", attrFramedIPv6Prefix, value(64, address[:8]...), "2001:db8:1:2::/64"},
		{"fewer octets than the length: the rest is zero", attrFramedIPv6Prefix, value(64, address[:4]...), "2001:db8::/64"},
		{"one address", attrFramedIPv6Prefix, value(128, address...), "2001:db8:1:2:3:4:5:6/128"},
		{"the whole Internet", attrFramedIPv6Prefix, value(0), ""},
		{"half the Internet", attrDelegatedPrefix, value(1, 0x20), ""},
		{"a network operator's /31", attrDelegatedPrefix, value(31, address...), ""},
		{"a length beyond the address", attrFramedIPv6Prefix, value(129, address...), ""},
		{"seventeen octets", attrFramedIPv6Prefix, value(64, append(address[:16:16], 0)...), ""},
		{"no length", attrFramedIPv6Prefix, []byte{0}, ""},
		{"link-local", attrFramedIPv6Prefix, value(64, 0xfe, 0x80), ""},
		{"multicast", attrFramedIPv6Prefix, value(64, 0xff, 0x02), ""},
		{"unspecified", attrFramedIPv6Prefix, value(64), ""},
		{"an address", attrFramedIPv6Addr, address, "2001:db8:1:2:3:4:5:6/128"},
		{"the loopback address", attrFramedIPv6Addr, netip.IPv6Loopback().AsSlice(), ""},
		{"an IPv4 address as IPv6", attrFramedIPv6Addr, netip.MustParseAddr("::ffff:198.51.100.7").AsSlice(), ""},
		{"an address of 15 octets", attrFramedIPv6Addr, address[:15], ""},
	} {
		d := decoded{holdable: hostAddress}
		d.attribute(test.kind, test.value)
		switch got := d.record.Prefixes; {
		case test.want == "" && (len(got) != 0 || d.bad != 1):
			t.Errorf("%s: %v, %d counted; want none and one counted", test.name, got, d.bad)
		case test.want != "" && (len(got) != 1 || got[0] != Prefix{netip.MustParsePrefix(test.want), PrefixKind(test.kind)}):
			t.Errorf("%s: %v, want %s", test.name, got, test.want)
		}
	}
}

func TestFramedIPAddressIsAHostsOrNothing(t *testing.T) {
	for value, want := range map[string]string{
		"198.51.100.7": "198.51.100.7", "100.64.0.1": "100.64.0.1",
		"0.0.0.0": "", "255.255.255.255": "", "255.255.255.254": "", // "not assigned yet"
		"127.0.0.1": "", "224.0.0.5": "", "169.254.1.1": "",
	} {
		d := decodedOf(accounting(t, 1, "Framed-IP-Address="+value))
		if got := d.record.FramedIP; got.IsValid() != (want != "") || want != "" && got.String() != want {
			t.Errorf("Framed-IP-Address %s became %v, want %q", value, got, want)
		}
	}
	if d := decodedOf(accounting(t, 1, "Attr-8=0xc63364")); d.record.FramedIP.IsValid() || d.bad != 1 {
		t.Errorf("three octets became %v", d.record.FramedIP)
	}
	if d := decodedOf(accounting(t, 1, aStart+", Framed-IP-Address=198.51.100.7")); d.record.Conflicts != 0 {
		t.Error("the same address twice is no contradiction")
	}
}

func TestServiceAccountingIsMarked(t *testing.T) {
	for text, want := range map[string]bool{
		aStart: false,
		aStart + `, ERX-Service-Session="GARDEN(20m)"`:                       true,
		aStart + `, Cisco-AVPair="parent-session-id=0000000A"`:               true,
		aStart + `, Cisco-Parent-Session-Id=0000000A`:                        true,
		aStart + `, Attr-26.2352.197=0x30303031`:                             true,
		aStart + `, Attr-26.2352.190=0x0153`:                                 true,
		aStart + `, Cisco-AVPair="connect-progress=LAN Ses Up"`:              false,
		aStart + `, Cisco-Service-Info=NGARDEN`:                              false, // ISG clones: the session's own
		aStart + `, ERX-Virtual-Router-Name=default`:                         false,
		aStart + `, Attr-26.9.83=0x41`:                                       false, // another vendor's 83
		aStart + `, Attr-26=0x0000130a53ff41`:                                false, // inner length lies
		aStart + `, Attr-26=0x0000130a`:                                      false,
		aStart + `, Attr-26=0x0000130a01034153034142`:                        true, // second attribute in one VSA
		aStart + `, Attr-26=0x13`:                                            false,
		aStart + `, Cisco-AVPair="x=y", Cisco-AVPair="parent-session-id=0A"`: true,
	} {
		if d := decodedOf(accounting(t, 1, text)); d.record.Service != want {
			t.Errorf("%s: service %v, want %v", text, d.record.Service, want)
		}
	}
}

func TestAttributesMayBeOfAnyVendor(t *testing.T) {
	filter, err := newAttributeFilter(radiusx.Builtin(), "User-Name", []string{"erx-service-session", "Attr-26.4874.200", "Class"})
	if err != nil {
		t.Fatal(err)
	}
	packet := accounting(t, 1, aStart+`, ERX-Service-Session=S1, ERX-Virtual-Router-Name=vr, Attr-26.4874.200=0x01, Mikrotik-Realm=r, Class=0x02, Acct-Input-Octets=9`)
	var got Record
	filter.fill(&got, packet)
	want := []radiusx.Attribute{
		{Name: "Framed-IP-Address", Value: "198.51.100.7"}, {Name: "ERX-Service-Session", Value: "S1"},
		{Name: "Attr-26.4874.200", Value: "0x01"}, {Name: "Class", Value: "0x02"},
	}
	if diff := cmp.Diff(want, got.Attributes); diff != "" || got.Subscriber != "alice@isp" {
		t.Errorf("subscriber %q, kept (-want +got):\n%s", got.Subscriber, diff)
	}
	if _, err := newAttributeFilter(radiusx.Builtin(), "No-Such", []string{"Nor-This"}); err == nil {
		t.Error("unknown attributes were accepted")
	}
}

func TestEveryStatusAndCounterHasAName(t *testing.T) {
	for s := Start; s <= unassigned; s++ {
		if s.String() == "" || s.String()[0] == 'S' && s != Start && s != Stop {
			t.Errorf("status %d is called %q", int(s), s)
		}
	}
	seen := map[string]bool{}
	for c := range counterCount {
		if c.String() == "" || seen[c.String()] || c.Answered() && c.Dropped() {
			t.Errorf("counter %d is called %q", int(c), c)
		}
		seen[c.String()] = true
	}
	if got := TerminateCause(6).String() + " " + TerminateCause(99).String(); got != "Admin-Reset 99" {
		t.Errorf("causes print as %q", got)
	}
}

func TestFactsPrintForLogs(t *testing.T) {
	nas := NAS{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1"), "bng\n1"}
	for got, want := range map[string]string{
		nas.String():                `NAS-IP-Address=192.0.2.1 NAS-IPv6-Address=2001:db8::1 NAS-Identifier="bng\n1"`,
		NAS{}.String():              "unnamed NAS",
		FromDelay.String():          "Acct-Delay-Time",
		FromEventTimestamp.String(): "Event-Timestamp",
		FramedPrefix.String():       "Framed-IPv6-Prefix",
		DelegatedPrefix.String():    "Delegated-IPv6-Prefix",
		FramedAddress.String():      "Framed-IPv6-Address",
		PrefixKind(1).String():      "PrefixKind(1)",
		Counter(-1).String():        "Counter(-1)",
		Status(99).String():         "Status(99)",
		InterimUpdate.String():      "Interim-Update",
	} {
		if got != want {
			t.Errorf("printed %q, want %q", got, want)
		}
	}
}

func TestAPrintedClientShowsNoSecret(t *testing.T) {
	if printed := fmt.Sprintf("%+v", Client{Secret: secret(t, testSecret)}); strings.Contains(printed, testSecret) {
		t.Errorf("printed as %s", printed)
	}
}

func decodedOf(packet []byte) *decoded {
	d := &decoded{}
	d.read(packet, hostAddress)
	return d
}

// hostAddress is a Config.Holdable.
func hostAddress(p netip.Prefix) (why string, ok bool) {
	a := p.Addr()
	if a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() || a.IsLinkLocalUnicast() || a.Is4In6() || a.Is6() && p.Bits() < 32 {
		return "is no host's", false
	}
	return "", true
}
