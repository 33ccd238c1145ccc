package quarantine

import (
	"net/netip"
	"time"
)

// AttributionConfig says how a verdict finds its subscriber, and how long what that
// needs is retained.
type AttributionConfig struct {
	Tolerance      Duration       `yaml:"tolerance"`       // how far clocks may differ
	RetryFor       Duration       `yaml:"retry_for"`       // how long an unknown address is looked up again
	MaxAge         Duration       `yaml:"max_age"`         // oldest event accepted
	History        Duration       `yaml:"history"`         // how long ended sessions are retained
	MaxSessions    int            `yaml:"max_sessions"`    // more live sessions than this: held
	SharedPrefixes []netip.Prefix `yaml:"shared_prefixes"` // held by many at a time, and nobody reports by whom
	Infrastructure []netip.Prefix `yaml:"infrastructure"`  // the operator's own addresses
}

// DefaultAttribution is that of a configuration that does not set it.
var DefaultAttribution = AttributionConfig{
	Tolerance: Duration(2 * time.Second), RetryFor: Duration(35 * time.Minute),
	MaxAge: Duration(7 * day), History: Duration(7 * day), MaxSessions: 4,
}

// VerdictRetention is how long verdicts are remembered: longer than the oldest that may
// come again.
func (a *AttributionConfig) VerdictRetention() time.Duration { return a.MaxAge.Std() + day }

// Validate checks the durations and their relations; paths are the keys.
func (a *AttributionConfig) Validate() Faults {
	var f Faults
	if a.Tolerance < 0 {
		f.add("tolerance", "must not be negative")
	}
	for _, d := range []struct {
		key   string
		value Duration
	}{{"retry_for", a.RetryFor}, {"max_age", a.MaxAge}, {"history", a.History}} {
		if d.value <= 0 {
			f.add(d.key, "must be greater than 0")
		}
	}
	if a.History < a.MaxAge {
		f.add("history", "must be at least max_age (%s): who held an address would be forgotten before verdicts are too old", a.MaxAge)
	}
	if a.MaxSessions < 1 {
		f.add("max_sessions", "must be at least 1")
	}
	return f
}
