package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/quarantine"
)

// Attributor attributes an address, or a port of one, at a moment to its holder, from the bindings
// of a store. Its caller finds out first whether the accounting of the moment is complete.
type Attributor struct {
	Bindings quarantine.BindingFinder
	// Gaps returns what the store may have lost; asked after each read of bindings.
	Gaps func(ctx context.Context) ([]quarantine.Gap, error)
	// Overdue, if not nil, is asked before each read of bindings: these have what was reported
	// by then.
	Overdue func(ctx context.Context) (Overdue, error)
	Now     func() time.Time
}

// Overdue says why bindings cannot be relied on at a moment: the source that would report the next
// holder, a BNG, a relay or a translator's log, has not reported as far as until. Empty: it has, or
// it is not tracked.
type Overdue func(held []quarantine.Binding, until time.Time) (reason string)

// WhoHeld attributes at a moment give or take tolerance; port 0: not known. Where a translator's log
// leads to an address behind it, that one is attributed in turn, once. An error means that the store
// could not be asked.
func (a Attributor) WhoHeld(
	ctx context.Context, at quarantine.Place, port uint16, moment time.Time, tolerance time.Duration,
) (quarantine.Attribution, error) {
	outer, err := a.holders(ctx, at, port, moment, tolerance)
	if err != nil || outer.Result != quarantine.Attributed || !outer.Via.IsValid() {
		return outer, err
	}
	inner, err := a.holders(ctx, outer.Via, 0, moment, tolerance)
	if err != nil {
		return inner, err
	}
	if inner.Via.IsValid() {
		return quarantine.Attribution{Bindings: outer.Bindings, Reason: "the port block leads to another port block"}, nil
	}
	if inner.Reason != "" {
		inner.Reason = fmt.Sprintf("behind the translator, %s: %s", outer.Via, inner.Reason)
	}
	return inner, nil
}

// holders reads all bindings of the place, whatever the moment: another holder, before it or after,
// shows that a record about the end of an earlier one is missing.
func (a Attributor) holders(
	ctx context.Context, at quarantine.Place, port uint16, moment time.Time, tolerance time.Duration,
) (quarantine.Attribution, error) {
	until := moment.Add(tolerance)
	if now := a.Now(); now.After(until) {
		until = now
	}
	overdue, err := a.overdue(ctx)
	if err != nil {
		return quarantine.Attribution{}, err
	}
	bindings, err := a.known(ctx, at, port, moment.Add(-tolerance), moment.Add(tolerance), until)
	switch {
	case errors.Is(err, quarantine.ErrNoAddressIndex):
		return quarantine.Attribution{Reason: quarantine.ErrNoAddressIndex.Error()}, nil
	case err != nil:
		return quarantine.Attribution{}, fmt.Errorf("read the bindings of %s: %w", at, err)
	}
	gaps, err := a.Gaps(ctx) // after the bindings, or a failover in between would be missed
	if err != nil {
		return quarantine.Attribution{}, err
	}
	found := quarantine.WhoHeld(bindings, gaps, port, moment, tolerance)
	if found.Result != quarantine.Attributed {
		return found, nil
	}
	if reason := overdue(found.Bindings, moment.Add(tolerance)); reason != "" {
		return quarantine.Attribution{Result: quarantine.Doubtful, Bindings: found.Bindings, Reason: reason}, nil
	}
	return found, nil
}

// known reads the bindings that the attribution needs, and no more where the store can select them.
func (a Attributor) known(ctx context.Context, at quarantine.Place, port uint16, from, to, until time.Time) ([]quarantine.Binding, error) {
	if finder, ok := a.Bindings.(quarantine.PortFinder); ok {
		return finder.PortBindings(ctx, at, port, from, to, until)
	}
	return a.Bindings.Bindings(ctx, at, time.Time{}, until)
}

// overdue asks how far the sources of bindings have reported.
func (a Attributor) overdue(ctx context.Context) (Overdue, error) {
	if a.Overdue == nil {
		return func([]quarantine.Binding, time.Time) string { return "" }, nil
	}
	return a.Overdue(ctx)
}

// whoHeld attributes from the engine's store. What peers may hide is asked for before the bindings: a
// peer that stores what it answered meanwhile hides nothing any more, and would be missing.
func (e *Engine) whoHeld(
	ctx context.Context, at quarantine.Place, port uint16, moment time.Time, tolerance time.Duration,
) (quarantine.Attribution, error) {
	hidden, err := e.peers.current(ctx)
	if err != nil {
		return quarantine.Attribution{}, err
	}
	gaps := func(ctx context.Context) ([]quarantine.Gap, error) {
		lost, err := e.gaps.now(ctx)
		return slices.Concat(lost, hidden.gaps), err
	}
	return Attributor{Bindings: e.Store, Gaps: gaps, Overdue: e.Overdue, Now: e.Now}.WhoHeld(ctx, at, port, moment, tolerance)
}

// WhoHeld attributes a place at a moment, give or take tolerance (port 0: not known), as for a
// verdict. If missing is not empty, accounting of the moment is not stored, which it names for
// people, and nothing is attributed. An error means that the store could not be asked.
func (e *Engine) WhoHeld(
	ctx context.Context, at quarantine.Place, port uint16, moment time.Time, tolerance time.Duration,
) (found quarantine.Attribution, missing string, err error) {
	if missing, err = e.completeTo(ctx, moment.Add(tolerance)); err != nil || missing != "" {
		return found, missing, err
	}
	found, err = e.whoHeld(ctx, at, port, moment, tolerance)
	return found, "", err
}

// WhoHoldsBy is WhoHeld as [Engine.Resolve] asks it for a command: at a moment that has just been
// now. It does not wait for what is missing.
func (e *Engine) WhoHoldsBy(
	ctx context.Context, at quarantine.Place, port uint16, moment time.Time,
) (found quarantine.Attribution, missing string, err error) {
	if missing, err = e.completeTo(ctx, moment); err != nil || missing != "" {
		return found, missing, err
	}
	found, err = e.whoHeld(ctx, at, port, moment, e.Tolerance(""))
	return found, "", err
}
