package engine

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How soon a verdict is worked again.
const (
	storeRetry   = time.Second            // after the store failed
	settleRetry  = 200 * time.Millisecond // while older accounting is being worked
	unknownFirst = time.Second            // after the first unknown answer; doubles
	unknownMost  = time.Minute
)

// decideTries bounds how often a decision is made again because somebody else
// changed the case meanwhile.
const decideTries = 16

// intake works verdicts in line until ctx ends.
func (e *Engine) intake(ctx context.Context) {
	for {
		id, ok := e.queue.next(ctx)
		if !ok {
			return
		}
		v, open := e.ledger.verdict(id)
		if !open {
			continue
		}
		again, err := e.work(ctx, v)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			e.troubles.tell(zap.WarnLevel, "verdict waits for the store", zap.String("verdict", id), zap.Error(err))
			e.queue.push(id, e.Now().Add(storeRetry))
		case !again.IsZero():
			e.queue.push(id, again)
		}
	}
}

// work takes one verdict as far as it goes now. It returns when to look again,
// zero if it is settled, or an error if the store failed.
func (e *Engine) work(ctx context.Context, v quarantine.Verdict) (time.Time, error) {
	status, err := e.Store.Verdict(ctx, v.ID)
	switch {
	case err == nil && status.Settled:
		e.settle(ctx, status)
		return time.Time{}, nil
	case err != nil && !errors.Is(err, quarantine.ErrNoVerdict):
		return time.Time{}, fmt.Errorf("read the verdict: %w", err)
	}
	v.Evidence = nil // the log has it
	e.awaiting.remove(v.ID)
	subscriber, open, err := e.attribute(ctx, v)
	if err != nil {
		return time.Time{}, err
	}
	if open != nil {
		return e.keep(ctx, *open, status)
	}
	return e.decide(ctx, v, subscriber, status)
}

// undecided is a status that is not about a known subscriber, and when to look
// again (zero: never).
type undecided struct {
	quarantine.VerdictStatus
	again time.Time
}

// attribute finds the subscriber, or says why there is none (yet).
func (e *Engine) attribute(ctx context.Context, v quarantine.Verdict) (string, *undecided, error) {
	if v.Subscriber != "" {
		return v.Subscriber, nil, nil
	}
	at, err := e.Addresses.Seen(v.Source, v.IP)
	if err != nil { // accepted when the configuration was another
		return "", e.open(v, quarantine.VerdictUnknown, err.Error(), time.Time{}), nil
	}
	if reason, never := e.Addresses.Never(at); never {
		return "", e.open(v, quarantine.VerdictRecorded, reason, time.Time{}), nil
	}
	now, tolerance := e.Now(), e.Tolerance(v.Source)
	lacks, err := e.accounting(ctx, v.ObservedAt.Add(tolerance), now)
	switch {
	case err != nil:
		return "", nil, err
	case lacks.reason != "":
		return "", e.await(v, lacks, now), nil
	}
	found, err := e.whoHeld(ctx, at, v.Port, v.ObservedAt, tolerance)
	if err != nil {
		return "", nil, err
	}
	switch found.Result {
	case quarantine.Attributed:
		if found.IgnoredOnly() {
			return "", e.open(v, quarantine.VerdictRecorded, "the address belonged to a session under ignore_sessions", time.Time{}), nil
		}
		return found.Subscriber, nil, nil
	case quarantine.Ambiguous:
		return "", e.open(v, quarantine.VerdictAmbiguous, found.Reason, time.Time{}).among(found.Bindings), nil
	case quarantine.Doubtful:
		state, again := quarantine.VerdictPending, e.unknownAgain(v, now)
		if again.IsZero() {
			state = quarantine.VerdictUnknown
		}
		return "", e.open(v, state, found.Reason, again).among(found.Bindings), nil
	default:
		return "", e.open(v, quarantine.VerdictUnknown, found.Reason, e.unknownAgain(v, now)).among(found.Bindings), nil
	}
}

func (e *Engine) unknownAgain(v quarantine.Verdict, now time.Time) time.Time {
	age := now.Sub(v.ReceivedAt)
	if age >= e.RetryFor {
		return time.Time{}
	}
	wait := min(max(age, unknownFirst), unknownMost)
	return earlier(now.Add(wait), v.ReceivedAt.Add(e.RetryFor))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (e *Engine) open(v quarantine.Verdict, state quarantine.VerdictState, reason string, again time.Time) *undecided {
	return &undecided{
		VerdictStatus: quarantine.VerdictStatus{Verdict: v, State: state, Reason: reason, Settled: again.IsZero()},
		again:         again,
	}
}

// among adds who may have been meant.
func (u *undecided) among(bindings []quarantine.Binding) *undecided {
	u.Candidates = append(u.Candidates, holders(bindings)...)
	return u
}

// keep saves a status without a case, if it tells anything new.
func (e *Engine) keep(ctx context.Context, u undecided, before quarantine.VerdictStatus) (time.Time, error) {
	if before.State != u.State || before.Reason != u.Reason || u.Settled {
		if err := e.Store.SaveVerdict(ctx, u.VerdictStatus); err != nil {
			return time.Time{}, fmt.Errorf("save the verdict: %w", err)
		}
	}
	if u.Settled {
		e.settle(ctx, u.VerdictStatus)
	}
	return u.again, nil
}

// decide applies the rulebook and writes what it leads to, all of it or
// nothing. Who loses a race against another writer decides again.
func (e *Engine) decide(ctx context.Context, v quarantine.Verdict, subscriber string, before quarantine.VerdictStatus) (time.Time, error) {
	leave := e.busy.decide(subscriber)
	defer leave()
	situation, err := e.situation(ctx, subscriber)
	for range decideTries {
		if err != nil {
			return time.Time{}, err
		}
		now := e.Now()
		d := e.Rules.Decide(v, subscriber, situation, newID("c-", now), now)
		if d.Case == nil {
			return e.keep(ctx, undecided{VerdictStatus: d.Status}, before)
		}
		err = e.Store.SaveCase(ctx, quarantine.CaseWrite{
			Case: d.Case, DueAt: e.firstLook(d.Case, now), Reserve: d.Reserve, Verdict: &d.Status, Now: now,
		})
		var full *quarantine.LimitError
		switch {
		case err == nil:
			e.nudge()
			e.noteExpiry(ctx, d.Case)
			e.settle(ctx, d.Status)
			return time.Time{}, nil
		case errors.As(err, &full):
			situation.Full, err = full, nil
		case errors.Is(err, quarantine.ErrConflict):
			situation, err = e.situation(ctx, subscriber)
		}
	}
	if err == nil {
		err = quarantine.ErrConflict
	}
	return time.Time{}, fmt.Errorf("save the case: %w", err)
}

// firstLook makes a case that wants something due at once.
func (e *Engine) firstLook(c *quarantine.Case, now time.Time) time.Time {
	if c.State.Wants() || c.State == quarantine.Releasing {
		return now
	}
	return e.nextLook(c, now)
}

func (e *Engine) situation(ctx context.Context, subscriber string) (quarantine.Situation, error) {
	dossier, err := e.Store.Dossier(ctx, subscriber)
	if err != nil {
		return quarantine.Situation{}, fmt.Errorf("read the dossier: %w", err)
	}
	sessions, err := e.Store.SessionsOf(ctx, subscriber)
	if err != nil {
		return quarantine.Situation{}, fmt.Errorf("read the sessions: %w", err)
	}
	return quarantine.Situation{Dossier: dossier, Sessions: sessions}, nil
}

// settle tells the log that nothing more is to be done about a verdict. Should
// the log refuse, a restart works the verdict again, which changes nothing.
func (e *Engine) settle(ctx context.Context, s quarantine.VerdictStatus) {
	settled := changing(entry(logSettled, s.ID, settlement{State: s.State, Reason: s.Reason, Case: s.Case, Subscriber: s.Attributed}),
		func() { e.ledger.settle(s.ID) })
	if err := e.Log.Append(ctx, settled); err != nil {
		e.troubles.tell(zap.ErrorLevel, "log refuses entries", zap.String("verdict", s.ID), zap.Error(err))
		settled.Durable()
	}
	e.Logger.Info("verdict", zap.String("verdict", s.ID), zap.String("source", s.Source), zap.String("category", s.Category),
		zap.String("state", string(s.State)), zap.String("reason", s.Reason), zap.String("subscriber", s.Attributed), zap.String("case", s.Case))
}

// newID returns an identifier that sorts by time: eight hexadecimal digits of
// seconds and eighty random bits.
func newID(prefix string, now time.Time) string {
	return fmt.Sprintf("%s%08x%s", prefix, uint32(now.Unix()), rand.Text()[:16])
}
