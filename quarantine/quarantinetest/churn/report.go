package churn

import (
	"time"

	"cordon/quarantine"
)

// report is one accounting record, or one line of a translator's log.
type report struct {
	event    quarantine.SessionEvent
	session  *session            // the session it is about, if that is one
	binding  *quarantine.Binding // of a translator's log; then event is empty
	time     int64               // its own time, by the clock of who reports
	arrives  int64               // when Cordon has it
	shows    []*holding
	ends     []*holding
	delivery // of a world with faults
}

// seconds cuts a BNG's time to what RADIUS can express.
func seconds(ms int64) int64 {
	whole := ms - ms%1000
	if ms%1000 < 0 {
		whole -= 1000
	}
	return whole
}

// sendRecord sends an accounting record about a session, with the block it releases
// if there is one.
func (b *bng) sendRecord(l *session, kind quarantine.SessionEventKind, freed *holding) {
	s := b.sim
	r := &report{time: seconds(s.now + b.skew), session: l}
	r.bng = b
	r.event = quarantine.SessionEvent{Kind: kind, Key: quarantine.SessionKey{BNG: b.name, ID: l.id},
		Subscriber: l.subscriber, At: s.world.at(r.time)}
	switch {
	case kind == quarantine.SessionStarted:
		r.event.StartedAt = r.event.At
	case b.times && s.now-l.from >= 1000:
		r.event.StartedAt = r.event.At.Add(-time.Duration((s.now-l.from)/1000) * time.Second)
	}
	if s.faults != nil {
		b.spoil(l, r)
	}
	for _, h := range l.all() {
		quiet := !b.repeats && len(l.v6) > 0 && l.reported[h] && kind == quarantine.SessionRenewed && h != l.v4
		if h.kind == quarantine.NATPortBlock && b.blocks == byLog || quiet {
			continue
		}
		r.event.Addresses = append(r.event.Addresses, h.address())
		l.reported[h] = true
		if h.passedOn && r.event.Subscriber != h.subscriber { // it reports that the session has it, not who does
			r.ends = append(r.ends, h)
			if r.event.Subscriber == "" {
				for before := h.before; before != nil; before = before.before {
					r.misleads = append(r.misleads, before) // who had the session before has it, as far as it says
				}
			}
			continue
		}
		r.shows = append(r.shows, h)
	}
	if kind != quarantine.SessionEnded {
		r.ends = l.endsShown(r)
	}
	if freed != nil {
		r.event.Freed, r.ends = []quarantine.Address{freed.address()}, append(r.ends, freed)
	}
	lost := s.chance(map[quarantine.SessionEventKind]int{quarantine.SessionStarted: 2, quarantine.SessionRenewed: 5,
		quarantine.SessionEnded: 4}[kind])
	lost = lost || s.fault(Losses, map[quarantine.SessionEventKind]int{quarantine.SessionStarted: 6,
		quarantine.SessionRenewed: 10, quarantine.SessionEnded: 8}[kind])
	if kind == quarantine.SessionEnded {
		r.ends = append(r.ends, r.shows...)
		for _, h := range r.shows {
			lost = lost && h.arrived != never // of every holding some record arrives
		}
		if b.blocks == byLog {
			for _, h := range l.blocks {
				b.log(h, true)
			}
		}
	}
	b.send(r, lost)
}

// sendReset sends Accounting-On or -Off.
func (b *bng) sendReset() {
	r := &report{time: seconds(b.sim.now + b.skew)}
	r.event = quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: b.name}, At: b.sim.world.at(r.time)}
	r.bng = b
	b.send(r, false)
	b.resets = append(b.resets, reset{b.sim.now, r})
}

// send brings a report to Cordon, sooner or later, once or twice, or loses it.
func (b *bng) send(r *report, lost bool) {
	if lost {
		return
	}
	s := b.sim
	if s.faults != nil {
		b.sendFaulty(r)
		return
	}
	r.arrives = s.now + s.within(0, 400)
	if s.chance(5) {
		r.arrives += s.within(0, 8_000)
	}
	if b.silentFrom <= s.now && s.now < b.silentTo {
		r.arrives = b.silentTo + b.catchUp + s.within(0, 2_000)
	}
	for _, h := range r.shows {
		h.arrived = min(h.arrived, r.arrives)
	}
	s.world.reports = append(s.world.reports, r)
	if s.chance(2) {
		again := *r
		again.arrives += s.within(100, 120_000)
		s.world.reports = append(s.world.reports, &again)
	}
}
