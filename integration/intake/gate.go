package intake

import (
	"fmt"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// MaxUnlisted is how many different sources that are not listed may hand in verdicts
// within an hour. Whoever may name any source could make a new name up for each
// verdict, and have a share of the queue and of the work for each of them.
const MaxUnlisted = 64

// unlistedTogether is how many quotas the sources that are not listed have in all.
const unlistedTogether = 4

// keepName is for how long a source that is not listed has its name.
const keepName = time.Hour

// ThrottledError says that a source has handed in too many verdicts.
type ThrottledError struct {
	Reason string
	Wait   time.Duration // until there is room for one more, or when to ask again
}

func (e *ThrottledError) Error() string { return e.Reason }

// gates hold sources to their quotas.
type gates struct {
	config   Config
	together *rate.Limiter // of all that are not listed

	mu       sync.Mutex // guards what follows
	listed   map[string]*rate.Limiter
	unlisted map[string]*gate
}

// gate is that of a source that is not listed.
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

// agreed returns what is agreed with the source.
func (g *gates) agreed(source string) Source {
	if s, ok := g.config.Sources[source]; ok {
		return s
	}
	return g.config.Default
}

// take asks for room for one verdict of the source at now. undo gives the room back.
func (g *gates) take(source string, now time.Time) (undo func(), full *ThrottledError) {
	if l, ok := g.listed[source]; ok {
		return reserve(l, now, fmt.Sprintf("source %q is beyond its quota of %s", source, g.agreed(source).Quota))
	}
	own, full := g.named(source, now)
	if full != nil {
		return nil, full
	}
	quota := g.config.Default.Quota
	undoOwn, full := reserve(own, now, fmt.Sprintf("source %q is beyond its quota of %s", source, quota))
	if full != nil {
		return nil, full
	}
	undoAll, full := reserve(g.together, now, fmt.Sprintf("the sources that are not listed are beyond %d times the quota of %s, which they have together", unlistedTogether, quota))
	if full != nil {
		undoOwn()
		return nil, full
	}
	return func() { undoOwn(); undoAll() }, nil
}

func reserve(l *rate.Limiter, now time.Time, reason string) (undo func(), full *ThrottledError) {
	place := l.ReserveN(now, 1)
	if wait := place.DelayFrom(now); wait > 0 {
		place.CancelAt(now)
		return nil, &ThrottledError{reason, wait}
	}
	return func() { place.CancelAt(now) }, nil
}

// named returns the limiter of a source that is not listed, if there may be one more
// name.
func (g *gates) named(source string, now time.Time) (*rate.Limiter, *ThrottledError) {
	g.mu.Lock()
	defer g.mu.Unlock()
	of, ok := g.unlisted[source]
	if !ok {
		if wait := g.makeRoom(now); wait > 0 {
			return nil, &ThrottledError{fmt.Sprintf("more than %d different sources within an hour are not listed; list source %q, or bind a token to it", MaxUnlisted, source), wait}
		}
		of = &gate{limiter: limiter(g.config.Default.Quota)}
		g.unlisted[source] = of
	}
	of.used = now
	return of.limiter, nil
}

// makeRoom forgets names that were not used for an hour if all are taken, and
// returns how long it is until one can be forgotten. g.mu is held.
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
