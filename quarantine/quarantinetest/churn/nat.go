package churn

import (
	"fmt"
	"slices"

	"cordon/quarantine"
)

// mapping is a NAT's: as long as it lasts, whoever holds an inside address has a
// block of a public one's ports. The NAT accounts for it itself and knows no
// subscriber.
type mapping struct {
	session *session // the NAT's session
	inside  resource
	block   *holding // the first: its resource is the mapping's
	holding *holding // who has it now; nil: nobody
}

// translate gives a new session the block of its inside address, if the NAT still
// has one for it, or has it get one with its first packet.
func (b *bng) translate(l *session) {
	for _, m := range b.mappings {
		if m.inside == l.v4.resource {
			m.begin(l)
			return
		}
	}
	if b.sim.fault(NATs, 80) {
		b.sim.after(b.sim.sometime(0, 6_000), func() { l.live(func() { b.allot(l) }) })
	}
}

// allot begins a mapping.
func (b *bng) allot(l *session) {
	s := b.sim
	b.natID++
	m := &mapping{inside: l.v4.resource, session: &session{bng: b, id: fmt.Sprintf("nat%d", b.natID), from: s.now,
		to: never, reported: map[*holding]bool{}}}
	m.holding = b.assign(m.session, BlockByNAT, quarantine.NATPortBlock, s.now)
	if m.holding == nil {
		return
	}
	m.block, m.holding.subscriber, m.holding.inside = m.holding, l.subscriber, l.v4
	b.mappings = append(b.mappings, m)
	m.sendRecord(quarantine.SessionStarted)
	s.after(b.interim, m.interim)
	if s.fault(NATs, 25) {
		s.after(s.sometime(20_000, 120_000), m.drop)
	}
}

// begin gives the mapping's block to who holds the inside address now.
func (m *mapping) begin(l *session) {
	s := m.session.bng.sim
	m.holding = &holding{
		resource: m.block.resource, kind: m.block.kind, class: m.block.class, session: m.session,
		subscriber: l.subscriber, inside: l.v4, from: s.now, to: never, arrived: never, endArrived: never,
	}
	s.world.holdings[m.block.resource] = append(s.world.holdings[m.block.resource], m.holding)
}

// end takes the block from whoever had it; the NAT keeps it a while.
func (m *mapping) end() {
	m.holding.to = m.session.bng.sim.now
	m.holding = nil
}

// untranslate ends what a session had of a NAT.
func (b *bng) untranslate(l *session) {
	for _, m := range b.mappings {
		if m.holding != nil && m.holding.inside == l.v4 {
			m.end()
			b.sim.after(b.sim.sometime(2_000, 60_000), func() {
				if m.holding == nil {
					m.drop()
				}
			})
		}
	}
}

// drop ends the mapping, and reports that unless the NAT has died with it.
func (m *mapping) drop() {
	b := m.session.bng
	i := slices.Index(b.mappings, m)
	if i < 0 {
		return
	}
	b.mappings = slices.Delete(b.mappings, i, i+1)
	if m.holding != nil {
		m.end()
	}
	m.session.to = b.sim.now
	b.free[BlockByNAT] = append(b.free[BlockByNAT], m.block.resource)
	m.sendRecord(quarantine.SessionEnded)
}

// dropMappings ends what a NAT had in memory when it fails.
func (b *bng) dropMappings() {
	for _, m := range b.mappings {
		if m.holding != nil {
			m.end()
		}
		m.session.to = b.sim.now
		b.free[BlockByNAT] = append(b.free[BlockByNAT], m.block.resource)
	}
	b.mappings = nil
}

func (m *mapping) interim() {
	if m.session.to == never && slices.Contains(m.session.bng.mappings, m) {
		m.sendRecord(quarantine.SessionRenewed)
		m.session.bng.sim.after(m.session.bng.interim, m.interim)
	}
}

// sendRecord sends the NAT's record.
func (m *mapping) sendRecord(kind quarantine.SessionEventKind) {
	b := m.session.bng
	s := b.sim
	r := &report{time: seconds(s.now + b.skew), session: m.session}
	r.bng, r.happened, r.stamp = b, s.now, seconds(s.now+b.skew)+b.off()
	r.timed, r.sessionTime = true, (s.now-m.session.from)/1000
	r.event = quarantine.SessionEvent{
		Kind: kind, Key: quarantine.SessionKey{BNG: b.name, ID: m.session.id}, Via: m.inside.place(),
		Addresses: []quarantine.Address{m.block.address()},
	}
	r.shows = []*holding{m.block}
	lost := s.fault(Losses, 10)
	if kind == quarantine.SessionEnded {
		lost = lost && m.block.arrived != never // of every mapping some record arrives
		for _, h := range s.world.holdings[m.block.resource] {
			if h.session == m.session {
				r.ends = append(r.ends, h)
			}
		}
	}
	if !lost {
		b.sendFaulty(r)
	}
}
