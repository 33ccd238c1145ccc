package bng

import (
	"net/netip"
	"testing"
	"time"

	"cordon/radiusx/acct"
)

func TestTheClockThatIsFurthestOffIsShown(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	measured := func(bng, from string, ahead, ago time.Duration, contradictory uint64) acct.Clock {
		return acct.Clock{BNG: bng, From: netip.MustParseAddr(from), Ahead: ahead, SeenAt: now.Add(-ago), Records: 10,
			Contradictory: contradictory}
	}
	got := Clocks([]acct.Clock{
		measured("bng1", "192.0.2.1", 2*time.Second, 0, 0),
		measured("bng1", "192.0.2.20", -time.Hour, time.Minute, 7),
		measured("bng1", "192.0.2.21", 9*time.Hour, 48*time.Hour, 1), // no record for two days
		measured("bng2", "192.0.2.2", time.Second, 72*time.Hour, 0),
		measured("", "203.0.113.1", 20*time.Hour, 0, 5),
	}, now)
	if c := got["bng1"]; c.Ahead != -time.Hour || c.From != netip.MustParseAddr("192.0.2.20") || c.Records != 30 || c.Contradictory != 8 {
		t.Errorf("bng1: %+v", c)
	}
	if c := got["bng2"]; c.Ahead != time.Second || len(got) != 2 {
		t.Errorf("%+v", got)
	}
}
