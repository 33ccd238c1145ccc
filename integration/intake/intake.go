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

// acceptor makes verdicts durable. The running engine is one.
type acceptor interface {
	// Accept returns once every verdict is in the log, with an answer for each in
	// the same order. An error means that the log cannot be written.
	Accept(ctx context.Context, verdicts []quarantine.Verdict) ([]quarantine.Acceptance, error)
}

// Intake takes verdicts in.
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

// ForbiddenError says that the caller may not speak for a source.
type ForbiddenError struct{ Token, Source string }

func (e *ForbiddenError) Error() string {
	return fmt.Sprintf("source: token %q may not hand in verdicts of source %q", e.Token, e.Source)
}

// Submit takes the verdicts of one request, whose caller is found in ctx, and
// answers each of them. An error means that nothing was taken because the log
// cannot be written; the caller may try again.
func (in *Intake) Submit(ctx context.Context, items []Item) ([]Result, error) {
	now := in.now()
	caller := httpx.PrincipalOf(ctx)
	results := make([]Result, len(items))
	var admitted []quarantine.Verdict
	var places []int // admitted[i] is items[places[i]]
	var undo []func()
	for i, item := range items {
		v, giveBack, err := in.admit(caller, item, now)
		if err != nil {
			results[i] = refused(err)
			continue
		}
		admitted, places, undo = append(admitted, v), append(places, i), append(undo, giveBack)
	}
	if len(admitted) == 0 {
		return results, nil
	}
	answers, err := in.engine.Accept(ctx, admitted)
	if err == nil && len(answers) != len(admitted) {
		err = fmt.Errorf("%d answers to %d verdicts", len(answers), len(admitted))
	}
	if err != nil {
		for _, giveBack := range undo {
			giveBack()
		}
		return nil, fmt.Errorf("accept verdicts: %w", err)
	}
	for i, a := range answers {
		switch {
		case a.Throttled != "":
			undo[i]()
			results[places[i]] = refused(&ThrottledError{a.Throttled, a.RetryAfter})
		case a.Duplicate:
			results[places[i]] = taken(a.ID, wire.VerdictDuplicate)
		default:
			results[places[i]] = taken(a.ID, wire.VerdictAccepted)
		}
	}
	return results, nil
}

// taken is the result of a verdict that is durable.
func taken(id, status string) Result { return Result{Receipt: wire.Receipt{ID: id, Status: status}} }

// refused is the result of a verdict that was not taken.
func refused(err error) Result {
	r := Result{Receipt: wire.Receipt{Status: wire.VerdictRejected, Error: err.Error()}, Err: err}
	var throttled *ThrottledError
	if errors.As(err, &throttled) {
		wait := max(time.Second, (throttled.Wait + time.Second - 1).Truncate(time.Second))
		r.Status, r.RetryAfter = wire.VerdictThrottled, quarantine.FormatDuration(wait)
	}
	return r
}

// Throttled returns how many verdicts were not taken because of a quota, or of too
// many names of sources.
func (in *Intake) Throttled() uint64 { return in.throttled.Load() }

// admit checks one verdict against its caller, the domain's rules and the
// source's quota, in this order.
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
	giveBack, full := in.gates.take(v.Source, now)
	if full != nil {
		in.throttled.Add(1)
		return v, nil, full
	}
	return v, giveBack, nil
}

// problem tells a single verdict's rejection as the answer to its request.
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
