package quarantine

import (
	"cmp"
	"net/netip"
	"regexp"
	"slices"
)

// AddressSpace is a set of addresses that mean something else elsewhere:
// private ones, such as those before a CGN, or pools that overlap.
type AddressSpace struct {
	Name     string         `yaml:"name"`     // lower case, digits and dashes
	Prefixes []netip.Prefix `yaml:"prefixes"` // its addresses
	BNGs     []string       `yaml:"bngs"`     // whose sessions hold them
	Sources  []string       `yaml:"sources"`  // who sees them, and reports them as they are
}

func (s *AddressSpace) has(addr netip.Addr) bool {
	return slices.ContainsFunc(s.Prefixes, func(p netip.Prefix) bool { return p.Contains(addr) })
}

var spaceName = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// ValidateAddressSpaces checks that every address of a space is in that one only, for
// each BNG and each source, and that the BNGs of a redundancy group hold the same
// spaces. Paths begin at the configuration: "address_spaces[0].name", "bngs[1].group".
func ValidateAddressSpaces(spaces []AddressSpace, roster *BNGRoster) Faults {
	var f Faults
	names := uniqueNames{}
	for i := range spaces {
		s := &spaces[i]
		own := s.validate(roster)
		names.check(&own, s.Name)
		for n := range i {
			if clash := s.clashesWith(&spaces[n]); clash != "" {
				own.add("", "must not overlap with address space %s for %s", spaces[n].Name, clash)
			}
		}
		f = append(f, own.Under("address_spaces[%d]", i)...)
	}
	return append(f, validateGroupSpaces(spaces, roster)...)
}

func (s *AddressSpace) validate(roster *BNGRoster) Faults {
	var f Faults
	switch {
	case !spaceName.MatchString(s.Name):
		f.add("name", "invalid name %q: must be lower case, digits and dashes, at most 32", s.Name)
	case len(s.Prefixes) == 0:
		f.add("prefixes", "must not be empty")
	case len(s.BNGs) == 0:
		f.add("bngs", "must not be empty: whose sessions hold these addresses")
	}
	for n, bng := range s.BNGs {
		if err := roster.Check(bng); err != nil {
			f = append(f, Faults{{"", err}}.Under("bngs[%d]", n)...)
		}
	}
	return f
}

// clashesWith names a BNG or source for which an address would be in both spaces.
func (s *AddressSpace) clashesWith(o *AddressSpace) string {
	overlap := slices.ContainsFunc(s.Prefixes, func(p netip.Prefix) bool { return slices.ContainsFunc(o.Prefixes, p.Overlaps) })
	if !overlap {
		return ""
	}
	common := func(kind string, a, b []string) string {
		for _, name := range a {
			if slices.Contains(b, name) {
				return kind + " " + name
			}
		}
		return ""
	}
	return cmp.Or(common("BNG", s.BNGs, o.BNGs), common("source", s.Sources, o.Sources))
}

// validateGroupSpaces checks that the BNGs of a redundancy group hold the same
// addresses: a session goes on with its own on another one.
func validateGroupSpaces(spaces []AddressSpace, roster *BNGRoster) Faults {
	var f Faults
	first := map[string]string{}
	for i, b := range roster.BNGs {
		if b.Group == "" {
			continue
		}
		if first[b.Group] == "" {
			first[b.Group] = b.Name
		}
		for _, s := range spaces {
			if slices.Contains(s.BNGs, b.Name) != slices.Contains(s.BNGs, first[b.Group]) {
				var own Faults
				own.add("group", "address space %s must have %s and %s, or neither: they serve the same sessions", s.Name, b.Name, first[b.Group])
				f = append(f, own.Under("bngs[%d]", i)...)
			}
		}
	}
	return f
}

// NewAddressPlan joins what the configuration says about addresses. A redundancy group
// has its members' address spaces.
func NewAddressPlan(spaces []AddressSpace, attribution *AttributionConfig, roster *BNGRoster) AddressPlan {
	spaces = slices.Clone(spaces)
	for i := range spaces {
		s := &spaces[i]
		s.BNGs = slices.Clone(s.BNGs)
		for n := range roster.BNGs {
			b := &roster.BNGs[n]
			if slices.Contains(s.BNGs, b.Name) && !slices.Contains(s.BNGs, b.SessionBNG()) {
				s.BNGs = append(s.BNGs, b.Group)
			}
		}
	}
	return AddressPlan{Spaces: spaces, Shared: attribution.SharedPrefixes, Infrastructure: attribution.Infrastructure}
}
