package intake

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// MaxUnlisted is how many different sources that are not listed may submit verdicts
// within an hour. A client that may name any source could invent one for each verdict,
// and get a share of the queue for each of them.
const MaxUnlisted = 64

// unlistedTogether is how many quotas the unlisted sources share.
const unlistedTogether = 4

// keepName is how long the name of an unlisted source counts.
const keepName = time.Hour

// ThrottledError says that a source is over its quota.
type ThrottledError struct {
	Reason string
	Wait   time.Duration // when to retry
}

func (e *ThrottledError) Error() string { return e.Reason }

// gates enforce the sources' quotas.
type gates struct {
	config   Config
	together *rate.Limiter // of all unlisted sources

	mu       sync.Mutex // guards what follows
	listed   map[string]*rate.Limiter
	unlisted map[string]*gate
}

// gate is that of an unlisted source.
type gate struct {
	limiter *rate.Limiter
	used    time.Time
}

func newGates(c Config) *gates {
	g := &gates{config: c, listed: map[string]*rate.Limiter{}, unlisted: map[string]*gate{}}
	g.together = limiter(Quota{unlistedTogether * c.Default.Quota.Count, c.Default.Quota.Per})
	for name, s := range c.Sources {
		g.listed[name] = limiter(s.Quota)
	}
	return g
}

func limiter(q Quota) *rate.Limiter {
	return rate.NewLimiter(rate.Limit(float64(q.Count)/q.Per.Seconds()), q.Count)
}

// agreed returns the source's configuration.
func (g *gates) agreed(source string) Source {
	if s, ok := g.config.Sources[source]; ok {
		return s
	}
	return g.config.Default
}

// reserve reserves one verdict of the source's quota at now; undo returns it.
func (g *gates) reserve(source string, now time.Time) (undo func(), full *ThrottledError) {
	if l, ok := g.listed[source]; ok {
		return reserveOne(l, now, fmt.Sprintf("source %q is over its quota of %s", source, g.agreed(source).Quota))
	}
	own, full := g.named(source, now)
	if full != nil {
		return nil, full
	}
	quota := g.config.Default.Quota
	undoOwn, full := reserveOne(own, now, fmt.Sprintf("source %q is over its quota of %s", source, quota))
	if full != nil {
		return nil, full
	}
	undoAll, full := reserveOne(g.together, now, fmt.Sprintf("the unlisted sources are over %d times the quota of %s, which they share",
		unlistedTogether, quota))
	if full != nil {
		undoOwn()
		return nil, full
	}
	return func() { undoOwn(); undoAll() }, nil
}

func reserveOne(l *rate.Limiter, now time.Time, reason string) (undo func(), full *ThrottledError) {
	place := l.ReserveN(now, 1)
	if wait := place.DelayFrom(now); wait > 0 {
		place.CancelAt(now)
		return nil, &ThrottledError{reason, wait}
	}
	return func() { place.CancelAt(now) }, nil
}

// named returns the limiter of an unlisted source, unless there are too many names.
func (g *gates) named(source string, now time.Time) (*rate.Limiter, *ThrottledError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	of, ok := g.unlisted[source]
	if !ok {
		if wait := g.makeRoom(now); wait > 0 {
			reason := fmt.Sprintf("more than %d unlisted sources within an hour; list source %q, or bind a token to it", MaxUnlisted, source)
			return nil, &ThrottledError{reason, wait}
		}
		of = &gate{limiter: limiter(g.config.Default.Quota)}
		g.unlisted[source] = of
	}
	of.used = now
	return of.limiter, nil
}

// makeRoom evicts names that were not used for an hour if all are in use, and returns
// how long it is until one can be evicted. g.mu is held.
func (g *gates) makeRoom(now time.Time) (wait time.Duration) {
	if len(g.unlisted) < MaxUnlisted {
		return 0
	}
	wait = keepName
	for name, of := range g.unlisted {
		left := keepName - now.Sub(of.used)
		if left <= 0 {
			delete(g.unlisted, name)
		}
		wait = min(wait, left)
	}
	if len(g.unlisted) < MaxUnlisted {
		return 0
	}
	return wait
}
