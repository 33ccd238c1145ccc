package bng

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
	"cordon/radiusx/acct"
)

// A BNG was renamed and the configuration was not: whoever held the newcomer's
// address on it is not who holds it now.
func TestWhoseAddressARecordTakesThatContradictsTheConfigurationHasItNoMore(t *testing.T) {
	addr := netip.MustParseAddr
	all := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.0/24")}
	relay := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.20/32"), Relay: true, RelayFor: []string{"edge"}}
	other := &acct.Client{Prefix: relay.Prefix, Relay: true, RelayFor: []string{"bare"}}
	plan := quarantine.AddressPlan{Spaces: []quarantine.AddressSpace{
		{Name: "edge", BNGs: []string{"edge"}, Prefixes: []netip.Prefix{netip.MustParsePrefix("10.8.0.0/16")}},
	}}
	for _, test := range []struct {
		about   string
		client  *acct.Client
		from    string
		nas     acct.NAS
		doubted string // where, each BNG and space
	}{
		{"renamed", all, "192.0.2.5", acct.NAS{IP: addr("10.0.0.5"), Identifier: "edge-new"}, "edge:edge"},
		{"renamed, through its relay", relay, "192.0.2.20", acct.NAS{IP: addr("10.0.0.5"), Identifier: "edge-new"}, "edge:edge"},
		{"through a relay that does not speak for it", other, "192.0.2.20", acct.NAS{IP: addr("10.0.0.5"), Identifier: "edge-new"}, ""},
		{"another address, within the client's prefix", all, "192.0.2.5", acct.NAS{IP: addr("192.0.2.77"), Identifier: "edge"},
			"edge:edge"},
		{"with another BNG's names", all, "192.0.2.4", acct.NAS{Identifier: "edge"}, "edge:edge bare:"},
		{"no contradiction", all, "192.0.2.5", acct.NAS{Identifier: "edge"}, ""},
		{"another box with a copied name", all, "192.0.2.99", acct.NAS{IP: addr("192.0.2.78"), Identifier: "edge"}, ""},
		{"somebody else", all, "192.0.2.77", acct.NAS{IP: addr("192.0.2.77")}, ""},
	} {
		store := &recorder{}
		a := NewAccounting(twinFleet(t), store, AccountingConfig{Plan: plan})
		_ = a.Handle(t.Context(), []acct.Record{{
			Status: acct.Start, Client: test.client, From: netip.AddrPortFrom(addr(test.from), 1646), At: time.Unix(1000, 0),
			NAS: test.nas, SessionID: "42", UserName: "bob", Subscriber: "bob", FramedIP: addr("10.8.0.7"),
		}})
		var doubted []string
		for _, ev := range store.events {
			if !ev.Key.Identified() && ev.Subscriber == "" && len(ev.Addresses) == 1 {
				doubted = append(doubted, ev.Key.BNG+":"+ev.Addresses[0].Space)
			}
		}
		if got := strings.Join(doubted, " "); got != test.doubted {
			t.Errorf("%s: %q, want %q; all: %+v", test.about, got, test.doubted, store.events)
		}
	}
}

func TestOnceTheConfigurationIsRightNothingIsLeftOfTheDoubt(t *testing.T) {
	addr := netip.MustParseAddr
	store := quarantinetest.NewMemory()
	a := NewAccounting(twinFleet(t), store, AccountingConfig{})
	noon := time.Now().Add(-12 * time.Hour).Truncate(time.Second)
	report := func(status acct.Status, id, user, called string, hour, session int) {
		must(t, a.Handle(t.Context(), []acct.Record{{
			Status: status, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.0/24")},
			From: netip.MustParseAddrPort("192.0.2.5:1646"),
			At:   noon.Add(time.Duration(hour) * time.Hour), SessionTime: time.Duration(session) * time.Hour,
			NAS: acct.NAS{IP: addr("10.0.0.5"), Identifier: called}, SessionID: id, UserName: user, Subscriber: user,
			FramedIP: addr("198.51.100.7"),
		}})[0])
	}
	want := func(hour int, subscriber string) {
		t.Helper()
		moment := noon.Add(time.Duration(hour)*time.Hour + 30*time.Minute)
		bindings, err := store.Bindings(t.Context(), quarantine.Place{Addr: addr("198.51.100.7")}, noon.Add(-time.Hour),
			noon.Add(12*time.Hour))
		must(t, err)
		if got := quarantine.WhoHeld(bindings, nil, 0, moment, 2*time.Second); got.Subscriber != subscriber {
			t.Errorf("half past %d: %q (%s), want %q", hour, got.Subscriber, got.Reason, subscriber)
		}
	}
	report(acct.Start, "42", "alice", "edge", 0, 0)
	report(acct.InterimUpdate, "42", "alice", "edge", 1, 1)
	want(1, "alice")
	report(acct.Start, "43", "bob", "edge-new", 2, 0)
	want(0, "alice")
	want(2, "")
	report(acct.InterimUpdate, "43", "bob", "edge-new", 3, 1)
	want(3, "")
	report(acct.InterimUpdate, "43", "bob", "edge", 4, 2)
	report(acct.InterimUpdate, "43", "bob", "edge", 5, 3)
	want(4, "bob")
	want(5, "bob")
	report(acct.InterimUpdate, "43", "bob", "edge-new", 6, 4) // and renamed in mid-session
	want(6, "")
	report(acct.InterimUpdate, "43", "bob", "edge", 7, 5)
	want(7, "bob")
}
