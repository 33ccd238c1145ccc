package engine

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// dispatch executes the orders of one case, all sessions at the same time, and returns their
// outcomes in the same order.
func (e *Engine) dispatch(ctx context.Context, c *quarantine.Case, orders []quarantine.Order) []quarantine.Outcome {
	outcomes := make([]quarantine.Outcome, len(orders))
	var running sync.WaitGroup
	for i := range orders {
		running.Go(func() {
			outcomes[i] = quarantine.Outcome{Kind: quarantine.OutcomeUnanswered, Reason: errPanicked.Error(), Doubtful: true}
			_ = e.guard("order", c.Subscriber, func() error {
				outcomes[i] = e.execute(ctx, c, orders[i])
				return nil
			})
		})
	}
	running.Wait()
	return outcomes
}

func (e *Engine) execute(ctx context.Context, c *quarantine.Case, o quarantine.Order) quarantine.Outcome {
	during := ctx
	if o.Restricts() { // retransmissions end before the next sender's lease begins
		var stop context.CancelFunc
		during, stop = e.sender.whileHeld(ctx)
		defer stop()
	}
	g := &gate{engine: e, c: c, order: &o}
	outcome := e.Enforcer.Enforce(during, o, g)
	g.defers(&outcome)
	if o.Check && outcome.Kind != quarantine.OutcomeVerified && outcome.Kind != quarantine.OutcomeRefused {
		return outcome // nothing was found out
	}
	if outcome.Kind != quarantine.OutcomeNotSent || e.ledger.inFlight(&o) { // one that was deferred after the journal had it
		a := answered{Order: o, Outcome: outcome}
		e.append(ctx, changing(reserved(entry(entryAnswered, o.Case, a)), func() { e.ledger.answered(a, e.Now()) }))
		e.rechecks.add(a, e.Now())
	}
	e.Logger.Info("session", zap.String("case", o.Case), zap.String("subscriber", c.Subscriber), zap.String("bng", o.Session.BNG),
		zap.String("session", o.Session.ID), zap.String("profile", o.To), zap.Bool("check", o.Check), zap.Stringer("outcome", outcome.Kind),
		zap.Uint32("error_cause", outcome.ErrorCause), zap.String("deferred_by", string(outcome.DeferredBy)),
		zap.String("reason", outcome.Reason))
	return outcome
}
