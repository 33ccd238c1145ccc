package quarantine

import (
	"slices"
	"time"
)

// Observe takes the outcome of an order in. The case may have moved on since
// the order was handed out; what the order may have changed on the BNG is
// remembered all the same, also by a case that was restored from before the order was
// dispatched. Observing twice changes nothing more.
func (c *Case) Observe(o Order, out Outcome, now time.Time) {
	if c.State == Closed {
		return
	}
	c.recall(&o, out, now)
	e := c.find(&o)
	if e == nil {
		return
	}
	if o.Check {
		e.observeVerification(&o, out, now)
		c.updateState(now)
		return
	}
	if !e.InFlight {
		return
	}
	e.InFlight, e.UpdatedAt = false, now
	if o.Restricts() {
		e.Doubtful = e.Doubtful || out.Doubtful || out.Kind == OutcomeUnanswered
	}
	e.noteApplied(&o, out, now)
	switch {
	case o.UndoesOnly():
		e.residueUndone(&o, out, now)
	case e.Wanted == o.To:
		e.applyOutcome(&o, out, now)
	default:
		e.Enforcement, e.NextAt = Pending, now
	}
	c.updateState(now)
}

// Decline notes that an order of [Case.Plan] was not dispatched because it is
// impossible, and why.
func (c *Case) Decline(o Order, why Outcome, now time.Time) {
	if e := c.find(&o); e != nil {
		e.Attempts, e.UpdatedAt = e.Attempts+1, now
		e.applyOutcome(&o, why, now)
		c.updateState(now)
	}
}

// noteApplied keeps account of what is, or may be, in force on the BNG.
func (e *SessionEnforcement) noteApplied(o *Order, out Outcome, now time.Time) {
	e.Residue = out.Residue
	if out.Kind == OutcomeNotSent {
		e.Residue = o.Residue
	}
	switch {
	case o.Restricts():
		e.noteRestriction(o, out)
	case !o.UndoesOnly() && out.Kind.Done():
		e.noteRestored(o, out.AssertAfter(), now)
	case out.Kind == OutcomeUnanswered:
		e.Confirmed = false // it may be done: then a refusal to do it again is no news
	}
}

func (e *SessionEnforcement) noteRestriction(o *Order, out Outcome) {
	unknown := o.Unknown(e.Applied)
	switch {
	case out.Kind.Done() && o.To == Disconnect:
		e.Applied, e.Confirmed = nil, false
	case out.Kind.Done():
		e.Applied, e.Confirmed = slices.Concat(unknown, []AppliedProfile{o.Restriction()}), true
		e.Given, e.AssertAt = nil, time.Time{}
	default:
		e.Applied = slices.Concat(unknown, out.MayBeInForce(o))
		e.Confirmed = false
	}
}

// Unknown lists of what may be in force what the order did not know of, and did not
// take away: another journal showed it meanwhile.
func (o *Order) Unknown(applied []AppliedProfile) []AppliedProfile {
	return slices.DeleteFunc(slices.Clone(applied), func(a AppliedProfile) bool {
		return a.Profile == o.To || slices.ContainsFunc(o.From, func(from AppliedProfile) bool { return from.Profile == a.Profile })
	})
}

// MayBeInForce returns what is, or may be, in force after a restriction that was not
// acknowledged. What was refused may be: some platforms answer a NAK although they
// did it, as accel-ppp does when a later hook fails.
func (o *Outcome) MayBeInForce(order *Order) []AppliedProfile {
	to, applied := order.Restriction(), slices.Clone(order.From)
	earlier := slices.IndexFunc(applied, func(a AppliedProfile) bool { return a.Profile == order.To })
	switch {
	case o.Untouched, o.Kind == OutcomeNotSent, o.Kind == OutcomeSessionGone && !o.Doubtful:
		return applied // nothing of this order is in force, but an earlier try of it may be
	case o.Kind == OutcomeRefused && !o.Doubtful && (earlier < 0 || applied[earlier].Naked):
		to.Naked, to.Cause = true, o.ErrorCause
	}
	return append(without(applied, order.To), to)
}

// noteRestored notes a confirmed release. If a late duplicate of a restriction may
// come after it, it is asserted once more, that much later.
func (e *SessionEnforcement) noteRestored(o *Order, after time.Duration, now time.Time) {
	e.Applied, e.Confirmed, e.Given = o.Unknown(e.Applied), false, slices.Clone(o.From)
	if !now.Before(e.AssertAt) { // else duplicates may still come, after this release too
		e.AssertAt = time.Time{}
	}
	if e.Doubtful {
		e.Doubtful, e.AssertAt = false, now.Add(after)
	}
}

// residueUndone judges an order that only took a residue back: what was wanted is
// still refused, and not asked for again at once.
func (e *SessionEnforcement) residueUndone(o *Order, out Outcome, now time.Time) {
	switch {
	case !out.Kind.Done():
		e.applyOutcome(o, out, now)
		if e.Residue != "" && e.Enforcement != Gone {
			e.Enforcement = Partial
		}
	case e.Wanted == "":
		e.Enforcement, e.NextAt = Pending, now
	default:
		e.Enforcement, e.NextAt = Refused, e.retryAt(OutcomeRefused, ActionRestrict, now)
	}
}

// applyOutcome sets the enforcement and when to try again.
func (e *SessionEnforcement) applyOutcome(o *Order, out Outcome, now time.Time) {
	e.ErrorCause, e.Reason = out.ErrorCause, out.Reason
	e.clearVerification()
	if out.Kind != OutcomeNotSent {
		e.Deferrals, e.DeferredBy = 0, ""
	}
	if out.Kind != OutcomeSessionGone {
		e.GoneSince = time.Time{}
	}
	e.Enforcement = out.Kind.Shown()
	switch out.Kind {
	case OutcomeAcked:
		e.NextAt = time.Time{}
		e.acked(out, now)
	case OutcomeVerified:
		e.NextAt = time.Time{}
	case OutcomeNotSent:
		e.Attempts = max(0, e.Attempts-1)
		e.postpone(Deferral{By: out.DeferredBy, Reason: out.Reason, Longest: BriefPause}, now)
	case OutcomeSessionGone:
		e.sessionNotFound(o, now)
	default:
		e.NextAt = e.retryAt(out.Kind, o.Action(), now)
	}
}

// retryAt is when the action that had the outcome is tried again.
func (e *SessionEnforcement) retryAt(k OutcomeKind, a Action, now time.Time) time.Time {
	return now.Add(retryRule(k, a).Delay(e.Attempts, 0))
}
