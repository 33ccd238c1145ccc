package radacct

import (
	"fmt"
	"strings"
	"time"
)

// Layouts of databases and of RFC 3339: with an offset, and without.
var (
	withOffset    = []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999Z07:00", "2006-01-02 15:04:05.999999999-07", "2006-01-02 15:04:05.999999999 -0700", "2006-01-02 15:04:05.999999999 -0700 MST"}
	withoutOffset = []string{"2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05.999999999"}
)

// earliestStart is before every session that anybody still asks for.
var earliestStart = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

// parseZone reads the zone of times that have no offset: a name of the IANA
// database or an offset such as +02:00; "" is none.
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
		return nil, fmt.Errorf("%q is neither a time zone such as Europe/Berlin nor an offset such as +01:00", text)
	}
	return zone, nil
}

// none reports whether a column is without value, as databases write it.
func none(text string) bool {
	switch text {
	case "", "NULL", "null", `\N`, "0":
		return true
	}
	return strings.HasPrefix(text, "0000-00-00")
}

// parseMoment reads a time; the zero time is none. Without an offset it needs a
// zone, and must name one moment there: an hour is told twice when clocks are
// put back, and not at all when they are put forward.
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
			return wall, fmt.Errorf("%q has no offset; name the zone of such times with tz", text)
		}
		at, err := inZone(wall, zone)
		if err != nil {
			return at, fmt.Errorf("%q %w", text, err)
		}
		return sane(at, text)
	}
	return time.Time{}, fmt.Errorf("%q is no time such as 2026-01-02T15:04:05Z or 2026-01-02 15:04:05", text)
}

func sane(at time.Time, text string) (time.Time, error) {
	if at.Before(earliestStart) {
		return at, fmt.Errorf("%q is before the year 2000", text)
	}
	return at.UTC(), nil
}

// inZone returns the one moment at which clocks of the zone showed wall, which is
// given as if it were UTC.
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
		return wall, fmt.Errorf("never was: clocks were put forward then")
	case 1:
		return found[0], nil
	}
	return wall, fmt.Errorf("was twice: clocks were put back then; export times with an offset")
}
