package quarantine

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration that reads and writes itself as "72h", "7d" or
// "90s" in JSON and YAML.
type Duration time.Duration

// ParseDuration reads Go's duration syntax and whole days ("7d", "1d12h").
func ParseDuration(s string) (time.Duration, error) {
	days, rest, found := strings.Cut(s, "d")
	if !found {
		return parseGo(s, s)
	}
	n, err := strconv.ParseUint(days, 10, 16)
	if err != nil {
		return 0, fmt.Errorf("invalid duration %q: must be like 72h, 30m or 7d", s)
	}
	d := time.Duration(n) * 24 * time.Hour
	if rest == "" {
		return d, nil
	}
	more, err := parseGo(rest, s)
	return d + more, err
}

func parseGo(part, whole string) (time.Duration, error) {
	d, err := time.ParseDuration(part)
	if err != nil {
		return 0, fmt.Errorf("invalid duration %q: must be like 72h, 30m or 7d", whole)
	}
	return d, nil
}

// FormatDuration writes d without needless zero units: "72h", "1h30m", "2s".
func FormatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// String is [FormatDuration].
func (d Duration) String() string { return FormatDuration(time.Duration(d)) }

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Duration) UnmarshalText(text []byte) error {
	parsed, err := ParseDuration(string(text))
	if err == nil {
		*d = Duration(parsed)
	}
	return err
}

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }
