package engine

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// Bounds of the release re-check: how long after a release, or after the presumed end of a
// session without a Stop, accounting is watched for signs that the release was not done, or
// the session has not ended; how often; and how often a release is sent again.
const (
	recheckFor      = time.Hour
	recheckEndedFor = 24 * time.Hour
	recheckEvery    = time.Minute
	recheckTries    = 3
	maxRechecks     = 10_000 // releases; the oldest are dropped
)

// rechecks keeps the releases that were acknowledged and that only accounting, minutes
// later, can verify; and those that were not sent any more because the session was presumed
// over. Their cases are closed by then: a person need not wait for that. Replay of the
// journal fills it after a restart.
type rechecks struct {
	mu         sync.Mutex // guards what follows
	byIdentity map[string]recheck
}

// recheck is one such release.
type recheck struct {
	order         quarantine.Order
	at            time.Time // when it was acknowledged, or the session presumed over
	presumedEnded bool      // the latter: any record since shows that it has not ended
	tries         int       // how often a repeated release was acknowledged since
}

// window is for how long it is checked.
func (g *recheck) window() time.Duration {
	if g.presumedEnded {
		return recheckEndedFor
	}
	return recheckFor
}

// contradicted reports whether accounting has shown since that the release may not have been done.
func (g *recheck) contradicted(record *quarantine.Session) bool {
	since := g.at.Add(quarantine.ClockSlack)
	if g.presumedEnded {
		return record.SeenAt.After(since)
	}
	return len(record.ObservedSince(since)) > 0
}

func newRechecks() *rechecks { return &rechecks{byIdentity: map[string]recheck{}} }

// add notes the outcome of an order. A restriction of the session ends its re-check.
func (a *rechecks) add(answer answered, at time.Time) {
	o, out := answer.Order, answer.Outcome
	key := identity(&o.Session)
	a.mu.Lock()
	defer a.mu.Unlock()
	if o.Restricts() {
		delete(a.byIdentity, key)
	}
	if o.Check || o.To != "" || len(o.From) == 0 || out.Kind != quarantine.OutcomeAcked || out.Verification != quarantine.VerifyByAccounting {
		return
	}
	a.byIdentity[key] = recheck{order: o, at: at, tries: a.byIdentity[key].tries}
	a.evict()
}

// replay notes one entry of the journal.
func (a *rechecks) replay(entry quarantine.JournalEntry, at time.Time, names *quarantine.BNGNames) error {
	switch entry.Kind {
	case entryAnswered:
		var answer answered
		if err := json.Unmarshal(entry.Body, &answer); err != nil {
			return err // never: the ledger has just read it
		}
		names.Rename(&answer.Order.Session)
		a.add(answer, at)
	case entryEnded:
		var over ended
		if err := json.Unmarshal(entry.Body, &over); err != nil {
			return err // never: the ledger has just read it
		}
		names.Rename(&over.Session)
		a.addEnded(entry.Key, over, at)
	}
	return nil
}

// addEnded notes that a session is presumed over while something may be in force on it. One
// with nothing left, with a Stop, or that a person gave up is not re-checked.
func (a *rechecks) addEnded(caseID string, over ended, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(over.Left) == 0 || !over.Session.Live() {
		delete(a.byIdentity, identity(&over.Session))
		return
	}
	order := quarantine.Order{Case: caseID, Session: over.Session, From: over.Left}
	a.byIdentity[identity(&over.Session)] = recheck{order: order, at: at, presumedEnded: true}
	a.evict()
}

// evict drops the oldest tenth if there are too many. a.mu is held.
func (a *rechecks) evict() {
	if len(a.byIdentity) <= maxRechecks {
		return
	}
	keys := slices.SortedFunc(maps.Keys(a.byIdentity), func(x, y string) int { return a.byIdentity[x].at.Compare(a.byIdentity[y].at) })
	for _, oldest := range keys[:maxRechecks/10] {
		delete(a.byIdentity, oldest)
	}
}

// current returns what is to be checked, and drops what is too old.
func (a *rechecks) current(now time.Time) []recheck {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.byIdentity, func(_ string, g recheck) bool { return now.Sub(g.at) > g.window() })
	return slices.Collect(maps.Values(a.byIdentity))
}

func (a *rechecks) remove(s *quarantine.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.byIdentity, identity(s))
}

// exhausted reports whether repeated releases were acknowledged so often that one more
// does not help.
func (a *rechecks) exhausted(s *quarantine.Session) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.byIdentity[identity(s)].tries >= recheckTries
}

// retried counts a repeated release that was acknowledged.
func (a *rechecks) retried(s *quarantine.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g, known := a.byIdentity[identity(s)]
	if g.tries++; known {
		a.byIdentity[identity(s)] = g
	}
}

// recheckReleases compares, every recheckEvery, each release with what accounting has shown
// since, if this instance is the sender. A release that it repeats may take long: nothing
// else waits for it.
func (e *Engine) recheckReleases(ctx context.Context) {
	for sleep(ctx, recheckEvery) {
		for _, g := range e.rechecks.current(e.Now()) {
			if _, ok := e.sender.holds(); !ok || ctx.Err() != nil {
				break
			}
			var over bool
			err := e.guard("release re-check", g.order.Session.Subscriber, func() (err error) {
				over, err = e.recheckRelease(ctx, g)
				return err
			})
			switch {
			case errors.Is(err, context.Canceled): // a release cancelled it
				continue
			case err != nil:
				e.limited.log(zap.WarnLevel, "released sessions could not be re-checked", zap.Error(err))
			case over:
				e.rechecks.remove(&g.order.Session)
			}
			if err != nil && !errors.Is(err, errPanicked) { // the store does not answer; next time in another order
				break
			}
		}
	}
}

// recheckRelease reports whether the re-check of one release is over. It holds the
// subscriber's lock; a release of the subscriber cancels it.
func (e *Engine) recheckRelease(ctx context.Context, g recheck) (over bool, err error) {
	mine, leave, ok := e.locks.acquire(ctx, g.order.Session.Subscriber, false)
	if !ok {
		return false, nil
	}
	defer leave()
	record, err := e.Store.Session(mine, g.order.Session.SessionKey)
	switch {
	case errors.Is(err, quarantine.ErrNoSession):
		return true, nil
	case err != nil:
		return false, err
	case !record.Live() || !quarantine.SameSession(&record, &g.order.Session):
		return true, nil
	case !g.contradicted(&record):
		return false, nil
	}
	o := quarantine.Order{Case: g.order.Case, Session: record, From: g.order.From}
	if entered, err := e.inOpenCase(mine, &o); entered || err != nil {
		return entered, err
	}
	if g.presumedEnded {
		return e.releaseAgain(mine, o, "the session was presumed over, and accounting reports it again"), nil
	}
	check := o
	check.Check, check.Since = true, g.at
	found := e.Enforcer.Enforce(mine, check, quarantine.OpenGate{})
	if found.Kind != quarantine.OutcomeRefused {
		return true, nil
	}
	if entered, err := e.inOpenCase(mine, &o); entered || err != nil { // the check takes time
		return entered, err
	}
	if _, ok := e.sender.holds(); !ok {
		return false, nil // another instance may be restricting the subscriber
	}
	return e.releaseAgain(mine, o, found.Reason), nil
}

// inOpenCase reports whether an open case has the session. A case that restricts the
// subscriber gets what is left in force there. A case that restricts nobody, and to which the
// session is over, does not.
func (e *Engine) inOpenCase(ctx context.Context, o *quarantine.Order) (bool, error) {
	dossier, err := e.Store.Dossier(ctx, o.Session.Subscriber)
	c := dossier.Case
	switch {
	case err != nil || c == nil:
		return false, err
	case c.Has(&o.Session) || !c.State.Wants():
		return c.Has(&o.Session), nil
	}
	e.enterLeft(c, &o.Session, o.From)
	defer e.wakeReconciler()
	return true, e.save(ctx, c, e.Now(), 0)
}

// enterLeft enters into a case what may be in force on a session.
func (e *Engine) enterLeft(c *quarantine.Case, s *quarantine.Session, left []quarantine.AppliedProfile) {
	c.Owe(quarantine.Owed{Journal: e.Holder, Mark: e.ledger.nextMark(c.Mark(e.Holder, s)), Session: *s, Applied: left}, e.Now())
}

// enterAllLeft enters into a case that restricts what may be in force on live sessions that
// were presumed over.
func (e *Engine) enterAllLeft(c *quarantine.Case, sessions []quarantine.Session) {
	if !c.State.Wants() {
		return
	}
	for i := range sessions {
		s := &sessions[i]
		if left := e.rechecks.left(s); left != nil && s.Live() && s.Subscriber == c.Subscriber && c.Lacks(s) {
			e.enterLeft(c, s, left)
		}
	}
}

// left is what may be in force on a session that was presumed over.
func (a *rechecks) left(s *quarantine.Session) []quarantine.AppliedProfile {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.byIdentity[identity(s)]; g.presumedEnded {
		return g.order.From
	}
	return nil
}

// releaseAgain repeats a release that accounting contradicts; true if it is not to be
// tried any more.
func (e *Engine) releaseAgain(ctx context.Context, o quarantine.Order, why string) (enough bool) {
	fields := []zap.Field{zap.String("case", o.Case), zap.String("session", o.Session.SessionKey.String()), zap.String("reason", why)}
	if e.rechecks.exhausted(&o.Session) {
		e.Logger.Error("a released session stays restricted; check it on the BNG", fields...)
		return true
	}
	e.Logger.Warn("a released session is still restricted; the release is repeated", fields...)
	out := e.execute(ctx, &quarantine.Case{ID: o.Case, Subscriber: o.Session.Subscriber}, o)
	if out.Kind == quarantine.OutcomeAcked || out.Kind == quarantine.OutcomeVerified {
		e.rechecks.retried(&o.Session) // one that was not acknowledged does not count
	}
	return false
}
