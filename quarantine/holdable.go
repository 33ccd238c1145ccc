package quarantine

import (
	"fmt"
	"net/netip"
)

// MinIPv6Bits is the length of the shortest IPv6 prefix that one subscriber can hold:
// a /32 is the smallest allocation to a whole ISP (RFC 6177, ripe-738).
const MinIPv6Bits = 32

// limitedBroadcast is that of RFC 919; noAddressYet lets the NAS choose (RFC 2865
// section 5.8).
var (
	limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})
	noAddressYet     = netip.AddrFrom4([4]byte{255, 255, 255, 254})
)

// Holdable says whether a subscriber can hold an address (as /32 or /128) or a prefix,
// and if not, why, as the end of a sentence that begins with it: "is a loopback
// address". Whatever says who holds addresses is measured by it, and so is whatever
// asks: a binding of any other could only make an innocent look guilty.
//
// What depends on more than the address is asked elsewhere. A value that says that the
// address is yet to be chosen is [Unassigned]: accounting passes over it and takes the
// rest of the record. What an operator says of his own addresses is
// [AddressPlan.Unattributable]: such addresses are recorded like others, for the plan
// may change, but nobody is found by them. A port block is of a public address only,
// see [Private].
func Holdable(p netip.Prefix) (why string, ok bool) {
	a := p.Addr()
	switch {
	case !p.IsValid():
		return "is no address", false
	case a.Is4In6():
		return "is an IPv4-mapped IPv6 address", false
	case a.IsUnspecified():
		return "is the unspecified address", false
	case a.IsLoopback():
		return "is a loopback address", false
	case a.IsMulticast():
		return "is a multicast address", false
	case a.IsLinkLocalUnicast():
		return "is a link-local address", false
	case a == limitedBroadcast:
		return "is the broadcast address", false
	case a.Is6() && p.Bits() < MinIPv6Bits:
		return fmt.Sprintf("is shorter than /%d", MinIPv6Bits), false
	}
	return "", true
}

// Unassigned reports whether an attribute's address says that none is assigned yet, or
// leaves the choice to the NAS or the user: 0.0.0.0 and ::, 255.255.255.254 and
// 255.255.255.255 (RFC 2865 section 5.8).
func Unassigned(a netip.Addr) bool {
	return a.IsUnspecified() || a == limitedBroadcast || a == noAddressYet
}

// CheckAddress says why an address that a source or a person names cannot be a
// subscriber's; nil if it can. An IPv4-mapped IPv6 address is the IPv4 address in it.
func CheckAddress(a netip.Addr) *FieldError {
	if a.Zone() != "" {
		return &FieldError{"ip", "carries a zone; give the bare address"}
	}
	a = a.Unmap()
	if why, ok := Holdable(netip.PrefixFrom(a, a.BitLen())); !ok {
		return &FieldError{"ip", why}
	}
	return nil
}
