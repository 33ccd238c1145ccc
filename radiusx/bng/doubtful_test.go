package bng

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
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
		{"another address, within the client's prefix", all, "192.0.2.5", acct.NAS{IP: addr("192.0.2.77"), Identifier: "edge"}, "edge:edge"},
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
