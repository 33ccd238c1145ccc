package quarantine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// BNGRoster is what the configuration says of BNGs' names: present, former and retired.
type BNGRoster struct {
	BNGs    []ConfiguredBNG
	Retired []RetiredBNG
}

// ConfiguredBNG is what the configuration calls a BNG.
type ConfiguredBNG struct {
	Name     string
	Group    string   // its redundancy group; empty: none
	Formerly []string // what it, or its group, was called before
	Interim  Interim  // how often it renews its sessions
}

// RetiredBNG is a BNG that is gone for good: whatever is still to be restored there
// is not owed any more.
type RetiredBNG struct {
	Name   string `yaml:"name"`
	Reason string `yaml:"reason"` // each case that it ends shows it
}

// SessionBNG is the name that stands as the BNG of its sessions: that of its
// redundancy group, or its own.
func (b *ConfiguredBNG) SessionBNG() string {
	if b.Group != "" {
		return b.Group
	}
	return b.Name
}

// Names returns what the roster says of names that BNGs do not have any more.
func (r *BNGRoster) Names() BNGNames {
	names := BNGNames{Formerly: map[string]string{}, Members: map[string]string{}, Retired: map[string]string{}}
	for i := range r.BNGs {
		b := &r.BNGs[i]
		for _, old := range b.Formerly {
			names.Formerly[old], names.Members[old] = b.SessionBNG(), b.Name
		}
	}
	for _, retired := range r.Retired {
		names.Retired[retired.Name] = retired.Reason
	}
	return names
}

// Check returns nil if a BNG of that name is configured, else an error that says what
// has become of it.
func (r *BNGRoster) Check(name string) error {
	if slices.ContainsFunc(r.BNGs, func(b ConfiguredBNG) bool { return b.Name == name }) {
		return nil
	}
	return fmt.Errorf("unknown BNG %q: must be one of bngs%s", name, r.hint(name))
}

// hint is for whoever wrote a name that a BNG does not have any more; else empty.
func (r *BNGRoster) hint(name string) string {
	names := r.Names()
	if now, renamed := names.Members[name]; renamed {
		return fmt.Sprintf("; it is called %s now", now)
	}
	if _, retired := names.Retired[name]; retired {
		return "; it was retired"
	}
	return ""
}

// present reports whether a BNG or a redundancy group has the name now.
func (r *BNGRoster) present(name string) bool {
	return slices.ContainsFunc(r.BNGs, func(b ConfiguredBNG) bool { return b.Name == name || b.Group != "" && b.Group == name })
}

// Validate checks that each name is one BNG's alone, be it its present, a former or a
// retired one's, and no group's. Paths begin at the configuration: "bngs[0].formerly[1]".
func (r *BNGRoster) Validate() Faults {
	var f Faults
	former := map[string]string{}
	names := uniqueNames{}
	for i := range r.BNGs {
		b := &r.BNGs[i]
		var own Faults
		names.check(&own, b.Name)
		if b.Group != "" && slices.ContainsFunc(r.BNGs, func(o ConfiguredBNG) bool { return o.Name == b.Group }) {
			own.add("group", "%s must not be the name of a BNG", b.Group)
		}
		for n, old := range b.Formerly {
			if err := r.checkFormer(old, former); err != nil {
				own = append(own, Fault{fmt.Sprintf("formerly[%d]", n), err})
			}
			former[old] = b.Name
		}
		f = append(f, own.Under("bngs[%d]", i)...)
	}
	return append(f, r.validateRetired(former)...)
}

// checkFormer checks a former name; former has those of the BNGs before.
func (r *BNGRoster) checkFormer(old string, former map[string]string) error {
	switch {
	case old == "":
		return errors.New("must not be empty")
	case r.present(old):
		return fmt.Errorf("%s must not be the name of a BNG or group now", old)
	case former[old] != "":
		return fmt.Errorf("duplicate former name: %s is one of %s already", old, former[old])
	}
	return nil
}

func (r *BNGRoster) validateRetired(former map[string]string) Faults {
	var f Faults
	names := uniqueNames{}
	for i, b := range r.Retired {
		var own Faults
		switch {
		case b.Name == "" || strings.TrimSpace(b.Reason) == "":
			own.add("", "must have name and reason: each case that it ends shows why")
		case r.present(b.Name):
			own.add("name", "%s must not be in bngs", b.Name)
		case former[b.Name] != "":
			own.add("name", "%s must not be a former name of %s", b.Name, former[b.Name])
		}
		names.check(&own, b.Name)
		f = append(f, own.Under("retired_bngs[%d]", i)...)
	}
	return f
}

// Exemptions gives exemptions of BNGs their present names: one that was written before
// a BNG was renamed protects its subscribers still. Warnings, at the list, are of those
// that were written for another name.
func (r *BNGRoster) Exemptions(exemptions []Exemption) (present []Exemption, warnings Faults) {
	names := r.Names()
	present = slices.Clone(exemptions)
	for i := range present {
		name := present[i].BNG
		if name == "" || r.present(name) {
			continue
		}
		if now, renamed := names.Members[name]; renamed {
			present[i].BNG = now
			warnings.add("", "bng %s is called %s now; the exemption holds there", name, now)
			continue
		}
		warnings.add("", "unknown BNG %q%s: the exemption protects nobody", name, r.hint(name))
	}
	return present, warnings
}
