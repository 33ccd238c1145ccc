package engine

import (
	"context"
	"sync"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// dispatch carries the orders of one case out, all sessions at the same time,
// and returns their outcomes in the same order.
func (e *Engine) dispatch(ctx context.Context, c *quarantine.Case, orders []quarantine.Order) []quarantine.Outcome {
	outcomes := make([]quarantine.Outcome, len(orders))
	var running sync.WaitGroup
	for i := range orders {
		running.Go(func() {
			outcomes[i] = quarantine.Outcome{Kind: quarantine.OutcomeUnanswered, Reason: errPanicked.Error(), Doubtful: true}
			_ = e.guard("order", c.Subscriber, func() error {
				outcomes[i] = e.carryOut(ctx, c, orders[i])
				return nil
			})
		})
	}
	running.Wait()
	return outcomes
}

func (e *Engine) carryOut(ctx context.Context, c *quarantine.Case, o quarantine.Order) quarantine.Outcome {
	during := ctx
	if o.Restricts() { // who follows us must not meet our retransmissions
		var stop context.CancelFunc
		during, stop = e.sender.during(ctx)
		defer stop()
	}
	g := &gate{engine: e, c: c, order: &o}
	outcome := e.Enforcer.Enforce(during, o, g)
	g.defers(&outcome)
	if o.Check && outcome.Kind != quarantine.OutcomeVerified && outcome.Kind != quarantine.OutcomeRefused {
		return outcome // nothing was found out
	}
	if outcome.Kind != quarantine.OutcomeNotSent || e.ledger.inFlight(&o) { // the journal may have one that was stopped at the last moment
		a := answered{Order: o, Outcome: outcome}
		e.append(ctx, changing(reserved(entry(logAnswered, o.Case, a)), func() { e.ledger.answered(a, e.Now()) }))
		e.care.note(a, e.Now())
	}
	e.Logger.Info("session", zap.String("case", o.Case), zap.String("subscriber", c.Subscriber), zap.String("bng", o.Session.BNG),
		zap.String("session", o.Session.ID), zap.String("profile", o.To), zap.Bool("check", o.Check), zap.Stringer("outcome", outcome.Kind),
		zap.Uint32("error_cause", outcome.ErrorCause), zap.String("deferred_by", string(outcome.DeferredBy)), zap.String("reason", outcome.Reason))
	return outcome
}
