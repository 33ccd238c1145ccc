package stories

import (
	"slices"

	"cordon/radiusx/bngsim"
)

// suspendedSet is billing's own set on gear that has sets.
const suspendedSet = "suspended"

// bills has billing put a subscriber's session into its set, or lift it out.
func (p *person) bills(on bool) {
	for _, s := range p.box.sim.Find(p.name) {
		p.mu.Lock()
		p.billing = true
		p.mu.Unlock()
		if err := p.box.sim.Suspend(s.ID, suspendedSet, on); err != nil {
			p.box.fail("billing: %v", err)
		}
		now, _ := p.box.sim.Session(s.ID)
		p.mu.Lock()
		p.billing, p.billed = false, slices.Contains(now.Sets, suspendedSet)
		p.mu.Unlock()
	}
}

// inBillingsSet reports whether billing's set holds her.
func (p *person) inBillingsSet() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.billed
}

// heedBilling fails if somebody else than billing touched billing's set.
func (p *person) heedBilling(s *bngsim.Session, live bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	is := live && slices.Contains(s.Sets, suspendedSet)
	switch {
	case p.billing:
	case !live:
		p.billed = false // the session is over
	case p.billed && !is:
		p.box.fail("billing's suspension of %s is lifted", p.name)
	case !p.billed && is:
		p.box.fail("%s is put into billing's set", p.name)
	}
	p.billed = is
}
