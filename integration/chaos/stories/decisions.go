package stories

import (
	"errors"
	"time"

	"cordon/quarantine"
)

// working is an engine that runs; nil if none does.
func (w *World) working() *instance {
	in := one(w, w.instances)
	if in.Engine == nil {
		return nil
	}
	return in
}

func (w *World) someoneIsReported() {
	if p, in := one(w, w.subscribers), w.working(); p.online() && in != nil {
		w.report(p, in)
	}
}

// report hands a verdict about a subscriber's address in.
func (w *World) report(p *subscriber, in *instance) {
	p.suspect(true)
	verdict := quarantine.Verdict{Source: "ids", ObservedAt: time.Now(), IP: p.line.IPv4, Category: "botnet"}
	if _, err := in.Accept(w.t.Context(), []quarantine.Verdict{verdict}); err != nil {
		w.transcript.note("a verdict about %s is refused by %s: %v", p.name, in.name, err)
		return
	}
	p.wanted = true
	w.transcript.note("a verdict about %s, to %s", p.name, in.name)
}

func (w *World) someoneIsQuarantinedByHand() {
	p, in := one(w, w.subscribers), w.working()
	if in == nil {
		return
	}
	p.suspect(true)
	d := w.between(time.Minute, 10*time.Minute).Truncate(time.Second)
	c, err := in.Quarantine(w.t.Context(), quarantine.ManualQuarantine{Subscriber: p.name, Profile: garden, Reason: "story", For: d,
		By: "noc"}, false)
	if err != nil {
		w.transcript.note("%s is not quarantined by hand: %v", p.name, err)
		p.unsure = true // whether it was done is not known
		return
	}
	p.wanted, p.unsure = true, false
	w.transcript.note("%s is quarantined by hand on %s for %s: case %s", p.name, in.name, d, c.State)
}

func (w *World) someoneIsReleased() {
	if p, in := one(w, w.subscribers), w.working(); in != nil {
		w.release(p, in)
	}
}

// release releases a subscriber's open case by a person who sees it in the store.
func (w *World) release(p *subscriber, in *instance) {
	c := w.openCase(p)
	if c == nil || c.State == quarantine.Releasing {
		return
	}
	_, err := in.Release(w.t.Context(), c.ID, "noc", "story", "")
	if err != nil && !errors.Is(err, quarantine.ErrDeferred) {
		w.transcript.note("%s is not released on %s: %v", p.name, in.name, err)
		return
	}
	p.wanted, p.unsure, p.released = false, false, time.Now()
	w.transcript.note("%s is released on %s by a person, %v", p.name, in.name, err)
}

// openCase is what the store says of a subscriber, whether or not anybody can
// reach it now.
func (w *World) openCase(p *subscriber) *quarantine.Case {
	w.memory.SetUnavailable(false)
	defer w.memory.SetUnavailable(w.unavailable)
	d, err := w.memory.Dossier(w.t.Context(), p.name)
	if err != nil {
		p.bng.fail("dossier of %s: %v", p.name, err)
		return nil
	}
	return d.Case
}
