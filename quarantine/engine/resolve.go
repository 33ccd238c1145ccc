package engine

import (
	"context"
	"fmt"
	"time"

	"cordon/quarantine"
)

// completeWait is for how long a command that names an address waits for accounting of the present
// moment. Instances publish their watermark twice a second.
const completeWait = 3 * time.Second

// Resolve finds the subscriber of a command's target. Errors:
// *quarantine.AmbiguousError, *quarantine.IncompleteError,
// quarantine.ErrUnknownAddress, quarantine.ErrNoSession.
func (e *Engine) Resolve(ctx context.Context, t quarantine.Target) (string, error) {
	switch {
	case t.Subscriber != "":
		return t.Subscriber, nil
	case t.IP.IsValid():
		return e.holderNow(ctx, t)
	}
	s, err := e.Store.Session(ctx, t.Session)
	if err != nil {
		return "", fmt.Errorf("find session %s: %w", t.Session, err)
	}
	if !s.Live() {
		return "", fmt.Errorf("session %s has ended: %w", t.Session, quarantine.ErrNoSession)
	}
	if s.Subscriber == "" {
		return "", &quarantine.CommandError{Reason: fmt.Sprintf("session %s has no subscriber; name the subscriber", t.Session)}
	}
	return s.Subscriber, nil
}

// holderNow finds the present holder of an address by the rule for verdicts: all accounting of the
// moment is stored, and one subscriber alone may hold it, give or take the tolerance of clocks.
func (e *Engine) holderNow(ctx context.Context, t quarantine.Target) (string, error) {
	at, err := e.Addresses.In(t.Space, t.IP)
	if err != nil {
		return "", err
	}
	if reason, never := e.Addresses.Unattributable(at); never {
		return "", &quarantine.CommandError{Reason: reason + "; name the subscriber"}
	}
	moment := e.Now()
	missing, err := e.awaitComplete(ctx, moment)
	if err != nil {
		return "", err
	}
	found, err := e.whoHeld(ctx, at, t.Port, moment, e.Tolerance(""))
	switch {
	case err != nil:
		return "", err
	case missing != "":
		return "", &quarantine.IncompleteError{Missing: missing, Candidates: holders(found.Bindings)}
	}
	return holder(&found)
}

// awaitComplete waits, for completeWait at most, until all accounting of the moment is stored. It
// returns what is still missing; empty: nothing.
func (e *Engine) awaitComplete(ctx context.Context, moment time.Time) (missing string, err error) {
	deadline := e.Now().Add(completeWait)
	for {
		missing, err = e.completeTo(ctx, moment)
		if err != nil || missing == "" || !e.Now().Before(deadline) {
			return missing, err
		}
		if !sleep(ctx, accountingRetry) {
			return "", ctx.Err()
		}
	}
}

// holder returns the one subscriber who holds the address, or why there is none.
func holder(found *quarantine.Attribution) (string, error) {
	switch found.Result {
	case quarantine.Attributed:
		if found.IgnoredOnly() {
			return "", refuse("that address belongs to a session under ignore_sessions, which is never touched; name the subscriber")
		}
		return found.Subscriber, nil
	case quarantine.Ambiguous:
		return "", &quarantine.AmbiguousError{Candidates: holders(found.Bindings)}
	case quarantine.Doubtful:
		return "", &quarantine.AmbiguousError{Candidates: holders(found.Bindings), Reason: found.Reason}
	}
	if len(found.Bindings) > 0 { // it is held, by an unknown subscriber
		return "", &quarantine.AmbiguousError{Candidates: holders(found.Bindings), Reason: found.Reason}
	}
	return "", quarantine.ErrUnknownAddress
}

// holders returns bindings as people see them.
func holders(bindings []quarantine.Binding) []quarantine.Holder {
	var all []quarantine.Holder
	for _, b := range bindings {
		all = append(all, b.Holder())
	}
	return all
}
