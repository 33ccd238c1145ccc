package quarantine

import "time"

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
}

// Restricts reports whether the order adds a restriction.
func (o *Order) Restricts() bool { return o.To != "" && !o.Check }

// Restriction is what the order puts in force, as a session remembers it.
func (o *Order) Restriction() AppliedProfile {
	return AppliedProfile{Profile: o.To, Undo: o.Undo, Outlives: o.Outlives}
}

// Prepare adds what the Enforcer fixed.
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
