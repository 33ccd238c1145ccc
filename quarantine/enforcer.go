package quarantine

import "context"

// Enforcer changes live sessions on their BNGs.
type Enforcer interface {
	// Prepare fixes, before anything is sent, how the profile is to be taken
	// away again. A non-nil Outcome says why the session cannot be restricted
	// so that it can be restored; then nothing may be sent.
	Prepare(s Session, profile string) (p Preparation, impossible *Outcome)
	// Enforce carries an order out and waits for its outcome. The gate is asked before
	// each datagram of it leaves; it is never nil.
	Enforce(ctx context.Context, o Order, gate Gate) Outcome
}

// Gate is asked, at the last moment, whether a datagram of one order may leave this host.
type Gate interface {
	// BeforeSend is called with each datagram right before its first transmission. An
	// error means that it must not leave.
	BeforeSend(ctx context.Context, d Datagram) error
	// BeforeRepeat is called before each retransmission of a datagram that restricts,
	// and of no other; it must not block. An error means that it must not leave: the
	// exchange ends unanswered, for what has left may have been done.
	BeforeRepeat() error
}

// OpenGate lets every datagram leave: for a trial that nothing but the person at the
// keyboard decides about, and for tests.
type OpenGate struct{}

var _ Gate = OpenGate{}

// BeforeSend implements [Gate].
func (OpenGate) BeforeSend(context.Context, Datagram) error { return nil }

// BeforeRepeat implements [Gate].
func (OpenGate) BeforeRepeat() error { return nil }

// Preparation is what an Enforcer fixed of a restriction before anything of it is sent.
type Preparation struct {
	Undo string // see AppliedProfile.Undo
	// Outlives: the restriction ends the accounting session and stays in force: the
	// line has another Acct-Session-Id then, which no record reports.
	Outlives bool
}

// Datagram is one that is about to leave for the first time.
type Datagram struct {
	BNG     string
	Peer    string // address:port
	Octets  []byte
	Undoing bool // takes back a step of the same order; needs no permission
}
