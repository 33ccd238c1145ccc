package intake

import (
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"cordon/quarantine"
)

// Source is the configuration of one source of verdicts.
type Source struct {
	MaxAge time.Duration // oldest event accepted; must be > 0
	Quota  Quota         // zero: [DefaultQuota]
}

// DefaultQuota is that of a source without one.
var DefaultQuota = Quota{100_000, time.Hour}

// Quota is a token bucket: Count verdicts per period, all of which may be submitted at
// once; it refills evenly over the period.
type Quota struct {
	Count int
	Per   time.Duration
}

// quotaUnits are the units of a quota's period.
var quotaUnits = map[time.Duration]string{time.Second: "s", time.Minute: "m", time.Hour: "h", 24 * time.Hour: "d"}

// UnmarshalText reads "1000/h"; the period is s, m, h or d.
func (q *Quota) UnmarshalText(text []byte) error {
	count, unit, _ := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(count)
	if err == nil && n > 0 {
		for per, name := range quotaUnits {
			if name == unit {
				*q = Quota{n, per}
				return nil
			}
		}
	}
	return fmt.Errorf("invalid quota %q, e.g. 1000/h; units are s, m, h and d", text)
}

// String is the inverse of UnmarshalText; "none" for the zero quota.
func (q Quota) String() string {
	if unit, ok := quotaUnits[q.Per]; ok {
		return strconv.Itoa(q.Count) + "/" + unit
	}
	if q == (Quota{}) {
		return "none"
	}
	return fmt.Sprintf("%d per %s", q.Count, quarantine.FormatDuration(q.Per))
}

// Config is the configuration of the sources.
type Config struct {
	// Addresses is the operator's address plan.
	Addresses quarantine.AddressPlan
	// Sources by name.
	Sources map[string]Source
	// Default applies to each source that is not listed. Together they have four times
	// that quota, and MaxUnlisted names an hour, so that invented names gain little.
	Default Source
	// Now is the clock; nil: time.Now.
	Now func() time.Time
}

// Validate reports every fault, joined.
func (c Config) Validate() error {
	faults := []error{c.Default.validate("every source")}
	for name, s := range c.Sources {
		faults = append(faults, s.validate(strconv.Quote(name)))
	}
	return errors.Join(faults...)
}

func (s Source) validate(name string) error {
	if s.MaxAge <= 0 {
		return fmt.Errorf("source %s: max_age must be > 0", name)
	}
	if s.Quota != (Quota{}) && (s.Quota.Count <= 0 || s.Quota.Per <= 0) {
		return fmt.Errorf("source %s: quota must have a count and a period > 0", name)
	}
	return nil
}

func (c *Config) setDefaults() {
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Default.Quota == (Quota{}) {
		c.Default.Quota = DefaultQuota
	}
	c.Sources = maps.Clone(c.Sources)
	for name, s := range c.Sources {
		if s.Quota == (Quota{}) {
			s.Quota = DefaultQuota
			c.Sources[name] = s
		}
	}
}
