package wire

import "encoding/json"

// Outcome is how far what somebody asked for has come: what a program that waits
// waits for, and what an exit code tells.
type Outcome int

// The outcomes.
const (
	Done    Outcome = iota // all of it
	Partly                 // some of it; the rest not yet, or not at all
	NotDone                // nothing of it yet, or at all
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

// Acknowledged reports whether the BNG said that it did what was wanted of the
// session last, or the network shows it.
func (s *Session) Acknowledged() bool {
	return s.Enforcement == EnforcementAcked || s.Enforcement == EnforcementVerified
}

// AsWanted reports whether nothing is left to be done about the session: it is as
// wanted, over, or exempt. Pending, partial, refused and unanswered are not.
func (s *Session) AsWanted() bool {
	return s.Acknowledged() || s.Enforcement == EnforcementGone || s.Enforcement == EnforcementExempt
}

// Unfinished counts the sessions that are not as wanted, or not yet.
func (c *Case) Unfinished() (n int) {
	for i := range c.Sessions {
		if !c.Sessions[i].AsWanted() {
			n++
		}
	}
	return n
}

// Outcome is how far what the case wants now has come on its sessions: a
// restriction, a milder one, or a release.
func (c *Case) Outcome() Outcome {
	return OutcomeOf(len(c.Sessions)-c.Unfinished(), len(c.Sessions))
}

// Closed reports whether the case is over and everything of it given back.
func (c *Case) Closed() bool { return c.State == StateClosed }

// Ending reports whether the case restricts nobody any more: it is closed, or what
// is in force is being given back.
func (c *Case) Ending() bool { return c.Closed() || c.State == StateReleasing }

// Decided reports whether it is known what becomes of the verdict.
func (v *VerdictStatus) Decided() bool { return v.State != VerdictPending }

// Taken reports whether the verdict is safe with the server, now or from before.
func (r *Receipt) Taken() bool { return r.Status == VerdictAccepted || r.Status == VerdictDuplicate }

// ReadDeferred reads the answer to a decision. It returns nil if that is no
// [Deferred] but what was decided about: then the decision is applied.
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
