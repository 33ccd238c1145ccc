package acct

import (
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
