package stories

import (
	"time"

	"cordon/quarantine"
	"cordon/radiusx/bngsim"
)

// within is how long a release may take once everything is sound: the promise.
const within = 60 * time.Second

// again is how long a standing restriction may take to be in force again. A
// refused one is not asked for more often (quarantine, refusedBackoff).
const again = 70 * time.Minute

// heal mends everything that can be mended: links, store, engines.
func (w *World) heal() {
	w.transcript.note("everything is healed")
	w.duties = nil
	w.storeUnavailable(false)
	for _, b := range w.bngs {
		b.reach(healthy)
		b.sim.SetFaults(bngsim.Faults{})
		b.bend()
	}
	for _, in := range w.instances {
		in.store.set(0)
		in.log.Refuse(false)
		in.startIfStopped()
	}
}

// endIn heals the world and holds it against the promises.
func (w *World) endIn() {
	w.heal()
	w.pass(within)
	for _, p := range w.subscribers {
		w.checkReleased(p)
	}
	for _, p := range w.subscribers {
		w.checkStanding(p)
	}
	for round := 0; round < 5 && w.releaseAll() > 0; round++ {
		w.pass(within)
		for _, p := range w.subscribers {
			w.checkReleased(p)
		}
	}
}

// releaseAll releases all by hand and returns how many there were: a
// verdict that waited for the store may open another case after it.
func (w *World) releaseAll() (n int) {
	for _, p := range w.subscribers {
		if c := w.openCase(p); c != nil && c.State != quarantine.Releasing {
			w.release(p, w.instances[0])
			n++
		}
	}
	return n
}

// checkReleased fails if a subscriber who is to be free is not.
func (w *World) checkReleased(p *subscriber) {
	c := w.openCase(p)
	if (p.wanted || p.unsure) && c != nil && c.State != quarantine.Releasing {
		return
	}
	for _, s := range p.restricted() {
		p.bng.fail("%s is to be free since a minute or more, and session %s on %s has %s; case: %s", p.name, s.ID, p.bng.name, s.State,
			describe(c))
	}
}

// checkStanding fails if a subscriber with a standing case is not restricted in the
// end.
func (w *World) checkStanding(p *subscriber) {
	for began := time.Now(); ; w.pass(10 * time.Second) {
		c := w.openCase(p)
		free := len(p.bng.sim.Find(p.name)) - len(p.restricted())
		switch {
		case c == nil || !c.State.Wants() || free == 0:
			return
		case time.Since(began) > again:
			p.bng.fail("%s has a standing case, and %d sessions without restriction: %s", p.name, free, describe(c))
			return
		}
	}
}

func describe(c *quarantine.Case) string {
	if c == nil {
		return "none"
	}
	text := c.ID + " " + string(c.State)
	for _, e := range c.Sessions {
		text += "; " + e.Session.ID + " " + string(e.Enforcement)
		if e.Reason != "" {
			text += " (" + e.Reason + ")"
		}
	}
	return text
}
