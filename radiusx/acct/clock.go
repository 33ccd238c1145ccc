package acct

import "time"

// When a clock is known to be off, and when it is not.
const (
	// clockLimit is how far Event-Timestamp may be from arrival less
	// Acct-Delay-Time before the two contradict each other: both are whole
	// seconds, and a record is repeated a few seconds later with the same ones.
	// It is also how far the differences of one clock lie apart.
	clockLimit = 5 * time.Second

	steadyRecords = 10              // so many records that differ alike
	steadyFor     = 5 * time.Minute // over so long: a queue that drains does not

	// zoneStep divides the distance of every time zone to UTC. See isClock.
	zoneStep = 15 * time.Minute
)

// observation is what a record says of when its event was.
type observation struct {
	arrived time.Time
	delay   time.Duration // Acct-Delay-Time
	counts  bool          // Acct-Delay-Time was there, of a sender that counts
	wait    time.Duration // how long it may have waited beside that, if nothing shows it
	stamp   time.Time     // Event-Timestamp
	relayed bool          // by an AAA server
}

// unexplained is how much earlier the stamp is than arrival and delay say. A clock
// that is ahead makes it negative.
func (s *observation) unexplained() time.Duration { return s.arrived.Add(-s.delay).Sub(s.stamp) }

// counted reports whether the delay is known to say how long the record waited.
func (s *observation) counted() bool { return s.counts && (s.relayed || s.wait == 0) }

// clockFault says what became of an Event-Timestamp.
type clockFault int

const (
	clockTrusted       clockFault = iota
	clockAhead                    // arrival less delay is the time of the event
	clockBehind                   // the same, for the clock is behind by a steady difference
	clockContradictory            // the event was at some moment between stamp, and arrival less delay
)

// estimate is when an event was.
type estimate struct {
	at, latest time.Time // latest: zero if at is certain
	seems      time.Time // the likeliest moment; zero if at is certain
	fault      clockFault
	undated    bool // nothing shows how long it waited, beside the delay
}

// clock measures what one way on which the records of a BNG come makes of its
// Event-Timestamps. Between the stamp, and arrival less Acct-Delay-Time, lies
// what the clock is off, and the time that the record waited where nobody counted
// it. Waiting only adds, and ends: so the least of many differences that agree
// over minutes is the clock's, and what is above it waited.
//
// The zero value is ready. It reads no clock and is not for several goroutines.
type clock struct {
	run  stretch // the differences that agree with each other
	next stretch // larger ones, which replace them when they are steady

	last  time.Duration // the newest difference
	inRun bool          // it is one of run
}

// estimate adds an observation and returns when the event was. maxAge is how old an event
// may be.
func (c *clock) estimate(s observation, maxAge time.Duration) estimate {
	u := s.unexplained()
	c.observe(u, &s)
	arrival, oldest := s.arrived.Add(-s.delay), s.arrived.Add(-maxAge)
	offset, steady := c.offset(&s)
	switch {
	case u.Abs() <= clockLimit && u-offset <= clockLimit:
		return estimate{at: minTime(s.stamp, s.arrived)}
	case steady && u-offset <= clockLimit:
		return estimate{at: arrival, fault: faultOf(u)}
	case steady:
	case u < 0, s.stamp.Before(oldest) && s.counted():
		return uncertain(maxTime(arrival.Add(-s.wait), oldest), arrival, faultOf(u))
	case s.stamp.Before(oldest): // a clock that was never set, or a record that waited so long
		return uncertain(oldest, arrival, clockBehind)
	}
	seems := minTime(maxTime(s.stamp.Add(offset), oldest), arrival)
	j := estimate{at: seems, latest: arrival, seems: seems, fault: clockContradictory}
	if s.relayed && !c.run.steady() { // it waited, and the clock may be ahead all the same
		j.at = minTime(seems, maxTime(arrival.Add(-s.wait), oldest))
	}
	return j
}

// uncertain is what is said of an event that was at some moment of [from, arrival], and
// nothing shows when.
func uncertain(from, arrival time.Time, fault clockFault) estimate {
	j := estimate{at: minTime(from, arrival), fault: fault, undated: true}
	if j.at.Before(arrival) {
		j.latest, j.seems = arrival, arrival
	}
	return j
}

func faultOf(unexplained time.Duration) clockFault {
	if unexplained < 0 {
		return clockAhead
	}
	return clockBehind
}

// observe takes a difference in.
func (c *clock) observe(u time.Duration, s *observation) {
	arrived := s.arrived
	c.last, c.inRun = u, true
	switch {
	case c.run.fits(u):
		c.run.add(u, arrived)
		c.next = stretch{}
		return
	case u < c.run.least(), u.Abs() <= clockLimit && !c.mayHaveWaited(s): // the clock was set, or what waited before waits less
		c.run, c.next = stretch{}, stretch{}
		c.run.add(u, arrived)
		return
	}
	c.inRun = false
	switch {
	case c.next.fits(u):
		c.next.add(u, arrived)
	case u < c.next.least():
		c.next = stretch{}
		c.next.add(u, arrived)
	default: // waited longer still, unless that goes on
		if c.next.skipped++; c.next.skipped > c.next.records() {
			c.next = stretch{}
			c.next.add(u, arrived)
		}
	}
	if c.next.steady() {
		c.run, c.next, c.inRun = c.next, stretch{}, true
	}
}

// mayHaveWaited reports whether a stamp that agrees with its arrival may be that of
// a clock ahead, on a record that waited as long as that: a queue that drains comes
// by that moment.
func (c *clock) mayHaveWaited(s *observation) bool {
	return (s.relayed || !s.counts) && c.run.steady() && c.run.least() < -clockLimit
}

// offset is the difference that is the clock's, 0 if there is none that is known to
// be; steady: it is known.
func (c *clock) offset(s *observation) (offset time.Duration, steady bool) {
	least := c.run.least()
	if !c.run.steady() || least.Abs() <= clockLimit || !isClock(least, s) {
		return 0, false
	}
	return least, true
}

// isClock distinguishes a clock from a relay that is always late by the same time
// and does not count it: one that counts its waiting in Acct-Delay-Time is not, what is ahead
// cannot be, and the commonest fault of a clock is a time zone.
func isClock(offset time.Duration, s *observation) bool {
	if !s.relayed || s.counts || offset < 0 {
		return true
	}
	return (offset+clockLimit)%zoneStep <= 2*clockLimit
}

// ahead is how far the clock seems to be ahead of ours; certain: the differences
// of several minutes agree.
func (c *clock) ahead() (ahead time.Duration, certain bool) {
	if !c.inRun {
		return -c.last, false
	}
	return -c.run.least(), c.run.steady()
}

// stretch is a run of differences that lie within clockLimit of each other, in
// spans of time of which the oldest fall off, so that a clock may drift.
type stretch struct {
	spans   []span // oldest first
	skipped int    // larger ones beside it
}

type span struct {
	from, to time.Time     // arrival of its first and last record
	lo, hi   time.Duration // least and largest difference
	records  int
}

const (
	spanLength = 30 * time.Second
	maxSpans   = 12
)

func (s *stretch) records() (n int) {
	for i := range s.spans {
		n += s.spans[i].records
	}
	return n
}

// least is the smallest difference, 0 if there is none.
func (s *stretch) least() time.Duration {
	lo, _ := s.bounds()
	return lo
}

func (s *stretch) bounds() (lo, hi time.Duration) {
	for i := range s.spans {
		if p := &s.spans[i]; i == 0 {
			lo, hi = p.lo, p.hi
		} else {
			lo, hi = min(lo, p.lo), max(hi, p.hi)
		}
	}
	return lo, hi
}

func (s *stretch) fits(u time.Duration) bool {
	lo, hi := s.bounds()
	return len(s.spans) == 0 || max(hi, u)-min(lo, u) <= clockLimit
}

func (s *stretch) add(u time.Duration, arrived time.Time) {
	if n := len(s.spans); n > 0 && arrived.Sub(s.spans[n-1].from) < spanLength {
		p := &s.spans[n-1]
		p.to, p.lo, p.hi, p.records = maxTime(p.to, arrived), min(p.lo, u), max(p.hi, u), p.records+1
		return
	}
	if len(s.spans) == maxSpans {
		s.spans = append(s.spans[:0], s.spans[1:]...)
	}
	s.spans = append(s.spans, span{arrived, arrived, u, u, 1})
}

func (s *stretch) steady() bool {
	n := len(s.spans)
	return n > 0 && s.records() >= steadyRecords && s.spans[n-1].to.Sub(s.spans[0].from) >= steadyFor
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
