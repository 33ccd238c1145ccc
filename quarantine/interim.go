package quarantine

import (
	"fmt"
	"time"
)

// Interim is how often a BNG sends Interim-Updates; 0: none, or not known.
type Interim time.Duration

// Bounds of an interval of renewals. RFC 2869 section 2.1 forbids Interim-Updates more
// often than every minute.
const (
	MinInterim = time.Minute
	MaxInterim = 24 * time.Hour
)

// UnmarshalText reads a duration from MinInterim to MaxInterim, or none.
func (i *Interim) UnmarshalText(text []byte) error {
	if string(text) == "none" {
		*i = 0
		return nil
	}
	d, err := ParseDuration(string(text))
	if err == nil {
		err = checkInterim(d)
	}
	*i = Interim(d)
	if err != nil {
		return fmt.Errorf("%w, or none", err)
	}
	return nil
}

func checkInterim(d time.Duration) error {
	if d < MinInterim || d > MaxInterim {
		return fmt.Errorf("must be from %s to %s", FormatDuration(MinInterim), FormatDuration(MaxInterim))
	}
	return nil
}

// MissedInterims is how many records in a row a BNG must have left out before a
// session or binding is stale.
const MissedInterims = 3

// StaleSince returns when a session or binding that was renewed at seen becomes
// stale, if its BNG renews it that often; zero: never.
func StaleSince(seen time.Time, interim time.Duration) time.Time {
	if interim <= 0 {
		return time.Time{}
	}
	return seen.Add(MissedInterims * interim)
}
