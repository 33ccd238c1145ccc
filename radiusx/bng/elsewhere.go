package bng

import (
	"net/netip"
	"slices"
	"strings"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
)

// NameOf names the BNG that calls itself so, by the same rules as accounting; one
// that is not configured has a name all the same. Invalid or empty: not told;
// the answer is empty if neither is.
func (f *Fleet) NameOf(ip netip.Addr, identifier string) string {
	nas := acct.NAS{Identifier: identifier}
	switch {
	case ip.Is4():
		nas.IP = ip
	case ip.IsValid():
		nas.IPv6 = ip
	case identifier == "":
		return ""
	}
	return nameOf(f.find(nas), &acct.Record{NAS: nas})
}

// NASOf lists how the BNG of that name calls itself.
func (f *Fleet) NASOf(bng string) (ips []netip.Addr, identifiers []string) {
	m := f.named[bng]
	if m == nil {
		name, is := strings.CutPrefix(bng, unconfigured)
		if ip, err := netip.ParseAddr(name); is && err == nil {
			return []netip.Addr{ip}, nil
		}
		if is {
			return nil, []string{name}
		}
		return nil, nil
	}
	for _, nas := range m.NAS {
		if nas.IP.IsValid() {
			ips = append(ips, nas.IP)
		} else {
			identifiers = append(identifiers, nas.Identifier)
		}
	}
	return ips, identifiers
}

// Ignores returns what tells sessions that are never touched, of those that were
// learned in another way than by accounting. Without an attribute User-Name the
// subscriber is it.
func (f *Fleet) Ignores(ignore []Ignore) func(*quarantine.Session) bool {
	matchers := make([]matcher, len(ignore))
	for i := range ignore {
		matchers[i] = newMatcher(ignore[i])
	}
	return func(s *quarantine.Session) bool {
		if m := f.named[s.BNG]; m != nil && m.Role == RoleLAC {
			return true
		}
		attributes := identity(s)
		user, _ := radiusx.Find(attributes, "User-Name")
		r := acct.Record{UserName: user, Attributes: attributes}
		return slices.ContainsFunc(matchers, func(m matcher) bool { return m.matches(&r) })
	}
}
