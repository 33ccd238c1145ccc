package quarantine

import (
	"errors"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func ip4(n byte) Address {
	return Address{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, 100, n}), 32), Kind: FramedIP}
}

func v6(prefix string, kind AddressKind) Address {
	return Address{Prefix: netip.MustParsePrefix(prefix), Kind: kind}
}

func portBlock(lo, hi uint16) Address {
	return Address{Prefix: netip.MustParsePrefix("203.0.113.5/32"), Kind: NATPortBlock, Ports: PortRange{lo, hi}}
}

// replayed plays records of one session in their order.
func replayed(events ...SessionEvent) Session {
	var s *Session
	for _, ev := range events {
		ev.Key, ev.Subscriber = SessionKey{"b1", "42"}, "alice"
		if ev.Kind == SessionStarted {
			ev.StartedAt = ev.At
		}
		change := ApplyEvent(s, ev, time.Time{}, nothingRestricted)
		s = &change.Session
	}
	return *s
}

func holding(kind SessionEventKind, seconds int, addresses ...Address) SessionEvent {
	return SessionEvent{Kind: kind, At: at(seconds), Addresses: addresses}
}

// spans writes what a session says about each address: from-to in seconds.
func spans(s Session) []string {
	var list []string
	for _, b := range s.Bindings() {
		to := "…"
		if !b.To.IsZero() {
			to = b.To.Sub(noon).String()
		}
		mark := ""
		if b.Inferred {
			mark = " inferred"
		}
		list = append(list, b.Prefix.Addr().String()+b.Ports.String()+" "+b.From.Sub(noon).String()+"-"+to+mark)
	}
	slices.Sort(list)
	return list
}

func TestEachAddressOfASessionHasItsOwnTime(t *testing.T) {
	pd := v6("2001:db8:7::/56", DelegatedIPv6Prefix)
	for name, c := range map[string]struct {
		events []SessionEvent
		want   []string
	}{
		"all reported in the Start": {
			[]SessionEvent{holding(SessionStarted, 0, ip4(7), pd)},
			[]string{"198.51.100.7 0s-…", "2001:db8:7:: 0s-…"},
		},
		"a family first reported in an Interim counts from the Start": {
			[]SessionEvent{holding(SessionStarted, 0, ip4(7)), holding(SessionRenewed, 900, ip4(7), pd)},
			[]string{"198.51.100.7 0s-…", "2001:db8:7:: 0s-… inferred"},
		},
		"two prefixes of one family reported at once do": {
			[]SessionEvent{holding(SessionStarted, 0), holding(SessionRenewed, 900, pd, v6("2001:db8:8::/56", DelegatedIPv6Prefix))},
			[]string{"2001:db8:7:: 0s-… inferred", "2001:db8:8:: 0s-… inferred"},
		},
		"another address takes the place of the first": {
			[]SessionEvent{holding(SessionStarted, 0, ip4(7)), holding(SessionRenewed, 900, ip4(8))},
			[]string{"198.51.100.7 0s-15m0s", "198.51.100.8 15m0s-… inferred"},
		},
		"another prefix does too": {
			[]SessionEvent{holding(SessionStarted, 0, pd), holding(SessionRenewed, 900, v6("2001:db8:8::/56", DelegatedIPv6Prefix))},
			[]string{"2001:db8:7:: 0s-15m0s", "2001:db8:8:: 15m0s-… inferred"},
		},
		"a record without addresses ends none": {
			[]SessionEvent{holding(SessionStarted, 0, ip4(7)), holding(SessionRenewed, 900)},
			[]string{"198.51.100.7 0s-…"},
		},
		"a late record of the first address": {
			[]SessionEvent{holding(SessionStarted, 0), holding(SessionRenewed, 100, ip4(9)), holding(SessionRenewed, 900, ip4(8)),
				holding(SessionRenewed, 500, ip4(7))},
			[]string{"198.51.100.7 8m20s-15m0s inferred", "198.51.100.8 15m0s-… inferred", "198.51.100.9 0s-8m20s inferred"},
		},
		"one that comes back begins anew": {
			[]SessionEvent{holding(SessionStarted, 0, ip4(7)), holding(SessionRenewed, 100, ip4(8)), holding(SessionRenewed, 200, ip4(7))},
			[]string{"198.51.100.7 0s-1m40s", "198.51.100.7 3m20s-… inferred", "198.51.100.8 1m40s-3m20s inferred"},
		},
		"the Stop ends what is left": {
			[]SessionEvent{holding(SessionStarted, 0, ip4(7)), holding(SessionRenewed, 100, ip4(8)), holding(SessionEnded, 300, ip4(8))},
			[]string{"198.51.100.7 0s-1m40s", "198.51.100.8 1m40s-5m0s inferred"},
		},
		"a Start that comes after its Interim": {
			[]SessionEvent{holding(SessionRenewed, 900, ip4(7)), holding(SessionStarted, 0, ip4(7))},
			[]string{"198.51.100.7 0s-…"},
		},
		"port blocks come and go": {
			[]SessionEvent{
				holding(SessionStarted, 0, portBlock(1024, 2047)), holding(SessionRenewed, 100, portBlock(2048, 3071)),
				{Kind: SessionRenewed, At: at(200), Freed: []Address{portBlock(2048, 3071)}},
				{Kind: SessionRenewed, At: at(50), Freed: []Address{portBlock(2048, 3071)}}, // of an earlier life of the block
			},
			[]string{"203.0.113.51024-2047 0s-…", "203.0.113.52048-3071 1m40s-3m20s inferred", "203.0.113.52048-3071 50s-50s inferred"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := spans(replayed(c.events...)); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestOfASharedAddressOnlyWhoHeldThePortIsMeant(t *testing.T) {
	block := func(subscriber string, lo, hi uint16, from, to int) Binding {
		b := held(subscriber, "b1", subscriber, from, to, from)
		b.Address = portBlock(lo, hi)
		return b
	}
	const open = -1
	alice, bob := block("alice", 1024, 2047, 0, open), block("bob", 2048, 3071, 0, open)
	behind := block("", 3072, 4095, 0, open)
	behind.Via = Place{Addr: netip.MustParseAddr("100.64.0.9"), Space: "east"}
	carol := block("carol", 3072, 4095, 5, open)
	carol.Session.BNG = "b2"
	for name, c := range map[string]struct {
		bindings []Binding
		port     uint16
		at       int
		want     AttributionResult
		who      string
	}{
		"her port":                 {[]Binding{alice, bob}, 1500, 10, Attributed, "alice"},
		"his port":                 {[]Binding{alice, bob}, 2048, 10, Attributed, "bob"},
		"nobody's port":            {[]Binding{alice, bob}, 5000, 10, Unknown, ""},
		"no port":                  {[]Binding{alice, bob}, 0, 10, Ambiguous, ""},
		"no port, one block known": {[]Binding{alice}, 0, 10, Ambiguous, ""},
		"before the block":         {[]Binding{block("alice", 1024, 2047, 100, open)}, 1500, 10, Unknown, ""},
		"the block was given on": {[]Binding{block("alice", 1024, 2047, 0, 100), block("bob", 1024, 2047, 200, open)},
			1500, 210, Attributed, "bob"},
		"given on without an end": {[]Binding{block("alice", 1024, 2047, 0, open), block("bob", 1024, 1535, 200, open)},
			1100, 300, Attributed, "bob"},
		"the rest of it is hers yet": {[]Binding{block("alice", 1024, 2047, 0, open), block("bob", 3000, 3999, 200, open)},
			1100, 300, Attributed, "alice"},
		"one behind the translator":      {[]Binding{alice, behind}, 4000, 10, Attributed, ""},
		"two behind it":                  {[]Binding{behind, carol}, 4000, 10, Ambiguous, ""},
		"a whole address beside a block": {[]Binding{alice, held("dave", "b2", "1", 0, open, 0)}, 1500, 10, Ambiguous, ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := WhoHeld(c.bindings, nil, c.port, at(c.at), 2*time.Second)
			if got.Result != c.want || got.Subscriber != c.who || (got.Result == Attributed) != (got.Reason == "") {
				t.Errorf("%v %q %q, want %v %q", got.Result, got.Subscriber, got.Reason, c.want, c.who)
			}
			if name == "one behind the translator" && got.Via != behind.Via {
				t.Errorf("leads to %s", got.Via)
			}
		})
	}
}

func TestABindingThatIsNotRenewedIsNoEvidenceAfterThreeIntervals(t *testing.T) {
	b := held("alice", "b1", "1", 0, -1, 900)
	b.Interim = 5 * time.Minute
	for moment, want := range map[int]AttributionResult{900: Attributed, 1797: Attributed, 1803: Unknown, 100000: Unknown} {
		if got := WhoHeld([]Binding{b}, nil, 0, at(moment), 2*time.Second); got.Result != want {
			t.Errorf("at %ds: %v, want %v", moment, got.Result, want)
		}
	}
	cut := Held([]Binding{b}, at(0), at(1000))[0]
	if holder := cut.Holder(); !holder.To.Equal(at(1800)) || holder.KnownBy != "Start, silent for 3 Interim intervals" {
		t.Errorf("shown as %+v", holder)
	}
}

func TestAnAddressMeansWhatItsSpaceSays(t *testing.T) {
	cgn := []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10")}
	plan := AddressPlan{
		Spaces: []AddressSpace{
			{Name: "east", Prefixes: cgn, BNGs: []string{"e1"}, Sources: []string{"probe-east"}},
			{Name: "west", Prefixes: cgn, BNGs: []string{"w1"}, Sources: []string{"probe-west"}},
			{Name: "lab", Prefixes: []netip.Prefix{netip.MustParsePrefix("10.9.0.0/16")}, BNGs: []string{"e1"}},
		},
		Shared:         []netip.Prefix{netip.MustParsePrefix("192.0.2.0/25")},
		Infrastructure: []netip.Prefix{netip.MustParsePrefix("192.0.2.53/32")},
	}
	addr := netip.MustParseAddr
	for _, c := range []struct{ source, addr, want string }{
		{"probe-east", "100.64.0.9", "100.64.0.9@east"}, {"probe-west", "::ffff:100.64.0.9", "100.64.0.9@west"},
		{"probe-east", "203.0.113.5", "203.0.113.5"}, {"feed", "203.0.113.5", "203.0.113.5"}, {"feed", "2001:db8::1", "2001:db8::1"},
		{"feed", "100.64.0.9", ""}, {"probe-east", "10.9.0.1", ""}, {"feed", "192.168.1.1", ""}, {"feed", "fd00::1", ""},
	} {
		place, err := plan.Seen(c.source, addr(c.addr))
		var field *FieldError
		if c.want == "" != (err != nil) || err == nil && place.String() != c.want || err != nil && !errors.As(err, &field) {
			t.Errorf("%s sees %s: %s, %v; want %q", c.source, c.addr, place, err, c.want)
		}
	}
	for _, c := range []struct{ space, addr, want string }{
		{"", "10.9.0.1", "10.9.0.1@lab"}, {"", "100.64.0.9", ""}, {"west", "100.64.0.9", "100.64.0.9@west"},
		{"west", "10.9.0.1", ""}, {"north", "10.9.0.1", ""}, {"", "203.0.113.5", "203.0.113.5"},
	} {
		if place, err := plan.In(c.space, addr(c.addr)); c.want == "" != (err != nil) || err == nil && place.String() != c.want {
			t.Errorf("%s in %q: %s, %v; want %q", c.addr, c.space, place, err, c.want)
		}
	}
	for bng, want := range map[string]string{"e1": "east", "w1": "west", "x1": ""} {
		if got := plan.SpaceOf(bng, netip.MustParsePrefix("100.64.0.9/32")); got != want {
			t.Errorf("on %s: %q, want %q", bng, got, want)
		}
	}
	for text, want := range map[string]bool{"192.0.2.53": true, "192.0.2.1": true, "192.0.2.200": false} {
		if _, never := plan.Unattributable(Place{Addr: addr(text)}); never != want {
			t.Errorf("%s never attributed: %t, want %t", text, never, want)
		}
	}
}

func TestRangesOfPortsAreReadStrictly(t *testing.T) {
	for text, want := range map[string]PortRange{"": {}, "1024-2047": {1024, 2047}, "80": {80, 80}, "0-65535": {0, 65535}} {
		got, err := ParsePortRange(text)
		if again, err2 := ParsePortRange(got.String()); err != nil || err2 != nil || got != want || again != want {
			t.Errorf("%q: %v, %v; again %v, %v", text, got, err, again, err2)
		}
	}
	for _, text := range []string{"0", "2-1", "-", "1-", "1-65536", "a", "1 - 2", "+1-2", "1-2-3"} {
		if r, err := ParsePortRange(text); err == nil {
			t.Errorf("%q is %v", text, r)
		}
	}
}
