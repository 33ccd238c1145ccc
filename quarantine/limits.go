package quarantine

import (
	"fmt"
	"maps"
	"slices"
	"time"
)

// Limits bound how many lines may be newly restricted; what is beyond them is
// held for a person; 0 disables a limit. Reaching a limit is evidence
// against the source of the flood, so limits hold, they do not throttle.
//
// A subscriber counts as many as he has live lines (see [Lines]), and one if he
// has none: one decision about a User-Name that many lines share is as much as
// one about each of them.
type Limits struct {
	PerHour          int `yaml:"per_hour"`            // whole ISP
	PerDay           int `yaml:"per_day"`             // whole ISP
	PerBNGPerHour    int `yaml:"per_bng_per_hour"`    // lines on that BNG
	PerSourcePerHour int `yaml:"per_source_per_hour"` // per source of the verdict
}

// DefaultLimits are those of a configuration that sets no limits.
var DefaultLimits = Limits{PerHour: 20, PerDay: 60, PerBNGPerHour: 10, PerSourcePerHour: 10}

// Validate checks the limits; paths are their keys.
func (l Limits) Validate() Faults {
	var f Faults
	for _, limit := range []struct {
		key   string
		value int
	}{
		{"per_hour", l.PerHour}, {"per_day", l.PerDay}, {"per_bng_per_hour", l.PerBNGPerHour}, {"per_source_per_hour", l.PerSourcePerHour},
	} {
		if limit.value < 0 {
			f.add(limit.key, "must not be negative; 0 disables the limit")
		}
	}
	return f
}

// LimitScope is one counter: what is counted, over which window, how many lines
// fit, and how many of them a reservation takes.
type LimitScope struct {
	Key    string        // "hour", "day", "bng:bng1:hour", "source:s1:hour"
	Label  string        // for people: "20 lines per hour"
	Window time.Duration // sliding
	Max    int           // 0: counted, never refused
	Weight int           // lines; below 1 counts as 1
}

// maxUnits bounds what one reservation may take of a counter that refuses less
// than that: no limit that is meant is as large.
const maxUnits = 1000

// Units is what a reservation takes of the counter: its weight, or, where that is
// beyond measure, enough to fill it.
func (s *LimitScope) Units() int { return min(max(s.Weight, 1), max(s.Max+1, maxUnits)) }

// Reservation counts one new restriction in its scopes. ID makes it idempotent:
// the same case and generation counts once, with the weight that was written
// first, however often it is written.
type Reservation struct {
	ID     string
	Scopes []LimitScope
	// Forced counts without asking: a person decided.
	Forced bool
}

// Reserve says what restricting the case, whose subscriber has these sessions,
// must be counted as, and notes it in the case.
func (l Limits) Reserve(c *Case, sessions []Session, forced bool) Reservation {
	c.Counted = linesOn(touchable(sessions))
	return l.reservation(c, c.Counted, forced)
}

// Widen says what a case that restricts already must be counted as once more, by a
// person who means all lines that the subscriber has: as those that are more than it
// was counted as, and notes that. Nil: there are no more. Lines that came on line since
// and were restricted with the others are among them; one that only moved to another
// BNG is not.
func (l Limits) Widen(c *Case, sessions []Session) *Reservation {
	on := linesOn(touchable(sessions))
	further := total(on) - max(1, total(c.Counted))
	if further <= 0 {
		return nil
	}
	counted := maps.Clone(on)
	for bng, lines := range c.Counted {
		on[bng] -= lines
		counted[bng] = max(counted[bng], lines)
	}
	maps.DeleteFunc(on, func(_ string, lines int) bool { return lines <= 0 })
	r := l.reservation(c, on, true)
	for i := range len(r.Scopes) - len(on) { // those of no BNG, which stand first
		r.Scopes[i].Weight = further // less than the sum if nobody was on line, or one moved
	}
	c.Counted = counted
	return &r
}

// total is the lines on all BNGs: one never is on two ([Linked]).
func total(on map[string]int) (lines int) {
	for _, n := range on {
		lines += n
	}
	return lines
}

// linesOn counts the lines on each BNG.
func linesOn(sessions []Session) map[string]int {
	of := map[string][]Session{}
	for _, s := range sessions {
		of[s.BNG] = append(of[s.BNG], s)
	}
	on := map[string]int{}
	for bng, there := range of {
		on[bng] = Lines(there)
	}
	return on
}

// reservation counts so many lines on each BNG. Its scopes of no BNG stand first.
func (l Limits) reservation(c *Case, on map[string]int, forced bool) Reservation {
	lines := total(on)
	scopes := []LimitScope{
		{"hour", fmt.Sprintf("%d lines per hour", l.PerHour), time.Hour, l.PerHour, lines},
		{"day", fmt.Sprintf("%d lines per day", l.PerDay), 24 * time.Hour, l.PerDay, lines},
		{"source:" + c.Source + ":hour", fmt.Sprintf("%d lines per source per hour (%s)", l.PerSourcePerHour, c.Source),
			time.Hour, l.PerSourcePerHour, lines},
	}
	for _, bng := range slices.Sorted(maps.Keys(on)) {
		scopes = append(scopes, LimitScope{
			"bng:" + bng + ":hour", fmt.Sprintf("%d lines per BNG per hour (%s)", l.PerBNGPerHour, bng), time.Hour, l.PerBNGPerHour, on[bng],
		})
	}
	return Reservation{ID: fmt.Sprintf("%s/%d", c.ID, c.Generation), Scopes: scopes, Forced: forced}
}

// LimitError says which limit was full, or has less room than the reservation
// takes. Nothing was written.
type LimitError struct{ Scope LimitScope }

func (e *LimitError) Error() string { return "limit reached: " + e.Reason() }

// Reason names the limit, and how many lines did not fit if they are several.
func (e *LimitError) Reason() string {
	if e.Scope.Weight > 1 {
		return fmt.Sprintf("%s; this subscriber has %d lines", e.Scope.Label, e.Scope.Weight)
	}
	return e.Scope.Label
}
