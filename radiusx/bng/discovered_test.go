package bng

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"cordon/radiusx/acct"
)

func TestNASesThatNobodyConfiguredAreDiscovered(t *testing.T) {
	addr := netip.MustParseAddr
	direct := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.0/24")}
	relay := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.20/32"), Relay: true, RelayFor: []string{"bng2"}}
	now := time.Unix(1_800_000_000, 0)
	a := NewAccounting(testFleet(t), &recorder{}, AccountingConfig{})
	send := func(client *acct.Client, from string, nas acct.NAS, id string) {
		now = now.Add(time.Second)
		a.Handle(t.Context(), []acct.Record{{
			Status: acct.Start, Client: client, From: netip.AddrPortFrom(addr(from), 1646), Arrived: now, At: now, NAS: nas,
			SessionID: id, Subscriber: "alice",
		}})
	}
	for i := range 100 {
		send(relay, "192.0.2.20", acct.NAS{IP: addr("203.0.113.9"), Identifier: "edge-9"}, fmt.Sprint(i%50))
	}
	send(direct, "192.0.2.77", acct.NAS{}, "1")
	send(direct, "192.0.2.1", acct.NAS{IP: addr("192.0.2.1")}, "1")   // configured
	send(direct, "192.0.2.30", acct.NAS{IP: addr("10.9.9.9")}, "1")   // a relay that nobody said is one: refused, and shown
	send(relay, "192.0.2.20", acct.NAS{IP: addr("192.0.2.1")}, "500") // configured, of another relay
	found := a.Discovered()
	if len(found) != 3 {
		t.Fatalf("discovered %+v", found)
	}
	if d := found[0]; d.NAS.Identifier != "edge-9" || !d.Relay || d.Sender != addr("192.0.2.20") || d.Records != 100 ||
		d.Sessions < 45 || d.Sessions > 55 || d.Last.Sub(d.First) != 99*time.Second {
		t.Errorf("the relayed one: %+v", d)
	}
	for i, want := range []struct{ nas, sender string }{{"10.9.9.9", "192.0.2.30"}, {"", "192.0.2.77"}} {
		if d := found[i+1]; d.NAS.IP != parseNAS(want.nas) || d.Sender != addr(want.sender) || d.Relay || d.Records != 1 ||
			d.Sessions != 1 {
			t.Errorf("%+v: %+v", want, d)
		}
	}
}

// Boxes that were set up by the same sample are told apart by their addresses, and
// what they call themselves is nothing to know them by.
func TestNASesWithTheSameNamesAreDiscoveredApart(t *testing.T) {
	addr := netip.MustParseAddr
	a := NewAccounting(testFleet(t), &recorder{}, AccountingConfig{})
	send := func(client *acct.Client, from string, nas acct.NAS) {
		a.Handle(t.Context(), []acct.Record{{
			Status: acct.Start, Client: client, From: netip.AddrPortFrom(addr(from), 1646), NAS: nas, SessionID: "1", Subscriber: "alice",
		}})
	}
	all := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.0/24")}
	relay := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.20/32"), Relay: true, RelayFor: []string{"bng2"}}
	sample := acct.NAS{IP: addr("127.0.0.1"), Identifier: "accel-ppp"}
	send(all, "192.0.2.31", sample)
	send(all, "192.0.2.32", sample)
	send(relay, "192.0.2.20", sample)
	send(all, "192.0.2.33", acct.NAS{IP: addr("10.0.0.33"), Identifier: "pop-33"})
	// as bng2 calls itself: refused, and shown
	send(&acct.Client{Prefix: netip.MustParsePrefix("192.0.2.34/32")}, "192.0.2.34", acct.NAS{Identifier: "edge-2"})
	want := map[string]acct.NAS{"192.0.2.31": {}, "192.0.2.32": {}, "192.0.2.20": {},
		"192.0.2.33": {IP: addr("10.0.0.33"), Identifier: "pop-33"}, "192.0.2.34": {}}
	found := a.Discovered()
	for _, d := range found {
		own, known := want[d.Sender.String()]
		if !known || d.Own != own {
			t.Errorf("%+v, want %+v", d, own)
		}
	}
	if len(found) != len(want) {
		t.Errorf("%d discovered, want %d", len(found), len(want))
	}
}

func TestWhatIsDiscoveredIsBounded(t *testing.T) {
	s := newUnknownNASes()
	now := time.Unix(1_800_000_000, 0)
	for i := range 3 * maxDiscovered {
		s.note(&acct.Record{Client: &acct.Client{}, NAS: acct.NAS{Identifier: fmt.Sprint("x", i)},
			Arrived: now.Add(time.Duration(i)), SessionID: "1"})
	}
	list := s.list(testFleet(t))
	if len(list) != maxDiscovered {
		t.Fatalf("%d remembered", len(list))
	}
	for _, d := range list {
		if d.First.Before(now.Add(2 * maxDiscovered)) {
			t.Fatalf("%s was kept, newer ones were not", d.NAS)
		}
	}
}

func TestSessionsAreCountedWithinAFewPercent(t *testing.T) {
	s := newUnknownNASes()
	for _, n := range []int{0, 1, 10, 1000, 10_000, 30_000} {
		var k sketch
		for i := range n {
			for range 2 {
				k.add(s.hash(fmt.Sprint("session-", i)))
			}
		}
		if got := k.count(); got < n*92/100 || got > n*108/100+1 {
			t.Errorf("%d sessions count as %d", n, got)
		}
	}
}
