package bngsim

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestConfigFaultsAreAllNamed(t *testing.T) {
	good := Config{Name: "bng1", Platform: FilterID, Secret: secret(t, testSecret)}
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	server := netip.MustParseAddrPort("192.0.2.10:1813")
	for name, spoil := range map[string]func(*Config){
		"unknown platform":          func(c *Config) { c.Platform = "abacus" },
		"neither name nor NAS":      func(c *Config) { c.Name = "" },
		"no secret":                 func(c *Config) { c.Secret = c.Accounting.Secret },
		"both a server and":         func(c *Config) { c.Accounting.Server = server },
		"0 < retry <= max retry":    func(c *Config) { c.Accounting.Retry = time.Hour },
		"unknown quirk":             func(c *Config) { c.Quirks = []Quirk{"moody"} },
		"exclude each other":        func(c *Config) { c.Quirks = []Quirk{NoDuplicateCache, Duplicates5s} },
		"slow by, hook takes":       func(c *Config) { c.SlowBy = -1 },
		"unknown redirect attribut": func(c *Config) { c.RedirectAttribute = "L4-Redirect" },
	} {
		c := good
		spoil(&c)
		if _, err := New(c); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := Platforms(); len(got) != 16 || !slices.IsSorted(got) {
		t.Errorf("platforms: %v", got)
	}
}

func TestASessionPrintsAsAPersonReadsIt(t *testing.T) {
	started := time.Date(2026, 11, 22, 8, 30, 0, 0, time.UTC)
	sessions := []Session{
		{ID: "1", Subscriber: alice(), Started: started, State: State{Services: []string{"NORMAL", "GARDEN"}, FilterID: "F",
			Redirect: true}},
		{ID: "2", Subscriber: Subscriber{User: "bob"}, Started: started, State: State{AddressList: "L", RateLimit: "1M/1M"}},
		{ID: "3", Subscriber: Subscriber{User: "carol", IPv6: netip.MustParseAddr("2001:db8::1")}, Started: started},
	}
	if got, want := sessions[0].String(),
		"1 alice@isp 198.51.100.7,2001:db8:1::/64,2001:db8:2::/56 since 08:30:00: services=NORMAL+GARDEN filter=F redirected"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	var b strings.Builder
	if err := WriteTable(&b, sessions[1:]); err != nil {
		t.Fatal(err)
	}
	want := `SESSION  USER   ADDRESSES    SINCE                STATE
2        bob    no address   2026-11-22 08:30:00  list=L rate=1M/1M
3        carol  2001:db8::1  2026-11-22 08:30:00  plain
`
	if b.String() != want {
		t.Errorf("got\n%swant\n%s", b.String(), want)
	}
}

func TestASnapshotDoesNotChange(t *testing.T) {
	b, err := New(Config{Name: "bng1", Platform: Junos, Secret: secret(t, testSecret)})
	if err != nil {
		t.Fatal(err)
	}
	subscriber := alice()
	subscriber.Profile.Services = []string{"NORMAL"}
	before, err := b.Login(t.Context(), subscriber)
	if err != nil {
		t.Fatal(err)
	}
	subscriber.Profile.Services[0] = "changed by the caller"
	for i, text := range []string{"ERX-Service-Deactivate=NORMAL", "ERX-Service-Activate:1=A", "ERX-Service-Activate:1=B"} {
		if answer, _ := b.process(coa(t, byte(i), "User-Name=alice@isp, "+text), dasAddr, func([]byte) {}); verdict(answer) != "ACK" {
			t.Fatalf("%s: %s", text, verdict(answer))
		}
	}
	if !slices.Equal(before.Services, []string{"NORMAL"}) || !slices.Equal(before.Profile.Services, []string{"NORMAL"}) {
		t.Errorf("snapshot changed: %v, %v", before.Services, before.Profile)
	}
	after := b.Find("alice@isp")[0]
	if !slices.Equal(after.Services, []string{"A", "B"}) || len(after.History) != 4 {
		t.Errorf("now %v, history %v", after, after.History)
	}
	for i := range 100 {
		b.process(coa(t, byte(10+i), "User-Name=alice@isp, ERX-Service-Deactivate=nothing"), dasAddr, func([]byte) {})
	}
	if n := len(b.Find("alice@isp")[0].History); n != historyLength {
		t.Errorf("history has %d events", n)
	}
}

func TestRedirectIsReadFromEveryTypeOfAttribute(t *testing.T) {
	for value, off := range map[string]bool{
		"0": true, "0x30": true, "0x00000000": true, "0 off": true,
		"1": false, "garden": false, "0x31": false, "0x00000001": false, "0x67617264656e": false, "": false,
	} {
		if isOff(value) != off {
			t.Errorf("%q: off %v", value, !off)
		}
	}
}
