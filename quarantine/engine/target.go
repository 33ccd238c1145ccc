package engine

import (
	"context"
	"fmt"
	"time"

	"cordon/quarantine"
)

// handWait is how long a person who names an address waits for accounting of the
// present moment. Instances say twice a second how far theirs is stored.
const handWait = 3 * time.Second

// Resolve finds the subscriber that a person points at. Errors:
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
		return "", &quarantine.CommandError{Reason: fmt.Sprintf("session %s bears no usable name; name the subscriber", t.Session)}
	}
	return s.Subscriber, nil
}

// holderNow finds who holds an address at this moment, by the rule that verdicts
// are judged by: all accounting of the moment is stored, and one subscriber alone
// may hold it, give or take the tolerance of clocks.
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

// awaitComplete waits, not for long, until all accounting of the moment is
// stored. It returns what is missing still; empty: nothing.
func (e *Engine) awaitComplete(ctx context.Context, moment time.Time) (missing string, err error) {
	deadline := e.Now().Add(handWait)
	for {
		missing, err = e.completeTo(ctx, moment)
		if err != nil || missing == "" || !e.Now().Before(deadline) {
			return missing, err
		}
		if !sleep(ctx, settleRetry) {
			return "", ctx.Err()
		}
	}
}

// holder is the one subscriber who holds the address, or why there is none.
func holder(found *quarantine.Attribution) (string, error) {
	switch found.Result {
	case quarantine.Attributed:
		if found.IgnoredOnly() {
			return "", &quarantine.CommandError{Reason: "that address belongs to a session under ignore_sessions, which is never touched; name the subscriber"}
		}
		return found.Subscriber, nil
	case quarantine.Ambiguous:
		return "", &quarantine.AmbiguousError{Candidates: holders(found.Bindings)}
	case quarantine.Doubtful:
		return "", &quarantine.AmbiguousError{Candidates: holders(found.Bindings), Reason: found.Reason}
	}
	if len(found.Bindings) > 0 { // somebody does, and cannot be named
		return "", &quarantine.AmbiguousError{Candidates: holders(found.Bindings), Reason: found.Reason}
	}
	return "", quarantine.ErrUnknownAddress
}

// holders shows bindings as people see them.
func holders(bindings []quarantine.Binding) []quarantine.Holder {
	var all []quarantine.Holder
	for _, b := range bindings {
		all = append(all, b.Holder())
	}
	return all
}
