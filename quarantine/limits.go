package quarantine

import (
	"fmt"
	"time"
)

// Limits bound how many subscribers may be newly restricted; what is beyond
// them is held for a person. A limit of 0 does not exist. Reaching a limit is
// evidence against the source of the flood, so limits hold, they do not
// throttle.
type Limits struct {
	PerHour          int `yaml:"per_hour"`            // whole ISP
	PerDay           int `yaml:"per_day"`             // whole ISP
	PerBNGPerHour    int `yaml:"per_bng_per_hour"`    // per BNG of a live session
	PerSourcePerHour int `yaml:"per_source_per_hour"` // per source of the verdict
}

// DefaultLimits are those of a configuration that does not speak of limits.
var DefaultLimits = Limits{PerHour: 20, PerDay: 60, PerBNGPerHour: 10, PerSourcePerHour: 10}

// LimitScope is one counter: what is counted, over which window, how many fit.
type LimitScope struct {
	Key    string        // "hour", "day", "bng:bng1:hour", "source:s1:hour"
	Label  string        // for people: "20 per hour"
	Window time.Duration // sliding
	Max    int           // 0: counted, never refused
}

// Reservation counts one new restriction in its scopes. ID makes it idempotent:
// the same case and generation counts once, however often it is written.
type Reservation struct {
	ID     string
	Scopes []LimitScope
	// Forced counts without asking: a person decided.
	Forced bool
}

// Reserve says what restricting the case must be counted as.
func (l Limits) Reserve(c *Case, bngs []string, forced bool) Reservation {
	scopes := []LimitScope{
		{"hour", fmt.Sprintf("%d per hour", l.PerHour), time.Hour, l.PerHour},
		{"day", fmt.Sprintf("%d per day", l.PerDay), 24 * time.Hour, l.PerDay},
		{"source:" + c.Source + ":hour", fmt.Sprintf("%d per source per hour (%s)", l.PerSourcePerHour, c.Source), time.Hour, l.PerSourcePerHour},
	}
	for _, bng := range bngs {
		scopes = append(scopes, LimitScope{"bng:" + bng + ":hour", fmt.Sprintf("%d per BNG per hour (%s)", l.PerBNGPerHour, bng), time.Hour, l.PerBNGPerHour})
	}
	return Reservation{ID: fmt.Sprintf("%s/%d", c.ID, c.Generation), Scopes: scopes, Forced: forced}
}

// LimitError says which limit was full. Nothing was written.
type LimitError struct{ Scope LimitScope }

func (e *LimitError) Error() string { return "limit reached: " + e.Scope.Label }
