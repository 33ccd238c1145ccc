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

// World is what happened in a network, and what was reported of it.
type World struct {
	Seed     uint64
	Plan     quarantine.AddressPlan
	begins   time.Time
	interims map[string]time.Duration
	reports  []*report // by arrival
	verdicts []verdict // by when they are decided
	holdings map[resource][]*holding
	cluster  *cluster // the instances of a world with faults; nil: one, which never fails
}

// Interim is how often a BNG renews its sessions, as far as is configured.
func (w *World) Interim(bng string) time.Duration { return w.interims[bng] }

// at turns the world's milliseconds into a time.
func (w *World) at(ms int64) time.Time { return w.begins.Add(time.Duration(ms) * time.Millisecond) }

// resource is what one subscriber has at a time: an address, a prefix or a block.
type resource struct {
	prefix netip.Prefix
	space  string
	ports  quarantine.PortRange
}

// never is later than everything in a world.
const never = int64(1) << 60

// holding is the truth: a subscriber had a resource during an interval. Times are in
// milliseconds since the world began, by no clock but the world's own.
type holding struct {
	resource
	kind       quarantine.AddressKind
	class      Class
	subscriber string
	session    *session
	from, to   int64     // to: never while it lasts
	arrived    int64     // when the first record that reports it arrived; never: none
	endArrived int64     // when the first record that reports its end arrived
	shownBy    []*report // that show it
	endedBy    []*report // that show its end
	inside     *holding  // of a NAT's block: the inside address, whose holder has the block
	passedOn   bool      // by a session that went on under another name: only a record with that name reports it
	before     *holding  // who had it then
}

func (h *holding) address() quarantine.Address {
	return quarantine.Address{Prefix: h.prefix, Kind: h.kind, Space: h.space, Ports: h.ports}
}

// session is one session.
type session struct {
	bng        *bng
	id         string
	subscriber string
	from, to   int64
	v4         *holding
	v6         []*holding
	blocks     []*holding
	reported   map[*holding]bool
	renewed    []*report  // those that Cordon records
	unnamed    bool       // no record of it bears a name
	former     []string   // names that it had before
	past       []*holding // what it had before
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
		world: &World{Seed: c.Seed, begins: c.Begins, interims: map[string]time.Duration{}, holdings: map[resource][]*holding{}},
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
	s.world.noteArrivals()
	s.world.makeVerdicts(s.rng, c.Verdicts, lasts)
	return s.world, nil
}

// noteArrivals finds out when Cordon knows of each holding and of its end. A record about a
// session that comes after another one has begun under its identifier is not
// counted: Cordon keeps no more of it than it knew.
func (w *World) noteArrivals() {
	newest := map[quarantine.SessionKey]int64{}
	for _, holdings := range w.holdings {
		for _, h := range holdings {
			h.arrived, h.endArrived, h.shownBy, h.endedBy = never, never, nil, nil
		}
	}
	for _, r := range w.reports {
		if r.session != nil {
			if r.session.from < newest[r.event.Key] {
				continue
			}
			newest[r.event.Key] = r.session.from
			r.session.renewed = append(r.session.renewed, r)
		}
		for _, h := range r.shows {
			h.arrived, h.shownBy = min(h.arrived, r.arrives), append(h.shownBy, r)
		}
		for _, h := range r.misleads {
			h.shownBy = append(h.shownBy, r)
		}
		for _, h := range r.ends {
			h.endArrived, h.endedBy = min(h.endArrived, r.arrives), append(h.endedBy, r)
		}
	}
	w.noteInsideArrivals()
}
