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

// Source is what is agreed with one source of verdicts.
type Source struct {
	MaxAge time.Duration // oldest event accepted; above 0
	Quota  Quota         // zero: [DefaultQuota]
}

// DefaultQuota is that of a source with which none is agreed.
var DefaultQuota = Quota{100_000, time.Hour}

// Quota is how many verdicts a source may hand in; the whole amount may come at
// once, and comes back evenly over the period.
type Quota struct {
	Count int
	Per   time.Duration
}

// quotaUnits are how periods of a quota are written.
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
	return fmt.Errorf("%q is no quota: write it as 1000/h, with s, m, h or d", text)
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

// Config says what is agreed with the sources.
type Config struct {
	// Addresses is what the operator says about addresses.
	Addresses quarantine.AddressPlan
	// Sources by name.
	Sources map[string]Source
	// Default is for every source that is not listed, each on its own. Together they
	// have four times that quota, and MaxUnlisted names an hour, so that made-up names
	// gain little.
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
		return fmt.Errorf("source %s: max_age is above 0", name)
	}
	if s.Quota != (Quota{}) && (s.Quota.Count <= 0 || s.Quota.Per <= 0) {
		return fmt.Errorf("source %s: a quota is so many per period, both above 0", name)
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
