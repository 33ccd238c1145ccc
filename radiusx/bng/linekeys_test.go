package bng

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/acct"
)

// keyed is what accounting, import and log-in make of a record of edge-1; it fails
// where they do not agree.
func keyed(t *testing.T, keys *SubscriberKeys, templates []string, reported ...string) string {
	t.Helper()
	c := testFleet(t).named["bng1"].Config
	c.NAS = []NAS{{IP: c.Address}, {Identifier: "edge-1"}}
	c.SubscriberKey = keyOf(t, templates...)
	fleet, err := NewFleet([]Config{c})
	must(t, err)
	store, cfg := &recorder{}, AccountingConfig{Keys: keys}
	a := NewAccounting(fleet, store, cfg)
	start := direct(acct.Start, reported...)
	start.FramedIP = netip.MustParseAddr("198.51.100.7")
	must(t, a.Handle(t.Context(), []acct.Record{start})[0])
	must(t, NewImporter(fleet, store, cfg).Import(t.Context(), []ImportedSession{rowOf(start)})[0])
	l, ok := NewLogIns(fleet, cfg).LogIn(append(attrs(reported...), radiusx.Attribute{Name: "NAS-Identifier", Value: "edge-1"}))
	if !ok {
		t.Fatalf("%q: no log-in", reported)
	}
	for _, ev := range store.events {
		if ev.Subscriber != l.Subscriber || quarantine.CheckSubscriber(ev.Subscriber) != nil {
			t.Fatalf("%q: accounting has %q, the log-in %q", reported, ev.Subscriber, l.Subscriber)
		}
	}
	return l.Subscriber
}

const circuitKey = "%{NAS-Identifier}/%{ADSL-Agent-Circuit-Id}"

func TestOnlyUserNamesAreCutAndFolded(t *testing.T) {
	keys := &SubscriberKeys{StripRealm: true, Lower: true}
	list := []string{"User-Name", circuitKey, "Calling-Station-Id"}
	octets := func(text string) string { return fmt.Sprintf("0x%x", text) }
	for _, test := range []struct{ name, value, want string }{
		{"User-Name", "Alice@ISP", "alice"},
		{"ADSL-Agent-Circuit-Id", octets("OLT1@7 Eth 1"), "edge-1/OLT1@7 Eth 1"},
		{"ADSL-Agent-Circuit-Id", octets("olt1@8 eth 1"), "edge-1/olt1@8 eth 1"},
		{"ADSL-Agent-Circuit-Id", octets("OLT1"), "edge-1/OLT1"},
		{"Calling-Station-Id", "02-00-00-AA-BB-CC", "02-00-00-aa-bb-cc"}, // a hardware address is spelled in several ways
		{"Calling-Station-Id", "Line@7", "Line@7"},
	} {
		if got := keyed(t, keys, list, test.name, test.value); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.name, test.value, got, test.want)
		}
	}
	if got := keyed(t, keys, []string{"%{NAS-Identifier}:%{User-Name}"}, "User-Name", "Alice@ISP"); got != "edge-1:alice" {
		t.Errorf("a name in a template: %q", got)
	}
}

// The table names lines as it writes them, and users as the options make them.
func TestTheTableKnowsLinesByTheirOwnSpelling(t *testing.T) {
	keys := &SubscriberKeys{StripRealm: true, Lower: true}
	accounts, faults, err := keys.ReadAccounts(strings.NewReader("Alice@isp,1\nedge-1/OLT@7,2\n"))
	if err != nil || len(faults) > 0 {
		t.Fatal(err, faults)
	}
	keys.Use(accounts)
	list := []string{"User-Name", circuitKey}
	for _, test := range []struct{ name, value, want string }{
		{"User-Name", "ALICE@other", "1"},
		{"ADSL-Agent-Circuit-Id", "OLT@7", "2"},
		{"ADSL-Agent-Circuit-Id", "OLT", "edge-1/OLT"},
		{"ADSL-Agent-Circuit-Id", "olt", "edge-1/olt"},
		{"User-Name", "edge-1/OLT@7", `edge-1\x2folt`},
	} {
		if got := keyed(t, keys, list, test.name, test.value); got != test.want {
			t.Errorf("%s %s: %q, want %q", test.name, test.value, got, test.want)
		}
	}
	if got := keyed(t, keys, []string{"NAS-Port-Id"}, "NAS-Port-Id", "alice"); got != "alice" {
		t.Errorf("a port called like a user: %q", got)
	}
}

func TestANameThatLooksLikeALineIsNotThatLine(t *testing.T) {
	for _, test := range []struct {
		list        []string
		name, value string
		want        string
	}{
		{[]string{"User-Name", circuitKey}, "User-Name", "edge-1/eth 0/1", `edge-1\x2feth 0/1`},
		{[]string{"User-Name", circuitKey}, "User-Name", "isp/alice", "isp/alice"}, // no BNG is called so
		{[]string{"User-Name", circuitKey}, "User-Name", "edge-1/", "edge-1/"},
		{[]string{"User-Name", circuitKey}, "User-Name", `edge-1\x2feth 0/1`, `edge-1\\x2feth 0/1`},
		{[]string{"User-Name", "line:%{NAS-Port-Id}"}, "User-Name", "line:1/1", `\x6cine:1/1`},
		{[]string{"User-Name", "line:%{NAS-Port-Id}"}, "NAS-Port-Id", "1/1", "line:1/1"},
		{[]string{"User-Name", "%{NAS-Port-Id}-line"}, "User-Name", "1-line-line", `1-line\x2dline`},
		{[]string{"User-Name", "%{NAS-Port-Id}6%{Calling-Station-Id}"}, "User-Name", "16666", `1\x36\x36\x366`},
	} {
		if got := keyed(t, nil, test.list, test.name, test.value); got != test.want {
			t.Errorf("%s %q by %q: %q, want %q", test.name, test.value, test.list, got, test.want)
		}
	}
}

// Whatever is between the values, two different lines, or a line and a name, never
// have one key.
func TestNoTwoLinesHaveOneKey(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	dictionary := radiusx.Builtin()
	text := func(alphabet string, most int) string {
		var b strings.Builder
		for range 1 + random.IntN(most) {
			b.WriteByte(alphabet[random.IntN(len(alphabet))])
		}
		return b.String()
	}
	for range 300 {
		separator := text("/:x2f-", 2)
		template, err := ParseKeyTemplate("%{NAS-Port-Id}"+separator+"%{Calling-Station-Id}", dictionary)
		must(t, err)
		name, err := ParseKeyTemplate("User-Name", dictionary)
		must(t, err)
		lines := &lineKeys{templates: []KeyTemplate{template}}
		of, keys := map[string]string{}, &SubscriberKeys{}
		for range 1000 {
			made := rendering{&name, []string{text("ab/:x\\2f-\xff", 7)}}
			who := "name " + made.parts[0]
			if random.IntN(2) == 0 {
				made = rendering{&template, []string{text("ab/:x\\2f-\xff", 4), separator, text("ab/:x\\2f-\xff", 4)}}
				who = fmt.Sprintf("line %q", made.parts)
			}
			key := keys.of(made, lines)
			if other, taken := of[key]; taken && other != who {
				t.Fatalf("seed %d: %s and %s have the key %q", seed, other, who, key)
			}
			of[key] = who
		}
	}
}
