package intake

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"cordon/quarantine"
)

// Source is what is agreed with one source of verdicts.
type Source struct {
	MaxAge time.Duration // oldest event accepted; above 0
	Quota  Quota         // zero: none
}

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
	// Default is for every source that is not listed. Its quota is one for all of
	// them together, so that made-up names gain nothing.
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

// gates hold sources to their quotas.
type gates struct {
	config Config
	mu     sync.Mutex
	gate   map[string]*rate.Limiter // guarded by mu; "" is that of all unlisted sources
}

func newGates(c Config) *gates { return &gates{config: c, gate: map[string]*rate.Limiter{}} }

// agreed returns what is agreed with the source.
func (g *gates) agreed(source string) Source {
	if s, ok := g.config.Sources[source]; ok {
		return s
	}
	return g.config.Default
}

// take asks for room for one verdict of the source at now. If there is none it
// returns how long to wait. undo gives the room back.
func (g *gates) take(source string, now time.Time) (undo func(), wait time.Duration) {
	agreed := g.agreed(source)
	if agreed.Quota == (Quota{}) {
		return func() {}, 0
	}
	place := g.limiter(source, agreed.Quota).ReserveN(now, 1)
	if wait = place.DelayFrom(now); wait > 0 {
		place.CancelAt(now)
	}
	return func() { place.CancelAt(now) }, wait
}

func (g *gates) limiter(source string, q Quota) *rate.Limiter {
	if _, listed := g.config.Sources[source]; !listed {
		source = ""
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	l, ok := g.gate[source]
	if !ok {
		l = rate.NewLimiter(rate.Limit(float64(q.Count)/q.Per.Seconds()), q.Count)
		g.gate[source] = l
	}
	return l
}
