package quarantine

// VerdictSource is what the configuration says of a source: a sender of verdicts.
type VerdictSource struct {
	Name      string   `yaml:"name"`
	Kind      string   `yaml:"kind"`      // stream | batch; empty: not said
	Operator  string   `yaml:"operator"`  // who runs it, for people
	Class     string   `yaml:"class"`     // own | …, for people
	Tolerance Duration `yaml:"tolerance"` // 0: attribution.tolerance
	MaxAge    Duration `yaml:"max_age"`   // 0: attribution.max_age
}

// ValidateVerdictSources checks the sources of verdicts; maxAge is attribution.max_age.
// Paths begin at the list: "[0].kind".
func ValidateVerdictSources(sources []VerdictSource, maxAge Duration) Faults {
	var f Faults
	names := uniqueNames{}
	for i, s := range sources {
		own := s.validate(maxAge)
		names.check(&own, s.Name)
		f = append(f, own.Under("[%d]", i)...)
	}
	return f
}

func (s *VerdictSource) validate(maxAge Duration) Faults {
	var f Faults
	if s.Name == "" {
		f.add("name", "must be set")
	}
	if s.Kind != "" && s.Kind != "stream" && s.Kind != "batch" {
		f.add("kind", "must be stream or batch")
	}
	if s.Tolerance < 0 {
		f.add("tolerance", "must not be negative")
	}
	switch {
	case s.MaxAge < 0:
		f.add("max_age", "must not be negative")
	case s.MaxAge > maxAge:
		f.add("max_age", "must be at most attribution.max_age (%s)", maxAge)
	}
	return f
}
