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

// Aftercare bounds: how long after a release, or after the end of a session without a
// Stop, accounting is looked at for signs that it was not done, or has not ended;
// how often, and how often it is sent again.
const (
	careFor     = time.Hour
	careForOver = 24 * time.Hour
	careEvery   = time.Minute
	careTries   = 3
	careAtMost  = 10_000 // releases; the oldest are let go
)

// aftercare remembers releases that were acknowledged and that only accounting,
// minutes later, can prove; and those that were not sent any more because the session
// was taken to be over. Their cases are closed by then: a person need not wait for
// that. Replay of the log fills it after a restart.
type aftercare struct {
	mu    sync.Mutex // guards what follows
	given map[string]given
}

// given is one such release.
type given struct {
	order quarantine.Order
	at    time.Time // when it was acknowledged, or the session taken to be over
	over  bool      // the latter: any record since shows that it was not done
	tries int       // how often it was acknowledged again since
}

// lasts is how long it is looked at.
func (g *given) lasts() time.Duration {
	if g.over {
		return careForOver
	}
	return careFor
}

func newAftercare() *aftercare { return &aftercare{given: map[string]given{}} }

// note takes an answer in. What is restricted anew is no release any more.
func (a *aftercare) note(answer answered, at time.Time) {
	o, out := answer.Order, answer.Outcome
	key := identity(&o.Session)
	a.mu.Lock()
	defer a.mu.Unlock()
	if o.Restricts() {
		delete(a.given, key)
	}
	if o.Check || o.To != "" || len(o.From) == 0 || out.Kind != quarantine.OutcomeAcked || out.Verification != quarantine.VerifyByAccounting {
		return
	}
	a.given[key] = given{order: o, at: at, tries: a.given[key].tries}
	a.thin()
}

// replay takes one entry of the log in.
func (a *aftercare) replay(entry quarantine.JournalEntry, at time.Time, names *quarantine.BNGNames) error {
	switch entry.Kind {
	case logAnswered:
		var answer answered
		if err := json.Unmarshal(entry.Body, &answer); err != nil {
			return err // never: the ledger has just read it
		}
		names.Rename(&answer.Order.Session)
		a.note(answer, at)
	case logEnded:
		var over ended
		if err := json.Unmarshal(entry.Body, &over); err != nil {
			return err // never: the ledger has just read it
		}
		names.Rename(&over.Session)
		a.noteOver(entry.Key, over, at)
	}
	return nil
}

// noteOver takes in that a session ended of which something may be left in force; or
// nothing, or that is no longer looked for: a Stop came, or a person gave it up.
func (a *aftercare) noteOver(caseID string, over ended, at time.Time) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(over.Left) == 0 || !over.Session.Live() {
		delete(a.given, identity(&over.Session))
		return
	}
	a.given[identity(&over.Session)] = given{order: quarantine.Order{Case: caseID, Session: over.Session, From: over.Left}, at: at, over: true}
	a.thin()
}

// thin lets the oldest tenth go if there are too many. a.mu is held.
func (a *aftercare) thin() {
	if len(a.given) <= careAtMost {
		return
	}
	keys := slices.SortedFunc(maps.Keys(a.given), func(x, y string) int { return a.given[x].at.Compare(a.given[y].at) })
	for _, oldest := range keys[:careAtMost/10] {
		delete(a.given, oldest)
	}
}

// list returns what is to be looked at, and lets go what is too old.
func (a *aftercare) list(now time.Time) []given {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.given, func(_ string, g given) bool { return now.Sub(g.at) > g.lasts() })
	return slices.Collect(maps.Values(a.given))
}

func (a *aftercare) drop(s *quarantine.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.given, identity(s))
}

// enough reports whether a release was acknowledged again so often that it does not help.
func (a *aftercare) enough(s *quarantine.Session) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.given[identity(s)].tries >= careTries
}

// again counts a release that was acknowledged once more.
func (a *aftercare) again(s *quarantine.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	g, known := a.given[identity(s)]
	if g.tries++; known {
		a.given[identity(s)] = g
	}
}

// lookAfter looks, every careEvery, at what accounting has shown since each
// release, if this instance is the sender. A release that it repeats may take
// its time: nothing else waits for that.
func (e *Engine) lookAfter(ctx context.Context) {
	for sleep(ctx, careEvery) {
		for _, g := range e.care.list(e.Now()) {
			if _, ok := e.sender.may(); !ok || ctx.Err() != nil {
				break
			}
			var over bool
			err := e.guard("release re-check", g.order.Session.Subscriber, func() (err error) {
				over, err = e.lookAfterOne(ctx, g)
				return err
			})
			switch {
			case errors.Is(err, context.Canceled): // a release cut it short
				continue
			case err != nil:
				e.troubles.tell(zap.WarnLevel, "released sessions not looked at", zap.Error(err))
			case over:
				e.care.drop(&g.order.Session)
			}
			if err != nil && !errors.Is(err, errPanicked) { // the store does not answer; again in a minute, in another order
				break
			}
		}
	}
}

// lookAfterOne reports whether nothing more is to be expected of one release.
// Nobody else works the subscriber meanwhile; who releases cuts it short.
func (e *Engine) lookAfterOne(ctx context.Context, g given) (over bool, err error) {
	mine, leave, ok := e.busy.work(ctx, g.order.Session.Subscriber, false)
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
	case g.over && !record.SeenAt.After(g.at.Add(quarantine.ClockSlack)), !g.over && len(record.ObservedSince(g.at.Add(quarantine.ClockSlack))) == 0:
		return false, nil
	}
	o := quarantine.Order{Case: g.order.Case, Session: record, From: g.order.From}
	if cared, err := e.caredFor(mine, &o); cared || err != nil {
		return cared, err
	}
	if g.over {
		return e.releaseAgain(mine, o, "it was taken to be over, and accounting reports it again"), nil
	}
	look := o
	look.Check, look.Since = true, g.at
	found := e.Enforcer.Enforce(mine, look, quarantine.OpenGate{})
	if found.Kind != quarantine.OutcomeRefused {
		return true, nil
	}
	if cared, err := e.caredFor(mine, &o); cared || err != nil { // a look takes time
		return cared, err
	}
	if _, ok := e.sender.may(); !ok {
		return false, nil // another instance may be restricting her
	}
	return e.releaseAgain(mine, o, found.Reason), nil
}

// caredFor reports whether a case looks after the session again. One that restricts the
// subscriber takes in what is left there. One that restricts nobody, and to which the
// session is over, looks after nothing of it.
func (e *Engine) caredFor(ctx context.Context, o *quarantine.Order) (bool, error) {
	dossier, err := e.Store.Dossier(ctx, o.Session.Subscriber)
	c := dossier.Case
	switch {
	case err != nil || c == nil:
		return false, err
	case c.Has(&o.Session) || !c.State.Wants():
		return c.Has(&o.Session), nil
	}
	e.handOver(c, &o.Session, o.From)
	defer e.nudge()
	return true, e.save(ctx, c, e.Now(), 0)
}

// handOver enters into a case what may be left on a session.
func (e *Engine) handOver(c *quarantine.Case, s *quarantine.Session, left []quarantine.AppliedProfile) {
	c.Owe(quarantine.Owed{Journal: e.Holder, Mark: e.ledger.next(c.Mark(e.Holder, s)), Session: *s, Applied: left}, e.Now())
}

// recallLeft enters into a case that restricts what is left on sessions that were taken to be
// over and are there.
func (e *Engine) recallLeft(c *quarantine.Case, sessions []quarantine.Session) {
	if !c.State.Wants() {
		return
	}
	for i := range sessions {
		s := &sessions[i]
		if left := e.care.left(s); left != nil && s.Live() && s.Subscriber == c.Subscriber && c.Lacks(s) {
			e.handOver(c, s, left)
		}
	}
}

// left is what may be in force on a session that was taken to be over.
func (a *aftercare) left(s *quarantine.Session) []quarantine.AppliedProfile {
	a.mu.Lock()
	defer a.mu.Unlock()
	if g := a.given[identity(s)]; g.over {
		return g.order.From
	}
	return nil
}

// releaseAgain sends a release whose effect accounting denies; true if it is not
// to be tried any more.
func (e *Engine) releaseAgain(ctx context.Context, o quarantine.Order, why string) (enough bool) {
	fields := []zap.Field{zap.String("case", o.Case), zap.String("session", o.Session.SessionKey.String()), zap.String("reason", why)}
	if e.care.enough(&o.Session) {
		e.Logger.Error("a released session stays restricted; somebody has to look at it", fields...)
		return true
	}
	e.Logger.Warn("a released session is restricted still; it is released again", fields...)
	out := e.carryOut(ctx, &quarantine.Case{ID: o.Case, Subscriber: o.Session.Subscriber}, o)
	if out.Kind == quarantine.OutcomeAcked || out.Kind == quarantine.OutcomeVerified {
		e.care.again(&o.Session) // one that did not get through is sent again however often
	}
	return false
}
