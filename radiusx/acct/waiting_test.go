package acct

import (
	"fmt"
	"testing"
	"time"
)

// way is what comes from one sender to a server that keeps no records.
type way struct {
	server *Server
	client *Client
	now    time.Time
	gap    time.Duration // between two records
}

func newWay(client *Client) *way {
	const maxAge = 168 * time.Hour
	s := &Server{config: Config{MaxAge: maxAge, BNGOf: func(*Record) string { return "" }}, clocks: newClocks(maxAge), lag: newLag()}
	return &way{server: s, client: client, now: time.Unix(1_800_000_000, 0), gap: 20 * time.Second}
}

const unsaid = -1 // no Acct-Delay-Time

// record is one whose event was waited ago. Its stamp is off by so much, ahead > 0,
// unless it has none.
func (w *way) record(waited, delay time.Duration, stamped bool, ahead time.Duration) Record {
	w.now = w.now.Add(w.gap)
	d := decoded{record: Record{Client: w.client, From: bngAddr, Arrived: w.now}}
	if delay != unsaid {
		d.delay, d.hasDelay = delay, true
	}
	if stamped {
		d.eventTime = w.now.Add(ahead - waited)
	}
	w.server.at(&d.record, &d)
	w.server.lag.note(&d.record)
	return d.record
}

// contains reports whether the event may have been at, by what is said of it.
func contains(r *Record, at time.Time) bool {
	return !at.Before(r.At.Add(-clockLimit)) && !at.After(r.NoLaterThan().Add(clockLimit))
}

// A relay that copies what waited for hours, and does not touch Acct-Delay-Time: the
// BNG's own 0, or none at all, arrives.
func TestARelayIsNotTrustedThatNothingWaited(t *testing.T) {
	for _, delay := range []time.Duration{0, unsaid} {
		if r := newWay(&Client{Relay: true}).record(0, delay, false, 0); !r.Latest.IsZero() || r.Undated {
			t.Errorf("a relay that was never late is not taken at its word: %v to %v", r.At, r.Latest)
		}
		for name, clock := range map[string]struct {
			stamped bool
			ahead   time.Duration
		}{
			"a right clock": {true, 0}, "five hours ahead": {true, 5 * time.Hour}, "five hours behind": {true, -5 * time.Hour},
			"ten minutes ahead": {true, 10 * time.Minute}, "never set": {true, -18 * 365 * 24 * time.Hour}, "no clock": {false, 0},
		} {
			t.Run(fmt.Sprint(name, ", delay ", delay), func(t *testing.T) {
				w := newWay(&Client{Relay: true})
				w.record(4*time.Hour, delay, true, 0) // another BNG's, which shows what the relay does
				for i := range 600 {                  // an outage of four hours is worked off
					waited := 4*time.Hour - time.Duration(i)*24*time.Second
					r := w.record(waited, delay, clock.stamped, clock.ahead)
					if clock.stamped && (waited-clock.ahead).Abs() <= clockLimit {
						continue // what agrees with its arrival by chance cannot be told from what is right
					}
					if !contains(&r, w.now.Add(-waited)) {
						t.Fatalf("waited %v: said to be within [%v, %v] before its arrival", waited, w.now.Sub(r.At),
							w.now.Sub(r.NoLaterThan()))
					}
				}
			})
		}
		t.Run(fmt.Sprint("47 minutes late for ever, delay ", delay), func(t *testing.T) {
			w := newWay(&Client{Relay: true})
			for range 200 {
				if r := w.record(47*time.Minute, delay, true, 0); !contains(&r, w.now.Add(-47*time.Minute)) {
					t.Fatalf("said to be within [%v, %v] before its arrival", w.now.Sub(r.At), w.now.Sub(r.NoLaterThan()))
				}
			}
		})
	}
}

// FreeRADIUS' detail reader counts, and is configured so.
func TestARelayThatCountsIsTrusted(t *testing.T) {
	for name, clock := range map[string]struct {
		stamped bool
		ahead   time.Duration
	}{"a right clock": {true, 0}, "ten minutes ahead": {true, 10 * time.Minute}, "no clock": {false, 0}} {
		w := newWay(&Client{Relay: true, UnreportedDelay: time.Minute}) // a clock that was set back meanwhile would be another test
		for i := range 60 {
			waited := time.Hour - time.Duration(i)*time.Minute
			r := w.record(waited, waited, clock.stamped, clock.ahead)
			if !contains(&r, w.now.Add(-waited)) || r.NoLaterThan().Sub(r.At) > time.Minute {
				t.Fatalf("%s, waited %v: said to be within [%v, %v] before its arrival", name, waited, w.now.Sub(r.At),
					w.now.Sub(r.NoLaterThan()))
			}
		}
	}
}

// A BNG tries one server for 10 s, then us.
func TestABNGThatDoesNotCountMayHaveTriedAnother(t *testing.T) {
	for name, test := range map[string]struct {
		client    Client
		before    time.Duration // Acct-Delay-Time of an earlier record
		delay     time.Duration
		waited    time.Duration
		uncertain time.Duration
	}{
		"no delay":                      {Client{}, unsaid, unsaid, 0, 0},
		"no delay, a minute configured": {Client{UnreportedDelay: time.Minute}, unsaid, unsaid, 10 * time.Second, time.Minute},
		"always 0":                      {Client{UnreportedDelay: time.Minute}, 0, 0, 10 * time.Second, time.Minute},
		"it counts":                     {Client{}, unsaid, 10 * time.Second, 10 * time.Second, 0},
		"it counted before":             {Client{}, 3 * time.Second, 0, 0, 0},
		"it counted before, not now":    {Client{UnreportedDelay: time.Minute}, 3 * time.Second, unsaid, 10 * time.Second, time.Minute},
		"as long as is configured":      {Client{UnreportedDelay: 3 * time.Minute}, unsaid, unsaid, 150 * time.Second, 3 * time.Minute},
		"an impossible one is no count": {Client{UnreportedDelay: time.Minute}, 1 << 31 * time.Second, 0, 10 * time.Second, time.Minute},
	} {
		w := newWay(&test.client)
		w.record(0, test.before, false, 0)
		r := w.record(test.waited, test.delay, false, 0)
		if !contains(&r, w.now.Add(-test.waited)) || r.NoLaterThan().Sub(r.At) != test.uncertain {
			t.Errorf("%s: said to be within [%v, %v] before its arrival", name, w.now.Sub(r.At), w.now.Sub(r.NoLaterThan()))
		}
	}
}

// An honest BNG with Event-Timestamp is dated as ever, whether it counts or not.
func TestAStampThatAgreesCostsNoCertainty(t *testing.T) {
	for _, client := range []Client{{}, {Relay: true}, {Relay: true, UnreportedDelay: time.Minute}} {
		for _, delay := range []time.Duration{0, unsaid} {
			w := newWay(&client)
			for range 50 {
				if r := w.record(2*time.Second, delay, true, 0); !r.Latest.IsZero() || !r.At.Equal(w.now.Add(-2*time.Second)) {
					t.Fatalf("%+v, delay %v: %v to %v before its arrival", client, delay, w.now.Sub(r.At), w.now.Sub(r.Latest))
				}
			}
		}
	}
}

// The uncertainty of a clock that is ahead goes once its difference is known.
func TestAClockAheadIsUncertainUntilItIsKnown(t *testing.T) {
	for _, test := range []struct {
		client Client
		most   time.Duration
	}{{Client{}, DirectUnreportedDelay}, {Client{Relay: true}, 168 * time.Hour}, {Client{Relay: true, UnreportedDelay: time.Minute},
		time.Minute}} {
		w := newWay(&test.client)
		for i := range 40 {
			waited := time.Duration(i%4) * 3 * time.Second
			r := w.record(waited, unsaid, true, time.Hour)
			if uncertain := r.NoLaterThan().Sub(r.At); !contains(&r, w.now.Add(-waited)) || i < steadyRecords-1 &&
				uncertain != test.most || i > 30 && uncertain > 2*clockLimit {
				t.Fatalf("record %d, relay %t: said to be within [%v, %v] before its arrival", i, test.client.Relay,
					w.now.Sub(r.At), w.now.Sub(r.NoLaterThan()))
			}
		}
	}
}

// A relay whose records wait an hour hands on that the BNG had to ask it twice.
func TestARetransmissionToARelayDoesNotSayThatItIsInTime(t *testing.T) {
	w := newWay(&Client{Relay: true})
	w.gap = time.Second
	for range 5 {
		w.record(time.Hour, 0, true, 0)
		w.record(time.Hour, 3*time.Second, true, 0)
		w.record(time.Hour, 0, false, 0)
		w.record(time.Hour, 0, true, 3*time.Hour)
		if at, behind := w.server.lag.oldest(w.now); !behind || w.now.Sub(at) < time.Hour {
			t.Fatalf("behind %t, at %v before now", behind, w.now.Sub(at))
		}
	}
}
