package quarantine

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func gap(from, to int) Gap { return Gap{From: at(from), To: at(to)} }

// reported is a binding that a record at a moment reports first.
func reported(since int, b Binding) Binding {
	b.StartSeen, b.Inferred, b.Began = false, true, at(since)
	return b
}

func TestWhatAFailoverMayHaveHiddenIsDoubtful(t *testing.T) {
	const open = -1
	one := []Gap{gap(1000, 1100)}
	cases := []struct {
		name     string
		bindings []Binding
		gaps     []Gap
		at       int
		want     AttributionResult
	}{
		{"no gap", []Binding{held("alice", "b1", "1", 0, open, 900)}, nil, 1050, Attributed},
		{"before the gap", []Binding{held("alice", "b1", "1", 0, open, 900)}, one, 950, Attributed},
		{"in the gap, not renewed since", []Binding{held("alice", "b1", "1", 0, open, 900)}, one, 1050, Doubtful},
		{"in the gap, renewed later in it", []Binding{held("alice", "b1", "1", 0, open, 1080)}, one, 1050, Attributed},
		{"in the gap, renewed after it", []Binding{held("alice", "b1", "1", 0, open, 1200)}, one, 1050, Attributed},
		{"after the gap, not renewed since", []Binding{held("alice", "b1", "1", 0, open, 900)}, one, 2000, Doubtful},
		{"after the gap, renewed in it only", []Binding{held("alice", "b1", "1", 0, open, 1050)}, one, 2000, Doubtful},
		{"after the gap, renewed after it", []Binding{held("alice", "b1", "1", 0, open, 1101)}, one, 2000, Attributed},
		{"stopped in the gap, a moment before", []Binding{held("alice", "b1", "1", 0, 1080, 1080)}, one, 1050, Attributed},
		{"stopped in the gap, within tolerance of it", []Binding{held("alice", "b1", "1", 0, 1080, 1080)}, one, 1081, Doubtful},
		{"begun in the gap, within tolerance of it", []Binding{held("alice", "b1", "1", 1050, open, 1200)}, one, 1051, Doubtful},
		{"begun in the gap, later, renewed after it", []Binding{held("alice", "b1", "1", 1050, open, 1200)}, one, 1090, Doubtful},
		{"begun in the gap, after it, renewed after it", []Binding{held("alice", "b1", "1", 1050, open, 1200)}, one, 1150, Attributed},
		{"begun in the gap, reported first after it, before that", []Binding{reported(1150, held("alice", "b1", "1", 1050, open, 1200))},
			one, 1120, Doubtful},
		{"begun in the gap, reported first after it, after that", []Binding{reported(1150, held("alice", "b1", "1", 1050, open, 1200))},
			one, 1170, Attributed},
		{"begun before the gap, reported first after it, before that", []Binding{reported(1150, held("alice", "b1", "1", 900, open, 1200))},
			one, 1120, Doubtful},
		{"begun after the gap", []Binding{held("alice", "b1", "1", 1200, open, 1200)}, one, 1201, Attributed},
		{"one of two gaps is not overcome", []Binding{held("alice", "b1", "1", 0, open, 1200)}, []Gap{one[0], gap(1500, 1600)}, 1700, Doubtful},
		{"the second gap is later", []Binding{held("alice", "b1", "1", 0, open, 1200)}, []Gap{one[0], gap(1500, 1600)}, 1400, Attributed},
		{"two of one subscriber, one renewed", []Binding{held("alice", "b1", "1", 0, open, 900), held("alice", "b2", "2", 0, open, 1200)},
			one, 2000, Attributed},
		{"two of one subscriber, the renewed one ended since, nobody knows when", []Binding{
			held("alice", "b1", "1", 0, open, 900), {
				Address: held("", "", "", 0, 0, 0).Address, Session: SessionKey{"b2", "2"}, Subscriber: "alice",
				From: at(0), RenewedAt: at(1200), StartSeen: true, ResetAt: at(2100),
			},
		}, one, 2000, Doubtful},
		{"two subscribers stay ambiguous", []Binding{held("alice", "b1", "1", 0, open, 900), held("bob", "b2", "2", 0, open, 900)},
			one, 2000, Ambiguous},
		{"nobody stays unknown", nil, one, 1050, Unknown},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := WhoHeld(c.bindings, c.gaps, 0, at(c.at), 2*time.Second)
			if got.Result != c.want {
				t.Errorf("got %v, want %v", got.Result, c.want)
			}
			if got.Result == Doubtful && (got.Subscriber != "" || got.Reason == "" || len(got.Bindings) == 0) {
				t.Errorf("a doubtful answer is %+v", got)
			}
		})
	}
}

// In the gap a port block, or a prefix, was released and given to another. What
// follows says that the session stands, and does not list it.
func TestThatASessionStandsAfterAGapDoesNotConfirmWhatItDoesNotList(t *testing.T) {
	const start, interim = SessionStarted, SessionRenewed
	x, p, block := ip4(7), delegated("2001:db8:1::/56"), portBlock(1024, 2047)
	one := []Gap{gap(100, 160)}
	for name, c := range map[string]struct {
		records []SessionEvent
		asked   Address
		want    map[int]AttributionResult
	}{
		"a block": {
			[]SessionEvent{about("A", "alice", start, 0, x, block), about("A", "alice", interim, 300, x)},
			block, map[int]AttributionResult{50: Attributed, 130: Doubtful, 250: Doubtful, 310: Doubtful},
		},
		"a block that is listed again": {
			[]SessionEvent{about("A", "alice", start, 0, x, block), about("A", "alice", interim, 300, x, block)},
			block, map[int]AttributionResult{130: Attributed, 250: Attributed, 310: Attributed},
		},
		"a prefix": {
			[]SessionEvent{about("A", "alice", start, 0, x, p), about("A", "alice", interim, 300, x)},
			p, map[int]AttributionResult{50: Attributed, 130: Doubtful, 310: Doubtful},
		},
		"the address, which is listed": {
			[]SessionEvent{about("A", "alice", start, 0, x, p), about("A", "alice", interim, 300, x)},
			x, map[int]AttributionResult{130: Attributed, 310: Attributed},
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := slices.DeleteFunc(heardOf(c.records...), func(b Binding) bool { return b.Kind != c.asked.Kind })
			for second, want := range c.want {
				if got := WhoHeld(all, one, c.asked.Ports.Lo, at(second), 2*time.Second); got.Result != want {
					t.Errorf("at %d: %v %s, want %v", second, got.Result, got.Subscriber, want)
				}
			}
		})
	}
}

// A story of one address: sessions follow each other and are renewed; a
// failover loses every record of a while. Whoever is named held the address.
func TestAttributionAfterAFailoverNeverNamesTheWrongSubscriber(t *testing.T) {
	attributed, doubtful, wrongWithout := 0, 0, 0
	for seed := range uint64(3000) {
		rng := rand.New(rand.NewPCG(seed, 5))
		failover := 100 + rng.IntN(300)
		lostFrom := failover - rng.IntN(int(LostBefore/time.Second))
		lost := func(second int) bool { return lostFrom <= second && second <= failover }
		gaps := []Gap{FailoverGap(at(failover), at(failover))}
		var bindings []Binding
		var truth [][2]int
		for clock := 0; clock < 600; {
			from := clock + rng.IntN(20)
			to := from + 10 + rng.IntN(200)
			if b, known := survives(rng, len(truth), from, to, lost); known {
				bindings = append(bindings, b)
			}
			truth, clock = append(truth, [2]int{from, to}), to
		}
		for range 40 {
			moment := rng.IntN(600)
			// a later holder would show that a record is missing
			known := slices.DeleteFunc(slices.Clone(bindings), func(b Binding) bool { return b.From.After(at(moment + 2)) })
			with, without := WhoHeld(known, gaps, 0, at(moment), 2*time.Second), WhoHeld(known, nil, 0, at(moment), 2*time.Second)
			if without.Result == Attributed && !holdsNear(truth, without.Subscriber, moment) {
				wrongWithout++
			}
			switch {
			case with.Result == Doubtful:
				doubtful++
			case with.Result == Attributed:
				attributed++
				if !holdsNear(truth, with.Subscriber, moment) {
					t.Fatalf("seed %d: moment %d was given to %s; failover at %d lost all from %d; sessions %v", seed,
						moment, with.Subscriber, failover, lostFrom, truth)
				}
			}
		}
	}
	if attributed < 50000 || doubtful < 1000 || wrongWithout < 200 {
		t.Fatalf("%d attributed, %d doubtful, %d wrong without gaps: the test proves little", attributed, doubtful, wrongWithout)
	}
}

// survives is the binding that is left of session n if the records of some
// seconds are lost.
func survives(rng *rand.Rand, n, from, to int, lost func(int) bool) (Binding, bool) {
	records := []int{from}
	for second := from + 30 + rng.IntN(10); second < to; second += 30 {
		records = append(records, second)
	}
	b := held(string(rune('a'+n)), "b1", string(rune('0'+n)), from, -1, from)
	b.StartSeen = !lost(from)
	known := false
	for _, second := range records {
		if !lost(second) {
			known, b.RenewedAt = true, at(second)
		}
	}
	if !lost(to) && known {
		b.To, b.RenewedAt = at(to), at(to)
	}
	return b, known
}

// holdsNear reports whether the subscriber held the address within tolerance.
func holdsNear(truth [][2]int, subscriber string, moment int) bool {
	n := int(subscriber[0] - 'a')
	return truth[n][0]-2 <= moment && moment <= truth[n][1]+2
}

func TestAFailoverThatIsMetBeforeItWasLastConfirmedStillLeavesItsGap(t *testing.T) {
	for _, c := range []struct {
		confirmed, noticed int
		want               Gap
	}{
		{1000, 1001, gap(940, 1016)}, {1000, 4600, gap(940, 4615)}, {1010, 1000, gap(940, 1015)},
	} {
		if got := FailoverGap(at(c.confirmed), at(c.noticed)); got != c.want {
			t.Errorf("confirmed %d, noticed %d: %v", c.confirmed, c.noticed, got)
		}
	}
}

func TestGapsThatOverlapBecomeOneAndOldOnesAreForgotten(t *testing.T) {
	for seed := range uint64(500) {
		rng := rand.New(rand.NewPCG(seed, 6))
		var gaps []Gap
		covered := make([]bool, 1000)
		for range rng.IntN(12) {
			from := rng.IntN(900)
			to := from + rng.IntN(100)
			gaps = AddGap(gaps, gap(from, to), at(0))
			for second := from; second <= to; second++ {
				covered[second] = true
			}
		}
		for second := range covered {
			in := slices.ContainsFunc(gaps, func(g Gap) bool { return !at(second).Before(g.From) && !at(second).After(g.To) })
			if in != covered[second] {
				t.Fatalf("seed %d: second %d is in %v: %t", seed, second, gaps, in)
			}
		}
		if !slices.IsSortedFunc(gaps, func(a, b Gap) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.From)) }) {
			t.Fatalf("seed %d: %v", seed, gaps)
		}
	}
	if got := AddGap([]Gap{gap(0, 10)}, gap(20, 30), at(11)); len(got) != 1 || got[0] != gap(20, 30) {
		t.Errorf("kept %v", got)
	}
}
