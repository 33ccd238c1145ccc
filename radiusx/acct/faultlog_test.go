package acct

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultsAreLoggedOnceAndAgainAfterAnHour(t *testing.T) {
	var c FaultLog
	now := time.Unix(1_800_000_000, 0)
	peer := netip.MustParseAddr("192.0.2.1")
	fault := func(reason, nas string) Fault { return Fault{Reason: reason, Peer: peer, NAS: nas, BNG: nas} }
	c.Note(fault("no_status", "bng1"), 5, now)
	mapped := fault("no_status", "bng1")
	mapped.Peer = netip.MustParseAddr("::ffff:192.0.2.1")
	c.Note(mapped, 1, now)
	c.Note(fault("no_status", "bng2"), 1, now)
	due := c.Due(now)
	slices.SortFunc(due, func(a, b FaultReport) int { return strings.Compare(a.NAS, b.NAS) })
	if len(due) != 2 || due[0] != (FaultReport{fault("no_status", "bng1"), 6}) || due[1] != (FaultReport{fault("no_status", "bng2"), 1}) {
		t.Fatalf("logged %v", due)
	}
	c.Note(fault("no_status", "bng1"), 1, now.Add(time.Minute))
	c.Note(fault("malformed", ""), 1, now.Add(time.Minute))
	if due := c.Due(now.Add(time.Minute)); len(due) != 1 || due[0].Reason != "malformed" {
		t.Errorf("a minute later logged %v", due)
	}
	if due := c.Due(now.Add(time.Hour)); len(due) != 1 || due[0] != (FaultReport{fault("no_status", "bng1"), 1}) {
		t.Errorf("an hour later logged %v", due)
	}
	if c.Due(now.Add(3 * time.Hour)); len(c.known)+len(c.peers) != 0 {
		t.Errorf("%d are remembered after hours of peace", len(c.known))
	}
	counts := c.Counts()
	slices.SortFunc(counts, func(a, b FaultCount) int { return strings.Compare(a.BNG, b.BNG) })
	if want := []FaultCount{{"no_status", "bng1", 7}, {"no_status", "bng2", 1}}; !slices.Equal(counts, want) {
		t.Errorf("counted %v, want %v", counts, want)
	}
}

// Who forges addresses or names must not keep others out of the log, nor take
// memory.
func TestAFloodOfForgedNamesIsBounded(t *testing.T) {
	var c FaultLog
	now := time.Unix(1_800_000_000, 0)
	for i := range 100_000 {
		c.Note(Fault{Reason: "unknown_client", Peer: netip.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)})}, 1, now)
	}
	relay := netip.MustParseAddr("192.0.2.20")
	for i := range 100_000 {
		c.Note(Fault{Reason: "no_session_id", Peer: relay, NAS: fmt.Sprint("nas-", i)}, 1, now)
	}
	c.Note(Fault{Reason: "no_session_id", Peer: netip.MustParseAddr("192.0.2.1"), NAS: "bng1", BNG: "bng1"}, 1, now)
	if len(c.known) > maxFaults || c.peers[relay] > maxPeerFaults+1 {
		t.Errorf("%d remembered, %d of one peer", len(c.known), c.peers[relay])
	}
	if c.known[Fault{Reason: "no_session_id", Peer: netip.MustParseAddr("192.0.2.1"), NAS: "bng1", BNG: "bng1"}] == nil {
		t.Error("the flood keeps a BNG's fault out of the log")
	}
	if due := c.Due(now); len(due) != maxReports {
		t.Errorf("%d logged at once", len(due))
	}
	if counts := c.Counts(); len(counts) != 2 {
		t.Errorf("counted by %v", counts)
	}
}

func TestTheServerNamesReasonPeerAndNAS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newRig(t, &memory{}, func(c *Config) {
			c.BNGOf = func(r *Record) string { return map[string]string{"192.0.2.1": "bng1"}[r.NAS.IP.String()] }
		})
		defer r.stop()
		r.ask(accounting(t, 1, "Acct-Session-Id=1, User-Name=alice, NAS-Identifier=x"))
		r.ask(accounting(t, 2, aStart+`, Alc-Nat-Port-Range="nonsense"`))
		due := r.server.FaultReports()
		slices.SortFunc(due, func(a, b FaultReport) int { return strings.Compare(a.Reason, b.Reason) })
		want := []FaultReport{
			{Fault{"no_status", bngAddr.Addr(), `NAS-Identifier="x"`, ""}, 1},
			{Fault{"port_block_unreadable", bngAddr.Addr(), "NAS-IP-Address=192.0.2.1", "bng1"}, 1},
		}
		if !slices.Equal(due, want) {
			t.Errorf("logged %v, want %v", due, want)
		}
		if got := r.server.Stats(); got[PortBlockUnreadable] != 1 || got[Stored] != 1 {
			t.Errorf("counters %v", got)
		}
	})
}
