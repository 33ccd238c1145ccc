package acct

import (
	"net/netip"
	"testing"
	"time"
)

func TestBehindALaggingRelayNothingLaterCanBeSaid(t *testing.T) {
	noon := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	relay, direct := &Client{Relay: true}, &Client{}
	l := newLag()
	note := func(c *Client, arrived, at time.Duration) {
		l.note(&Record{Client: c, Arrived: noon.Add(arrived), At: noon.Add(at)})
	}
	want := func(now time.Duration, oldest time.Duration, behind bool) {
		t.Helper()
		got, lags := l.oldest(noon.Add(now))
		if lags != behind || (behind && !got.Equal(noon.Add(oldest))) {
			t.Errorf("at %s: %s, behind %t; want %s, %t", now, got, lags, noon.Add(oldest), behind)
		}
	}
	note(direct, time.Hour, 0)
	want(time.Hour, 0, false)
	note(relay, time.Hour, time.Second)
	want(time.Hour, time.Second, true)
	note(relay, time.Hour+time.Second, 10*time.Minute)
	want(time.Hour+2*time.Second, 10*time.Minute, true)
	note(&Client{Relay: true}, time.Hour+2*time.Second, 5*time.Minute)
	want(time.Hour+3*time.Second, 5*time.Minute, true)
	note(relay, time.Hour+4*time.Second, time.Hour+3*time.Second)
	want(time.Hour+5*time.Second, 5*time.Minute, true)
	want(time.Hour+2*time.Second+lagLinger, 0, false)
}

func TestALagIsNotOverByRecordsThatDoNotTellWhetherTheyWaited(t *testing.T) {
	noon := time.Unix(1_800_000_000, 0)
	s := &Server{config: Config{MaxAge: 168 * time.Hour, BNGOf: func(*Record) string { return "" }},
		clocks: newClocks(168 * time.Hour), lag: newLag()}
	relay := &Client{Relay: true}
	send := func(nas string, arrived, stamp time.Time) {
		d := decoded{record: Record{Client: relay, From: bngAddr, Arrived: arrived, NAS: NAS{Identifier: nas}}, eventTime: stamp}
		s.at(&d.record, &d)
		s.lag.note(&d.record)
	}
	for i := range 5 {
		now := noon.Add(time.Duration(i) * time.Second)
		send("stamps", now, now.Add(-time.Hour))
		send("ahead by five hours", now, now.Add(4*time.Hour))
		send("does not stamp", now, time.Time{})
	}
	if oldest, behind := s.lag.oldest(noon.Add(5 * time.Second)); !behind || oldest.After(noon.Add(-time.Hour+5*time.Second)) {
		t.Errorf("%v, behind %t", oldest, behind)
	}
}

func TestEachRelayWithinOnePrefixHasAQueueOfItsOwn(t *testing.T) {
	noon := time.Unix(1_800_000_000, 0)
	l, relay := newLag(), &Client{Relay: true}
	note := func(from string, waited time.Duration) {
		l.note(&Record{Client: relay, From: netip.MustParseAddrPort(from), Arrived: noon, At: noon.Add(-waited)})
	}
	note("192.0.2.20:1", time.Hour)
	note("192.0.2.21:1", 0)
	if oldest, behind := l.oldest(noon); !behind || !oldest.Equal(noon.Add(-time.Hour)) {
		t.Errorf("%v, behind %t", oldest, behind)
	}
	note("192.0.2.20:2", 0)
	if oldest, behind := l.oldest(noon); behind {
		t.Errorf("still behind, at %v", oldest)
	}
}
