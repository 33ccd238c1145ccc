package bng

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// answer is what came of one step, in the words that matter to the order.
type answer uint8

const (
	stepDone       answer = iota
	stepMoot              // refused, because it is so already
	stepRefused           // see cause and reason
	stepGone              // the BNG does not know the session
	stepUnanswered        // it may or may not have happened
	stepUnsent            // it did not leave this host
)

// told is the answer to one step.
type told struct {
	answer answer
	cause  uint32
	reason string

	disposition coa.Disposition // of stepRefused
}

// tell sends one step. With expectMoot, a refusal of a step that the make
// refuses when it is so already counts as that.
func (r *run) tell(ctx context.Context, step dialect.Step, undoing, expectMoot bool) told {
	result, sent, err := r.exchange(ctx, step, undoing)
	switch {
	case err != nil && !sent:
		return told{answer: stepUnsent, reason: err.Error()}
	case errors.Is(err, context.Canceled):
		return told{answer: stepUnanswered, reason: "cut short before the BNG answered"}
	case err != nil:
		return told{answer: stepUnanswered, reason: err.Error()}
	case result.Kind == coa.Unanswered:
		return told{answer: stepUnanswered, reason: r.bng.silence(result)}
	case r.bng.proxys(result):
		return r.bng.proxySays(result)
	}
	transmissions := result.Transmissions
	if r.order.Again {
		transmissions++ // of an earlier exchange that nobody answered
	}
	switch disposition := coa.Dispose(step.Code, transmissions, result); {
	case disposition == coa.Success || disposition == coa.InProgress:
		return told{answer: stepDone}
	case disposition == coa.SessionGone:
		return told{answer: stepGone, cause: result.ErrorCause, reason: "the BNG does not know the session"}
	case expectMoot && step.NAKsIfDone && saysMoot(result.ErrorCause):
		return told{answer: stepMoot}
	default:
		return told{answer: stepRefused, cause: result.ErrorCause, disposition: disposition, reason: fmt.Sprintf("NAK %s (%s)", causeName(result.ErrorCause), disposition)}
	}
}

// saysMoot reports whether an Error-Cause is one that makes use for "it is so
// already": Invalid-Request, Invalid-Attribute-Value, or none at all.
func saysMoot(cause uint32) bool { return cause == 0 || cause == 404 || cause == 407 }

func causeName(cause uint32) string {
	if cause == 0 {
		return "without Error-Cause"
	}
	return coa.LookupErrorCause(cause).Name
}

// silence says for people why there is no answer.
func (m *member) silence(result coa.Result) string {
	text := silence(result)
	if m.Via != nil {
		return m.path.name + ": " + text
	}
	return text
}

func silence(result coa.Result) string {
	if result.Skew != 0 { // genuine answers were not believed
		return fmt.Sprintf("the BNG's clock is %s; its answers are discarded for that (check_event_timestamp)", skewText(result.Skew))
	}
	if result.Discarded > 0 {
		return fmt.Sprintf("no answer that can be believed: %d discarded, the last one %s", result.Discarded, result.LastDiscard)
	}
	return fmt.Sprintf("no answer after %d transmissions", result.Transmissions)
}

// restrict carries out a restriction. A refused step undoes the steps before
// it; an unanswered one leaves them, for the order will be tried again.
func (r *run) restrict(ctx context.Context) quarantine.Outcome {
	steps, retry, err := r.restriction()
	if err != nil {
		return *refused("%v", err)
	}
	if value, foreign := r.operatorSeesForeign(ctx); foreign {
		return *refused("%s", heldBack(value))
	}
	var done []dialect.Step
	for i, step := range steps {
		t := r.tell(ctx, step, false, retry && i < len(steps)-1)
		switch {
		case t.answer == stepDone:
			done = append(done, step)
		case t.answer == stepMoot:
		case t.answer == stepUnanswered || (ctx.Err() != nil && len(done) > 0):
			return r.outcome(quarantine.OutcomeUnanswered, t)
		default:
			r.refused(t)
			return r.takeBack(ctx, done, t)
		}
	}
	r.bng.refusals.agree(r.order.To)
	return r.provable(r.outcome(quarantine.OutcomeAcked, told{}))
}

// refused notes a refusal that is the profile's fault. Where another profile is
// to be taken away first it may be that one's.
func (r *run) refused(t told) {
	another := slices.ContainsFunc(r.order.From, func(a quarantine.AppliedProfile) bool { return a.Profile != r.order.To })
	if t.disposition == coa.ProfileFault && !another {
		r.bng.refusals.refuse(r.order.To, r.order.Session.Subscriber, t.cause, time.Now())
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
	// Of several that may be in force the make knows how to change the newest;
	// the older ones are taken away first.
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
	if m.asToday(wanted) {
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
	return m.made(request)
}

// leaving returns the requests that take a profile away on the way to another one, with
// their undo where today's dialect makes the same ones.
func (m *member) leaving(s *quarantine.Session, a quarantine.AppliedProfile) ([]dialect.Step, error) {
	if !m.asToday(a) {
		return m.restoring(s, a)
	}
	return m.Dialect.Steps(m.request(dialect.Restore, s, m.names(a)))
}

// changing returns the requests from one profile to another: the make's own way, unless
// the one was put in force in another way than today's.
func (m *member) changing(s *quarantine.Session, from, to quarantine.AppliedProfile) ([]dialect.Step, error) {
	if m.asToday(from) && m.asToday(to) {
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

// takeBack undoes what was done before a step that failed.
func (r *run) takeBack(ctx context.Context, done []dialect.Step, why told) quarantine.Outcome {
	if why.answer == stepGone && len(done) > 0 {
		// The session ended midway, or has another id since the first step: what
		// was done may still be in force, and accounting will tell where.
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
	kind := quarantine.OutcomeRefused
	switch why.answer {
	case stepGone:
		kind = quarantine.OutcomeSessionGone
	case stepUnsent:
		kind = quarantine.OutcomeNotSent
	}
	return r.outcome(kind, why)
}

// undo sends steps until one is neither done nor moot, and returns what is left.
// A session that is gone needs no undoing.
func (r *run) undo(ctx context.Context, steps []dialect.Step) (left []dialect.Step) {
	for i, step := range steps {
		switch t := r.tell(ctx, step, true, true); t.answer {
		case stepDone, stepMoot, stepGone:
		default:
			return steps[i:]
		}
	}
	return nil
}

// undoResidue goes on with what an earlier order could not take back.
func (r *run) undoResidue(ctx context.Context) quarantine.Outcome {
	steps, err := decodeResidue(r.order.Residue)
	if err != nil {
		return *refused("%v", err)
	}
	left := r.undo(ctx, steps)
	if len(left) == 0 {
		return r.outcome(quarantine.OutcomeAcked, told{})
	}
	outcome := r.outcome(quarantine.OutcomePartial, told{reason: "steps of a refused change are not taken back yet"})
	outcome.Residue = r.bng.encodeResidue(left)
	return outcome
}

// restore gives back what the session should have. All steps are tried; only
// silence ends it early, for it will be tried again.
func (r *run) restore(ctx context.Context) quarantine.Outcome {
	var worst told
	for _, a := range slices.Backward(r.order.From) {
		steps, err := r.bng.restoring(&r.order.Session, a)
		if err != nil { // the others are given back all the same
			worst = told{answer: stepRefused, reason: err.Error()}
			continue
		}
		for _, step := range steps {
			t := r.tell(ctx, step, false, !r.order.Confirmed)
			switch r.restoreAnswer(&a, t) {
			case stepUnanswered:
				return r.outcome(quarantine.OutcomeUnanswered, t)
			case stepUnsent:
				return r.unsent(t)
			case stepGone:
				return r.outcome(quarantine.OutcomeSessionGone, t)
			case stepRefused:
				worst = t
			}
		}
	}
	if worst.answer == stepRefused {
		out := r.outcome(quarantine.OutcomeRefused, worst)
		out.Untouched = !r.sent
		return out
	}
	return r.provable(r.outcome(quarantine.OutcomeAcked, told{}))
}

// restoreAnswer is what the answer to a step of a release means. Where a make renames
// the sessions that it restricts, a NAK may say that the line is not there; and a
// restriction that was refused for what the profile is was never in force if taking it
// away is refused for the same.
func (r *run) restoreAnswer(a *quarantine.AppliedProfile, t told) answer {
	switch {
	case t.answer != stepRefused:
		return t.answer
	case a.Outlives && r.bng.Dialect.MeansGone(t.cause):
		return stepGone
	case a.Naked && a.Cause != 0 && a.Cause == t.cause && t.disposition == coa.ProfileFault:
		return stepMoot
	}
	return stepRefused
}

// unsent tells that a step of a release did not leave; if an earlier one did,
// some of the release may be done.
func (r *run) unsent(t told) quarantine.Outcome {
	if r.sent {
		return r.outcome(quarantine.OutcomeUnanswered, t)
	}
	return r.outcome(quarantine.OutcomeNotSent, t)
}

func (r *run) outcome(kind quarantine.OutcomeKind, t told) quarantine.Outcome {
	return quarantine.Outcome{Kind: kind, ErrorCause: t.cause, Reason: t.reason, Doubtful: r.doubtful, Echo: r.bng.echo()}
}
