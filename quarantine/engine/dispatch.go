package engine

import (
	"context"
	"errors"
	"fmt"
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
	o.BeforeSend = func(ctx context.Context, d quarantine.Datagram) error { return e.beforeSend(ctx, c, &o, d) }
	during := ctx
	if o.Restricts() { // who follows us must not meet our retransmissions
		var stop context.CancelFunc
		during, stop = e.sender.during(ctx)
		defer stop()
		o.BeforeRepeat = func() error { return e.beforeRepeat(c, &o) }
	}
	outcome := e.Enforcer.Enforce(during, o)
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
		zap.Uint32("error_cause", outcome.ErrorCause), zap.String("reason", outcome.Reason))
	return outcome
}

// beforeSend is the last look before a datagram leaves. A restriction needs
// everything to be in order and the log to have it; taking something back
// needs nothing.
func (e *Engine) beforeSend(ctx context.Context, c *quarantine.Case, o *quarantine.Order, d quarantine.Datagram) error {
	restricts := o.Restricts() && !d.Undoing
	if d.BNG != o.Session.BNG { // the member of a redundancy group that it goes to
		on := *o
		on.Session.Member = d.BNG
		o = &on
	}
	if restricts {
		if err := e.mayRestrict(ctx, c, o); err != nil {
			return err
		}
	}
	s := sent{Order: *o, ExpiresAt: c.Ends(), BNG: d.BNG, Peer: d.Peer, Octets: d.Octets, Undoing: d.Undoing}
	record := changing(entry(logSent, o.Case, s), func() { e.ledger.sent(s) })
	if !o.Restricts() && (e.ledger.abandoned(o) || errors.Is(context.Cause(ctx), errGivenUp)) {
		return errGivenUp
	}
	if !restricts {
		e.append(ctx, reserved(record)) // a log that refuses keeps no release back
		return nil
	}
	if err := e.Journal.Append(ctx, record); err != nil {
		return fmt.Errorf("write the log: %w", err)
	}
	if _, ok := e.sender.may(); !ok { // the disk may have taken long
		return errNotSender
	}
	return e.barred(c, o)
}

// beforeRepeat is asked before each retransmission of a restriction: what is known
// here alone, for it may not block.
func (e *Engine) beforeRepeat(c *quarantine.Case, o *quarantine.Order) error {
	if _, ok := e.sender.may(); !ok {
		return errNotSender
	}
	return e.Bars(c, &o.Session)
}

// Why a restriction that was decided is not sent after all.
var (
	errPaused      = errors.New("restricting is paused")
	errNotSender   = errors.New("this instance is not the sender any more")
	errSessionGone = errors.New("the session is not the one that was decided about")
	errCaseMoved   = errors.New("the case has changed")
	errGivenUp     = errors.New("a person gave the release up; that waits to be applied")
	errEnding      = errors.New("a release of the case waits to be applied")
	errBarred      = errors.New("kept back")
)

// Bars says why the case may not restrict that session at present by CoA; nil if
// nothing here is against it.
func (e *Engine) Bars(c *quarantine.Case, s *quarantine.Session) error {
	return e.bars(c, s, e.Rules.Acts)
}

// BarsLogIn says why the case may not restrict, at its log-in, a session of which
// no more is known than the log-in tells; nil if nothing here is against it.
func (e *Engine) BarsLogIn(c *quarantine.Case, s *quarantine.Session) error {
	return e.bars(c, s, e.Rules.ActsAtLogIn)
}

func (e *Engine) bars(c *quarantine.Case, s *quarantine.Session, rule func(*quarantine.Case, *quarantine.Session) (string, bool)) error {
	if reason, paused := e.Paused(); paused {
		return fmt.Errorf("%w: %s", errPaused, reason)
	}
	if e.ledger.ending(c.ID) {
		return errEnding
	}
	if err := e.windows.barsSession(s, e.Now()); err != nil {
		return err
	}
	if reason, acts := rule(c, s); !acts {
		return fmt.Errorf("%w: %s", errPaused, reason)
	}
	return nil
}

// barred says why the order may not restrict at present, nil if it may.
func (e *Engine) barred(c *quarantine.Case, o *quarantine.Order) error {
	if err := e.Bars(c, &o.Session); err != nil {
		return err
	}
	if reason, barred := e.Paths.Defers(o.Session, o.To); barred {
		return fmt.Errorf("%w: %s", errBarred, reason)
	}
	return nil
}

// mayRestrict reads again, at the last moment, what the restriction rests on.
func (e *Engine) mayRestrict(ctx context.Context, c *quarantine.Case, o *quarantine.Order) error {
	if err := e.barred(c, o); err != nil {
		return err
	}
	record, err := e.Store.Session(ctx, o.Session.SessionKey)
	switch {
	case errors.Is(err, quarantine.ErrNoSession):
		return errSessionGone
	case err != nil:
		return fmt.Errorf("read the session again: %w", err)
	case !record.Live() || record.Suspect || record.Ignored || record.Subscriber != c.Subscriber || !quarantine.SameSession(&record, &o.Session):
		return errSessionGone
	}
	now, err := e.Store.Case(ctx, c.ID)
	switch {
	case err != nil:
		return fmt.Errorf("read the case again: %w", err)
	case now.Generation != o.Generation || !now.State.Wants():
		return errCaseMoved
	}
	if _, ok := e.sender.may(); !ok {
		return errNotSender
	}
	return nil
}
