package bng

import (
	"net/netip"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

// Whatever a record says: it is answered, its events name a session that a BNG knows
// or one address each, and nobody or a key that people can type.
func FuzzEvents(f *testing.F) {
	f.Add(uint8(1), "alice", "42", uint8(0), []byte{198, 51, 100, 7}, "203.0.113.1", int16(0), "bng1")
	f.Add(uint8(2), "LSN44@100.64.0.9", "", uint8(0), []byte{100, 64, 0, 9}, "", int16(3600), "")
	f.Add(uint8(3), "M\xfcller\\x", quarantine.NoSessionID+"x", uint8(255), []byte{}, "192.0.2.1", int16(1), "x\x00")
	fleet, err := NewFleet(nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status uint8, name, session string, doubled uint8, octets []byte, nas string, uncertain int16,
		identifier string) {
		if len(name) > 253 {
			name = name[:253]
		}
		r := acct.Record{
			Status: acct.Status(status%5) + acct.Start, Client: bng1Client, From: netip.MustParseAddrPort("192.0.2.1:1646"),
			At: time.Unix(1_800_000_000, 0), UserName: name, Subscriber: name, SessionID: session,
			Conflicts: acct.Conflicts(doubled), NAS: acct.NAS{Identifier: identifier},
		}
		r.NAS.IP, _ = netip.ParseAddr(nas)
		if uncertain > 0 {
			r.Latest = r.At.Add(time.Duration(uncertain) * time.Second)
		}
		if len(octets) >= 4 {
			r.FramedIP = netip.AddrFrom4([4]byte(octets))
			r.Blocks = []acct.PortBlock{{Public: r.FramedIP, Lo: 1, Hi: 2, Freed: octets[0]%2 == 0}}
		}
		a := NewAccounting(fleet, &recorder{}, AccountingConfig{})
		//nolint:errorlint // it is returned as it is
		if err := a.Handle(t.Context(), []acct.Record{r})[0]; err != nil && err != acct.ErrRejected {
			t.Fatalf("%+v: %v", r, err)
		}
		events, _ := a.events(&r)
		for _, e := range events {
			if e.Kind != quarantine.BNGReset && !e.Key.Identified() && (len(e.Addresses) != 1 || e.Subscriber != "") {
				t.Errorf("%+v of %+v", e, r)
			}
			if e.Subscriber != "" && (quarantine.CheckSubscriber(e.Subscriber) != nil || e.Via.IsValid()) {
				t.Errorf("nobody can name %q", e.Subscriber)
			}
			if !e.Latest.IsZero() && e.Latest.Before(e.At) {
				t.Errorf("an event from %v to %v", e.At, e.Latest)
			}
		}
	})
}
