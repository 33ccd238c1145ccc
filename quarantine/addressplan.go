package quarantine

import (
	"fmt"
	"net/netip"
	"slices"
)

// AddressPlan is what an operator says about addresses.
type AddressPlan struct {
	Spaces         []AddressSpace
	Shared         []netip.Prefix // held by many at a time, and nobody reports by whom: never attributed
	Infrastructure []netip.Prefix // the operator's own: never attributed
}

// SpaceOf returns the space that an address of a session on a BNG belongs to.
func (p *AddressPlan) SpaceOf(bng string, prefix netip.Prefix) string {
	for _, s := range p.Spaces {
		if slices.Contains(s.BNGs, bng) && s.has(prefix.Addr()) {
			return s.Name
		}
	}
	return ""
}

// Seen returns where an address is that a source reports. A private address
// that is in none of the source's spaces is a *FieldError: nobody can say
// whose it is.
func (p *AddressPlan) Seen(source string, addr netip.Addr) (Place, error) {
	addr = addr.Unmap().WithZone("")
	for _, s := range p.Spaces {
		if slices.Contains(s.Sources, source) && s.has(addr) {
			return Place{addr, s.Name}, nil
		}
	}
	if Private(addr) {
		return Place{}, &FieldError{"ip",
			fmt.Sprintf("%s is a private address, and source %s is in no address space that has it; see address_spaces", addr, source)}
	}
	return Place{Addr: addr}, nil
}

// In returns the place of an address in the named space; "": the only space
// that has it, or the public one. Errors are *FieldError.
func (p *AddressPlan) In(space string, addr netip.Addr) (Place, error) {
	addr = addr.Unmap().WithZone("")
	var found []string
	for _, s := range p.Spaces {
		switch {
		case s.Name == space && !s.has(addr):
			return Place{}, &FieldError{"space", fmt.Sprintf("address space %s does not have %s", space, addr)}
		case s.Name == space:
			return Place{addr, space}, nil
		case s.has(addr):
			found = append(found, s.Name)
		}
	}
	switch {
	case space != "":
		return Place{}, &FieldError{"space", fmt.Sprintf("unknown address space %q", space)}
	case len(found) > 1:
		return Place{}, &FieldError{"space", fmt.Sprintf("%s is in several address spaces, %v: name one", addr, found)}
	case len(found) == 1:
		return Place{addr, found[0]}, nil
	}
	return Place{Addr: addr}, nil
}

// Unattributable says why an address is never attributed to anybody, if it is not: no
// subscriber can hold it, or the plan says that it is infrastructure, or shared.
func (p *AddressPlan) Unattributable(at Place) (reason string, is bool) {
	addr := at.Addr.Unmap()
	if why, ok := Holdable(netip.PrefixFrom(addr, addr.BitLen())); !ok {
		return "the address " + why, true
	}
	if at.Space != "" {
		return "", false
	}
	in := func(list []netip.Prefix) bool {
		return slices.ContainsFunc(list, func(p netip.Prefix) bool { return p.Contains(addr) })
	}
	switch {
	case in(p.Infrastructure):
		return "the address is infrastructure", true
	case in(p.Shared):
		return "the address is shared, and who had it when is not known here", true
	}
	return "", false
}

// sharedAddressSpace is that of RFC 6598, between subscribers and a CGN.
var sharedAddressSpace = netip.MustParsePrefix("100.64.0.0/10")

// Private reports whether an address means something else in every network:
// RFC 1918, RFC 4193, RFC 6598.
func Private(addr netip.Addr) bool { return addr.IsPrivate() || sharedAddressSpace.Contains(addr) }
