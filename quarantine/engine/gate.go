package engine

import (
	"context"
	"errors"
	"sync/atomic"

	"cordon/quarantine"
)

// errGivenUp keeps a release from being sent that a person gave up.
var errGivenUp = errors.New("a person gave the release up; that waits to be applied")

// gate lets the datagrams of one order leave, or not. A restriction needs every check of
// its stage to pass and the journal to have it; taking something back needs nothing.
type gate struct {
	engine *Engine
	c      *quarantine.Case
	order  *quarantine.Order
	denied atomic.Pointer[quarantine.Deferral] // why the last datagram did not leave
}

var _ quarantine.Gate = (*gate)(nil)

// question is what is asked about the order at a stage, on the BNG that the datagram
// goes to.
func (g *gate) question(at stage, o *quarantine.Order) *question {
	return &question{stage: at, c: g.c, session: &o.Session, profile: o.To, generation: o.Generation}
}

// BeforeSend implements quarantine.Gate.
func (g *gate) BeforeSend(ctx context.Context, d quarantine.Datagram) error {
	e, o := g.engine, g.order
	if d.BNG != o.Session.BNG { // the member of a redundancy group that it goes to
		on := *o
		on.Session.Member = d.BNG
		o = &on
	}
	s := sent{Order: *o, ExpiresAt: g.c.Ends(), BNG: d.BNG, Peer: d.Peer, Octets: d.Octets, Undoing: d.Undoing}
	switch {
	case o.Restricts() && !d.Undoing:
		return g.deny(g.restrict(ctx, o, s))
	case !o.Restricts() && (e.ledger.abandoned(o) || errors.Is(context.Cause(ctx), errGivenUp)):
		return errGivenUp
	}
	e.append(ctx, reserved(e.sending(s))) // a journal that refuses defers no release
	return nil
}

// sending is the journal's entry about a datagram that is about to leave.
func (e *Engine) sending(s sent) quarantine.JournalEntry {
	return changing(entry(entrySent, s.Order.Case, s), func() { e.ledger.sent(s) })
}

// restrict asks the checks, has the journal take the datagram, and asks again what may
// have changed meanwhile.
func (g *gate) restrict(ctx context.Context, o *quarantine.Order, s sent) *quarantine.Deferral {
	if d := g.engine.mayRestrict(ctx, g.question(atSend, o)); d != nil {
		return d
	}
	if err := g.engine.Journal.Append(ctx, g.engine.sending(s)); err != nil {
		return &quarantine.Deferral{By: quarantine.CheckJournal, Reason: "the journal cannot be written: " + err.Error()}
	}
	return g.engine.mayRestrictNow(g.question(atJournaled, o))
}

// BeforeRepeat implements quarantine.Gate. It reads nothing, for it may not block, and
// nothing defers a release.
func (g *gate) BeforeRepeat() error {
	if !g.order.Restricts() {
		return nil
	}
	return g.deny(g.engine.mayRestrictNow(g.question(atRepeat, g.order)))
}

// deny remembers why a datagram does not leave.
func (g *gate) deny(d *quarantine.Deferral) error {
	if d == nil {
		return nil
	}
	g.denied.Store(d)
	return d
}

// defers names, in the outcome of an order that was not sent, the check that deferred it.
func (g *gate) defers(out *quarantine.Outcome) {
	if d := g.denied.Load(); d != nil && out.Kind == quarantine.OutcomeNotSent {
		out.DeferredBy = d.By
	}
}
