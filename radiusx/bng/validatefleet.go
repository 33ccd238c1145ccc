package bng

import (
	"fmt"
	"net/netip"
	"slices"

	"cordon/quarantine"
)

// validateAll checks the BNGs, each and against each other, with their names.
func validateAll(configs []Config) (f quarantine.Faults) {
	roster := quarantine.BNGRoster{BNGs: make([]quarantine.ConfiguredBNG, len(configs))}
	for i := range configs {
		c := &configs[i]
		f = append(f, c.Validate().Under("bngs[%d]", i)...)
		roster.BNGs[i] = quarantine.ConfiguredBNG{Name: c.Name, Group: c.Group, Formerly: c.Formerly}
	}
	return slices.Concat(f, roster.Validate(), ValidateFleet(configs))
}

// ValidateFleet checks the BNGs against each other: those of a redundancy group must
// be able to serve each other's sessions, and no two may name themselves by the same
// address, or the accounting of one could not be distinguished from the other's. (An identifier
// that several have, and addresses that every host has, are no evidence of either; see
// [FleetWarnings]. Names of BNGs are [quarantine.BNGRoster]'s.) Paths begin at the
// configuration: "bngs[1].group".
func ValidateFleet(configs []Config) (f quarantine.Faults) {
	first := map[string]*Config{}
	owners := map[netip.Addr]*Config{}
	for i := range configs {
		c := &configs[i]
		if first[c.Group] == nil {
			first[c.Group] = c
		} else if err := c.mayJoin(first[c.Group]); c.Group != "" && err != nil {
			f = append(f, quarantine.Fault{Path: fmt.Sprintf("bngs[%d].group", i), Err: err})
		}
		for _, nas := range c.names() {
			switch owner := owners[nas.IP]; {
			case !distinctive(nas.IP):
			case owner == nil:
				owners[nas.IP] = c
			case owner != c:
				f = append(f, fault(fmt.Sprintf("bngs[%d].nas", i), "%s must not name itself %s, as %s does", c.Name, nas.IP, owner.Name))
			}
		}
	}
	return f
}

// FleetWarnings are of names under nas that are no evidence of which BNG speaks, and of
// BNGs that nothing tells from others. relayed reports whether a BNG's records come by
// a relay. Paths are as ValidateFleet's.
func FleetWarnings(configs []Config, relayed func(bng string) bool) (w quarantine.Faults) {
	called, at := map[string]int{}, map[netip.Addr]int{}
	for i := range configs {
		at[configs[i].Address]++
		for _, n := range configs[i].NAS {
			called[n.Identifier]++
		}
	}
	for i := range configs {
		c := &configs[i]
		own := c.warnNames(called, at[c.Address] == 1)
		w = append(w, own.warnings.Under("bngs[%d]", i)...)
		path := fmt.Sprintf("bngs[%d]", i)
		switch {
		case !own.distinctive && relayed(c.Name):
			w = append(w, fault(path, "%s has no name of its own, so a relay's records of it are answered and ignored", c.Name))
		case !own.distinctive && len(own.warnings) == 0 && at[c.Address] > 1:
			w = append(w, fault(path, "%s has no name and no address of its own, so nothing distinguishes its records from others'", c.Name))
		}
		if !own.distinctive && c.Via != nil {
			w = append(w, fault(path+".via", "requests through the proxy call %s by its address, as NAS-IP-Address; "+
				"let the proxy take that away where the BNG knows itself by another", c.Name))
		}
	}
	return w
}

// naming is what a BNG's names are worth.
type naming struct {
	distinctive bool // one of them tells it from all others
	warnings    quarantine.Faults
}

// warnNames says which names of a BNG are no evidence. called counts the BNGs that have
// an identifier; byAddress: its address is its alone.
func (c *Config) warnNames(called map[string]int, byAddress bool) (n naming) {
	n.distinctive = len(c.NAS) == 0 && distinctive(c.Address)
	instead := fmt.Sprintf("%s is known by its other names, or by sending from %s itself", c.Name, c.Address)
	if !byAddress {
		instead = "only another name distinguishes it"
	}
	for i, entry := range c.NAS {
		for _, name := range entry.names() {
			switch {
			case !name.Distinctive():
				n.warnings = append(n.warnings, fault(fmt.Sprintf("nas[%d]", i), "%s is every host's and no evidence: %s", name, instead))
			case name.Identifier != "" && called[name.Identifier] > 1:
				n.warnings = append(n.warnings,
					fault(fmt.Sprintf("nas[%d]", i), "%s is the name of several BNGs and no evidence: %s", name, instead))
			default:
				n.distinctive = true
			}
		}
	}
	return n
}
