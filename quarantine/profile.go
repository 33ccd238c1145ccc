package quarantine

// Profile is a named restriction. Severity orders profiles: a verdict joins an
// open case by raising it to the more severe profile, never by lowering it.
type Profile struct {
	Name     string `yaml:"name" json:"name"`
	Severity int    `yaml:"severity" json:"severity"`
	// Reachable says what a restricted subscriber can still reach, in words for
	// the NOC; emergency calls above all.
	Reachable string `yaml:"reachable" json:"reachable,omitempty"`
}

// Disconnect is the name of the profile that ends the session once per log-in
// instead of changing it. It needs no entry on a BNG.
const Disconnect = "disconnect"

// ValidateProfiles checks the profiles of a configuration; paths begin at the list:
// "[1].name". Warnings are of what works and deserves a person's attention.
func ValidateProfiles(profiles []Profile) (faults, warnings Faults) {
	names := uniqueNames{}
	for i, p := range profiles {
		var f, w Faults
		switch {
		case p.Name == "":
			f.add("name", "must be set")
		case p.Name != Disconnect && p.Reachable == "":
			w.add("reachable", "%s does not say what stays reachable; emergency calls above all", p.Name)
		}
		names.check(&f, p.Name)
		faults, warnings = append(faults, f.Under("[%d]", i)...), append(warnings, w.Under("[%d]", i)...)
	}
	return faults, warnings
}

// ProfilesByName returns the profiles of a configuration by their names.
func ProfilesByName(profiles []Profile) map[string]Profile {
	named := make(map[string]Profile, len(profiles))
	for _, p := range profiles {
		named[p.Name] = p
	}
	return named
}
