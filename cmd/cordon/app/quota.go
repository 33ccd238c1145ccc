package app

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Quota is so many in such a time, written "1000/h".
type Quota struct {
	Count int
	Per   time.Duration
}

var quotaUnits = map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour, "d": 24 * time.Hour}

// UnmarshalText implements encoding.TextUnmarshaler.
func (q *Quota) UnmarshalText(text []byte) error {
	count, unit, _ := strings.Cut(string(text), "/")
	n, err := strconv.Atoi(strings.TrimSpace(count))
	per, known := quotaUnits[strings.TrimSpace(unit)]
	if err != nil || n < 1 || !known {
		return fmt.Errorf("%q is no quota: write it as 1000/h (s, m, h or d)", text)
	}
	*q = Quota{Count: n, Per: per}
	return nil
}
