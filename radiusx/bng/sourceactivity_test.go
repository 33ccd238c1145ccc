package bng

import (
	"cmp"
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

func TestWhenBNGsAndRelaysSentAccountingIsSummedUpByConfiguredName(t *testing.T) {
	addr := netip.MustParseAddr
	relay := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.20/32"), Relay: true, RelayFor: []string{"bng2"}}
	direct := &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.0/24")}
	begin := time.Unix(1_800_000_000, 0)
	record := func(client *acct.Client, nas string, arrived, late time.Duration) acct.Record {
		return acct.Record{
			Status: acct.InterimUpdate, Client: client, From: netip.AddrPortFrom(client.Prefix.Addr(), 1646),
			Arrived: begin.Add(arrived), At: begin.Add(arrived - late),
			NAS: acct.NAS{IP: addr(nas)}, SessionID: "42", UserName: "alice", Subscriber: "alice",
		}
	}
	a := NewAccounting(testFleet(t), &recorder{}, AccountingConfig{})
	a.Handle(t.Context(), []acct.Record{
		record(direct, "192.0.2.1", 0, time.Second),
		record(relay, "10.0.0.2", time.Second, time.Minute),
		record(relay, "10.0.0.2", 2*time.Second, time.Hour), // older news, later
		// not its to tell, but it works
		record(relay, "192.0.2.1", 3*time.Second, 0),
		record(direct, "192.0.2.77", 4*time.Second, 0),                                                       // not configured
		record(&acct.Client{Prefix: netip.MustParsePrefix("203.0.113.0/24")}, "192.0.2.1", 5*time.Second, 0), // not believed
	})
	heard := a.Activity()
	slices.SortFunc(heard, func(a, b quarantine.SourceActivity) int { return cmp.Compare(a.Source, b.Source) })
	at := begin.Add
	want := []quarantine.SourceActivity{
		{Source: "192.0.2.20/32", First: at(time.Second), Last: at(3 * time.Second), Reported: at(3 * time.Second), Records: 3},
		{Source: "bng1", First: at(0), Last: at(0), Reported: at(-time.Second), Behind: time.Second, Records: 1},
		{Source: "bng2", First: at(time.Second), Last: at(2 * time.Second), Reported: at(-59 * time.Second), Behind: time.Minute,
			Records: 2},
	}
	if diff := gocmp.Diff(want, heard); diff != "" {
		t.Errorf("heard (-want +got):\n%s", diff)
	}
	if again := a.Activity(); len(again) != 0 {
		t.Errorf("reported twice: %+v", again)
	}
}

func TestARecordThatCannotBeStoredShowsThatItsSenderWorks(t *testing.T) {
	a := NewAccounting(testFleet(t), &recorder{err: errors.New("away")}, AccountingConfig{})
	a.Handle(t.Context(), []acct.Record{{
		Status: acct.Start, Client: &acct.Client{Prefix: netip.MustParsePrefix("192.0.2.1/32")},
		From:    netip.MustParseAddrPort("192.0.2.1:1646"),
		Arrived: time.Unix(1000, 0), At: time.Unix(1000, 0), SessionID: "1", UserName: "alice", Subscriber: "alice",
	}})
	if heard := a.Activity(); len(heard) != 1 || heard[0].Source != "bng1" {
		t.Errorf("heard %+v", heard)
	}
}
