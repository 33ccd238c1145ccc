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

// When a verdict is processed again.
const (
	storeRetry      = time.Second            // after the store failed
	accountingRetry = 200 * time.Millisecond // while older accounting is being stored
	unknownFirst    = time.Second            // after the first unknown answer; doubles
	unknownMost     = time.Minute
)

// decideTries bounds how often a decision is made again because another writer changed the
// case meanwhile.
const decideTries = 16

// intake processes queued verdicts until ctx ends.
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
		var again time.Time
		err := e.guard("verdict", id, func() (err error) {
			again, err = e.process(ctx, v)
			return err
		})
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			e.limited.log(zap.WarnLevel, "verdict waits for the store", zap.String("verdict", id), zap.Error(err))
			e.queue.push(id, v.Source, e.Now().Add(e.backoffs.next(id, err)))
			continue
		case !again.IsZero():
			e.queue.push(id, v.Source, again)
		}
		e.backoffs.reset(id)
	}
}

// process decides one verdict, if it can be decided now. It returns when to try again, zero if
// it is decided, or an error if the store failed.
func (e *Engine) process(ctx context.Context, v quarantine.Verdict) (time.Time, error) {
	status, err := e.Store.Verdict(ctx, v.ID)
	switch {
	case err == nil && status.Final:
		e.finishVerdict(ctx, status)
		return time.Time{}, nil
	case err != nil && !errors.Is(err, quarantine.ErrNoVerdict):
		return time.Time{}, fmt.Errorf("read the verdict: %w", err)
	}
	v.Evidence = nil // the journal has it
	e.peerWaits.remove(v.ID)
	if open, err := e.awaitRecommits(ctx, v, e.Now()); err != nil {
		return time.Time{}, err
	} else if open != nil {
		return e.saveUndecided(ctx, *open, status)
	}
	subscriber, open, err := e.attribute(ctx, v)
	if err != nil {
		return time.Time{}, err
	}
	if open != nil {
		return e.saveUndecided(ctx, *open, status)
	}
	return e.decide(ctx, v, subscriber, status)
}

// undecided is a status without a subscriber, and when to try again (zero: never).
type undecided struct {
	quarantine.VerdictStatus
	again time.Time
}

// attribute finds the subscriber, or returns why there is none (yet).
func (e *Engine) attribute(ctx context.Context, v quarantine.Verdict) (string, *undecided, error) {
	if v.Subscriber != "" {
		return v.Subscriber, nil, nil
	}
	at, err := e.Addresses.Seen(v.Source, v.IP)
	if err != nil { // accepted under another configuration
		return "", e.undecidedStatus(v, quarantine.VerdictUnknown, err.Error(), time.Time{}), nil
	}
	if reason, never := e.Addresses.Unattributable(at); never {
		return "", e.undecidedStatus(v, quarantine.VerdictRecorded, reason, time.Time{}), nil
	}
	now, tolerance := e.Now(), e.Tolerance(v.Source)
	lacks, err := e.missingAccounting(ctx, v.ObservedAt.Add(tolerance), now)
	switch {
	case err != nil:
		return "", nil, err
	case lacks.reason != "":
		return "", e.awaitAccounting(v, lacks, now), nil
	}
	found, err := e.whoHeld(ctx, at, v.Port, v.ObservedAt, tolerance)
	if err != nil {
		return "", nil, err
	}
	switch found.Result {
	case quarantine.Attributed:
		if found.IgnoredOnly() {
			return "", e.undecidedStatus(v, quarantine.VerdictRecorded, "the address belonged to a session under ignore_sessions", time.Time{}), nil
		}
		return found.Subscriber, nil, nil
	case quarantine.Ambiguous:
		return "", e.undecidedStatus(v, quarantine.VerdictAmbiguous, found.Reason, time.Time{}).withCandidates(found.Bindings), nil
	case quarantine.Doubtful:
		state, again := quarantine.VerdictPending, e.unknownAgain(v, now)
		if again.IsZero() {
			state = quarantine.VerdictUnknown
		}
		return "", e.undecidedStatus(v, state, found.Reason, again).withCandidates(found.Bindings), nil
	default:
		open, err := e.unknown(ctx, v, found, now)
		return "", open, err
	}
}

// unknown is the status of a verdict about an address without a known holder, although no
// accounting is known to be missing.
func (e *Engine) unknown(ctx context.Context, v quarantine.Verdict, found quarantine.Attribution, now time.Time) (*undecided, error) {
	share := e.backlog.share(v.Source)
	retryFor, err := e.unknownRetry(ctx, &v, &found, share, now)
	if err != nil {
		return nil, err
	}
	again, reason := retryUntil(v, now, retryFor), found.Reason
	if again.IsZero() && now.Sub(v.ReceivedAt) < e.RetryFor {
		reason = fmt.Sprintf("%s; given up after %s instead of %s, because too many verdicts wait (%d of this source, %d in all)",
			reason, quarantine.FormatDuration(retryFor.Round(time.Second)), quarantine.FormatDuration(e.RetryFor), share.Source, share.All)
	}
	return e.undecidedStatus(v, quarantine.VerdictUnknown, reason, again).withCandidates(found.Bindings), nil
}

// unknownRetry is for how long a verdict is retried. The more verdicts of its source wait, the
// sooner one about an address without a holder is given up, those that have waited longest
// first. Where the next record of a holder will decide, or a record may be missing, it is
// retried for RetryFor.
func (e *Engine) unknownRetry(
	ctx context.Context, v *quarantine.Verdict, found *quarantine.Attribution, share quarantine.Share, now time.Time,
) (time.Duration, error) {
	retryFor := quarantine.UnknownRetry(e.RetryFor, share.Pressure())
	switch {
	case len(found.Bindings) > 0:
		return e.RetryFor, nil
	case now.Sub(v.ReceivedAt) < retryFor || retryFor >= e.RetryFor:
		return retryFor, nil // the rest is read only where it matters
	case e.Stopped(v.ObservedAt):
		return e.RetryFor, nil
	}
	gaps, err := e.Gaps(ctx)
	if err != nil {
		return 0, err
	}
	for _, g := range gaps {
		if !g.From.After(v.ObservedAt) && v.ObservedAt.Before(g.To.Add(e.RetryFor)) { // an Interim makes up for a lost Start
			return e.RetryFor, nil
		}
	}
	return retryFor, nil
}

// unknownAgain is when a verdict that waits for what is known to be missing is retried; zero:
// never.
func (e *Engine) unknownAgain(v quarantine.Verdict, now time.Time) time.Time {
	return retryUntil(v, now, e.RetryFor)
}

// retryUntil is when to retry a verdict that is given up retryFor after its arrival; zero: it is
// given up.
func retryUntil(v quarantine.Verdict, now time.Time, retryFor time.Duration) time.Time {
	age := now.Sub(v.ReceivedAt)
	if age >= retryFor {
		return time.Time{}
	}
	wait := min(max(age, unknownFirst), unknownMost)
	return earlier(now.Add(wait), v.ReceivedAt.Add(retryFor))
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

func (e *Engine) undecidedStatus(v quarantine.Verdict, state quarantine.VerdictState, reason string, again time.Time) *undecided {
	return &undecided{
		VerdictStatus: quarantine.VerdictStatus{Verdict: v, State: state, Reason: reason, Final: again.IsZero()},
		again:         again,
	}
}

// withCandidates adds who may have held the address.
func (u *undecided) withCandidates(bindings []quarantine.Binding) *undecided {
	u.Candidates = append(u.Candidates, holders(bindings)...)
	return u
}

// saveUndecided saves a status without a case, if it has changed.
func (e *Engine) saveUndecided(ctx context.Context, u undecided, before quarantine.VerdictStatus) (time.Time, error) {
	if before.State != u.State || before.Reason != u.Reason || u.Final {
		if err := e.Store.SaveVerdict(ctx, u.VerdictStatus); err != nil {
			return time.Time{}, fmt.Errorf("save the verdict: %w", err)
		}
	}
	if u.Final {
		e.finishVerdict(ctx, u.VerdictStatus)
	}
	return u.again, nil
}

// decide applies the rulebook and writes its decision in one step. It decides again if another
// writer was first.
func (e *Engine) decide(ctx context.Context, v quarantine.Verdict, subscriber string, before quarantine.VerdictStatus) (time.Time, error) {
	leave := e.locks.lockCase(subscriber)
	defer leave()
	situation, err := e.situation(ctx, subscriber)
	for range decideTries {
		if err != nil {
			return time.Time{}, err
		}
		now := e.Now()
		if e.ledger.releasePendingAfter(v.ObservedAt) && now.Sub(v.ReceivedAt) < e.RetryFor {
			return now.Add(accountingRetry), nil // a release that a person gave since may apply to it
		}
		caseID, unread := e.newCaseID(ctx, v, now)
		if unread != nil {
			return time.Time{}, unread
		}
		d := e.Rules.Decide(v, subscriber, situation, caseID, now)
		if d.Case == nil {
			return e.saveUndecided(ctx, undecided{VerdictStatus: d.Status}, before)
		}
		err = e.Store.SaveCase(ctx, quarantine.CaseWrite{
			Case: d.Case, DueAt: e.firstDue(d.Case, now), Reserve: d.Reserve, Verdict: &d.Status, Now: now,
			Released: situation.Dossier.ReleasedAt(),
		})
		var full *quarantine.LimitError
		switch {
		case err == nil:
			e.wakeReconciler()
			e.journalExpiry(ctx, d.Case)
			e.finishVerdict(ctx, d.Status)
			return time.Time{}, nil
		case errors.As(err, &full):
			situation.Full, err = full, nil
		case errors.Is(err, quarantine.ErrConflict):
			if done, known := e.Store.Verdict(ctx, v.ID); known == nil && done.Final {
				e.finishVerdict(ctx, done) // another instance decided it
				return time.Time{}, nil
			}
			situation, err = e.situation(ctx, subscriber)
		}
	}
	if err == nil {
		err = quarantine.ErrConflict
	}
	return time.Time{}, fmt.Errorf("save the case: %w", err)
}

// firstDue makes a case that restricts or releases due at once.
func (e *Engine) firstDue(c *quarantine.Case, now time.Time) time.Time {
	if c.State.Wants() || c.State == quarantine.Releasing {
		return now
	}
	return e.nextDue(c, now)
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

// finishVerdict journals that a verdict is decided. Should the journal refuse, a restart
// processes the verdict again, which changes nothing.
func (e *Engine) finishVerdict(ctx context.Context, s quarantine.VerdictStatus) {
	final := changing(entry(entryDecided, s.ID, decided{State: s.State, Reason: s.Reason, Case: s.Case, Subscriber: s.Attributed}),
		func() { e.dropDecided(s) })
	if err := e.Journal.Append(ctx, final); err != nil {
		e.limited.log(zap.ErrorLevel, "journal write failed", zap.String("verdict", s.ID), zap.Error(err))
		final.Durable()
	}
	e.Logger.Info("verdict", zap.String("verdict", s.ID), zap.String("source", s.Source), zap.String("category", s.Category),
		zap.String("state", string(s.State)), zap.String("reason", s.Reason), zap.String("subscriber", s.Attributed), zap.String("case", s.Case))
}

// dropDecided removes a decided verdict from ledger and backlog.
func (e *Engine) dropDecided(s quarantine.VerdictStatus) {
	if source, open := e.ledger.decideVerdict(s.ID, s.Case, e.Now()); open {
		e.backlog.release(source)
	}
}

// newID returns an identifier that sorts by time: eight hexadecimal digits of seconds and 80
// random bits.
func newID(prefix string, now time.Time) string {
	return fmt.Sprintf("%s%08x%s", prefix, uint32(now.Unix()), rand.Text()[:16])
}
