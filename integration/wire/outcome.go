package wire

import "encoding/json"

// Outcome is how far a request has been carried out: what a client that waits polls
// for, and what its exit code says.
type Outcome int

// The outcomes.
const (
	Done    Outcome = iota // all of it
	Partly                 // some of it; the rest is pending or failed
	NotDone                // none of it: pending or failed
)

// OutcomeOf is that of n things of which done are done.
func OutcomeOf(done, n int) Outcome {
	switch {
	case done == n:
		return Done
	case done > 0:
		return Partly
	}
	return NotDone
}

// Acknowledged reports whether the BNG acknowledged the last change of the session, or
// the network shows it.
func (s *Session) Acknowledged() bool {
	return s.Enforcement == EnforcementAcked || s.Enforcement == EnforcementVerified
}

// AsWanted reports whether nothing is outstanding: the session is as wanted, over, or
// exempt. Pending (also if deferred), partial, refused and unanswered are outstanding.
func (s *Session) AsWanted() bool {
	return s.Acknowledged() || s.Enforcement == EnforcementGone || s.Enforcement == EnforcementExempt
}

// Unfinished counts the sessions that are not as wanted.
func (c *Case) Unfinished() (n int) {
	for i := range c.Sessions {
		if !c.Sessions[i].AsWanted() {
			n++
		}
	}
	return n
}

// Outcome is how far the present change has been carried out on the case's sessions,
// be it a restriction, a milder profile or a release.
func (c *Case) Outcome() Outcome {
	return OutcomeOf(len(c.Sessions)-c.Unfinished(), len(c.Sessions))
}

// Closed reports whether the case is over and every session released.
func (c *Case) Closed() bool { return c.State == StateClosed }

// Ending reports whether the case is closed or being released.
func (c *Case) Ending() bool { return c.Closed() || c.State == StateReleasing }

// Decided reports whether the verdict is no longer pending.
func (v *VerdictStatus) Decided() bool { return v.State != VerdictPending }

// Accepted reports whether the verdict is durable on the server, now or from before.
func (r *Receipt) Accepted() bool { return r.Status == VerdictAccepted || r.Status == VerdictDuplicate }

// ReadDeferred decodes the answer to a decision. It returns nil if the decision is
// applied: then the answer is the case or BNG that was decided about.
func ReadDeferred(answer []byte) (*Deferred, error) {
	var d Deferred
	if err := json.Unmarshal(answer, &d); err != nil {
		return nil, err
	}
	if d.Status != StatusDeferred {
		return nil, nil
	}
	return &d, nil
}
