package radiusx

import (
	"fmt"
	"net/netip"

	"layeh.com/radius"
)

// IPv4Addr returns the value of an ipaddr attribute: four octets.
func IPv4Addr(raw radius.Attribute) (netip.Addr, error) {
	if len(raw) != 4 {
		return netip.Addr{}, fmt.Errorf("IPv4 address of %d octets, want 4", len(raw))
	}
	return netip.AddrFrom4([4]byte(raw)), nil
}

// IPv6Addr returns the value of an ipv6addr attribute: sixteen octets.
func IPv6Addr(raw radius.Attribute) (netip.Addr, error) {
	if len(raw) != 16 {
		return netip.Addr{}, fmt.Errorf("IPv6 address of %d octets, want 16", len(raw))
	}
	return netip.AddrFrom16([16]byte(raw)), nil
}

// IPv6Prefix returns the value of an ipv6prefix attribute (RFC 3162 section 2.3): a
// reserved octet, the length in bits, and as many address octets as the length
// needs, or more. Bits beyond the length should be zero; real gear leaves
// them set, so they are masked, not refused. It is an error for the length to
// exceed 128 or the address octets that are there.
func IPv6Prefix(raw radius.Attribute) (netip.Prefix, error) {
	if len(raw) < 2 || len(raw) > 18 {
		return netip.Prefix{}, fmt.Errorf("IPv6 prefix of %d octets, want 2..18", len(raw))
	}
	bits := int(raw[1])
	if bits > 128 || bits > 8*(len(raw)-2) {
		return netip.Prefix{}, fmt.Errorf("IPv6 prefix of %d bits in %d octets", bits, len(raw)-2)
	}
	var octets [16]byte
	copy(octets[:], raw[2:])
	return netip.PrefixFrom(netip.AddrFrom16(octets), bits).Masked(), nil
}
