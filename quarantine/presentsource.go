package quarantine

import (
	"errors"
	"fmt"
	"time"
)

// Present says of a binding that it was read from a source that knows only who
// holds an address now, and what that is worth for a moment that is past.
type Present struct {
	ReadAt time.Time // when the source was asked
	// Lag is how late the source may be: so long after a session began to hold an
	// address the source has named it as the holder, and will never again name one
	// from before it without naming it too.
	Lag    time.Duration
	MaxAge time.Duration // older events are not judged by such a source
}

// ErrNoAddressIndex is returned by a [BindingFinder] whose sessions cannot be
// found by address. Nothing is wrong with it; asking again does not help.
var ErrNoAddressIndex = errors.New("the source of sessions does not find them by address")

// Why the present says nothing of a moment.
const (
	presentTooOld    = "the source of sessions knows only the present, and the event is older than %s"
	presentLater     = "the source of sessions knows only the present: %s holds the address since %s, who held it before is not known"
	presentUncertain = "the source of sessions may still name the holder before; it is asked again %s after the event"
)

// attributePresent decides whether bindings, as far as they were read from sources
// that know only the present, may be believed about [at−tolerance,
// at+tolerance]: Attributed if they may, else the answer and why.
//
// It rests on one promise, [Present.Lag], and on sessions that hold their
// addresses from their beginning. If somebody else began to hold the address
// within the span or after it, the source names them by now, with a beginning
// after the span's first instant; so whoever it names, and has named for longer,
// held it throughout. Any holder named with a later beginning makes all others
// history, about which the source says nothing.
func attributePresent(bindings []Binding, at time.Time, tolerance time.Duration) (AttributionResult, string) {
	from, to := at.Add(-tolerance), at.Add(tolerance)
	verdict, reason := Attributed, ""
	for _, b := range bindings {
		switch p := b.Present; {
		case p == nil:
		case p.ReadAt.Sub(at) > p.MaxAge:
			return Unknown, fmt.Sprintf(presentTooOld, p.MaxAge)
		case b.From.After(from):
			return Unknown, fmt.Sprintf(presentLater, b.claimant(), b.From.UTC().Format(time.RFC3339))
		case p.ReadAt.Before(to.Add(p.Lag)):
			verdict, reason = Doubtful, fmt.Sprintf(presentUncertain, p.Lag)
		}
	}
	return verdict, reason
}
