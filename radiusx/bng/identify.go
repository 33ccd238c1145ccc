package bng

import (
	"net/netip"
	"slices"
	"strings"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

// Which BNG reports. The names in a record are the sender's claim, and samples of
// configurations are copied with the names in them: accel-ppp's says
// nas-identifier=accel-ppp and nas-ip-address=127.0.0.1, on every box. So a name
// counts only if it can be one BNG's alone; without any, the address that the
// record came from identifies a direct sender, and nothing identifies the BNG of a relay's
// record.

// identification is how sure it is which BNG a record is about.
type identification uint8

const (
	identified   identification = iota // the BNG is known
	unknownNAS                         // it names itself, and no BNG is called so
	unidentified                       // nothing in it says which NAS it is
	contradicted                       // its names, or they and its sender, are different BNGs'
)

// distinctive reports whether an address can say which NAS has it.
func distinctive(ip netip.Addr) bool {
	return ip.IsValid() && !ip.IsUnspecified() && !ip.IsLoopback() && !ip.IsLinkLocalUnicast() && !ip.IsMulticast() &&
		ip != netip.AddrFrom4([4]byte{255, 255, 255, 255})
}

// Distinctive reports whether the name can say which NAS has it, as far as can be
// seen of it alone: several may be given the same identifier.
func (n NAS) Distinctive() bool {
	if n.Identifier != "" {
		return true
	}
	return distinctive(n.IP)
}

// parseNAS reads an address attribute; invalid if it is none.
func parseNAS(value string) netip.Addr {
	ip, _ := netip.ParseAddr(value) // what is no address names nobody
	return ip.Unmap()
}

// index makes the BNGs findable, once all are there.
func (f *Fleet) index() {
	owners := map[NAS][]*member{}
	for _, m := range f.bngs {
		for _, nas := range m.NAS {
			if nas.Distinctive() && !slices.Contains(owners[nas], m) {
				owners[nas] = append(owners[nas], m)
			}
		}
		for _, ip := range m.sources() {
			f.sources[ip] = append(f.sources[ip], m)
		}
	}
	for nas, who := range owners {
		switch {
		case len(who) == 1:
			f.nas[nas] = who[0]
		case nas.Identifier != "":
			f.shared[nas.Identifier] = true
		}
	}
	for _, m := range f.bngs {
		m.proxyNames = m.nasAttributes(f.shared)
	}
}

// sources lists the addresses that a BNG's own records come from.
func (m *member) sources() []netip.Addr {
	list := []netip.Addr{m.Address.Unmap()}
	for _, nas := range m.NAS {
		if distinctive(nas.IP) && !slices.Contains(list, nas.IP.Unmap()) {
			list = append(list, nas.IP.Unmap())
		}
	}
	return list
}

// at is the one BNG whose address that is; nil: none, or several.
func (f *Fleet) at(source netip.Addr) *member {
	if who := f.sources[source.Unmap()]; len(who) == 1 {
		return who[0]
	}
	return nil
}

// distinctiveNames leaves out addresses that are every host's.
func distinctiveNames(nas acct.NAS) acct.NAS {
	if !distinctive(nas.IP) {
		nas.IP = netip.Addr{}
	}
	if !distinctive(nas.IPv6) {
		nas.IPv6 = netip.Addr{}
	}
	return nas
}

// identify finds the BNG that calls itself so and whose own packets come from
// source; an invalid source: it is not known, or a relay's.
func (f *Fleet) identify(nas acct.NAS, source netip.Addr) (*member, identification) {
	said := distinctiveNames(nas)
	named := f.claimed(said)
	own := f.at(source)
	switch {
	case len(named) > 1:
		return named[0], contradicted
	case len(named) == 1 && !named[0].is(said):
		return nil, contradicted
	case len(named) == 1 && own != nil && own != named[0]:
		return named[0], contradicted
	case len(named) == 1 && own == nil && source.IsValid() && said != nas && !said.IP.IsValid() && !said.IPv6.IsValid():
		return nil, unidentified // an identifier beside every host's address may be a copy of the BNG's configuration
	case len(named) == 1:
		return named[0], identified
	case own != nil && !own.contradicts(said):
		return own, identified
	case !said.IP.IsValid() && !said.IPv6.IsValid() && (said.Identifier == "" || f.shared[said.Identifier] || said != nas):
		return nil, unidentified // an unknown name beside every host's address is the sample's, too
	}
	return nil, unknownNAS
}

// claimed lists the BNGs that have one of the names for themselves.
func (f *Fleet) claimed(said acct.NAS) (who []*member) {
	for _, name := range []NAS{{IP: said.IP}, {IP: said.IPv6}, {Identifier: said.Identifier}} {
		if m := f.nas[name]; m != nil && !slices.Contains(who, m) {
			who = append(who, m)
		}
	}
	return who
}

// is reports whether one of the names is the BNG's and none contradicts it.
func (m *member) is(said acct.NAS) bool {
	fits, contradicts := m.compare(said)
	return fits && !contradicts
}

// contradicts reports whether the BNG has names of the kind of one said, and not
// that one.
func (m *member) contradicts(said acct.NAS) bool {
	_, contradicts := m.compare(said)
	return contradicts
}

func (m *member) compare(said acct.NAS) (fits, contradicts bool) {
	for _, name := range []struct {
		present bool
		kind    func(NAS) bool // names of the same kind in the configuration
		equal   func(NAS) bool
	}{
		{said.IP.IsValid(), func(n NAS) bool { return n.IP.Is4() && distinctive(n.IP) }, func(n NAS) bool { return n.IP == said.IP }},
		{said.IPv6.IsValid(), func(n NAS) bool { return n.IP.Is6() && distinctive(n.IP) }, func(n NAS) bool { return n.IP == said.IPv6 }},
		{said.Identifier != "", func(n NAS) bool { return n.Identifier != "" },
			func(n NAS) bool { return n.Identifier == said.Identifier }},
	} {
		switch {
		case !name.present:
		case slices.ContainsFunc(m.NAS, name.equal):
			fits = true
		case slices.ContainsFunc(m.NAS, name.kind):
			contradicts = true
		}
	}
	return fits, contradicts
}

// speaker finds the BNG that a record is about, and whether its sender may
// report for it: a relay for the BNGs it is configured for, any other client for
// BNGs within its own prefix, and not for another than the one whose address it
// has.
func (f *Fleet) speaker(r *acct.Record) (bng string, allowed bool) {
	if r.Client.Relay {
		m, how := f.identify(r.NAS, netip.Addr{})
		return nameOf(m, r.NAS, r.From.Addr()), how == identified && slices.Contains(r.Client.RelayFor, m.Name)
	}
	m, how := f.identify(r.NAS, r.From.Addr())
	switch {
	case how == unidentified:
		return unconfigured + r.From.Addr().Unmap().String(), true
	case m == nil:
		ip := distinctiveNames(r.NAS).IP
		return nameOf(nil, r.NAS, r.From.Addr()), !ip.IsValid() || r.Client.Prefix.Contains(ip)
	case how == contradicted:
		return m.Name, false
	}
	return m.Name, slices.ContainsFunc(m.sources(), r.Client.Prefix.Contains)
}

// unidentifiable reports whether a relay's record says nothing of which NAS it is
// about.
func (f *Fleet) unidentifiable(nas acct.NAS) bool {
	_, how := f.identify(nas, netip.Addr{})
	return how == unidentified
}

// nameOf names the BNG that calls itself so, by its own words if it is not configured,
// and by its address if they say nothing.
func nameOf(m *member, nas acct.NAS, sender netip.Addr) string {
	said := distinctiveNames(nas)
	switch {
	case m != nil:
		return m.Name
	case said.IP.IsValid():
		return unconfigured + said.IP.String()
	case said.IPv6.IsValid():
		return unconfigured + said.IPv6.String()
	case said.Identifier != "":
		return unconfigured + quarantine.EscapeName(strings.ReplaceAll(said.Identifier, "/", "_"))
	}
	return unconfigured + sender.Unmap().String()
}
