package storetest

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// RandomAccounting plays accounting in random order, doubled and in batches of
// random size, to the store and to the ports in memory, and compares what both
// then know. Keys, subscribers and addresses are few, so that everything
// collides with everything: names change and are missing, addresses and port blocks
// come back, times are uncertain. One seed is one such play.
func RandomAccounting(t *testing.T, open Open, seeds uint64) {
	for seed := range seeds {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 4711))
			s := start(t, open)
			reference := quarantinetest.NewMemory()
			reference.Restricted = func(a quarantine.Attribute) bool { return a.Value == "GARDEN" }
			events := repeated(rng, shuffled(rng, 60))
			for len(events) > 0 {
				batch := events[:min(len(events), 1+rng.IntN(8))]
				events = events[len(batch):]
				record(t, s, batch...)
				record(t, reference, batch...)
			}
			sameKnowledge(t, s, reference)
		})
	}
}

// shuffled returns n random events in random order, some of them twice.
func shuffled(rng *rand.Rand, n int) []quarantine.SessionEvent {
	var events []quarantine.SessionEvent
	for range n {
		ev := randomEvent(rng)
		events = append(events, ev)
		if rng.IntN(4) == 0 {
			events = append(events, ev)
		}
	}
	rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
	return events
}

// repeated has many of the events followed by Interim-Updates that say the same,
// which is what most accounting is.
func repeated(rng *rand.Rand, events []quarantine.SessionEvent) []quarantine.SessionEvent {
	var more []quarantine.SessionEvent
	for _, ev := range events {
		more = append(more, ev)
		if ev.Kind != quarantine.SessionStarted && ev.Kind != quarantine.SessionRenewed {
			continue
		}
		for ev.Kind = quarantine.SessionRenewed; rng.IntN(2) == 0; more = append(more, ev) {
			ev.At = ev.At.Add(time.Duration(rng.IntN(600)-60) * time.Second)
		}
	}
	return more
}

func portBlock(lo, hi uint16) quarantine.Address {
	block := address("203.0.113.5/32", quarantine.NATPortBlock)
	block.Ports = quarantine.PortRange{Lo: lo, Hi: hi}
	return block
}

// randomBlocks overlap each other, lie in one slice of ports, in two, and in many.
var randomBlocks = []quarantine.Address{portBlock(1024, 1535), portBlock(1536, 2047), portBlock(1900, 2500), portBlock(2048, 30000)}

var randomAddresses = []quarantine.Address{
	v4(1), v4(2), v4(17), address("203.0.113.5/32", quarantine.FramedIP), address("2001:db8:0:1::/64", quarantine.FramedIPv6Prefix),
	address("2001:db8::/56", quarantine.DelegatedIPv6Prefix),
	address("2001:db8::/52", quarantine.DelegatedIPv6Prefix), address("2001:db8:0:1::1/128", quarantine.FramedIPv6Address),
}

func randomKey(rng *rand.Rand) quarantine.SessionKey {
	return quarantine.SessionKey{BNG: fmt.Sprintf("bng%d", rng.IntN(2)), ID: fmt.Sprintf("s%d", rng.IntN(4))}
}

func randomEvent(rng *rand.Rand) quarantine.SessionEvent {
	ev := quarantine.SessionEvent{
		Kind: quarantine.SessionRenewed, Key: randomKey(rng), Subscriber: []string{"u0", "u1", "u2", ""}[rng.IntN(4)],
		At: noon.Add(time.Duration(rng.IntN(3600)) * time.Second), Ignored: rng.IntN(10) == 0,
	}
	switch rng.IntN(10) {
	case 0:
		return quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: ev.Key.BNG}, At: ev.At}
	case 1, 2, 3:
		ev.Kind, ev.StartedAt = quarantine.SessionStarted, ev.At
	case 4, 5:
		ev.Kind = quarantine.SessionEnded
	}
	if ev.Kind != quarantine.SessionStarted && rng.IntN(3) > 0 {
		ev.StartedAt = ev.At.Add(-time.Duration(rng.IntN(1800)) * time.Second)
	}
	for range rng.IntN(3) {
		ev.Addresses = append(ev.Addresses, randomAddresses[rng.IntN(len(randomAddresses))])
	}
	randomInterval(rng, &ev)
	if rng.IntN(4) == 0 {
		ev.Observed = []quarantine.Attribute{{Name: "Filter-Id", Value: []string{"A", "GARDEN"}[rng.IntN(2)]}}
	}
	if rng.IntN(3) == 0 {
		ev.Attributes = []quarantine.Attribute{{Name: "Filter-Id", Value: []string{"A", "B", "GARDEN"}[rng.IntN(3)]}}
	}
	return ev
}

// randomInterval adds what says how long addresses are held, and by whom.
func randomInterval(rng *rand.Rand, ev *quarantine.SessionEvent) {
	block := func() quarantine.Address { return randomBlocks[rng.IntN(len(randomBlocks))] }
	switch rng.IntN(4) {
	case 0:
		ev.Addresses = append(ev.Addresses, block())
	case 1:
		ev.Freed = append(ev.Freed, block())
	}
	switch rng.IntN(8) {
	case 0:
		ev.Only = []quarantine.AddressKind{quarantine.FramedIP}
	case 1:
		ev.Only = []quarantine.AddressKind{quarantine.DelegatedIPv6Prefix, quarantine.NATPortBlock}
	case 2, 3:
		ev.Latest = ev.At.Add(time.Duration(rng.IntN(600)) * time.Second)
	case 4:
		ev.Subscriber, ev.Via = "", quarantine.Place{Addr: v4(1).Prefix.Addr(), Space: []string{"", "east"}[rng.IntN(2)]}
	case 5:
		ev.Member = fmt.Sprintf("m%d", rng.IntN(2))
	}
}

// sameKnowledge compares everything that two stores know of the random world.
func sameKnowledge(t *testing.T, s, reference Ports) {
	t.Helper()
	for bng := range 2 {
		for id := range 4 {
			key := quarantine.SessionKey{BNG: fmt.Sprintf("bng%d", bng), ID: fmt.Sprintf("s%d", id)}
			got, gotErr := s.Session(t.Context(), key)
			want, wantErr := reference.Session(t.Context(), key)
			if (gotErr == nil) != (wantErr == nil) {
				t.Fatalf("session %s: %v, reference %v", key, gotErr, wantErr)
			}
			equal(t, "session "+key.String(), got, want)
		}
	}
	for u := range 3 {
		got, err := s.SessionsOf(t.Context(), fmt.Sprintf("u%d", u))
		must(t, err)
		want, err := reference.SessionsOf(t.Context(), fmt.Sprintf("u%d", u))
		must(t, err)
		equal(t, fmt.Sprintf("sessions of u%d", u), got, want)
	}
	if got, want := renamed(s), renamed(reference); got != want {
		t.Errorf("%d records bore another name, reference %d", got, want)
	}
	for _, addr := range []string{"203.0.113.5", "192.0.2.1", "192.0.2.2", "192.0.2.17", "2001:db8:0:1::1", "2001:db8::1",
		"2001:db8:0:fff::"} {
		for _, span := range [][2]int{{-1000, 1000}, {10, 10}, {20, 25}, {45, 45}} {
			a := netip.MustParseAddr(addr)
			got := bindingsAt(t, s, a, minute(span[0]), minute(span[1]))
			want := bindingsAt(t, reference, a, minute(span[0]), minute(span[1]))
			equal(t, fmt.Sprintf("bindings of %s, minutes %v", addr, span), got, want)
		}
	}
	sameHolders(t, s)
}

// renamed is how many records bore another name than their session, as a store
// counts them.
func renamed(s any) uint64 {
	if inner, ok := s.(*subject); ok {
		s = inner.Ports
	}
	return s.(interface{ Renamed() uint64 }).Renamed()
}

// sameHolders compares the answers about ports of an address that rest on all that
// is known of it with those that rest on what was found for the port.
func sameHolders(t *testing.T, s Ports) {
	t.Helper()
	finder, ok := s.(quarantine.PortFinder)
	if inner, is := s.(*subject); is {
		finder, ok = inner.Ports.(quarantine.PortFinder)
	}
	if !ok {
		return
	}
	const tolerance = 2 * time.Second
	at, until := quarantine.Place{Addr: netip.MustParseAddr("203.0.113.5")}, noon.Add(1000*time.Hour)
	all, err := s.Bindings(t.Context(), at, time.Time{}, until)
	must(t, err)
	for _, port := range []uint16{0, 1, 1030, 1600, 2000, 2100, 29000, 60000} {
		for n := range 90 {
			moment := minute(n)
			some, err := finder.PortBindings(t.Context(), at, port, moment.Add(-tolerance), moment.Add(tolerance), until)
			must(t, err)
			want := quarantine.WhoHeld(all, nil, port, moment, tolerance)
			got := quarantine.WhoHeld(some, nil, port, moment, tolerance)
			if port == 0 && got.Result == quarantine.Ambiguous {
				continue // it was shared at some time
			}
			if got.Result != want.Result || got.Subscriber != want.Subscriber || got.Via != want.Via {
				t.Fatalf("port %d, minute %d: %v %q (%s), of all bindings %v %q (%s)", port, n, got.Result, got.Subscriber, got.Reason,
					want.Result, want.Subscriber, want.Reason)
			}
		}
	}
}
