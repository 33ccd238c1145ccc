package radacct

import (
	"fmt"
	"strings"
	"time"
)

// Layouts of databases and of RFC 3339: with an offset, and without.
var (
	withOffset = []string{
		time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07",
		"2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05.999999999 -0700 MST",
	}
	withoutOffset = []string{"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999"}
)

// earliestStart is before every session that is of interest.
var earliestStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// parseZone parses the time zone of times without an offset: an IANA name or an offset
// such as +02:00; "" is none.
func parseZone(text string) (*time.Location, error) {
	if text == "" {
		return nil, nil
	}
	if at, err := time.Parse("Z07:00", text); err == nil {
		_, offset := at.Zone()
		return time.FixedZone(text, offset), nil
	}
	zone, err := time.LoadLocation(text)
	if err != nil || text == "Local" {
		return nil, fmt.Errorf("invalid time zone %q, e.g. Europe/Berlin or +01:00", text)
	}
	return zone, nil
}

// none reports whether a column has no value, as databases write it.
func none(text string) bool {
	switch text {
	case "", "NULL", "null", `\N`, "0":
		return true
	}
	return strings.HasPrefix(text, "0000-00-00")
}

// parseMoment parses a time; the zero time is none. Without an offset it needs a zone,
// and must be unambiguous there: an hour exists twice when clocks are put back, and not
// at all when they are put forward.
func parseMoment(text string, zone *time.Location) (time.Time, error) {
	if none(text) {
		return time.Time{}, nil
	}
	for _, layout := range withOffset {
		if at, err := time.Parse(layout, text); err == nil {
			return sane(at, text)
		}
	}
	for _, layout := range withoutOffset {
		wall, err := time.Parse(layout, text)
		if err != nil {
			continue
		}
		if zone == nil {
			return wall, fmt.Errorf("%q has no offset; set the time zone of such times with tz", text)
		}
		at, err := inZone(wall, zone)
		if err != nil {
			return at, fmt.Errorf("%q %w", text, err)
		}
		return sane(at, text)
	}
	return time.Time{}, fmt.Errorf("invalid time %q, e.g. 2026-01-02T15:04:05Z or 2026-01-02 15:04:05", text)
}

func sane(at time.Time, text string) (time.Time, error) {
	if at.Before(earliestStart) {
		return at, fmt.Errorf("must not be before the year 2000: %q", text)
	}
	return at.UTC(), nil
}

// inZone returns the one time at which clocks of the zone showed wall, which is as if in
// UTC.
func inZone(wall time.Time, zone *time.Location) (time.Time, error) {
	var found []time.Time
	for _, near := range []time.Duration{-24 * time.Hour, 24 * time.Hour} {
		_, offset := wall.Add(near).In(zone).Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if _, is := at.In(zone).Zone(); is == offset && (len(found) == 0 || !found[0].Equal(at)) {
			found = append(found, at)
		}
	}
	switch len(found) {
	case 0:
		return wall, fmt.Errorf("does not exist: clocks were put forward")
	case 1:
		return found[0], nil
	}
	return wall, fmt.Errorf("is ambiguous: clocks were put back; export times with an offset")
}
