package bng

import (
	"context"
	"errors"
	"fmt"

	"cordon/quarantine"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// outcomes is the one table between what a reply asks for (RFC 5176, [coa.Dispose])
// and what it is to the domain.
var outcomes = [...]quarantine.OutcomeKind{
	coa.NoReply:      quarantine.OutcomeUnanswered,
	coa.Discarded:    quarantine.OutcomeUnanswered,
	coa.ProxyNoReply: quarantine.OutcomeUnanswered,
	coa.Success:      quarantine.OutcomeAcked,
	coa.InProgress:   quarantine.OutcomeAcked,
	coa.AlreadyDone:  quarantine.OutcomeAcked,
	coa.SessionGone:  quarantine.OutcomeSessionGone,
	coa.ProfileFault: quarantine.OutcomeRefused,
	coa.ConfigFault:  quarantine.OutcomeRefused,
	coa.PathFault:    quarantine.OutcomeRefused,
	coa.RetryLater:   quarantine.OutcomeRefused,
	coa.Narrow:       quarantine.OutcomeRefused,
	coa.NotRemovable: quarantine.OutcomeRefused,
}

// reply is what came of one step.
type reply struct {
	kind        quarantine.OutcomeKind
	disposition coa.Disposition // where the exchange has a result
	cause       uint32          // Error-Cause; 0: none
	reason      string          // for people; empty where it is done
}

// circumstances decide, beside the Error-Cause, what a NAK means.
type circumstances struct {
	undoing   bool                       // the step undoes another one of the same order
	mayBeDone bool                       // an earlier try may have done the step
	takesAway *quarantine.AppliedProfile // what the step releases; nil: nothing
}

// send sends one step and waits for what comes of it.
func (r *run) send(ctx context.Context, step dialect.Step, c circumstances) reply {
	result, err := r.exchange(ctx, step, c.undoing)
	switch {
	case err != nil && result.Transmissions == 0:
		return reply{kind: quarantine.OutcomeNotSent, reason: err.Error()}
	case errors.Is(err, context.Canceled):
		return reply{kind: quarantine.OutcomeUnanswered, reason: "cut short before the BNG replied"}
	case err != nil:
		return reply{kind: quarantine.OutcomeUnanswered, reason: err.Error()}
	}
	asked := r.bng.asked(step, result)
	asked.NAKsIfDone = c.mayBeDone && step.NAKsIfDone
	if r.order.Again {
		asked.Transmissions++ // of an earlier exchange that nobody answered
	}
	return r.bng.meaning(asked, result, c.takesAway)
}

// meaning is what a result is to the order; applied is what the step releases, nil:
// nothing.
func (m *member) meaning(asked coa.Asked, result coa.Result, applied *quarantine.AppliedProfile) reply {
	disposition := coa.Dispose(asked, result)
	reason := m.reasonOf(disposition, result)
	if applied != nil && outcomes[disposition] == quarantine.OutcomeRefused {
		disposition = m.refusal(disposition, result.ErrorCause, applied)
	}
	return reply{outcomes[disposition], disposition, result.ErrorCause, reason}
}

// asked is what the meaning of a result depends on beside the reply.
func (m *member) asked(step dialect.Step, result coa.Result) coa.Asked {
	return coa.Asked{Code: step.Code, Transmissions: result.Transmissions, Proxied: m.Via != nil}
}

// refusal is what a refusal to release a profile means. Where a platform renames
// the sessions that it restricts, a NAK may say that the line is not there; and a
// restriction that was refused for what the profile is was never in force if its
// release is refused for the same.
func (m *member) refusal(d coa.Disposition, cause uint32, a *quarantine.AppliedProfile) coa.Disposition {
	switch {
	case a.Outlives && m.Dialect.MeansGone(cause):
		return coa.SessionGone
	case a.Naked && a.Cause != 0 && a.Cause == cause && d == coa.ProfileFault:
		return coa.AlreadyDone
	}
	return d
}

// reasonOf says for people why a step was not done; empty if it was.
func (m *member) reasonOf(d coa.Disposition, result coa.Result) string {
	switch nak := "NAK " + causeName(result.ErrorCause); {
	case result.Kind == coa.Unanswered:
		return m.noReply(result)
	case d == coa.ProxyNoReply:
		return fmt.Sprintf("%s has no reply from %s: %s", m.path.name, m.Name, nak)
	case m.repliedByProxy(result):
		return fmt.Sprintf("%s does not know the way to %s: %s", m.path.name, m.Name, nak)
	case d == coa.SessionGone:
		return "the BNG does not know the session"
	case outcomes[d] == quarantine.OutcomeAcked:
		return ""
	default:
		return fmt.Sprintf("%s (%s)", nak, d)
	}
}

func causeName(cause uint32) string {
	if cause == 0 {
		return "without Error-Cause"
	}
	return coa.LookupErrorCause(cause).Name
}

// noReply says for people why there is no reply.
func (m *member) noReply(result coa.Result) string {
	text := noReplyText(result)
	if m.Via != nil {
		return m.path.name + ": " + text
	}
	return text
}

func noReplyText(result coa.Result) string {
	if result.Skew != 0 { // valid replies were discarded
		return fmt.Sprintf("the BNG's clock is %s; its replies are discarded for that (check_event_timestamp)", skewText(result.Skew))
	}
	if result.Discarded > 0 {
		return fmt.Sprintf("no valid reply: %d discarded, the last one %s", result.Discarded, result.LastDiscard)
	}
	return fmt.Sprintf("no reply after %d transmissions", result.Transmissions)
}
