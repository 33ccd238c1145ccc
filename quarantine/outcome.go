package quarantine

import (
	"context"
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

// Datagram is one that is about to leave for the first time.
type Datagram struct {
	BNG     string
	Peer    string // address:port
	Octets  []byte
	Undoing bool // takes back a step of the same order; needs no permission
}

// AppliedProfile is a profile that is, or may be, in force on a session, and how to
// take it away again, whatever the configuration has become meanwhile.
type AppliedProfile struct {
	Profile string `json:"profile"`
	Undo    string `json:"undo,omitempty"` // fixed by Prepare before the first datagram left; only the Enforcer understands it
	// Outlives: it stays in force when the accounting session ends that it was put on;
	// see [Preparation].
	Outlives bool `json:"outlives,omitempty"`
	// Naked: every request to put it in force was answered by a NAK. Some platforms
	// apply a change before they refuse it, so it is undone all the same.
	Naked bool `json:"naked,omitempty"`
	// Cause is the Error-Cause of the last of them; 0: none.
	Cause uint32 `json:"cause,omitempty"`
}

// Preparation is what an Enforcer fixed of a restriction before anything of it is sent.
type Preparation struct {
	Undo string // see AppliedProfile.Undo
	// Outlives: the restriction ends the accounting session and stays in force: the
	// line has another Acct-Session-Id then, which no record tells.
	Outlives bool
}

// Order asks for one session to be changed. There are three kinds: a
// restriction has a To (and From, if another profile, or an earlier try of the
// same, may be in force); a release has From only; an order with neither only
// takes back the Residue of a partial change. Any but the last may be a Check:
// it changes nothing and finds out whether To, or the end of From, is in force.
// Its outcome is OutcomeVerified, OutcomeRefused if the network shows otherwise,
// or OutcomeAcked if nothing says so or otherwise.
type Order struct {
	Case       string           `json:"case"`
	Generation uint64           `json:"generation"`
	Session    Session          `json:"session"`
	From       []AppliedProfile `json:"from,omitempty"` // the newest last
	To         string           `json:"to,omitempty"`
	Undo       string           `json:"undo,omitempty"`      // To's, as Prepare fixed it
	Outlives   bool             `json:"outlives,omitempty"`  // To's, likewise
	Prepared   bool             `json:"-"`                   // Undo was fixed by an earlier try
	Confirmed  bool             `json:"confirmed,omitempty"` // the newest of From was acked: a refusal to undo it is news
	Residue    string           `json:"residue,omitempty"`
	Again      bool             `json:"again,omitempty"` // an earlier try may have been done: its answer never came
	Check      bool             `json:"check,omitempty"`
	// Journal and Mark number a restriction: Mark rises with each that the journal has
	// of a session. A case that has the mark was written after the order was decided.
	Journal string    `json:"journal,omitempty"`
	Mark    uint64    `json:"mark,omitempty"`
	Since   time.Time `json:"since,omitzero"` // of a Check: when the BNG acknowledged the change
	// BeforeSend is called with each datagram right before its first
	// transmission. An error means that it must not leave.
	BeforeSend func(context.Context, Datagram) error `json:"-"`
	// BeforeRepeat is called before each retransmission of a datagram that
	// restricts; it must not block. An error means that it must not leave: the
	// exchange ends unanswered, for what has left may have been done. Nil: never asked.
	BeforeRepeat func() error `json:"-"`
}

// Restricts reports whether the order adds a restriction.
func (o *Order) Restricts() bool { return o.To != "" && !o.Check }

// Restriction is what the order puts in force, as a session remembers it.
func (o *Order) Restriction() AppliedProfile {
	return AppliedProfile{Profile: o.To, Undo: o.Undo, Outlives: o.Outlives}
}

// Prepare takes in what the Enforcer fixed.
func (o *Order) Prepare(p Preparation) { o.Undo, o.Outlives, o.Prepared = p.Undo, p.Outlives, true }

// UndoesOnly reports whether the order only takes back a residue.
func (o *Order) UndoesOnly() bool { return o.To == "" && len(o.From) == 0 }

// Timeout is how long an exchange of this order is tried on the wire.
func (o *Order) Timeout() time.Duration { return exchangeTimeout(o.Restricts() || o.Check) }

func exchangeTimeout(short bool) time.Duration {
	if short {
		return RestrictTimeout
	}
	return ReleaseTimeout
}

// How long one exchange is retransmitted before it counts as unanswered
// (RFC 5080 section 2.2.1: MRD 30 s). A restriction gives up sooner, so that
// late duplicates of it die sooner.
const (
	RestrictTimeout = 10 * time.Second
	ReleaseTimeout  = 30 * time.Second
)

// Enforcer changes live sessions on their BNGs.
type Enforcer interface {
	// Prepare fixes, before anything is sent, how the profile is to be taken
	// away again. A non-nil Outcome says why the session cannot be restricted
	// so that it can be restored; then nothing may be sent.
	Prepare(s Session, profile string) (p Preparation, impossible *Outcome)
	// Enforce carries an order out and waits for its outcome.
	Enforce(ctx context.Context, o Order) Outcome
}
