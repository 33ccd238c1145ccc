package acct

import (
	"net/netip"
	"sync"
	"time"
)

// Clock is what was measured of a BNG's clock on one of the ways on which its
// accounting comes.
type Clock struct {
	From  netip.Addr // the sender: the BNG, or a relay
	Relay bool       // From is a relay
	NAS   NAS        // as the records name it
	BNG   string     // the configured BNG; empty: none

	Ahead  time.Duration // of ours; negative: behind. Exact to a few seconds
	Steady bool          // the records of several minutes agree on it
	SeenAt time.Time     // when a record with Event-Timestamp came last

	Records       uint64 // with Event-Timestamp, since First
	First         time.Time
	AheadOf       uint64 // of them, those of a clock ahead
	Behind        uint64 // those of a clock that is steadily behind
	Contradictory uint64 // those whose time is uncertain
}

// Off reports whether the clock is off by more than the times of records differ
// anyway, or contradicts their arrival.
func (c *Clock) Off() bool { return c.Ahead.Abs() > clockLimit }

// maxClocks bounds how many clocks are measured; the one that was quiet longest
// goes first.
const maxClocks = 4096

// clocks measures all clocks. Its methods may be called from any goroutine.
type clocks struct {
	maxAge time.Duration

	mu sync.Mutex // guards what follows
	by map[clockKey]*measured
	// counting are the direct BNGs that sent an Acct-Delay-Time other than 0.
	counting map[clockKey]bool
	// delaying are the relays that forwarded a record which was late by its stamp, and
	// did not count that.
	delaying map[netip.Addr]bool
}

type clockKey struct {
	from netip.Addr
	nas  NAS
}

type measured struct {
	clock
	shown Clock
}

func newClocks(maxAge time.Duration) *clocks {
	return &clocks{maxAge: maxAge, by: map[clockKey]*measured{}, counting: map[clockKey]bool{}, delaying: map[netip.Addr]bool{}}
}

// estimate says when the event of a record was that has Event-Timestamp; bngOf names
// the BNG that it is about.
func (c *clocks) estimate(r *Record, s observation, bngOf func(*Record) string) estimate {
	c.mu.Lock()
	defer c.mu.Unlock()
	key := clockKey{r.From.Addr().Unmap(), r.NAS}
	m := c.by[key]
	if m == nil {
		if len(c.by) >= maxClocks {
			c.forget()
		}
		m = &measured{shown: Clock{From: key.from, Relay: r.Client.Relay, NAS: r.NAS, BNG: bngOf(r), First: s.arrived}}
		c.by[key] = m
	}
	j := m.estimate(s, c.maxAge)
	m.shown.count(j.fault, s.arrived)
	if s.relayed && j.fault == clockContradictory && len(c.delaying) < maxClocks {
		c.delaying[key.from] = true
	}
	return j
}

func (c *Clock) count(fault clockFault, now time.Time) {
	c.Records++
	c.SeenAt = now
	switch fault {
	case clockAhead:
		c.AheadOf++
	case clockBehind:
		c.Behind++
	case clockContradictory:
		c.Contradictory++
	}
}

// forget makes room for one.
func (c *clocks) forget() {
	var oldest clockKey
	var at time.Time
	for key, m := range c.by {
		if at.IsZero() || m.shown.SeenAt.Before(at) {
			oldest, at = key, m.shown.SeenAt
		}
	}
	delete(c.by, oldest)
}

func (c *clocks) list() []Clock {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := make([]Clock, 0, len(c.by))
	for _, m := range c.by {
		m.shown.Ahead, m.shown.Steady = m.ahead()
		list = append(list, m.shown)
	}
	return list
}

// at sets when the event of a record was, and counts clocks that are off.
func (s *Server) at(r *Record, d *decoded) {
	r.Delay, r.AtSource = d.delay, FromDelay
	now := observation{arrived: r.Arrived, delay: d.delay, counts: d.hasDelay && r.Client.countsDelay(), stamp: d.eventTime,
		relayed: r.Client.Relay}
	now.wait = s.clocks.unreported(r, d)
	if d.delay > s.config.MaxAge {
		d.implausible++
		r.Delay, now.delay, now.counts, now.wait = 0, 0, false, s.config.MaxAge
		if !d.eventTime.IsZero() && r.Arrived.Add(-d.delay).Sub(d.eventTime).Abs() <= clockLimit { // it has waited so long
			r.At = r.Arrived.Add(-s.config.MaxAge)
			return
		}
	}
	if d.eventTime.IsZero() {
		arrival := r.Arrived.Add(-r.Delay)
		r.date(uncertain(maxTime(arrival.Add(-now.wait), r.Arrived.Add(-s.config.MaxAge)), arrival, clockTrusted))
		d.unstamped = r.Client.Relay && r.Undated && r.Client.UnreportedDelay == 0
		return
	}
	j := s.clocks.estimate(r, now, s.config.BNGOf)
	if d.eventTime.Sub(r.Arrived).Abs() > s.config.MaxAge {
		d.implausible++
	}
	r.date(j)
	switch j.fault {
	case clockAhead:
		s.tally.add(ClockAhead)
	case clockBehind:
		s.tally.add(ClockBehind)
	case clockContradictory:
		s.tally.add(ClockContradictory)
		r.AtSource = FromEventTimestamp
	default:
		r.AtSource = FromEventTimestamp
	}
}

// date sets when the event was.
func (r *Record) date(j estimate) {
	r.At, r.Latest, r.Undated, r.Seems = j.at, j.latest, j.undated && !j.latest.IsZero(), j.seems
}

// unreported is how long the record may have waited before it arrived, beside its
// Acct-Delay-Time, if nothing else shows it. Acct-Delay-Time is the only trace of a
// retransmission (RFC 2866 section 5.2). The Acct-Delay-Time of a BNG without
// Event-Timestamp counts, unless something else is configured. One whose stamp contradicts it says
// 0 as well if it does not count; if it ever sent another value it does. Nor is a
// relay's Acct-Delay-Time that delayed a record without counting it.
func (c *clocks) unreported(r *Record, d *decoded) time.Duration {
	switch {
	case r.Client.Relay && r.Client.UnreportedDelay > 0:
		return r.Client.UnreportedDelay
	case r.Client.Relay && (!d.eventTime.IsZero() || c.delays(r.From.Addr().Unmap())):
		return c.maxAge
	case r.Client.Relay:
		return 0
	case c.counts(clockKey{r.From.Addr().Unmap(), r.NAS}, d):
		return 0
	case r.Client.UnreportedDelay > 0:
		return r.Client.UnreportedDelay
	case d.eventTime.IsZero():
		return 0
	}
	return DirectUnreportedDelay
}

func (c *clocks) delays(relay netip.Addr) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.delaying[relay]
}

// counts reports whether a direct BNG counts the time for which it tries.
func (c *clocks) counts(key clockKey, d *decoded) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if d.hasDelay && d.delay > 0 && d.delay <= c.maxAge && !c.counting[key] {
		if len(c.counting) >= maxClocks {
			clear(c.counting)
		}
		c.counting[key] = true
	}
	return d.hasDelay && c.counting[key]
}
