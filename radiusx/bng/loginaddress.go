package bng

import (
	"net/netip"

	"cordon/quarantine"
)

// loginAddresses are the attributes of an Access-Request by which a BNG reports which
// address the session has or is to have (RFC 2865 section 5.8, RFC 3162, RFC 4818,
// RFC 6911): a hint, which the AAA server's answer may overrule.
var loginAddresses = map[string]quarantine.AddressKind{
	"Framed-IP-Address": quarantine.FramedIP, "Framed-IPv6-Address": quarantine.FramedIPv6Address,
	"Framed-IPv6-Prefix": quarantine.FramedIPv6Prefix, "Delegated-IPv6-Prefix": quarantine.DelegatedIPv6Prefix,
}

// Addresses are those of the log-in; none if they are not known yet.
func (l *LogIn) Addresses() []quarantine.Address {
	var known []quarantine.Address
	for _, a := range l.attributes {
		kind, ok := loginAddresses[a.Name]
		if !ok {
			continue
		}
		if p, ok := hostOrPrefix(a.Value); ok {
			known = append(known, quarantine.Address{Prefix: p, Kind: kind})
		}
	}
	return known
}

// hostOrPrefix reads an address or a prefix that a subscriber can hold.
func hostOrPrefix(text string) (p netip.Prefix, ok bool) {
	if addr, err := netip.ParseAddr(text); err == nil && addr.Zone() == "" {
		p = hostPrefix(addr.Unmap())
	} else if p, err = netip.ParsePrefix(text); err != nil {
		return netip.Prefix{}, false
	}
	p = p.Masked()
	if _, ok = quarantine.Holdable(p); !ok || p.IsSingleIP() && quarantine.Unassigned(p.Addr()) {
		return netip.Prefix{}, false
	}
	return p, true
}
