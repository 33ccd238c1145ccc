package churn

import (
	"cmp"
	"math/rand/v2"
	"net/netip"
	"slices"
	"sort"
	"time"
)

// Class is what a verdict is about.
type Class uint8

// The classes of verdicts.
const (
	IPv4          Class = iota
	IPv6Prefix          // an address within a Framed-IPv6-Prefix
	IPv6Delegated       // an address within a Delegated-IPv6-Prefix
	IPv6Address         // a Framed-IPv6-Address
	Private             // an address before a translator, from a source that sees those
	BlockByRADIUS       // a port of a shared address, its block reported in accounting
	BlockByLog          // likewise, reported by the translator's log
	NoPort              // a shared address, and the source reports no port
	Nobody              // a place that nobody had at the moment
	NoSpace             // a private address from a source of no address space
	NotOurs             // a shared or infrastructure prefix
	BlockByNAT          // a port of a shared address, reported by a NAT that knows inside addresses only
	ByHand              // who has an address now, asked by a person
	classes
)

var classNames = [classes]string{
	"IPv4", "Framed-IPv6-Prefix", "Delegated-IPv6-Prefix", "Framed-IPv6-Address", "private IPv4", "port block (RADIUS)", "port block (log)",
	"shared, no port", "nobody had it", "private, no space", "shared or own prefix",
	"port block (NAT)", "by hand, now",
}

// String names the class for people.
func (c Class) String() string { return classNames[c] }

// verdict is what a source reports, and the truth about it.
type verdict struct {
	class   Class
	source  string
	addr    netip.Addr
	port    uint16
	moment  time.Time // as the source's clock shows it
	decided int64     // when Cordon answers

	seen      int64         // moment, by the world's milliseconds
	tolerance time.Duration // which it is decided with

	bng      *bng     // whose that is; nil: nobody's
	resource resource // where it truly was
	happened int64
	truth    *holding // who truly had it; nil: nobody
	member   int      // the instance that decides it, in a world with faults
	complete [2]int64 // until when that instance has received each one's accounting
}

// makeVerdicts makes up verdicts about what happened.
func (w *World) makeVerdicts(rng *rand.Rand, n int, lasts int64) {
	a := &sources{world: w, rng: rng, lasts: lasts, skews: map[string]int64{}, arrivals: map[*bng]*arrivals{}}
	a.prepare()
	for len(w.verdicts) < n {
		if v, ok := a.verdict(); ok {
			a.schedule(&v)
			w.verdicts = append(w.verdicts, v)
		}
	}
	slices.SortStableFunc(w.verdicts, func(a, b verdict) int { return cmp.Compare(a.decided, b.decided) })
}

// sources picks what is reported.
type sources struct {
	world    *World
	rng      *rand.Rand
	lasts    int64
	skews    map[string]int64 // of sources' clocks, ms
	held     [classes][]*holding
	arrivals map[*bng]*arrivals // nil: of all
}

// arrivalsOf returns when all about a BNG's moments has arrived.
type arrivals struct {
	times    []int64 // reports' own times, in order
	complete []int64 // when the reports up to that one have arrived
}

func (a *sources) prepare() {
	for _, source := range []string{"detector", "probe-a", "probe-b", "probe-c"} {
		if source != "probe-c" || a.world.cluster != nil {
			a.skews[source] = a.rng.Int64N(2*skew+1) - skew
		}
	}
	var of []resource
	for s := range a.world.holdings {
		of = append(of, s)
	}
	slices.SortFunc(of, func(x, y resource) int {
		return cmp.Or(x.prefix.Addr().Compare(y.prefix.Addr()), cmp.Compare(x.prefix.Bits(), y.prefix.Bits()),
			cmp.Compare(x.space, y.space), cmp.Compare(x.ports.Lo, y.ports.Lo))
	})
	for _, s := range of {
		for _, h := range a.world.holdings[s] {
			if h.arrived != never && (h.to == never || h.to > h.from) {
				a.held[h.class] = append(a.held[h.class], h)
			}
		}
	}
	inOrder := slices.Clone(a.world.reports)
	slices.SortStableFunc(inOrder, func(x, y *report) int { return cmp.Compare(x.moment(), y.moment()) })
	for _, r := range inOrder {
		if a.world.cluster == nil {
			a.arrivalsOf(nil).add(r)
		} else if r.binding == nil { // how far a log is, Cordon has to find out
			a.arrivalsOf(r.bng).add(r)
		}
	}
}

func (a *sources) arrivalsOf(b *bng) *arrivals {
	if a.arrivals[b] == nil {
		a.arrivals[b] = &arrivals{}
	}
	return a.arrivals[b]
}

func (s *arrivals) add(r *report) {
	s.times, s.complete = append(s.times, r.moment()), append(s.complete, r.arrives)
	if i := len(s.times) - 1; i > 0 {
		s.complete[i] = max(s.complete[i], s.complete[i-1])
	}
}

// weights is how many of a hundred verdicts are of a class.
var weights = [classes]int{IPv4: 25, IPv6Prefix: 8, IPv6Delegated: 12, IPv6Address: 5, Private: 10,
	BlockByRADIUS: 13, BlockByLog: 13, NoPort: 3, Nobody: 8, NoSpace: 1, NotOurs: 2}

// weightsOfFaults is the same of worlds with faults.
var weightsOfFaults = [classes]int{IPv4: 22, IPv6Prefix: 8, IPv6Delegated: 10, IPv6Address: 4, Private: 8,
	BlockByRADIUS: 12, BlockByLog: 10, NoPort: 2, Nobody: 8, NoSpace: 1, NotOurs: 1, BlockByNAT: 8, ByHand: 6}

func (a *sources) verdict() (verdict, bool) {
	n := a.rng.IntN(100)
	c, of100 := Class(0), &weights
	if a.world.cluster != nil {
		of100 = &weightsOfFaults
	}
	for n >= of100[c] {
		n -= of100[c]
		c++
	}
	v := verdict{class: c, source: "detector"}
	of := c
	switch c {
	case NotOurs:
		v.addr = netip.AddrFrom4([4]byte{203, 0, 113, byte(240 + a.rng.IntN(16))})
		if a.rng.IntN(2) == 0 {
			v.addr = netip.AddrFrom4([4]byte{198, 51, 100, byte(a.rng.IntN(16))})
		}
		v.happened = a.rng.Int64N(a.lasts)
		return v, true
	case NoSpace:
		of = Private
	case NoPort:
		of = BlockByRADIUS + Class(a.rng.IntN(2))
	case Nobody:
		of = Class(a.rng.IntN(int(NoPort)))
	case ByHand:
		of = [...]Class{IPv4, IPv4, IPv6Prefix, IPv6Delegated, Private, BlockByRADIUS}[a.rng.IntN(6)]
	}
	if len(a.held[of]) == 0 {
		return v, false
	}
	h := a.held[of][a.rng.IntN(len(a.held[of]))]
	v.happened, v.truth, v.resource, v.bng = a.moment(h), h, h.resource, h.session.bng
	if c == Nobody {
		v.happened, v.truth = min(h.to, a.lasts)+a.rng.Int64N(20_000), nil
		if h.to == never || a.world.holder(h.resource, v.happened) != nil {
			return v, false
		}
	}
	if h.space != "" && c != NoSpace {
		v.source = h.session.bng.probe
	}
	v.addr = a.within(h.prefix)
	if h.ports.Lo > 0 && c != NoPort {
		v.port = h.ports.Lo + uint16(a.rng.IntN(blockPorts))
	}
	return v, true
}

// moment is one within a holding; a quarter of them are near its ends.
func (a *sources) moment(h *holding) int64 {
	to := min(h.to, a.lasts)
	at := h.from + a.rng.Int64N(max(to-h.from, 1))
	switch a.rng.IntN(8) {
	case 0:
		at = h.from + a.rng.Int64N(3_000)
	case 1:
		at = to - a.rng.Int64N(3_000)
	}
	return min(max(at, h.from), max(to-1, h.from))
}

// within is an address of a prefix.
func (a *sources) within(p netip.Prefix) netip.Addr {
	octets := p.Addr().AsSlice()
	for i := p.Bits() / 8; i < len(octets); i++ {
		octets[i] |= byte(a.rng.IntN(256)) // prefixes here end at an octet
	}
	addr, _ := netip.AddrFromSlice(octets)
	return addr
}

// schedule sets when the source reports it and when Cordon answers: once all that
// will ever arrive about its moment has; most at once, some again later, some
// reported hours late.
func (a *sources) schedule(v *verdict) {
	seen := v.happened + a.skews[v.source]
	v.moment, v.seen, v.tolerance = a.world.at(seen), seen, Tolerance
	until := seen + Tolerance.Milliseconds()
	v.decided = until
	s := a.arrivals[nil]
	if a.world.cluster != nil {
		v.member = a.rng.IntN(2)
		s = a.arrivals[v.bng]
	}
	if v.class == ByHand { // now
		v.moment, v.seen, v.decided = a.world.at(v.happened), v.happened, v.happened
		return
	}
	if s != nil {
		if n := sort.Search(len(s.times), func(i int) bool { return s.times[i] > until }); n > 0 {
			v.decided = max(v.decided, s.complete[n-1])
		}
	}
	switch a.rng.IntN(8) {
	default:
		v.decided += a.rng.Int64N(500)
	case 0, 1:
		v.decided += a.rng.Int64N(600_000)
	case 2:
		v.decided += a.rng.Int64N(4 * 3600_000)
	}
}

// holder is who truly had a resource at a moment.
func (w *World) holder(s resource, at int64) *holding {
	for _, h := range w.holdings[s] {
		if h.from <= at && at < h.to {
			return h
		}
	}
	return nil
}
