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
	// Faults adds what goes wrong in bad networks and on bad days. Its chances come
	// from a stream of their own: without any, a seed makes the same world as ever.
	Faults Fault
	// NewEdge makes what dates the records of one BNG on one instance. Nil: a model
	// of the RADIUS edge.
	NewEdge func() Edge
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
	cluster  *cluster // the instances of a world with faults; nil: one, which never fails
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
	from, to   int64     // to: never while it lasts
	heard      int64     // when the first record that tells of it arrived; never: none
	ended      int64     // when the first record that tells of its end arrived
	tellers    []*report // that tell of it
	enders     []*report // that tell of its end
	inside     *hold     // of a NAT's block: the inside address, whose holder has the block
	passedOn   bool      // by a line that went on under another name: only a record with that name tells of it
	before     *hold     // who had it then
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
	nameless   bool      // no record of it bears a name
	former     []string  // names that it had before
	past       []*hold   // what it had before
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
		kinds: c.Faults,
		rng:   rand.New(rand.NewPCG(c.Seed, 0x6368757266)), lasts: lasts, //nolint:gosec // a seed must give the same world
		world: &World{Seed: c.Seed, begins: c.Begins, interims: map[string]time.Duration{}, holds: map[spot][]*hold{}},
	}
	if c.Faults != 0 {
		s.faults = rand.New(rand.NewPCG(c.Seed, 0x6661756c7473)) //nolint:gosec // likewise
	}
	s.furnish()
	s.run()
	slices.SortStableFunc(s.world.reports, func(a, b *report) int { return cmp.Compare(a.arrives, b.arrives) })
	if c.Faults != 0 {
		s.world.cluster = newCluster(s.faults, lasts, c.Faults, s.world.handovers())
		s.world.deliver(s.faults, c.NewEdge)
	}
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
			h.heard, h.ended, h.tellers, h.enders = never, never, nil, nil
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
			h.heard, h.tellers = min(h.heard, r.arrives), append(h.tellers, r)
		}
		for _, h := range r.misleads {
			h.tellers = append(h.tellers, r)
		}
		for _, h := range r.ends {
			h.ended, h.enders = min(h.ended, r.arrives), append(h.enders, r)
		}
	}
	w.hearInside()
}
