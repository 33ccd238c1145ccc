package acct

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// timed sets the times of a decoded record that arrived at now, as its sender's
// first one.
func timed(d *decoded, now time.Time, maxAge time.Duration) Record {
	s := &Server{config: Config{MaxAge: maxAge, BNGOf: func(*Record) string { return "" }}, clocks: newClocks(maxAge)}
	d.record.Client, d.record.From, d.record.Arrived = &Client{}, bngAddr, now
	s.at(&d.record, d)
	return d.record
}

func TestEventTimeOfASingleRecord(t *testing.T) {
	now := time.Unix(1_800_000_000, 500_000_000)
	const maxAge, none, certain = 24 * time.Hour, 1000 * time.Hour, time.Hour
	const half = 500 * time.Millisecond
	for _, test := range []struct {
		name         string
		event        time.Duration // Event-Timestamp as distance from now's whole second
		delay        time.Duration
		want, latest time.Duration // distance from now
		source       TimeSource
		absurd       int
	}{
		{"neither attribute", none, 0, 0, certain, FromDelay, 0},
		{"only a delay", none, 40 * time.Second, -40 * time.Second, certain, FromDelay, 0},
		{"a delay beyond all reason", none, 1 << 31 * time.Second, -maxAge, 0, FromDelay, 1},
		{"a delay beyond all reason beside a timestamp", -3 * time.Second, 1 << 31 * time.Second, -3*time.Second - half, certain,
			FromEventTimestamp, 1},
		{"a timestamp", -3 * time.Second, 0, -3*time.Second - half, certain, FromEventTimestamp, 0},
		{"a timestamp that its delay explains", -90 * time.Second, 89 * time.Second, -90*time.Second - half, certain,
			FromEventTimestamp, 0},
		{"a record that was sent again", -9 * time.Second, 0, -9*time.Second - half, 0, FromEventTimestamp, 0},
		{"a timestamp long before its arrival", -5 * time.Hour, 7 * time.Second, -5*time.Hour - half, -7 * time.Second,
			FromEventTimestamp, 0},
		{"a clock a little ahead", 3 * time.Second, 0, 0, certain, FromEventTimestamp, 0},
		{"a clock far ahead", time.Minute, 7 * time.Second, -7 * time.Second, certain, FromDelay, 0},
		{"a clock far ahead, and no delay", time.Minute, 0, -DirectUnreportedDelay, 0, FromDelay, 0},
		{"a clock ahead by what the record waited", 0, time.Hour, -time.Hour, certain, FromDelay, 0},
		{"a clock that was never set", -48 * time.Hour, 7 * time.Second, -7 * time.Second, certain, FromDelay, 1},
		{"a clock that was never set, and no delay", -48 * time.Hour, 0, -maxAge, 0, FromDelay, 1},
	} {
		d := decoded{delay: test.delay, hasDelay: test.delay > 0}
		if test.event != none {
			d.eventTime = now.Truncate(time.Second).Add(test.event)
		}
		r := timed(&d, now, maxAge)
		latest := certain
		if !r.Latest.IsZero() {
			latest = r.Latest.Sub(now)
		}
		if r.At.Sub(now) != test.want || latest != test.latest || r.AtSource != test.source || d.implausible != test.absurd {
			t.Errorf("%s: %v to %v by %v, %d absurd; want %v to %v by %v, %d", test.name,
				r.At.Sub(now), latest, r.AtSource, d.implausible, test.want, test.latest, test.source, test.absurd)
		}
	}
}

// course is records of one clock on one way, one after the other.
type course struct {
	t       *testing.T
	clock   clock
	now     time.Time
	relayed bool
	counts  bool
	random  *rand.Rand
	seed    uint64
}

func newCourse(t *testing.T) *course {
	seed := uint64(time.Now().UnixNano())
	return &course{t: t, now: time.Unix(1_800_000_000, 0), random: rand.New(rand.NewPCG(seed, 0)), seed: seed}
}

// record is one of an event that was waited ago, stamped by a clock that is
// behind by off, with what of the waiting its sender counts. The network takes
// up to 300 ms.
func (c *course) record(off, waited, counted time.Duration) estimate {
	arrived := c.now.Add(time.Duration(c.random.IntN(300)) * time.Millisecond)
	event := c.now.Add(-waited)
	j := c.clock.estimate(observation{
		arrived: arrived, delay: counted.Truncate(time.Second), counts: c.counts, relayed: c.relayed,
		stamp: event.Add(-off).Truncate(time.Second),
	}, 168*time.Hour)
	// Whatever the clock: the event lies in what is said of it, give or take what
	// times in whole seconds and the network leave open. Nothing can be known of what
	// nobody counted where the clock is ahead or years behind.
	latest := j.latest
	if latest.IsZero() {
		latest = j.at
	}
	const slack = 6 * time.Second
	if uncounted := waited - counted; (uncounted < slack || off >= -slack && off < 167*time.Hour) &&
		(event.Before(j.at.Add(-slack)) || event.After(latest.Add(slack))) {
		c.t.Errorf("seed %d: an event of %v is said to be between %v and %v (off %v, waited %v, counted %v)", c.seed, event, j.at,
			latest, off, waited, counted)
	}
	return j
}

// every sends n records apart by gap and returns how often each judgement came.
func (c *course) every(gap time.Duration, n int, off, waited, counted func(i int) time.Duration) map[clockFault]int {
	came := map[clockFault]int{}
	for i := range n {
		c.now = c.now.Add(gap)
		came[c.record(off(i), waited(i), counted(i)).fault]++
	}
	return came
}

func always(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }

func (c *course) want(what string, came map[clockFault]int, faults ...clockFault) {
	c.t.Helper()
	for fault, n := range came {
		if !containsFault(faults, fault) {
			c.t.Errorf("seed %d: %s: %d records judged %d; all: %v", c.seed, what, n, fault, came)
		}
	}
}

func containsFault(all []clockFault, one clockFault) bool {
	for _, f := range all {
		if f == one {
			return true
		}
	}
	return false
}

func TestClocks(t *testing.T) {
	zero := always(0)
	t.Run("right", func(t *testing.T) {
		c := newCourse(t)
		c.want("all", c.every(7*time.Second, 500, zero, zero, zero), clockTrusted)
	})
	for name, off := range map[string]time.Duration{
		"local time as UTC, west": 5 * time.Hour, "Newfoundland": 150 * time.Minute, "some time": 4*time.Hour + 7*time.Minute +
			11*time.Second,
		"four days": 96 * time.Hour, "set to 2008": 18 * 365 * 24 * time.Hour, "eleven seconds": 11 * time.Second,
	} {
		t.Run("behind: "+name, func(t *testing.T) {
			c := newCourse(t)
			if off < 168*time.Hour {
				c.want("before it is known", c.every(20*time.Second, 15, always(off), zero, zero), clockContradictory)
			}
			c.every(20*time.Second, 5, always(off), zero, zero)
			c.want("once it is known", c.every(20*time.Second, 100, always(off), zero, zero), clockBehind)
			if ahead, certain := c.clock.ahead(); !certain || (ahead+off).Abs() > 2*time.Second {
				t.Errorf("measured %v ahead, certain %t; is %v behind", ahead, certain, off)
			}
			c.want("sent again", c.every(20*time.Second, 1, always(off), always(9*time.Second), zero), clockContradictory, clockBehind)
			c.want("afterwards", c.every(20*time.Second, 20, always(off), zero, zero), clockBehind)
			c.want("set right", c.every(20*time.Second, 20, zero, zero, zero), clockTrusted)
		})
	}
	t.Run("ahead", func(t *testing.T) {
		c := newCourse(t)
		c.want("at once", c.every(20*time.Second, 40, always(-5*time.Hour), zero, zero), clockAhead)
		c.want("late", c.every(20*time.Second, 3, always(-5*time.Hour), always(time.Hour), zero), clockContradictory)
		c.want("late, counted", c.every(20*time.Second, 3, always(-5*time.Hour), always(time.Hour), always(time.Hour)), clockAhead)
		c.want("set right, or late by as much", c.every(20*time.Second, 14, zero, zero, zero), clockContradictory)
		c.every(20*time.Second, 6, zero, zero, zero)
		c.want("set right", c.every(20*time.Second, 40, zero, zero, zero), clockTrusted)
	})
	t.Run("ahead, of a BNG that counts", func(t *testing.T) {
		c := newCourse(t)
		c.counts = true
		c.every(20*time.Second, 40, always(-5*time.Hour), zero, zero)
		c.want("set right", c.every(20*time.Second, 40, zero, zero, zero), clockTrusted)
	})
	t.Run("summer time begins west of Greenwich", func(t *testing.T) {
		c := newCourse(t)
		c.every(20*time.Second, 40, always(5*time.Hour), zero, zero)
		c.want("the first minutes", c.every(20*time.Second, 14, always(4*time.Hour), zero, zero), clockContradictory)
		c.every(20*time.Second, 6, always(4*time.Hour), zero, zero)
		c.want("then", c.every(20*time.Second, 40, always(4*time.Hour), zero, zero), clockBehind)
	})
	t.Run("summer time ends", func(t *testing.T) {
		c := newCourse(t)
		c.every(20*time.Second, 40, always(4*time.Hour), zero, zero)
		c.want("the first minutes", c.every(20*time.Second, 14, always(5*time.Hour), zero, zero), clockContradictory)
		c.every(20*time.Second, 6, always(5*time.Hour), zero, zero)
		c.want("then", c.every(20*time.Second, 40, always(5*time.Hour), zero, zero), clockBehind)
	})
	t.Run("a slow drift", func(t *testing.T) {
		c := newCourse(t)
		came := c.every(time.Minute, 10_000, func(i int) time.Duration { return time.Duration(i) * 10 * time.Millisecond }, zero, zero)
		if came[clockBehind] < 9_000 || came[clockContradictory] > 200 {
			t.Errorf("seed %d: %v", c.seed, came)
		}
	})
	t.Run("four days of records after an outage", func(t *testing.T) {
		for name, take := range map[string]int{"in an hour": 3600, "in five hours": 18_000, "in a day": 86_400} {
			c := newCourse(t)
			c.every(20*time.Second, 40, zero, zero, zero)
			c.now = c.now.Add(96 * time.Hour)
			left := func(i int) time.Duration {
				return time.Duration(float64(96*time.Hour) * (1 - float64(i)/float64(take)))
			}
			c.want(name, c.every(time.Second, take-30, zero, left, zero), clockContradictory)
			c.want(name+", over", c.every(20*time.Second, 20, zero, zero, zero), clockTrusted)
		}
	})
	t.Run("a relay that counts its waiting", func(t *testing.T) {
		c := newCourse(t)
		c.relayed, c.counts = true, true
		left := func(i int) time.Duration { return time.Hour - time.Duration(i)*time.Second }
		c.want("draining", c.every(time.Second, 3600, zero, left, left), clockTrusted)
		c.want("always an hour late", c.every(time.Second, 3600, zero, always(time.Hour), always(time.Hour)), clockTrusted)
		c.every(20*time.Second, 40, always(97*time.Minute), always(time.Hour), always(time.Hour))
		c.want("and a clock that is off", c.every(20*time.Second, 40, always(97*time.Minute), always(time.Hour), always(time.Hour)),
			clockBehind)
	})
	t.Run("a relay that does not count its waiting", func(t *testing.T) {
		c := newCourse(t)
		c.relayed = true
		c.want("always late by the same time", c.every(20*time.Second, 200, zero, always(47*time.Minute), zero), clockContradictory)
		c = newCourse(t)
		c.relayed = true
		c.every(20*time.Second, 40, always(5*time.Hour), zero, zero)
		c.want("a time zone", c.every(20*time.Second, 40, always(5*time.Hour), zero, zero), clockBehind)
	})
	t.Run("records that come twice and thrice", func(t *testing.T) {
		c := newCourse(t)
		again := func(i int) time.Duration { return []time.Duration{0, 0, 3, 0, 9, 0, 0, 30}[i%8] * time.Second }
		c.want("right", c.every(5*time.Second, 400, zero, again, zero), clockTrusted, clockContradictory)
		c = newCourse(t)
		c.every(5*time.Second, 100, always(time.Hour), again, zero)
		came := c.every(5*time.Second, 400, always(time.Hour), again, zero)
		c.want("behind", came, clockBehind, clockContradictory)
		if came[clockBehind] < 200 {
			t.Errorf("seed %d: a few late records make the clock unknown: %v", c.seed, came)
		}
	})
	t.Run("two boxes under one name, of which one is off", func(t *testing.T) {
		c := newCourse(t)
		c.want("all", c.every(5*time.Second, 400, func(i int) time.Duration { return time.Duration(i%2) * time.Hour }, zero, zero),
			clockTrusted, clockContradictory)
	})
	t.Run("stamps at random", func(t *testing.T) {
		c := newCourse(t)
		came := c.every(5*time.Second, 1000, func(int) time.Duration { return time.Duration(c.random.IntN(86_400)) * time.Second },
			zero, zero)
		if came[clockBehind] > 0 {
			t.Errorf("seed %d: %v", c.seed, came)
		}
	})
}

func TestTheClocksAreShownAndBounded(t *testing.T) {
	c := newClocks(168 * time.Hour)
	now := time.Unix(1_800_000_000, 0)
	r := &Record{Client: &Client{Relay: true}, From: bngAddr, NAS: NAS{Identifier: "bng1"}}
	for range 40 {
		now = now.Add(20 * time.Second)
		c.estimate(r, observation{arrived: now, stamp: now.Add(-time.Hour), relayed: true, counts: true},
			func(*Record) string { return "bng1" })
	}
	list := c.list()
	if len(list) != 1 {
		t.Fatalf("%+v", list)
	}
	got := list[0]
	if got.Ahead != -time.Hour || !got.Steady || !got.Off() || got.BNG != "bng1" || !got.Relay || got.Records != 40 ||
		got.Behind+got.Contradictory != 40 || got.Behind == 0 {
		t.Errorf("%+v", got)
	}
	for i := range maxClocks + 10 {
		r.From = netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}), 1)
		c.estimate(r, observation{arrived: now.Add(time.Duration(i) * time.Second), stamp: now}, func(*Record) string { return "" })
	}
	if len(c.list()) != maxClocks {
		t.Errorf("%d clocks are kept", len(c.list()))
	}
}

func TestARecordThatWaitedLongerThanAnEventMayBeOldIsNoNews(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	const maxAge = 168 * time.Hour
	waited := maxAge + time.Hour
	d := decoded{delay: waited, hasDelay: true, eventTime: now.Add(-waited)}
	if r := timed(&d, now, maxAge); !r.At.Equal(now.Add(-maxAge)) || !r.Latest.IsZero() || d.implausible == 0 {
		t.Errorf("at %v before its arrival, latest %v, %d absurd", now.Sub(r.At), r.Latest, d.implausible)
	}
}

// A queue of three hours is worked off by a relay that does not count it; the clock
// is an hour ahead, so what waited an hour seems to come in time.
func TestAKnownClockAheadIsNotSetRightByAQueueThatDrains(t *testing.T) {
	c := newCourse(t)
	c.relayed = true
	c.every(20*time.Second, 40, always(-time.Hour), always(0), always(0))
	c.now = c.now.Add(3 * time.Hour)
	for i := range 1080 {
		c.now = c.now.Add(time.Second)
		waited := 3*time.Hour - time.Duration(i)*10*time.Second
		event := c.now.Add(-waited)
		j := c.record(-time.Hour, waited, 0)
		if j.latest.IsZero() && waited > 10*time.Second && event.Before(j.at.Add(-10*time.Second)) {
			t.Fatalf("waited %v: certain to be at %v, was at %v", waited, j.at, event)
		}
	}
}
