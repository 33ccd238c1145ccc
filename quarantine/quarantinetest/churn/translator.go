package churn

import (
	"cordon/quarantine"
)

// block gives the session a block of a public address's ports.
func (l *line) block() {
	b := l.box
	h := b.take(l, b.shared(), quarantine.NATPortBlock, b.sim.now)
	if h == nil {
		return
	}
	l.blocks = append(l.blocks, h)
	if b.blocks == byLog {
		h.line = l
		b.log(h, false)
	}
}

// swapBlock gives the session another block, and may take one back.
func (l *line) swapBlock() {
	b := l.box
	l.block()
	b.tell(l, quarantine.SessionRenewed, nil)
	if len(l.blocks) < 2 || b.sim.chance(30) {
		return
	}
	b.sim.after(b.sim.within(1_000, 40_000), func() {
		l.live(func() {
			if len(l.blocks) == 0 { // given back by another swap
				return
			}
			old := l.blocks[0]
			l.blocks = l.blocks[1:]
			b.give(old)
			if b.blocks == byLog {
				b.log(old, true)
				return
			}
			b.tell(l, quarantine.SessionRenewed, old)
		})
	})
}

// log tells of a block as a translator's log does: half of them name the
// subscriber, half the address behind. Of the two lines about a block at most one
// is lost.
func (b *box) log(h *hold, over bool) {
	s := b.sim
	binding := quarantine.Binding{Address: h.address()}
	binding.From = s.world.at(h.from + b.logSkew)
	binding.RenewedAt = binding.From
	if over {
		binding.To = s.world.at(h.to + b.logSkew)
		binding.RenewedAt = binding.To
	}
	binding.Session = quarantine.SessionKey{BNG: "log:" + b.name, ID: h.subscriber}
	if h.line.v4.prefix.Addr().As4()[3]%2 == 0 {
		binding.Via = quarantine.Place{Addr: h.line.v4.prefix.Addr(), Space: b.space}
		binding.Session.ID = binding.Via.String()
		if b.sim.faults != nil {
			h.inside = h.line.v4
		}
	} else {
		binding.Subscriber = h.subscriber
	}
	r := &report{binding: &binding, told: h.from + b.logSkew, tells: []*hold{h}}
	r.box = b
	if over {
		r.told, r.ends = h.to+b.logSkew, []*hold{h}
	}
	b.send(r, s.chance(3) && (!over || h.heard != never))
}
