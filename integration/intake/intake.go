package intake

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

// acceptor makes verdicts durable; the running engine is one.
type acceptor interface {
	// Accept returns once every verdict is in the journal, with an answer for each in
	// the same order. An error means that the journal cannot be written.
	Accept(ctx context.Context, verdicts []quarantine.Verdict) ([]quarantine.Acceptance, error)
}

// Intake accepts verdicts.
type Intake struct {
	engine    acceptor
	addresses quarantine.AddressPlan
	gates     *gates
	now       func() time.Time
	throttled atomic.Uint64
}

// New returns an intake in front of engine.
func New(engine acceptor, c Config) (*Intake, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.setDefaults()
	return &Intake{engine: engine, addresses: c.Addresses, gates: newGates(c), now: c.Now}, nil
}

// Result is the answer to one verdict.
type Result struct {
	wire.Receipt
	// Err is Error for code: a *quarantine.FieldError, *ThrottledError or *ForbiddenError.
	Err error
}

// ForbiddenError says that the caller may not submit verdicts of a source.
type ForbiddenError struct{ Token, Source string }

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("source: token %q may not submit verdicts of source %q", e.Token, e.Source)
}

// Submit accepts the verdicts of one request, whose caller is in ctx, with a result for
// each. An error means that none was accepted because the journal cannot be written; the
// caller may retry.
func (in *Intake) Submit(ctx context.Context, items []Item) ([]Result, error) {
	now := in.now()
	caller := httpx.PrincipalOf(ctx)
	results := make([]Result, len(items))
	var admitted []quarantine.Verdict
	var places []int     // admitted[i] is items[places[i]]
	var returns []func() // what each took of its source's quota
	for i, item := range items {
		v, undo, err := in.admit(caller, item, now)
		if err != nil {
			results[i] = refused(err)
			continue
		}
		admitted, places, returns = append(admitted, v), append(places, i), append(returns, undo)
	}
	if len(admitted) == 0 {
		return results, nil
	}
	answers, err := in.engine.Accept(ctx, admitted)
	if err == nil && len(answers) != len(admitted) {
		err = fmt.Errorf("%d answers to %d verdicts", len(answers), len(admitted))
	}
	if err != nil {
		for _, undo := range returns {
			undo()
		}
		return nil, fmt.Errorf("accept verdicts: %w", err)
	}
	for i, a := range answers {
		switch {
		case a.Throttled != "":
			returns[i]()
			results[places[i]] = refused(&ThrottledError{a.Throttled, a.RetryAfter})
		case a.Duplicate:
			results[places[i]] = durable(a.ID, wire.VerdictDuplicate)
		default:
			results[places[i]] = durable(a.ID, wire.VerdictAccepted)
		}
	}
	return results, nil
}

// durable is the result of a verdict that is in the journal.
func durable(id, status string) Result { return Result{Receipt: wire.Receipt{ID: id, Status: status}} }

// refused is the result of a verdict that is not accepted.
func refused(err error) Result {
	r := Result{Receipt: wire.Receipt{Status: wire.VerdictRejected, Error: err.Error()}, Err: err}
	var throttled *ThrottledError
	if errors.As(err, &throttled) {
		wait := max(time.Second, (throttled.Wait + time.Second - 1).Truncate(time.Second))
		r.Status, r.RetryAfter = wire.VerdictThrottled, quarantine.FormatDuration(wait)
	}
	return r
}

// Throttled returns the number of verdicts rejected for a quota, or for too many names
// of sources.
func (in *Intake) Throttled() uint64 { return in.throttled.Load() }

// admit checks one verdict against its caller, the domain's rules and the source's
// quota, in this order.
func (in *Intake) admit(caller httpx.Principal, item Item, now time.Time) (quarantine.Verdict, func(), error) {
	v := item.Verdict
	if item.Err != nil {
		return v, nil, item.Err
	}
	if v.Source != "" && !caller.MaySend(v.Source) {
		return v, nil, &ForbiddenError{caller.Name, v.Source}
	}
	v.IP = v.IP.Unmap()
	if err := v.Validate(now, in.gates.agreed(v.Source).MaxAge); err != nil {
		return v, nil, err
	}
	if v.IP.IsValid() {
		if _, err := in.addresses.Seen(v.Source, v.IP); err != nil {
			return v, nil, err
		}
	}
	undo, full := in.gates.reserve(v.Source, now)
	if full != nil {
		in.throttled.Add(1)
		return v, nil, full
	}
	return v, undo, nil
}

// problem is the rejection of a request's only verdict as a problem document.
func problem(err error) *httpx.Problem {
	var throttled *ThrottledError
	var forbidden *ForbiddenError
	var field *quarantine.FieldError
	switch {
	case errors.As(err, &throttled):
		return httpx.NewProblem(http.StatusTooManyRequests, err.Error()).RetryIn(throttled.Wait)
	case errors.As(err, &forbidden):
		return httpx.NewProblem(http.StatusForbidden, err.Error())
	case errors.As(err, &field):
		return httpx.ProblemOf(err, "body")
	}
	return httpx.Invalid("body", err.Error(), nil)
}
