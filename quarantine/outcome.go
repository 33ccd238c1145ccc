package quarantine

import (
	"fmt"
	"time"
)

// OutcomeKind is what came of trying to change one session.
type OutcomeKind uint8

// The kinds of outcome. Each comment says what the caller must do.
const (
	OutcomeAcked       OutcomeKind = iota // the BNG says it did: record it; it is no proof
	OutcomeVerified                       // the network shows it
	OutcomeRefused                        // the BNG, or our own data, says it will not: show it, try again slowly
	OutcomePartial                        // some steps are done and could not be undone: try to undo, soon
	OutcomeSessionGone                    // Error-Cause 503: look again by subscriber, close nothing
	OutcomeUnanswered                     // silence: it may or may not have happened; try again with back-off
	OutcomeNotSent                        // nothing of it is in force because of us: try again, it does not count as an attempt
)

var outcomeNames = [...]string{
	OutcomeAcked: "acked", OutcomeVerified: "verified", OutcomeRefused: "refused", OutcomePartial: "partial",
	OutcomeSessionGone: "session gone", OutcomeUnanswered: "unanswered", OutcomeNotSent: "not sent",
}

func (k OutcomeKind) String() string { return outcomeNames[k] }

// MarshalText implements encoding.TextMarshaler.
func (k OutcomeKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *OutcomeKind) UnmarshalText(text []byte) error {
	for i, name := range outcomeNames {
		if name == string(text) {
			*k = OutcomeKind(i)
			return nil
		}
	}
	return fmt.Errorf("%q is no outcome", text)
}

// Outcome is the result of an [Order].
type Outcome struct {
	Kind       OutcomeKind `json:"kind"`
	ErrorCause uint32      `json:"error_cause,omitempty"` // RFC 5176 section 3.5; 0 = none
	Reason     string      `json:"reason,omitempty"`      // for people: why not acked
	DeferredBy Check       `json:"deferred_by,omitempty"` // of NotSent: the check that deferred it, if one did
	// Doubtful: a datagram went unanswered or was sent more than once, so that a
	// late duplicate may still act on the BNG.
	Doubtful bool `json:"doubtful,omitempty"`
	// Echo is how long after this order a late duplicate of one about the same
	// session may still act, where that is longer than [AssertDelay].
	Echo time.Duration `json:"echo,omitempty"`
	// Untouched: nothing of this order left this host.
	Untouched bool `json:"untouched,omitempty"`
	// Residue is what of a partial change is still to be undone; only the
	// Enforcer understands it. It is handed back in the next order.
	Residue string `json:"residue,omitempty"`
	// Verification, of an acked change, is how it can be found out whether it is so.
	Verification Verification `json:"proof,omitempty"`
}

// AssertAfter is when, after this outcome of a release, it is sent once more if
// a restriction is doubtful.
func (o *Outcome) AssertAfter() time.Duration { return max(AssertDelay, o.Echo) }
