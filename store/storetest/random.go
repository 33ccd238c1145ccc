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
// collides with everything.
func RandomAccounting(t *testing.T, open Open) {
	for seed := range uint64(60) {
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

var randomAddresses = []quarantine.Address{
	v4(1), v4(2), v4(17), address("2001:db8:0:1::/64", quarantine.FramedIPv6Prefix), address("2001:db8::/56", quarantine.DelegatedIPv6Prefix),
	address("2001:db8::/52", quarantine.DelegatedIPv6Prefix), address("2001:db8:0:1::1/128", quarantine.FramedIPv6Address),
}

func randomKey(rng *rand.Rand) quarantine.SessionKey {
	return quarantine.SessionKey{BNG: fmt.Sprintf("bng%d", rng.IntN(2)), ID: fmt.Sprintf("s%d", rng.IntN(4))}
}

func randomEvent(rng *rand.Rand) quarantine.SessionEvent {
	ev := quarantine.SessionEvent{
		Kind: quarantine.SessionRenewed, Key: randomKey(rng), Subscriber: fmt.Sprintf("u%d", rng.IntN(3)),
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
	if rng.IntN(4) == 0 {
		ev.Shown = []quarantine.Attribute{{Name: "Filter-Id", Value: []string{"A", "GARDEN"}[rng.IntN(2)]}}
	}
	if rng.IntN(3) == 0 {
		ev.Attributes = []quarantine.Attribute{{Name: "Filter-Id", Value: []string{"A", "B", "GARDEN"}[rng.IntN(3)]}}
	}
	return ev
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
	for _, addr := range []string{"192.0.2.1", "192.0.2.2", "192.0.2.17", "2001:db8:0:1::1", "2001:db8::1", "2001:db8:0:fff::"} {
		for _, span := range [][2]int{{-1000, 1000}, {10, 10}, {20, 25}, {45, 45}} {
			a := netip.MustParseAddr(addr)
			got := bindingsAt(t, s, a, minute(span[0]), minute(span[1]))
			want := bindingsAt(t, reference, a, minute(span[0]), minute(span[1]))
			equal(t, fmt.Sprintf("bindings of %s, minutes %v", addr, span), got, want)
		}
	}
}
