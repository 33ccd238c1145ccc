package engine

import (
	"context"
	"time"

	"cordon/quarantine"
)

// Speak publishes this instance once, as Run does twice a second.
func (e *Engine) Speak(ctx context.Context) error { return e.speak(ctx) }

// WhoHeld says who held a place at a moment, give or take tolerance (port 0: not
// known), as it is judged for a verdict. If missing is not empty, accounting of the
// moment is not stored, as it says for people, and nobody was asked. An error
// means that the store could not be asked.
func (e *Engine) WhoHeld(ctx context.Context, at quarantine.Place, port uint16, moment time.Time, tolerance time.Duration) (found quarantine.Attribution, missing string, err error) {
	if missing, err = e.completeTo(ctx, moment.Add(tolerance)); err != nil || missing != "" {
		return found, missing, err
	}
	found, err = e.whoHeld(ctx, at, port, moment, tolerance)
	return found, "", err
}

// WhoHoldsBy is WhoHeld as [Engine.Resolve] asks for a person: who holds the place
// at a moment that has just been now. It does not wait for what is missing.
func (e *Engine) WhoHoldsBy(ctx context.Context, at quarantine.Place, port uint16, moment time.Time) (found quarantine.Attribution, missing string, err error) {
	if missing, err = e.completeTo(ctx, moment); err != nil || missing != "" {
		return found, missing, err
	}
	found, err = e.whoHeld(ctx, at, port, moment, e.Tolerance(""))
	return found, "", err
}
