package bng

import (
	"net/netip"
	"strings"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

// NameOf names the BNG that calls itself so, or its redundancy group, by the same
// rules as accounting; one that is not configured has a name all the same. Invalid
// or empty: unknown; the result is empty if both are, or identify nothing.
func (f *Fleet) NameOf(ip netip.Addr, identifier string) string {
	nas := nasOf(ip, identifier)
	m, how := f.identify(nas, ip)
	if how == unidentified {
		return ""
	}
	if m != nil && how == identified {
		return m.SessionsUnder()
	}
	return nameOf(nil, nas, netip.Addr{})
}

func nasOf(ip netip.Addr, identifier string) acct.NAS {
	nas := acct.NAS{Identifier: identifier}
	if ip.Is4() {
		nas.IP = ip
	} else {
		nas.IPv6 = ip
	}
	return nas
}

// NASOf lists how the BNG of that name, or the BNGs of that group, call
// themselves.
func (f *Fleet) NASOf(bng string) (ips []netip.Addr, identifiers []string) {
	members := f.membersOf(bng)
	if len(members) == 0 {
		name, is := strings.CutPrefix(bng, unconfigured)
		if ip, err := netip.ParseAddr(name); is && err == nil {
			return []netip.Addr{ip}, nil
		}
		if identifier, err := quarantine.UnescapeName(name); is && err == nil {
			return nil, []string{identifier}
		}
		return nil, nil
	}
	for _, m := range members {
		for _, nas := range m.NAS {
			if nas.IP.IsValid() {
				ips = append(ips, nas.IP)
			} else {
				identifiers = append(identifiers, nas.Identifier)
			}
		}
	}
	return ips, identifiers
}
