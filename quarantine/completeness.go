package quarantine

import (
	"context"
	"time"
)

// Completeness is where instances tell each other how far accounting is worked:
// all that had reached an instance about events before its completeness is
// stored. Who held an address at a moment may be judged once every live
// instance is complete to it.
//
// It is by the publisher's clock. A clock that is behind makes others wait so
// much longer; one that is ahead hides so much of what that instance still
// works, which the tolerance of attribution has to cover.
type Completeness interface {
	// Publish says that instance is complete to a moment (milliseconds count),
	// in place of what it said before, earlier or later. What it says ends after
	// ttl (at least 1 ms, by the store's clock) unless it is said again.
	Publish(ctx context.Context, instance string, complete time.Time, ttl time.Duration) error
	// Complete returns the earliest moment that the other instances have
	// published, all but except; others is false if there are none.
	Complete(ctx context.Context, except string) (complete time.Time, others bool, err error)
}
