package churn

import (
	"cordon/quarantine"
)

// block gives the session a block of a public address's ports.
func (l *session) block() {
	b := l.bng
	h := b.assign(l, b.shared(), quarantine.NATPortBlock, b.sim.now)
	if h == nil {
		return
	}
	l.blocks = append(l.blocks, h)
	if b.blocks == byLog {
		h.session = l
		b.log(h, false)
	}
}

// swapBlock gives the session another block, and may take one back.
func (l *session) swapBlock() {
	b := l.bng
	l.block()
	b.sendRecord(l, quarantine.SessionRenewed, nil)
	if len(l.blocks) < 2 || b.sim.chance(30) {
		return
	}
	b.sim.after(b.sim.within(1_000, 40_000), func() {
		l.live(func() {
			if len(l.blocks) == 0 { // released by another swap
				return
			}
			old := l.blocks[0]
			l.blocks = l.blocks[1:]
			b.unassign(old)
			if b.blocks == byLog {
				b.log(old, true)
				return
			}
			b.sendRecord(l, quarantine.SessionRenewed, old)
		})
	})
}

// log reports a block as a translator's log does: half of them name the
// subscriber, half the address behind. Of the two lines about a block at most one
// is lost.
func (b *bng) log(h *holding, over bool) {
	s := b.sim
	binding := quarantine.Binding{Address: h.address()}
	binding.From = s.world.at(h.from + b.logSkew)
	binding.RenewedAt = binding.From
	if over {
		binding.To = s.world.at(h.to + b.logSkew)
		binding.RenewedAt = binding.To
	}
	binding.Session = quarantine.SessionKey{BNG: "log:" + b.name, ID: h.subscriber}
	if h.session.v4.prefix.Addr().As4()[3]%2 == 0 {
		binding.Via = quarantine.Place{Addr: h.session.v4.prefix.Addr(), Space: b.space}
		binding.Session.ID = binding.Via.String()
		if b.sim.faults != nil {
			h.inside = h.session.v4
		}
	} else {
		binding.Subscriber = h.subscriber
	}
	r := &report{binding: &binding, time: h.from + b.logSkew, shows: []*holding{h}}
	r.bng = b
	if over {
		r.time, r.ends = h.to+b.logSkew, []*holding{h}
	}
	b.send(r, s.chance(3) && (!over || h.arrived != never))
}
