package stories

import (
	"context"
	"time"

	"cordon/radiusx/bngsim"
)

func (w *World) aLinkFails() {
	b, d := one(w, w.bngs), w.between(5*time.Second, 4*time.Minute)
	w.transcript.note("the link of %s fails for %s", b.name, d)
	w.withFault(&b.health, d, func() { b.reach(bngsim.Link{Lose: 1}) }, func() { b.reach(healthy) })
}

func (w *World) aLinkIsLossy() {
	b, d := one(w, w.bngs), w.between(10*time.Second, 4*time.Minute)
	link := bngsim.Link{Lose: 0.4, Double: 0.3, Delay: healthy.Delay, Jitter: w.between(time.Millisecond, 3*time.Second)}
	w.transcript.note("the link of %s loses, doubles and delays for %s", b.name, d)
	w.withFault(&b.health, d, func() { b.reach(link) }, func() { b.reach(healthy) })
}

func (w *World) accountingIsLost() {
	b, d := one(w, w.bngs), w.between(10*time.Second, 6*time.Minute)
	w.transcript.note("accounting of %s is lost for %s", b.name, d)
	lose := func(p float64) func() {
		return func() { b.misbehave(func(f *bngsim.Faults) { f.AcctIn.Lose, f.AcctOut.Lose = p, p }) }
	}
	w.withFault(&b.health, d, lose(0.9), lose(0))
}

// aBNGRestarts loses all sessions of a BNG, with Accounting-On or without.
// Its subscribers come back one by one, some of them with other addresses.
func (w *World) aBNGRestarts() {
	b, says := one(w, w.bngs), w.random.IntN(2) == 0
	w.transcript.note("%s restarts, Accounting-On: %t", b.name, says)
	var lost []*subscriber
	for _, p := range w.subscribers {
		if p.bng == b && p.online() {
			lost = append(lost, p)
		}
	}
	b.sim.Crash()
	if says {
		_ = b.sim.On(over) // on its way
	}
	for _, p := range lost {
		if w.random.IntN(3) == 0 {
			p.line.IPv4 = w.nextAddress()
		}
		w.later(w.between(time.Second, 2*time.Minute), p.logInIfOff)
	}
}

func (w *World) aBNGForgetsForAWhile() {
	b, d := one(w, w.bngs), w.between(5*time.Second, 5*time.Minute)
	w.transcript.note("%s answers 503 for live sessions, for %s", b.name, d)
	answer := func(cause bngsim.ErrorCause) func() {
		return func() { b.misbehave(func(f *bngsim.Faults) { f.NAK = cause }) }
	}
	w.withFault(&b.health, d, answer(bngsim.SessionNotFound), answer(bngsim.OK))
}

func (w *World) hooksAreSlow() {
	b, q, d := one(w, w.bngs), one(w, hooks), w.between(20*time.Second, 5*time.Minute)
	w.transcript.note("%s has %s for %s", b.name, q, d)
	w.withFault(&b.health, d, func() { b.bend(q) }, func() { b.bend() })
}

// misbehave changes the faults of a BNG.
func (b *labBNG) misbehave(change func(*bngsim.Faults)) {
	f := b.sim.Faults()
	change(&f)
	b.sim.SetFaults(f)
}

// over is a context that ends at once: the story goes on while a BNG's record is
// on its way.
var over = func() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	return ctx
}()
