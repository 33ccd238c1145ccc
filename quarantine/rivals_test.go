package quarantine

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"
)

func randomBinding(rng *rand.Rand) Binding {
	b := Binding{
		Address: Address{Prefix: netip.MustParsePrefix([]string{"203.0.113.5/32", "203.0.113.6/32"}[rng.IntN(2)]), Kind: FramedIP},
		Session: SessionKey{fmt.Sprint("b", rng.IntN(2)), fmt.Sprint(rng.IntN(6))}, Subscriber: []string{"a", "b", "c", ""}[rng.IntN(4)],
		From: at(rng.IntN(1000)), StartSeen: rng.IntN(2) == 0, Inferred: rng.IntN(2) == 0,
	}
	if rng.IntN(4) > 0 {
		lo := uint16(1000 + rng.IntN(4000))
		b.Kind, b.Ports = NATPortBlock, PortRange{lo, lo + uint16(rng.IntN(3000))}
	} else if rng.IntN(3) == 0 {
		b.Prefix = netip.MustParsePrefix("203.0.113.4/31")
	}
	b.RenewedAt = b.From.Add(time.Duration(rng.IntN(300)) * time.Second)
	if rng.IntN(2) == 0 {
		b.To = b.RenewedAt.Add(time.Duration(rng.IntN(100)) * time.Second)
		if b.OpenEnd = rng.IntN(4) == 0; b.OpenEnd {
			b.RenewedAt = b.From
		}
	}
	switch rng.IntN(5) {
	case 0:
		b.FromBy = b.From.Add(time.Duration(rng.IntN(200)) * time.Second)
	case 1:
		b.Began = b.From
	case 2:
		b.ResetAt = at(rng.IntN(1500))
	}
	return b
}

func TestHeldReadsRivalsOnlyAndMissesNone(t *testing.T) {
	compared := 0
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 20))
		var all []Binding
		for range 1 + rng.IntN(25) {
			all = append(all, randomBinding(rng))
		}
		from := at(rng.IntN(1200))
		to := from.Add(time.Duration(rng.IntN(200)) * time.Second)
		var got []string
		for _, b := range Held(all, from, to) {
			got = append(got, fmt.Sprint(b.Session, b.Ports, b.Subscriber, b.From, b.To, b.RenewedAt, b.ConfirmedTo, b.Meanwhile))
		}
		slices.Sort(got)
		if want := heldAmongAll(all, from, to); !slices.Equal(got, want) {
			t.Fatalf("seed %d:\n%q, want\n%q", seed, got, want)
		}
		compared += len(got)
	}
	if compared < 5000 {
		t.Fatalf("only %d were held: the test does not test", compared)
	}
}

// What was assigned at an uncertain moment is not over because it was certainly
// assigned at the end of that.
func TestABindingDoesNotReplaceItself(t *testing.T) {
	for _, kind := range []AddressKind{FramedIP, NATPortBlock} {
		b := Binding{
			Address: Address{Prefix: netip.MustParsePrefix("203.0.113.5/32"), Kind: kind, Ports: PortRange{1024, 2047}},
			Session: SessionKey{"b1", "1"}, Subscriber: "alice", From: at(100), FromBy: at(160), RenewedAt: at(400), Inferred: true,
		}
		held := Held([]Binding{b}, at(300), at(301))
		if len(held) != 1 || !held[0].To.IsZero() || !held[0].ConfirmedTo.IsZero() {
			t.Errorf("%s: %+v", kind, held)
		}
	}
}

// sharedHistory is an address of a translator: 63 blocks, held an hour each.
func sharedHistory(hours int) []Binding {
	var list []Binding
	for h := range hours {
		for block := range 63 {
			lo, from := uint16(1024+1024*block), noon.Add(time.Duration(h)*time.Hour)
			list = append(list, Binding{
				Address: Address{Prefix: netip.MustParsePrefix("203.0.113.5/32"), Kind: NATPortBlock, Ports: PortRange{lo, lo + 1023}},
				Session: SessionKey{"b1", fmt.Sprint(len(list))}, Subscriber: fmt.Sprint(len(list)), From: from,
				To: from.Add(time.Hour), RenewedAt: from.Add(time.Hour), Inferred: true,
			})
		}
	}
	return list
}

// BenchmarkHeldOfASharedAddress measures what GET /sessions?ip= asks of a
// translator's address, by days of history: twice the days, twice the time.
func BenchmarkHeldOfASharedAddress(b *testing.B) {
	for _, days := range []int{3, 7, 14} {
		list := sharedHistory(24 * days)
		b.Run(fmt.Sprint(days, " days"), func(b *testing.B) {
			for b.Loop() {
				if held := Held(list, noon.Add(-time.Hour), noon.Add(1000*time.Hour)); len(held) != len(list) {
					b.Fatal(len(held))
				}
			}
		})
	}
}
