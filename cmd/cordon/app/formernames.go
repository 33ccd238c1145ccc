package app

import (
	"fmt"
	"slices"
	"strings"

	"cordon/quarantine"
)

// bngNames is what the configuration says of names that BNGs do not have any more.
func bngNames(cfg *Config) quarantine.BNGNames {
	names := quarantine.BNGNames{Formerly: map[string]string{}, Members: map[string]string{}, Retired: map[string]string{}}
	for i := range cfg.BNGs {
		b := &cfg.BNGs[i]
		for _, old := range b.Formerly {
			names.Formerly[old], names.Members[old] = groupOf(b), b.Name
		}
	}
	for _, r := range cfg.RetiredBNGs {
		names.Retired[r.Name] = r.Reason
	}
	return names
}

// presentNames is what BNGs and groups are called now.
func presentNames(cfg *Config) map[string]bool {
	present := map[string]bool{}
	for i := range cfg.BNGs {
		present[cfg.BNGs[i].Name], present[groupOf(&cfg.BNGs[i])] = true, true
	}
	return present
}

// checkFormerNames looks whether each name is one BNG's alone, present, former or
// retired.
func checkFormerNames(d *document, cfg *Config) {
	present, former, retired := presentNames(cfg), map[string]string{}, map[string]bool{}
	for i := range cfg.BNGs {
		for n, old := range cfg.BNGs[i].Formerly {
			p := path{"bngs", i, "formerly", n}
			switch {
			case old == "":
				d.fail(p, "must not be empty")
			case present[old]:
				d.fail(p, "%s must not be the name of a BNG or group now", old)
			case former[old] != "":
				d.fail(p, "%s is claimed by %s already", old, former[old])
			}
			former[old] = cfg.BNGs[i].Name
		}
	}
	for i, r := range cfg.RetiredBNGs {
		p := path{"retired_bngs", i}
		switch {
		case r.Name == "" || strings.TrimSpace(r.Reason) == "":
			d.fail(p, "needs name and reason: each case that it ends shows why")
		case present[r.Name]:
			d.fail(p.to("name"), "%s is in bngs", r.Name)
		case former[r.Name] != "":
			d.fail(p.to("name"), "%s is a former name of %s", r.Name, former[r.Name])
		case retired[r.Name]:
			d.fail(p.to("name"), "%s is there twice", r.Name)
		}
		retired[r.Name] = true
	}
}

// calledNow is a hint to whoever wrote the name of a BNG that has another one now,
// or was retired; else empty.
func calledNow(parts *Parts, name string) string {
	if now, renamed := parts.Names.Members[name]; renamed {
		return fmt.Sprintf("; it is called %s now", now)
	}
	if _, retired := parts.Names.Retired[name]; retired {
		return "; it was retired"
	}
	return ""
}

// presentExemptions gives exemptions of BNGs their present names: one that was written
// before a BNG was renamed protects its subscribers still.
func presentExemptions(d *document, cfg *Config, parts *Parts, all []quarantine.Exemption) []quarantine.Exemption {
	known := presentNames(cfg)
	all = slices.Clone(all)
	for i := range all {
		name := all[i].BNG
		if name == "" || known[name] {
			continue
		}
		if now, renamed := parts.Names.Members[name]; renamed {
			all[i].BNG = now
			d.warn(path{"exemptions"}, "bng %s is called %s now; the exemption holds there", name, now)
			continue
		}
		d.warn(path{"exemptions"}, "bng %s is not in bngs%s: the exemption protects nobody", name, calledNow(parts, name))
	}
	return all
}
