package quarantine

import (
	"net/netip"
	"slices"
)

// Match is what a rule asks of a verdict. What is not named is not asked for.
type Match struct {
	Category      []string       `yaml:"category"`       // any of these
	Source        []string       `yaml:"source"`         // any of these
	MinConfidence *float64       `yaml:"min_confidence"` // 0..1; a verdict without confidence fails it
	Prefix        []netip.Prefix `yaml:"prefix"`         // the verdict's address lies in any of these
}

// Threshold is how much evidence a rule wants before it acts; the zero value
// is content with one verdict. All named amounts must be reached.
type Threshold struct {
	Count   int      `yaml:"count"`   // verdicts
	Sources int      `yaml:"sources"` // distinct sources
	Sum     float64  `yaml:"sum"`     // of confidences; none counts as 0
	Within  Duration `yaml:"within"`  // counted back from the newest event; 0 = the life of the case
}

// Rule turns verdicts that match into a profile for some time.
type Rule struct {
	Name      string    `yaml:"name"`
	Match     Match     `yaml:"match"`
	Threshold Threshold `yaml:"threshold"`
	Profile   string    `yaml:"profile"`
	For       Duration  `yaml:"for"`  // how long the restriction lasts
	Mode      *Mode     `yaml:"mode"` // nil: the overall mode
}

// Policy is the ordered rules; the first that matches decides.
type Policy struct {
	Mode  Mode   `yaml:"mode"`
	Rules []Rule `yaml:"rules"`
}

// Match returns the first rule that matches v.
func (p *Policy) Match(v *Verdict) (*Rule, bool) {
	for i := range p.Rules {
		if p.Rules[i].Match.Matches(v) {
			return &p.Rules[i], true
		}
	}
	return nil, false
}

// EffectiveMode is the weaker of the overall mode and the rule's.
func (p *Policy) EffectiveMode(r *Rule) Mode {
	if r.Mode == nil {
		return p.Mode
	}
	return p.Mode.Weaker(*r.Mode)
}

// Matches reports whether everything that m asks for holds of v.
func (m *Match) Matches(v *Verdict) bool {
	if len(m.Category) > 0 && !slices.Contains(m.Category, v.Category) {
		return false
	}
	if len(m.Source) > 0 && !slices.Contains(m.Source, v.Source) {
		return false
	}
	if m.MinConfidence != nil && (v.Confidence == nil || *v.Confidence < *m.MinConfidence) {
		return false
	}
	return len(m.Prefix) == 0 || slices.ContainsFunc(m.Prefix, func(p netip.Prefix) bool { return p.Contains(v.IP) })
}

// Validate checks the rules. profiles are those that there are, by name; lacking lists
// the BNGs that do not have a profile, nil if every BNG has it. Paths begin at the
// policy: "rules[0].for".
func (p *Policy) Validate(profiles map[string]Profile, lacking func(profile string) []string) Faults {
	var f Faults
	names := uniqueNames{}
	for i := range p.Rules {
		r := &p.Rules[i]
		faults := r.Validate()
		names.check(&faults, r.Name)
		switch _, known := profiles[r.Profile]; {
		case !known:
			faults.add("profile", "unknown profile %q: must be one of profiles", r.Profile)
		case r.Profile != Disconnect:
			for _, bng := range lacking(r.Profile) {
				faults.add("profile", "bng %s has no %s under its profiles", bng, r.Profile)
			}
		}
		f = append(f, faults.Under("rules[%d]", i)...)
	}
	return f
}

// Validate checks what a rule says by itself.
func (r *Rule) Validate() Faults {
	var f Faults
	if r.Name == "" {
		f.add("name", "must be set")
	}
	if r.For <= 0 {
		f.add("for", "must be greater than 0: how long the restriction lasts")
	}
	least := LeastConfidence
	if c := r.Match.MinConfidence; c != nil {
		if !(*c >= 0 && *c <= 1) {
			f.add("match.min_confidence", "must be between 0 and 1")
		}
		least = max(least, *c)
	}
	return append(f, r.Threshold.Validate(least).Under("threshold")...)
}

// Validate checks that a case can remember what the threshold asks for; least is the
// smallest confidence of the verdicts that count.
func (t *Threshold) Validate(least float64) Faults {
	var f Faults
	most := MaxThreshold * least
	switch {
	case t.Count < 0 || t.Sources < 0 || t.Within < 0 || !(t.Sum >= 0):
		f.add("", "amounts must not be negative")
	case t.Count > MaxThreshold:
		f.add("count", "must be at most %d", MaxThreshold)
	case t.Sources > MaxThresholdSources:
		f.add("sources", "must be at most %d", MaxThresholdSources)
	case t.Sum > most:
		f.add("sum", "must be at most %g: %d verdicts of the least confidence that counts, %g (match.min_confidence raises it)",
			most, MaxThreshold, least)
	}
	return f
}
