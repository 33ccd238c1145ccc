package quarantine

import (
	"net/netip"
	"slices"
	"time"
)

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

// Exemption keeps subscribers from automatic restriction: a matching case is
// held for a person. Exactly one of Subscriber, Prefix and BNG is set.
type Exemption struct {
	Subscriber string       `yaml:"subscriber"`
	Prefix     netip.Prefix `yaml:"prefix"`
	BNG        string       `yaml:"bng"`
	Reason     string       `yaml:"reason"`
	Review     Date         `yaml:"review"` // when a person should look at it again; it goes on holding
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

// Exempt returns the first exemption that covers the subscriber, the address
// that was reported (invalid if none was), or any address or BNG of its sessions.
func Exempt(exemptions []Exemption, subscriber string, reported netip.Addr, sessions []Session) (Exemption, bool) {
	for _, e := range exemptions {
		if e.covers(subscriber, reported, sessions) {
			return e, true
		}
	}
	return Exemption{}, false
}

func (e *Exemption) covers(subscriber string, reported netip.Addr, sessions []Session) bool {
	if e.Subscriber != "" {
		return e.Subscriber == subscriber
	}
	if e.Prefix.IsValid() && e.Prefix.Contains(reported) {
		return true
	}
	return slices.ContainsFunc(sessions, func(s Session) bool {
		if e.BNG != "" {
			return s.On(e.BNG)
		}
		return slices.ContainsFunc(s.Addresses, func(a Address) bool { return e.Prefix.Overlaps(a.Prefix) })
	})
}

// Date is a calendar day, written 2027-01-01.
type Date struct{ time.Time }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Date) UnmarshalText(text []byte) error {
	t, err := time.Parse(time.DateOnly, string(text))
	d.Time = t
	return err
}

// MarshalText implements encoding.TextMarshaler.
func (d Date) MarshalText() ([]byte, error) { return []byte(d.Format(time.DateOnly)), nil }
