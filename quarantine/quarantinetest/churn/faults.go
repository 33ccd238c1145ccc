package churn

import (
	"fmt"
	"slices"
	"strings"

	"cordon/quarantine"
)

// Fault is a kind of fault, or several.
type Fault uint

// The kinds.
const (
	Losses    Fault = 1 << iota // more records are lost
	Names                       // names are missing, change in mid-session, or are spelled otherwise in a Stop
	Clocks                      // BNGs' clocks are hours or years off, and records days late without saying so
	Returns                     // blocks and addresses come back to the session, and records about who had them meanwhile are late
	Releases                    // addresses are released in mid-session
	NATs                        // a NAT accounts for its port blocks by inside address
	Lags                        // a translator's log lags
	Outages                     // Redis is unreachable, forgets a second, or is out of reach of one of two instances, which may die of it
	AllFaults = 1<<iota - 1
)

// defects is what is wrong with a BNG in a world with faults.
type defects struct {
	lists    bool       // each of its Interim-Updates names all addresses of the session
	releases bool       // it reports at once that a session's IPv4 address was released
	honest   bool       // Acct-Delay-Time reports how late a record is
	offs     []clockOff // of its clock, by time
	logLag   int64      // its translator's log, ms
	logged   int64      // when the log's last line arrived
	mappings []*mapping // a NAT's
	natID    int
}

// clockOff is by how much a clock is wrong since a moment.
type clockOff struct{ from, off int64 }

const (
	hour = 3600_000
	day  = 24 * hour
)

// fault says whether a fault strikes that does so in so many percent of cases.
func (s *simulation) fault(kind Fault, percent int) bool {
	return s.kinds&kind != 0 && s.faults.IntN(100) < percent
}

// maybe is a chance in a world with any fault.
func (s *simulation) maybe(percent int) bool { return s.faults.IntN(100) < percent }

// sometime is a random duration from lo to hi, ms, in a world with faults.
func (s *simulation) sometime(lo, hi int64) int64 { return lo + s.faults.Int64N(hi-lo+1) }

// addDefects gives a BNG its defects.
func (b *bng) addDefects() {
	s := b.sim
	b.lists, b.releases = b.name == "bng1", b.name == "bng2"
	if s.fault(Lags, 80) {
		b.logLag = s.sometime(0, 30_000)
	}
	if s.maybe(50) {
		b.silentTo = b.silentFrom
	}
	if s.fault(Clocks, 20) {
		b.catchUp = s.sometime(3*hour, 30*hour)
	}
	b.honest = !s.fault(Clocks, 50)
	if !s.fault(Clocks, 45) {
		return
	}
	off := s.sometime(1, 12) * hour // local time for UTC
	switch s.faults.IntN(5) {
	case 0, 1:
		off = -off
	case 2:
		off, b.honest = -18*365*day, true // a clock that was never set says nothing of how late a record is
	default:
		b.honest = true // nothing says how late a record is that is dated after its arrival
	}
	b.offs = []clockOff{{-day, off}}
	if s.maybe(50) {
		b.offs = append(b.offs, clockOff{s.sometime(0, s.lasts), 0}) // somebody sets it right
	}
}

// off is by how much the BNG's clock is wrong.
func (b *bng) off() int64 {
	off := int64(0)
	for _, o := range b.offs {
		if o.from <= b.sim.now {
			off = o.off
		}
	}
	return off
}

// scheduleFaults plans what happens to a session only in a world with faults.
func (l *session) scheduleFaults(lasts int64) {
	s := l.bng.sim
	if s.faults == nil {
		return
	}
	if l.bng.blocks != byLog && s.fault(Names, 8) { // a log that names subscribers would not learn of it
		s.after(s.sometime(4_000, lasts), func() { l.live(l.logInAs) })
	}
	if (l.bng.lists || l.bng.releases) && s.fault(Releases, 25) {
		s.after(s.sometime(4_000, lasts), func() { l.live(l.release) })
	}
	if l.bng.blocks == byRADIUS && s.fault(Returns, 60) {
		for range 3 {
			s.after(s.sometime(3_000, lasts), func() { l.live(l.swapBlock) })
		}
	}
	if l.bng.blocks == noBlocks && s.fault(Returns, 20) {
		for range 3 {
			s.after(s.sometime(3_000, lasts), func() { l.live(l.renumber) })
		}
	}
}

// back picks of a pool what the session had before, else what was released last.
func (l *session) back(pool []resource) int {
	for i, at := range pool {
		if slices.ContainsFunc(l.past, func(h *holding) bool { return h.resource == at }) {
			return i
		}
	}
	return len(pool) - 1
}

// logInAs lets the session go on under another name.
func (l *session) logInAs() {
	b := l.bng
	name := fmt.Sprintf("sub%d@bng%d", b.sim.faults.IntN(subscribers), b.number)
	if name == l.subscriber {
		return
	}
	l.former, l.subscriber = append(l.former, l.subscriber), name
	if l.v4 != nil {
		for _, m := range b.mappings {
			if m.holding != nil && m.holding.inside == l.v4 {
				defer func() { m.begin(l) }()
				m.end()
			}
		}
		l.v4 = l.pass(l.v4)
	}
	for _, list := range [][]*holding{l.v6, l.blocks} {
		for i := range list {
			list[i] = l.pass(list[i])
		}
	}
	b.sendRecord(l, quarantine.SessionRenewed, nil)
}

// claim notes that whoever had the session before seems to have a new holding, as long
// as no record bears the new name. It was never held like that.
func (l *session) claim(h *holding) *holding {
	var last *holding
	for _, name := range l.former {
		before := *h
		before.subscriber, before.to, before.passedOn, before.before = name, h.from, false, last
		l.bng.sim.world.holdings[h.resource] = append(l.bng.sim.world.holdings[h.resource], &before)
		last = &before
	}
	return last
}

// pass ends a holding and begins the next one's, of whoever has the session now.
func (l *session) pass(h *holding) *holding {
	now := l.bng.sim.now
	next := *h
	next.subscriber, next.from, next.arrived, next.endArrived, next.passedOn, next.before = l.subscriber, now, never, never, true, h
	h.to = now
	l.past = append(l.past, h)
	l.reported[&next] = l.reported[h]
	l.bng.sim.world.holdings[h.resource] = append(l.bng.sim.world.holdings[h.resource], &next)
	return &next
}

// release gives the session's IPv4 address back while its IPv6 goes on, and may
// have it ask for one again.
func (l *session) release() {
	b := l.bng
	if l.v4 == nil || len(l.v6) == 0 {
		return
	}
	b.unassign(l.v4)
	l.v4 = nil
	if b.releases || b.sim.maybe(30) {
		b.sendRecord(l, quarantine.SessionRenewed, nil)
	}
	if b.sim.maybe(60) {
		b.sim.after(b.sim.sometime(2_000, 60_000), func() { l.live(l.renumber) })
	}
}

// spoil spoils what a record says beside addresses.
func (b *bng) spoil(l *session, r *report) {
	s := b.sim
	r.happened, r.stamp = s.now, seconds(s.now+b.skew)+b.off()
	if r.event.Kind == quarantine.SessionStarted || b.times && s.now-l.from >= 1000 {
		r.sessionTime = (s.now - l.from) / 1000
		r.timed = true
	}
	if b.lists && r.event.Kind != quarantine.SessionEnded {
		r.event.Only = []quarantine.AddressKind{quarantine.FramedIP, quarantine.FramedIPv6Prefix,
			quarantine.DelegatedIPv6Prefix, quarantine.FramedIPv6Address}
	} else if b.releases && l.v4 == nil && r.event.Kind == quarantine.SessionRenewed {
		r.event.Only = []quarantine.AddressKind{quarantine.FramedIP}
	}
	switch {
	case l.unnamed:
		r.event.Subscriber = ""
	case r.event.Kind != quarantine.SessionEnded:
		if s.fault(Names, 3) {
			r.event.Subscriber = "" // none, or two
		}
	case slices.ContainsFunc(l.all(), func(h *holding) bool { return h.passedOn && h.arrived == never }):
	default:
		r.event.Subscriber = s.misnamed(r.event.Subscriber)
	}
}

// misnamed is the name as some Stops write it: not at all, or in other letters.
func (s *simulation) misnamed(name string) string {
	if s.fault(Names, 10) {
		return ""
	}
	if s.fault(Names, 10) {
		return strings.ToUpper(name)
	}
	return name
}

// endsShown is what the session had before and a record of it says that it has no
// longer: another of the kind, or none.
func (l *session) endsShown(r *report) []*holding {
	if l.bng.sim.faults == nil {
		return nil
	}
	var over []*holding
	for i, h := range l.past {
		again := func(later *holding) bool { return later.resource == h.resource && later.subscriber == h.subscriber }
		if slices.ContainsFunc(l.past[i+1:], again) {
			continue // it was not said before it came back
		}
		said := slices.Contains(r.event.Only, h.kind)
		for _, a := range r.event.Addresses {
			said = said || a.Kind == h.kind && h.kind != quarantine.NATPortBlock
		}
		if said && !slices.ContainsFunc(r.event.Addresses, func(a quarantine.Address) bool {
			return a.Prefix == h.prefix && a.Ports == h.ports
		}) {
			over = append(over, h)
		}
	}
	return over
}

// sendFaulty brings a report to an instance, sooner or later, once or twice.
func (b *bng) sendFaulty(r *report) {
	s := b.sim
	if r.event.Kind == quarantine.BNGReset {
		r.happened, r.stamp = s.now, seconds(s.now+b.skew)+b.off()
	}
	if r.binding != nil {
		b.logged = max(b.logged, s.now+b.logLag+s.sometime(0, 400)) // a log is sent in order
		r.happened, r.arrives = r.time, b.logged
		r.noteArrival()
		s.world.reports = append(s.world.reports, r)
		return
	}
	r.arrives = s.now + s.sometime(0, 400)
	if s.maybe(5) {
		r.arrives += s.sometime(0, 8_000)
	}
	if len(r.event.Freed) > 0 && s.fault(Returns, 30) {
		r.arrives += s.sometime(0, 300_000)
		r.delay = seconds(r.arrives-s.now) / 1000
	}
	if b.silentFrom <= s.now && s.now < b.silentTo {
		r.arrives = b.silentTo + b.catchUp + s.sometime(0, 2_000)
		if b.honest {
			r.delay = seconds(r.arrives-s.now) / 1000
		}
	}
	r.noteArrival()
	s.world.reports = append(s.world.reports, r)
	if s.maybe(3) {
		again := *r
		again.arrives += s.sometime(100, 120_000)
		again.delay += seconds(again.arrives-r.arrives) / 1000
		again.other = s.maybe(50)
		s.world.reports = append(s.world.reports, &again)
	}
}

// noteArrival notes when the first report about each of its holdings arrives.
func (r *report) noteArrival() {
	for _, h := range r.shows {
		h.arrived = min(h.arrived, r.arrives)
	}
}

// place is where something is, for questions about it.
func (s resource) place() quarantine.Place {
	return quarantine.Place{Addr: s.prefix.Addr(), Space: s.space}
}

// sameName reports whether two names are spellings of one.
func sameName(a, b string) bool { return strings.EqualFold(a, b) }
