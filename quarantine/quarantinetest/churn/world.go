package churn

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"cordon/quarantine"
)

// Config says how large a world is.
type Config struct {
	Seed     uint64
	Verdicts int           // how many verdicts it has; above 0
	Begins   time.Time     // when its addresses begin to churn; zero: 2026-03-01 12:00 UTC
	Lasts    time.Duration // how long addresses churn; zero: 40 min
}

// Tolerance is how far clocks differ at most in every World, rounding included.
const Tolerance = 2 * time.Second

// skew is how far one clock is off: two of them and a second of rounding stay
// within Tolerance.
const skew = 450 // ms

// World is what happened in a network, and what was told of it.
type World struct {
	Seed     uint64
	Plan     quarantine.AddressPlan
	begins   time.Time
	interims map[string]time.Duration
	reports  []*report // by arrival
	verdicts []verdict // by when they are judged
	holds    map[spot][]*hold
}

// Interim is how often a BNG renews its sessions, as far as is configured.
func (w *World) Interim(bng string) time.Duration { return w.interims[bng] }

// at turns the world's milliseconds into a time.
func (w *World) at(ms int64) time.Time { return w.begins.Add(time.Duration(ms) * time.Millisecond) }

// spot is what one subscriber has at a time: an address, a prefix or a block.
type spot struct {
	prefix netip.Prefix
	space  string
	ports  quarantine.PortRange
}

// never is later than everything in a world.
const never = int64(1) << 60

// hold is the truth: a subscriber had a spot during an interval. Times are in
// milliseconds since the world began, by no clock but the world's own.
type hold struct {
	spot
	kind       quarantine.AddressKind
	class      Class
	subscriber string
	line       *line
	from, to   int64 // to: never while it lasts
	heard      int64 // when the first record that tells of it arrived; never: none
	ended      int64 // when the first record that tells of its end arrived
}

func (h *hold) address() quarantine.Address {
	return quarantine.Address{Prefix: h.prefix, Kind: h.kind, Space: h.space, Ports: h.ports}
}

// line is one session.
type line struct {
	box        *box
	id         string
	subscriber string
	from, to   int64
	v4         *hold
	v6         []*hold
	blocks     []*hold
	told       map[*hold]bool
	renewed    []*report // those that Cordon takes in
}

// New makes up a world.
func New(c Config) (*World, error) {
	if c.Verdicts < 1 || c.Lasts < 0 {
		return nil, fmt.Errorf("churn: %d verdicts within %s are none", c.Verdicts, c.Lasts)
	}
	if c.Begins.IsZero() {
		c.Begins = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	}
	lasts := int64(cmp.Or(c.Lasts, 40*time.Minute) / time.Millisecond)
	s := &simulation{
		rng: rand.New(rand.NewPCG(c.Seed, 0x6368757266)), lasts: lasts, //nolint:gosec // a seed must give the same world
		world: &World{Seed: c.Seed, begins: c.Begins, interims: map[string]time.Duration{}, holds: map[spot][]*hold{}},
	}
	s.furnish()
	s.run()
	slices.SortStableFunc(s.world.reports, func(a, b *report) int { return cmp.Compare(a.arrives, b.arrives) })
	s.world.hear()
	s.world.accuse(s.rng, c.Verdicts, lasts)
	return s.world, nil
}

// hear finds out when Cordon hears of each hold and of its end. A record about a
// session that comes after another one has begun under its identifier is not
// counted: Cordon keeps no more of it than it knew.
func (w *World) hear() {
	newest := map[quarantine.SessionKey]int64{}
	for _, holds := range w.holds {
		for _, h := range holds {
			h.heard, h.ended = never, never
		}
	}
	for _, r := range w.reports {
		if r.line != nil {
			if r.line.from < newest[r.event.Key] {
				continue
			}
			newest[r.event.Key] = r.line.from
			r.line.renewed = append(r.line.renewed, r)
		}
		for _, h := range r.tells {
			h.heard = min(h.heard, r.arrives)
		}
		for _, h := range r.ends {
			h.ended = min(h.ended, r.arrives)
		}
	}
}
