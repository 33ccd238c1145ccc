package engine

import (
	"context"
	"errors"
	"fmt"
	"time"

	"cordon/quarantine"
)

// whoHeld asks who held a place at a moment. Where a translator's log leads to
// an address behind it, that one is asked for in turn, once.
func (e *Engine) whoHeld(ctx context.Context, at quarantine.Place, port uint16, moment time.Time, tolerance time.Duration) (quarantine.Attribution, error) {
	outer, err := e.holders(ctx, at, port, moment, tolerance)
	if err != nil || outer.Result != quarantine.Attributed || !outer.Via.IsValid() {
		return outer, err
	}
	inner, err := e.holders(ctx, outer.Via, 0, moment, tolerance)
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

func (e *Engine) holders(ctx context.Context, at quarantine.Place, port uint16, moment time.Time, tolerance time.Duration) (quarantine.Attribution, error) {
	bindings, err := e.Store.Bindings(ctx, at, moment.Add(-tolerance), moment.Add(tolerance))
	switch {
	case errors.Is(err, quarantine.ErrNoAddressIndex):
		return quarantine.Attribution{Reason: quarantine.ErrNoAddressIndex.Error()}, nil
	case err != nil:
		return quarantine.Attribution{}, fmt.Errorf("find who held %s: %w", at, err)
	}
	gaps, err := e.gaps.now(ctx) // after the bindings, or a failover in between would be missed
	if err != nil {
		return quarantine.Attribution{}, err
	}
	return quarantine.WhoHeld(bindings, gaps, port, moment, tolerance), nil
}
