package quarantine

import (
	"fmt"
	"time"
)

// OutcomeKind is what came of trying to change one session.
type OutcomeKind uint8

// The kinds of outcome; see [OutcomeKind.Todo] for what the caller must do.
const (
	OutcomeAcked       OutcomeKind = iota // the BNG says it did; that verifies nothing
	OutcomeVerified                       // the network shows it
	OutcomeRefused                        // the BNG, or our own data, says it will not
	OutcomePartial                        // some steps are done and could not be undone
	OutcomeSessionGone                    // Error-Cause 503: the BNG does not know the session
	OutcomeUnanswered                     // no reply: it may or may not have happened
	OutcomeNotSent                        // nothing of it is in force because of us
)

// outcomes is the one table of the kinds: how journals and logs call each, what a session
// shows after it, and what the caller must do. When it is tried again is in retry.go.
var outcomes = [...]struct {
	name  string
	shown Enforcement
	todo  string
}{
	OutcomeAcked:       {"acked", Acked, "record it, and verify it where that is possible"},
	OutcomeVerified:    {"verified", Verified, "record it"},
	OutcomeRefused:     {"refused", Refused, "show the reason, and try again slowly"},
	OutcomePartial:     {"partial", Partial, "undo what is done, soon"},
	OutcomeSessionGone: {"session gone", Refused, "look the subscriber's sessions up again; it ends nothing by itself"},
	OutcomeUnanswered:  {"unanswered", Unanswered, "try again with back-off, as one that may have been done"},
	OutcomeNotSent:     {"not sent", Pending, "try again; it does not count as an attempt"},
}

// String is how journals and logs call the kind.
func (k OutcomeKind) String() string { return outcomes[k].name }

// Shown is the enforcement that a session shows after an outcome of the kind.
func (k OutcomeKind) Shown() Enforcement { return outcomes[k].shown }

// Todo is what the caller must do after an outcome of the kind, for people.
func (k OutcomeKind) Todo() string { return outcomes[k].todo }

// Done reports whether the change was made, as far as the BNG or the network says.
func (k OutcomeKind) Done() bool { return k == OutcomeAcked || k == OutcomeVerified }

// MarshalText implements encoding.TextMarshaler.
func (k OutcomeKind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (k *OutcomeKind) UnmarshalText(text []byte) error {
	for i, o := range outcomes {
		if o.name == string(text) {
			*k = OutcomeKind(i)
			return nil
		}
	}
	return fmt.Errorf("unknown outcome %q", text)
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
