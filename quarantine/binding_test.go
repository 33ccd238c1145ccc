package quarantine

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func at(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }

func held(subscriber, bng, id string, from, to, renewed int) Binding {
	b := Binding{
		Address:    Address{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: FramedIP},
		Session:    SessionKey{bng, id},
		Subscriber: subscriber, From: at(from), RenewedAt: at(renewed), StartSeen: true,
	}
	if to >= 0 {
		b.To = at(to)
	}
	return b
}

func TestAnAddressIsAttributedByTheMomentNotByToday(t *testing.T) {
	const open = -1
	late := func(b Binding) Binding { b.Inferred = true; return b }
	reset := func(b Binding, seconds int) Binding { b.ResetAt = at(seconds); return b }
	cases := []struct {
		name     string
		bindings []Binding
		at       int
		want     AttributionResult
		who      string
	}{
		{"nobody", nil, 0, Unknown, ""},
		{"the only holder", []Binding{held("alice", "b1", "1", 0, open, 0)}, 100, Attributed, "alice"},
		{"before the session", []Binding{held("alice", "b1", "1", 100, open, 100)}, 50, Unknown, ""},
		{"after the session", []Binding{held("alice", "b1", "1", 0, 100, 100)}, 150, Unknown, ""},
		{"before the session's end, within tolerance of it", []Binding{held("alice", "b1", "1", 0, 100, 100)}, 99, Unknown, ""},
		{"at the session's end, less tolerance", []Binding{held("alice", "b1", "1", 0, 100, 100)}, 98, Attributed, "alice"},
		{"after the session's end, within tolerance of it", []Binding{held("alice", "b1", "1", 0, 100, 100)}, 102, Unknown, ""},
		{"before the session's start, within tolerance of it", []Binding{held("alice", "b1", "1", 100, open, 100)}, 98, Attributed, "alice"},
		{"ended with no record of its end, confirmed since", []Binding{held("alice", "b1", "1", 0, 100, 60)}, 58, Attributed, "alice"},
		{"ended with no record of its end, not confirmed since", []Binding{held("alice", "b1", "1", 0, 100, 60)}, 59, Unknown, ""},
		{"the earlier of two holders", []Binding{held("alice", "b1", "1", 0, 100, 100), held("bob", "b1", "2", 110, open, 110)},
			50, Attributed, "alice"},
		{"the later of two holders", []Binding{held("alice", "b1", "1", 0, 100, 100), held("bob", "b1", "2", 110, open, 110)},
			150, Attributed, "bob"},
		{"between two holders, near both", []Binding{held("alice", "b1", "1", 0, 100, 100), held("bob", "b1", "2", 102, open, 102)},
			101, Ambiguous, ""},
		{"between two holders, near none", []Binding{held("alice", "b1", "1", 0, 100, 100), held("bob", "b1", "2", 110, open, 110)},
			105, Unknown, ""},
		{"the same subscriber twice", []Binding{held("alice", "b1", "1", 0, 100, 100), held("alice", "b1", "2", 101, open, 101)},
			100, Attributed, "alice"},
		{"a lost Stop, the newer holder on the same BNG",
			[]Binding{held("alice", "b1", "1", 0, open, 60), held("bob", "b1", "2", 100, open, 100)}, 150, Attributed, "bob"},
		{"a lost Stop, while the older held it", []Binding{held("alice", "b1", "1", 0, open, 60), held("bob", "b1", "2", 100, open, 100)},
			50, Attributed, "alice"},
		{"a lost Stop, not renewed since", []Binding{held("alice", "b1", "1", 0, open, 60), held("bob", "b1", "2", 100, open, 100)},
			70, Unknown, ""},
		{"a lost Stop, reported late of the newer holder, not since when",
			[]Binding{held("alice", "b1", "1", 0, open, 60), late(held("bob", "b1", "2", 30, open, 100))}, 80, Ambiguous, ""},
		{"a lost Stop, reported late of the newer holder, after that",
			[]Binding{held("alice", "b1", "1", 0, open, 60), late(held("bob", "b1", "2", 30, open, 100))}, 110, Attributed, "bob"},
		{"a lost Stop, in the gap", []Binding{held("alice", "b1", "1", 0, open, 60), held("bob", "b1", "2", 100, open, 100)}, 99, Ambiguous, ""},
		{"two BNGs, neither known to have ended", []Binding{held("alice", "b1", "1", 0, open, 60), held("bob", "b2", "2", 100, open, 100)},
			150, Ambiguous, ""},
		{"still renewed after the newer one began", []Binding{held("alice", "b1", "1", 0, open, 140), held("bob", "b1", "2", 100, open, 100)},
			150, Ambiguous, ""},
		{"the BNG restarted since", []Binding{reset(held("alice", "b1", "1", 0, open, 60), 100)}, 150, Unknown, ""},
		{"before the BNG restarted", []Binding{reset(held("alice", "b1", "1", 0, open, 60), 100)}, 80, Unknown, ""},
		{"before the BNG restarted, confirmed since", []Binding{reset(held("alice", "b1", "1", 0, open, 60), 100)}, 50, Attributed, "alice"},
		{"renewed after the restart", []Binding{reset(held("alice", "b1", "1", 0, open, 120), 100)}, 150, Attributed, "alice"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := WhoHeld(c.bindings, nil, 0, at(c.at), 2*time.Second)
			if got.Result != c.want || got.Subscriber != c.who {
				t.Errorf("got %v %q, want %v %q", got.Result, got.Subscriber, c.want, c.who)
			}
			if (got.Reason == "") != (got.Result == Attributed) {
				t.Errorf("reason %q for %v", got.Reason, got.Result)
			}
		})
	}
}

// Sessions follow each other on one address; some Stops are lost. Whoever is
// named must have held the address within the tolerance.
func TestAttributionOverChurnNeverNamesTheWrongSubscriber(t *testing.T) {
	const tolerance = 2 * time.Second
	attributed := 0
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 2))
		var bindings []Binding
		var truth [][2]int
		clock := 0
		for n := range 6 {
			from := clock + rng.IntN(30)
			to := from + 5 + rng.IntN(60)
			b := held(string(rune('a'+n)), "b1", string(rune('0'+n)), from, to, to)
			if rng.IntN(4) == 0 {
				b.To, b.RenewedAt = time.Time{}, at(from+rng.IntN(to-from)) // its Stop was lost
			}
			bindings, truth, clock = append(bindings, b), append(truth, [2]int{from, to}), to
		}
		for range 40 {
			moment := rng.IntN(clock + 20)
			got := WhoHeld(bindings, nil, 0, at(moment), tolerance)
			if got.Result != Attributed {
				continue
			}
			attributed++
			n := int(got.Subscriber[0] - 'a')
			lostStop := bindings[n].To.IsZero()
			last := n == len(truth)-1
			if moment+2 < truth[n][0] || (moment-2 > truth[n][1] && !lostStop) {
				t.Fatalf("seed %d: moment %d was given to %s, who held it %v", seed, moment, got.Subscriber, truth[n])
			}
			if lostStop && !last && moment > truth[n+1][0] {
				t.Fatalf("seed %d: moment %d was given to %s although the next holder began at %d", seed, moment, got.Subscriber, truth[n+1][0])
			}
		}
	}
	if attributed < 10000 {
		t.Fatalf("only %d moments were attributed: the test proves little", attributed)
	}
}
