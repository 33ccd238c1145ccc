package quarantine

import (
	"net/netip"
	"testing"
)

func TestASubscriberHoldsOnlyWhatASubscriberCanHold(t *testing.T) {
	for prefix, want := range map[string]string{
		"198.51.100.7/32": "", "100.64.0.9/32": "", "10.1.2.3/32": "", "2001:db8::1/128": "", "2001:db8:1::/56": "",
		"2001:db8::/32": "", "fd00::1/128": "",
		"0.0.0.0/32": "is the unspecified address", "::/128": "is the unspecified address", "::/0": "is the unspecified address",
		"127.0.0.1/32": "is a loopback address", "127.255.0.3/32": "is a loopback address", "::1/128": "is a loopback address",
		"224.0.0.1/32": "is a multicast address", "ff02::1/128": "is a multicast address",
		"169.254.7.7/32": "is a link-local address", "fe80::1/128": "is a link-local address", "fe80::/64": "is a link-local address",
		"255.255.255.255/32": "is the broadcast address", "::ffff:198.51.100.7/128": "is an IPv4-mapped IPv6 address",
		"2001::/31": "is shorter than /32",
	} {
		if why, ok := Holdable(netip.MustParsePrefix(prefix)); ok != (want == "") || why != want {
			t.Errorf("%s: %q, want %q", prefix, why, want)
		}
	}
	if _, ok := Holdable(netip.Prefix{}); ok {
		t.Error("a subscriber holds no address at all")
	}
}

func TestAnAddressYetToBeChosenIsUnassigned(t *testing.T) {
	for addr, want := range map[string]bool{
		"0.0.0.0": true, "::": true, "255.255.255.254": true, "255.255.255.255": true, "255.255.255.253": false,
		"198.51.100.7": false, "127.0.0.1": false,
	} {
		if got := Unassigned(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s unassigned: %t, want %t", addr, got, want)
		}
	}
}

func TestAnAddressThatIsNamedIsCheckedLikeOneThatIsHeld(t *testing.T) {
	for addr, want := range map[string]string{
		"198.51.100.7": "", "::ffff:198.51.100.7": "", "2001:db8::1": "", "127.0.0.1": "is a loopback address",
		"::ffff:127.0.0.1": "is a loopback address",
		"fe80::1%eth0":     "carries a zone; give the bare address", "2001:db8::1%eth0": "carries a zone; give the bare address",
		"255.255.255.255": "is the broadcast address", "::": "is the unspecified address",
	} {
		wrong := CheckAddress(netip.MustParseAddr(addr))
		if (wrong == nil) != (want == "") || wrong != nil && wrong.Reason != want {
			t.Errorf("%s: %v, want %q", addr, wrong, want)
		}
	}
}

func TestNobodyIsFoundByWhatThePlanOrNatureExcludes(t *testing.T) {
	plan := AddressPlan{Shared: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/25")},
		Infrastructure: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/26")}}
	for _, c := range []struct {
		at   Place
		want string
	}{
		{Place{Addr: netip.MustParseAddr("192.0.2.200")}, ""},
		{Place{Addr: netip.MustParseAddr("192.0.2.1")}, "the address is infrastructure"},
		{Place{Addr: netip.MustParseAddr("192.0.2.100")}, "the address is shared, and who had it when is not known here"},
		{Place{Addr: netip.MustParseAddr("192.0.2.1"), Space: "lab"}, ""}, // the plan speaks of public addresses
		{Place{Addr: netip.MustParseAddr("127.0.0.1")}, "the address is a loopback address"},
		{Place{Addr: netip.MustParseAddr("127.0.0.1"), Space: "lab"}, "the address is a loopback address"},
		{Place{Addr: netip.MustParseAddr("::ffff:192.0.2.1")}, "the address is infrastructure"},
	} {
		if why, never := plan.Unattributable(c.at); never != (c.want != "") || why != c.want {
			t.Errorf("%s: %q, want %q", c.at, why, c.want)
		}
	}
}
