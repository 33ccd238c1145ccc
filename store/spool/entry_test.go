package spool

import (
	"encoding/hex"
	"net/netip"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cordon/quarantine"
	"cordon/store/journal"
)

// A record that an earlier build left in the spool is accounting that was answered.
func TestARecordOfAnEarlierBuildIsReadInFull(t *testing.T) {
	text, err := os.ReadFile("testdata/format-one.hex")
	if err != nil {
		t.Fatal(err)
	}
	payload, err := hex.DecodeString(strings.ReplaceAll(string(text), "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	at := time.Unix(1_800_000_000, 0).UTC()
	want := []quarantine.SessionEvent{{
		Kind: quarantine.SessionRenewed, Key: quarantine.SessionKey{BNG: "bng1", ID: "42"}, Subscriber: "alice", At: at, StartedAt: at.Add(-time.Hour),
		Addresses: []quarantine.Address{{
			Kind: quarantine.NATPortBlock, Prefix: netip.MustParsePrefix("203.0.113.5/32"), Ports: quarantine.PortRange{Lo: 1024, Hi: 2047},
		}},
		Attributes: []quarantine.Attribute{{Name: "NAS-Port-Id", Value: "ge-1/0/1"}},
		Observed:   []quarantine.Attribute{{Name: "ERX-Service-Session", Value: "garden"}},
	}}
	got, err := decode(journal.Record{Kind: formatOne, Payload: payload})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Error(diff)
	}
	again, err := encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err = decode(journal.Record{Kind: again[0].Kind, Payload: again[0].Payload}); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v %+v", err, got)
	}
}

// The format goes by the names of the domain's fields: renaming one loses it from the
// records that a host answered before it was upgraded. It needs a new format, and a line
// in readRenamed.
func TestTheFormatNamesEachFieldOfAnEvent(t *testing.T) {
	for of, want := range map[reflect.Type]string{
		reflect.TypeFor[quarantine.SessionEvent](): "Kind Key Member Subscriber Fallback Via At Latest StartedAt Ignored Imported " +
			"Addresses Only Freed Attributes Observed",
		reflect.TypeFor[quarantine.Address]():    "Prefix Kind Space Ports Since SinceBy Until Shown Inferred Began Of OpenEnd",
		reflect.TypeFor[quarantine.SessionKey](): "BNG ID",
		reflect.TypeFor[quarantine.PortRange]():  "Lo Hi",
		reflect.TypeFor[quarantine.Place]():      "Addr Space",
		reflect.TypeFor[quarantine.Claimant]():   "Subscriber Via",
		reflect.TypeFor[quarantine.Attribute]():  "Name Value",
	} {
		var got []string
		for field := range of.Fields() {
			got = append(got, field.Name)
		}
		names := strings.Fields(want)
		slices.Sort(names)
		slices.Sort(got)
		if !slices.Equal(got, names) {
			t.Errorf("fields of %s are %v, the format has %v", of, got, names)
		}
	}
}
