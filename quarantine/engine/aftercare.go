package engine

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// Aftercare bounds: how long after a release accounting is looked at for signs
// that it was not done, how often, and how often it is sent again.
const (
	careFor    = time.Hour
	careEvery  = time.Minute
	careTries  = 3
	careAtMost = 10_000 // releases; the oldest are let go
)

// careSlack is how much younger than the answer accounting must be to count.
const careSlack = 3 * time.Second

// aftercare remembers releases that were acknowledged and that only accounting,
// minutes later, can prove. Their cases are closed by then: a person need not
// wait for that. Replay of the log fills it after a restart.
type aftercare struct {
	mu    sync.Mutex // guards what follows
	given map[string]given
}

// given is one such release.
type given struct {
	order quarantine.Order
	at    time.Time // when it was acknowledged
	tries int       // how often it was sent again since
}

// note takes an answer in, if it is one of that kind.
func (a *aftercare) note(answer answered, at time.Time) {
	o, out := answer.Order, answer.Outcome
	if o.Check || o.To != "" || len(o.From) == 0 || out.Kind != quarantine.OutcomeAcked || out.Proof != quarantine.ProofByWord {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	key := identity(&o.Session)
	a.given[key] = given{order: o, at: at, tries: a.given[key].tries}
	for len(a.given) > careAtMost {
		oldest := slices.MinFunc(slices.Collect(maps.Keys(a.given)), func(x, y string) int { return a.given[x].at.Compare(a.given[y].at) })
		delete(a.given, oldest)
	}
}

// list returns what is to be looked at, and lets go what is too old.
func (a *aftercare) list(now time.Time) []given {
	a.mu.Lock()
	defer a.mu.Unlock()
	maps.DeleteFunc(a.given, func(_ string, g given) bool { return now.Sub(g.at) > careFor })
	return slices.Collect(maps.Values(a.given))
}

func (a *aftercare) drop(s *quarantine.Session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.given, identity(s))
}

// again counts a release that is sent once more; false if that is too often.
func (a *aftercare) again(s *quarantine.Session) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	g := a.given[identity(s)]
	g.tries++
	a.given[identity(s)] = g
	return g.tries <= careTries
}

// lookAfter looks at what accounting has shown since each release, if this
// instance is the sender.
func (e *Engine) lookAfter(ctx context.Context) {
	if _, ok := e.sender.may(); !ok {
		return
	}
	for _, g := range e.care.list(e.Now()) {
		if over, err := e.lookAfterOne(ctx, g); err == nil && over {
			e.care.drop(&g.order.Session)
		}
	}
}

// lookAfterOne reports whether nothing more is to be expected of one release.
func (e *Engine) lookAfterOne(ctx context.Context, g given) (over bool, err error) {
	record, err := e.Store.Session(ctx, g.order.Session.SessionKey)
	switch {
	case errors.Is(err, quarantine.ErrNoSession):
		return true, nil
	case err != nil:
		return false, err
	case !record.Live() || !quarantine.SameSession(&record, &g.order.Session):
		return true, nil
	case len(record.ShownSince(g.at.Add(careSlack))) == 0:
		return false, nil
	}
	dossier, err := e.Store.Dossier(ctx, record.Subscriber)
	if err != nil {
		return false, err
	}
	if dossier.Case != nil {
		return true, nil // a case looks after the subscriber again
	}
	look := quarantine.Order{Case: g.order.Case, Session: record, From: g.order.From, Check: true, Since: g.at}
	found := e.Enforcer.Enforce(ctx, look)
	if found.Kind != quarantine.OutcomeRefused {
		return true, nil
	}
	return e.releaseAgain(ctx, quarantine.Order{Case: g.order.Case, Session: record, From: g.order.From}, found.Reason), nil
}

// releaseAgain sends a release whose effect accounting denies; true if it is not
// to be tried any more.
func (e *Engine) releaseAgain(ctx context.Context, o quarantine.Order, why string) (enough bool) {
	fields := []zap.Field{zap.String("case", o.Case), zap.String("session", o.Session.SessionKey.String()), zap.String("reason", why)}
	if !e.care.again(&o.Session) {
		e.Logger.Error("a released session stays restricted; somebody has to look at it", fields...)
		return true
	}
	mine, leave, ok := e.busy.work(ctx, o.Session.Subscriber, true)
	if !ok {
		return false
	}
	defer leave()
	e.Logger.Warn("a released session is restricted still; it is released again", fields...)
	e.carryOut(mine, &quarantine.Case{ID: o.Case, Subscriber: o.Session.Subscriber}, o)
	return false
}
