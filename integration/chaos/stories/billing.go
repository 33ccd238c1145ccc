package stories

import (
	"slices"

	"cordon/radiusx/bngsim"
)

// suspendedSet is billing's own set on gear that has sets.
const suspendedSet = "suspended"

// bills has billing put a subscriber's session into its set, or lift it out.
func (p *subscriber) bills(on bool) {
	for _, s := range p.bng.sim.Find(p.name) {
		p.mu.Lock()
		p.billing = true
		p.mu.Unlock()
		if err := p.bng.sim.Suspend(s.ID, suspendedSet, on); err != nil {
			p.bng.fail("billing: %v", err)
		}
		now, _ := p.bng.sim.Session(s.ID)
		p.mu.Lock()
		p.billing, p.billed = false, slices.Contains(now.Sets, suspendedSet)
		p.mu.Unlock()
	}
}

// inBillingsSet reports whether billing's set holds her.
func (p *subscriber) inBillingsSet() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.billed
}

// heedBilling fails if another than billing touched billing's set.
func (p *subscriber) heedBilling(s *bngsim.Session, live bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	is := live && slices.Contains(s.Sets, suspendedSet)
	switch {
	case p.billing:
	case !live:
		p.billed = false // the session is over
	case p.billed && !is:
		p.bng.fail("billing's suspension of %s is lifted", p.name)
	case !p.billed && is:
		p.bng.fail("%s is put into billing's set", p.name)
	}
	p.billed = is
}
