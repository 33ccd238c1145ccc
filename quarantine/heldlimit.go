package quarantine

import (
	"fmt"
	"strings"
	"time"
)

// MaxHeldPerDay is how many cases the verdicts of one source may have held within 24
// hours. Nobody looks at more, and each costs some 2 KiB of a Redis that forgets
// nothing until it expires: a flood would fill it, and then nothing is restricted.
const MaxHeldPerDay = 1000

const heldScope = "held:"

// heldReservation counts a case that is about to be held.
func heldReservation(c *Case) Reservation {
	return Reservation{ID: fmt.Sprintf("%s/%d", c.ID, c.Generation), Scopes: []LimitScope{{
		Key:   heldScope + c.Source + ":day",
		Label: fmt.Sprintf("%d held cases per source per day (%s)", MaxHeldPerDay, c.Source), Window: 24 * time.Hour, Max: MaxHeldPerDay,
	}}}
}

// holds reports whether it is the limit on held cases that was full.
func (e *LimitError) holds() bool { return e != nil && strings.HasPrefix(e.Scope.Key, heldScope) }
