package bng

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// restrict carries out a restriction. A refused step undoes the steps before
// it; an unanswered one leaves them, for the order will be tried again.
func (r *run) restrict(ctx context.Context) quarantine.Outcome {
	steps, retry, err := r.restriction()
	if err != nil {
		return *refused("%v", err)
	}
	if value, foreign := r.lineCheckSeesForeign(ctx); foreign {
		return *refused("%s", foreignReason(value))
	}
	var done []dialect.Step
	for i, step := range steps {
		reply := r.send(ctx, step, circumstances{mayBeDone: retry && i < len(steps)-1})
		switch {
		case reply.disposition == coa.AlreadyDone:
		case reply.kind == quarantine.OutcomeAcked:
			done = append(done, step)
		case reply.kind == quarantine.OutcomeUnanswered || (ctx.Err() != nil && len(done) > 0):
			return r.outcome(quarantine.OutcomeUnanswered, reply)
		default:
			r.refused(reply)
			return r.undoAfterFailure(ctx, done, reply)
		}
	}
	r.bng.refusals.accepted(r.order.To)
	return r.withVerification(r.outcome(quarantine.OutcomeAcked, reply{}))
}

// refused notes a refusal that is the profile's fault. Where another profile is
// to be released first it may be that one's.
func (r *run) refused(why reply) {
	another := slices.ContainsFunc(r.order.From, func(a quarantine.AppliedProfile) bool { return a.Profile != r.order.To })
	if why.disposition == coa.ProfileFault && !another {
		r.bng.refusals.refused(r.order.To, r.order.Session.Subscriber, why.cause, time.Now())
	}
}

// restriction returns the steps of the order, and whether earlier tries may
// have done some of them.
func (r *run) restriction() (steps []dialect.Step, retry bool, err error) {
	o, m := r.order, r.bng
	if o.To == quarantine.Disconnect {
		steps, err = m.Dialect.Steps(m.request(dialect.Disconnect, &o.Session, dialect.Profile{}))
		return steps, false, err
	}
	wanted := o.Restriction()
	retry = len(o.From) > 0 && !o.Confirmed
	from := slices.DeleteFunc(slices.Clone(o.From), func(a quarantine.AppliedProfile) bool { return a.Profile == o.To })
	if len(from) == 0 {
		steps, err = m.restricting(&o.Session, wanted)
		return steps, retry, err
	}
	// Of several that may be in force the platform knows how to change the newest;
	// the older ones are released first.
	for _, older := range from[:len(from)-1] {
		more, err := m.leaving(&o.Session, older)
		if err != nil {
			return nil, false, err
		}
		steps = append(steps, more...)
	}
	change, err := m.changing(&o.Session, from[len(from)-1], wanted)
	return append(steps, change...), retry || len(from) > 1, err
}

// restricting returns the requests that put a profile in force whose undo is fixed: the
// two must belong together, whatever is configured by now.
func (m *member) restricting(s *quarantine.Session, wanted quarantine.AppliedProfile) ([]dialect.Step, error) {
	request := m.request(dialect.Restrict, s, m.names(wanted))
	if m.undoUnchanged(wanted) {
		return m.Dialect.Steps(request)
	}
	u, err := decodeUndo(wanted.Undo)
	if err != nil {
		return nil, err
	}
	request.Options = m.optionsOf(u)
	restore := request
	restore.Action = dialect.Restore
	fixed, err := m.Dialect.Fix(restore)
	if err != nil || u.Dialect != m.Dialect.Name || !slices.EqualFunc(fixedSteps(fixed), u.Steps, fixedStep.equal) {
		return nil, fmt.Errorf("%w: what may be in force of it must be released first", errOtherDialect)
	}
	return m.encodedSteps(request)
}

// leaving returns the requests that release a profile on the way to another one, with
// their undo where today's dialect makes the same ones.
func (m *member) leaving(s *quarantine.Session, a quarantine.AppliedProfile) ([]dialect.Step, error) {
	if !m.undoUnchanged(a) {
		return m.restoring(s, a)
	}
	return m.Dialect.Steps(m.request(dialect.Restore, s, m.names(a)))
}

// changing returns the requests from one profile to another: the platform's own way, unless
// the one was put in force in another way than today's.
func (m *member) changing(s *quarantine.Session, from, to quarantine.AppliedProfile) ([]dialect.Step, error) {
	if m.undoUnchanged(from) && m.undoUnchanged(to) {
		request := m.request(dialect.Change, s, m.names(to))
		request.From = m.names(from)
		return m.Dialect.Steps(request)
	}
	restore, err := m.leaving(s, from)
	if err != nil {
		return nil, err
	}
	restrict, err := m.restricting(s, to)
	return append(restore, restrict...), err
}

// undoAfterFailure undoes what was done before a step that failed.
func (r *run) undoAfterFailure(ctx context.Context, done []dialect.Step, why reply) quarantine.Outcome {
	if why.kind == quarantine.OutcomeSessionGone && len(done) > 0 {
		// The session ended midway, or has another id since the first step: what
		// was done may still be in force, and accounting will show where.
		return r.outcome(quarantine.OutcomeUnanswered, why)
	}
	var undo []dialect.Step
	for _, step := range slices.Backward(done) {
		if step.Undo != nil {
			undo = append(undo, *step.Undo)
		}
	}
	if left := r.undo(ctx, undo); len(left) > 0 {
		outcome := r.outcome(quarantine.OutcomePartial, why)
		outcome.Residue = r.bng.encodeResidue(left)
		return outcome
	}
	return r.outcome(why.kind, why)
}

// undo sends steps until one is not done, and returns what is left.
// A session that is gone needs no undoing.
func (r *run) undo(ctx context.Context, steps []dialect.Step) (left []dialect.Step) {
	for i, step := range steps {
		switch r.send(ctx, step, circumstances{undoing: true, mayBeDone: true}).kind {
		case quarantine.OutcomeAcked, quarantine.OutcomeSessionGone:
		default:
			return steps[i:]
		}
	}
	return nil
}

// undoResidue goes on with what an earlier order could not undo.
func (r *run) undoResidue(ctx context.Context) quarantine.Outcome {
	steps, err := decodeResidue(r.order.Residue)
	if err != nil {
		return *refused("%v", err)
	}
	left := r.undo(ctx, steps)
	if len(left) == 0 {
		return r.outcome(quarantine.OutcomeAcked, reply{})
	}
	outcome := r.outcome(quarantine.OutcomePartial, reply{reason: "steps of a refused change are not undone yet"})
	outcome.Residue = r.bng.encodeResidue(left)
	return outcome
}

// restore restores what the session should have. All steps are tried; only
// a missing reply ends it early, for it will be tried again.
func (r *run) restore(ctx context.Context) quarantine.Outcome {
	var worst reply
	for _, a := range slices.Backward(r.order.From) {
		steps, err := r.bng.restoring(&r.order.Session, a)
		if err != nil { // the others are released all the same
			worst = reply{kind: quarantine.OutcomeRefused, reason: err.Error()}
			continue
		}
		for _, step := range steps {
			reply := r.send(ctx, step, circumstances{mayBeDone: !r.order.Confirmed, takesAway: &a})
			switch reply.kind {
			case quarantine.OutcomeUnanswered, quarantine.OutcomeSessionGone:
				return r.outcome(reply.kind, reply)
			case quarantine.OutcomeNotSent:
				return r.unsent(reply)
			case quarantine.OutcomeRefused:
				worst = reply
			}
		}
	}
	if worst.kind == quarantine.OutcomeRefused {
		out := r.outcome(quarantine.OutcomeRefused, worst)
		out.Untouched = !r.sent
		return out
	}
	return r.withVerification(r.outcome(quarantine.OutcomeAcked, reply{}))
}

// unsent is the outcome of a release of which a step did not leave; if an earlier one
// did, some of the release may be done.
func (r *run) unsent(why reply) quarantine.Outcome {
	if r.sent {
		return r.outcome(quarantine.OutcomeUnanswered, why)
	}
	return r.outcome(quarantine.OutcomeNotSent, why)
}

func (r *run) outcome(kind quarantine.OutcomeKind, why reply) quarantine.Outcome {
	return quarantine.Outcome{Kind: kind, ErrorCause: why.cause, Reason: why.reason, Doubtful: r.mayRepeat, Echo: r.bng.lateDuplicate()}
}
