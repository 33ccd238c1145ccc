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
	line   *line // the NAT's session
	inside spot
	block  *hold // the first: its spot is the mapping's
	hold   *hold // who has it now; nil: nobody
}

// translate gives a new session the block of its inside address, if the NAT still
// has one for it, or has it get one with its first packet.
func (b *box) translate(l *line) {
	for _, m := range b.mappings {
		if m.inside == l.v4.spot {
			m.begin(l)
			return
		}
	}
	if b.sim.fault(NATs, 80) {
		b.sim.after(b.sim.sometime(0, 6_000), func() { l.live(func() { b.allot(l) }) })
	}
}

// allot begins a mapping.
func (b *box) allot(l *line) {
	s := b.sim
	b.natID++
	m := &mapping{inside: l.v4.spot, line: &line{box: b, id: fmt.Sprintf("nat%d", b.natID), from: s.now, to: never, told: map[*hold]bool{}}}
	m.hold = b.take(m.line, BlockByNAT, quarantine.NATPortBlock, s.now)
	if m.hold == nil {
		return
	}
	m.block, m.hold.subscriber, m.hold.inside = m.hold, l.subscriber, l.v4
	b.mappings = append(b.mappings, m)
	m.tell(quarantine.SessionStarted)
	s.after(b.interim, m.interim)
	if s.fault(NATs, 25) {
		s.after(s.sometime(20_000, 120_000), m.drop)
	}
}

// begin gives the mapping's block to who holds the inside address now.
func (m *mapping) begin(l *line) {
	s := m.line.box.sim
	m.hold = &hold{
		spot: m.block.spot, kind: m.block.kind, class: m.block.class, line: m.line,
		subscriber: l.subscriber, inside: l.v4, from: s.now, to: never, heard: never, ended: never,
	}
	s.world.holds[m.block.spot] = append(s.world.holds[m.block.spot], m.hold)
}

// end takes the block from whoever had it; the NAT keeps it a while.
func (m *mapping) end() {
	m.hold.to = m.line.box.sim.now
	m.hold = nil
}

// untranslate ends what a session had of a NAT.
func (b *box) untranslate(l *line) {
	for _, m := range b.mappings {
		if m.hold != nil && m.hold.inside == l.v4 {
			m.end()
			b.sim.after(b.sim.sometime(2_000, 60_000), func() {
				if m.hold == nil {
					m.drop()
				}
			})
		}
	}
}

// drop ends the mapping, and tells it unless the NAT has died with it.
func (m *mapping) drop() {
	b := m.line.box
	i := slices.Index(b.mappings, m)
	if i < 0 {
		return
	}
	b.mappings = slices.Delete(b.mappings, i, i+1)
	if m.hold != nil {
		m.end()
	}
	m.line.to = b.sim.now
	b.free[BlockByNAT] = append(b.free[BlockByNAT], m.block.spot)
	m.tell(quarantine.SessionEnded)
}

// dropMappings ends what a NAT had in memory when it fails.
func (b *box) dropMappings() {
	for _, m := range b.mappings {
		if m.hold != nil {
			m.end()
		}
		m.line.to = b.sim.now
		b.free[BlockByNAT] = append(b.free[BlockByNAT], m.block.spot)
	}
	b.mappings = nil
}

func (m *mapping) interim() {
	if m.line.to == never && slices.Contains(m.line.box.mappings, m) {
		m.tell(quarantine.SessionRenewed)
		m.line.box.sim.after(m.line.box.interim, m.interim)
	}
}

// tell sends the NAT's record.
func (m *mapping) tell(kind quarantine.SessionEventKind) {
	b := m.line.box
	s := b.sim
	r := &report{told: seconds(s.now + b.skew), line: m.line}
	r.box, r.happened, r.stamp = b, s.now, seconds(s.now+b.skew)+b.off()
	r.timed, r.sessionTime = true, (s.now-m.line.from)/1000
	r.event = quarantine.SessionEvent{
		Kind: kind, Key: quarantine.SessionKey{BNG: b.name, ID: m.line.id}, Via: m.inside.place(),
		Addresses: []quarantine.Address{m.block.address()},
	}
	r.tells = []*hold{m.block}
	lost := s.fault(Losses, 10)
	if kind == quarantine.SessionEnded {
		lost = lost && m.block.heard != never // of every mapping some record arrives
		for _, h := range s.world.holds[m.block.spot] {
			if h.line == m.line {
				r.ends = append(r.ends, h)
			}
		}
	}
	if !lost {
		b.sendTroubled(r)
	}
}
