package quarantinetest_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// life is one session of a small network, and what is reported of it. Whoever is
// reported to hold nothing more holds nothing.
type life struct {
	rng     *rand.Rand
	key     quarantine.SessionKey
	name    string // as its subscriber is named at present; "": never
	silent  bool   // its records never name anybody
	omits   bool   // some of them do not
	aliases bool   // a Stop may name somebody else
	start   int
	end     int
	holds   []int // indexes into places
	reports *[]quarantine.SessionEvent
	truth   [][]string // by place and second
}

// places are two addresses and two blocks of a shared one.
var places = []quarantine.Address{
	{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Kind: quarantine.FramedIP},
	{Prefix: netip.MustParsePrefix("192.0.2.2/32"), Kind: quarantine.FramedIP},
	{Prefix: netip.MustParsePrefix("203.0.113.5/32"), Kind: quarantine.NATPortBlock, Ports: quarantine.PortRange{Lo: 1024, Hi: 2047}},
	{Prefix: netip.MustParsePrefix("203.0.113.5/32"), Kind: quarantine.NATPortBlock, Ports: quarantine.PortRange{Lo: 2048, Hi: 3071}},
}

const (
	lasts  = 1200 // seconds
	nobody = ""
	secret = "?" // held by somebody whom no record names
)

func second(n int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Add(time.Duration(n) * time.Second)
}

// report adds a record at a second, with or without name, sometimes of an
// uncertain time, sometimes twice.
func (l *life) report(kind quarantine.SessionEventKind, at int, freed ...int) {
	ev := quarantine.SessionEvent{Kind: kind, Key: l.key, Subscriber: l.name, At: second(at)}
	if l.silent || l.omits && kind != quarantine.SessionStarted && l.rng.IntN(5) == 0 {
		ev.Subscriber = ""
	}
	if kind == quarantine.SessionEnded && !l.silent && l.aliases && l.rng.IntN(6) == 0 {
		ev.Subscriber = "ALICE"
	}
	for _, n := range l.holds {
		ev.Addresses = append(ev.Addresses, places[n])
	}
	for _, n := range freed {
		ev.Freed = append(ev.Freed, places[n])
	}
	if !slices.ContainsFunc(ev.Addresses, func(a quarantine.Address) bool { return a.Kind == quarantine.FramedIP }) {
		ev.Only = []quarantine.AddressKind{quarantine.FramedIP}
	}
	if kind == quarantine.SessionStarted {
		ev.StartedAt = ev.At
	} else if l.rng.IntN(2) == 0 {
		ev.StartedAt = second(l.start)
	}
	if l.rng.IntN(8) == 0 {
		early, late := l.rng.IntN(40), l.rng.IntN(40)
		ev.At, ev.Latest = second(at-early), second(at+late)
		if !ev.StartedAt.IsZero() {
			ev.StartedAt = ev.StartedAt.Add(-time.Duration(early) * time.Second)
		}
	}
	*l.reports = append(*l.reports, ev)
	if l.rng.IntN(3) == 0 {
		*l.reports = append(*l.reports, ev)
	}
}

// take gives the session what is free, one IPv4 address at most.
func (l *life) take(now int) {
	for n := range places {
		isBlock := places[n].Kind == quarantine.NATPortBlock
		has := slices.ContainsFunc(l.holds, func(h int) bool { return !isBlock && places[h].Kind == quarantine.FramedIP })
		if l.truth[n][now] == nobody && !slices.Contains(l.holds, n) && !has && l.rng.IntN(2) == 0 {
			l.holds = append(l.holds, n)
		}
	}
}

// live plays one second of the session.
func (l *life) live(now int) {
	switch {
	case now == l.start:
		l.take(now)
		l.report(quarantine.SessionStarted, now)
	case now == l.end:
		l.report(quarantine.SessionEnded, now)
		l.holds = nil
	case l.rng.IntN(60) == 0:
		l.report(quarantine.SessionRenewed, now)
	case l.rng.IntN(80) == 0 && len(l.holds) > 0:
		n := l.rng.IntN(len(l.holds))
		gone := l.holds[n]
		l.holds = slices.Delete(l.holds, n, n+1)
		if places[gone].Kind == quarantine.NATPortBlock {
			l.report(quarantine.SessionRenewed, now, gone)
		} else {
			l.report(quarantine.SessionRenewed, now)
		}
	case l.rng.IntN(50) == 0:
		l.take(now)
		l.report(quarantine.SessionRenewed, now)
	case l.rng.IntN(250) == 0 && !l.silent && (l.aliases || !l.omits): // or whose a late record is nobody knows
		l.name += "'"
		l.report(quarantine.SessionRenewed, now)
		(*l.reports)[len(*l.reports)-1].Subscriber = l.name
	}
	for _, n := range l.holds {
		if l.truth[n][now] = l.name; l.silent {
			l.truth[n][now] = secret
		}
		if now+1 < lasts {
			l.truth[n][now+1] = l.truth[n][now] // until its next second is played
		}
	}
}

// play returns what happened at each place, and all that was reported.
func play(rng *rand.Rand, ids int) (truth [][]string, reports []quarantine.SessionEvent) {
	for range places {
		truth = append(truth, make([]string, lasts))
	}
	var lives []*life
	for n := range 8 {
		l := &life{
			rng: rng, key: quarantine.SessionKey{BNG: "b1", ID: fmt.Sprint(n % ids)}, name: string(rune('a' + n)), silent: rng.IntN(5) == 0,
			reports: &reports, truth: truth, start: n * 140, aliases: ids < 8, omits: ids < 8 || rng.IntN(2) == 0,
		}
		l.end = min(l.start+30+rng.IntN(600), lasts-1)
		lives = append(lives, l)
	}
	for now := range lasts {
		for _, l := range lives {
			if l.start <= now && now <= l.end {
				l.live(now)
			}
		}
	}
	return truth, reports
}

// Of a network whose records all arrive, in whatever order, twice, without names and
// with uncertain times, nobody is named who did not hold the place.
func TestWhateverTheOrderOfRecordsNobodyElseIsNamed(t *testing.T) {
	const tolerance = 2
	right, forgotten := 0, 0
	for seed := range uint64(300) {
		rng := rand.New(rand.NewPCG(seed, 19))
		ids := 5 // identifiers come again
		if seed%3 == 1 {
			ids = 8 // a record without name or start that comes an hour late is of whatever session has its id
		}
		truth, reports := play(rng, ids)
		switch seed % 3 {
		case 1:
			rng.Shuffle(len(reports), func(i, j int) { reports[i], reports[j] = reports[j], reports[i] })
		case 2:
			for range len(reports) / 4 {
				i := rng.IntN(len(reports) - 1)
				reports[i], reports[i+1] = reports[i+1], reports[i]
			}
		}
		m := quarantinetest.NewMemory()
		for _, ev := range reports {
			m.Record(t.Context(), []quarantine.SessionEvent{ev})
		}
		if forgot(t, m) {
			forgotten++
			continue
		}
		for n, place := range places {
			known, err := m.Bindings(t.Context(), quarantine.Place{Addr: place.Prefix.Addr()}, time.Time{}, second(2*lasts))
			if err != nil {
				t.Fatal(err)
			}
			for at := tolerance; at < lasts-tolerance; at += 1 + rng.IntN(5) {
				got := quarantine.WhoHeld(known, nil, place.Ports.Lo, second(at), tolerance*time.Second)
				if got.Result != quarantine.Attributed {
					continue
				}
				if !slices.Contains(truth[n][at-tolerance:at+tolerance+1], got.Subscriber) {
					t.Fatalf("seed %d, %s%s, second %d: %q is named, %q held it (%q before, %q after)", seed, place.Prefix, place.Ports, at,
						got.Subscriber, truth[n][at], truth[n][at-tolerance], truth[n][at+tolerance])
				}
				right++
			}
		}
	}
	t.Logf("%d moments attributed, %d of the worlds forgot something", right, forgotten)
	if right < 10_000 || forgotten > 30 {
		t.Errorf("%d moments were attributed, %d of the worlds forgot something: the test proves little", right, forgotten)
	}
}

// forgot reports whether a session has had so many intervals that it forgot some.
// What is forgotten is not put right by records that come later still.
func forgot(t *testing.T, m *quarantinetest.Memory) bool {
	for n := range len(places) * 2 {
		s, err := m.Session(t.Context(), quarantine.SessionKey{BNG: "b1", ID: fmt.Sprint(n)})
		if err == nil && !s.Forgot.IsZero() {
			return true
		}
	}
	return false
}
