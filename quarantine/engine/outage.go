package engine

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How long the store must be silent before releases are sent from the journal
// alone, how often one that is not answered is sent again, and how many are under way
// at each BNG: far more than it has places, but not a goroutine for each line of it.
const (
	outageAfter   = 5 * time.Second
	releaseRepeat = time.Minute
	outagePlaces  = 2048
)

// outage sends releases with nothing but this host's journal: while the store is
// silent, and for cases that the store has lost. Nothing of it asks the store, and
// each BNG has a line of its own, so that a silent one holds up no other.
type outage struct {
	engine  *Engine
	claims  *claims
	running sync.WaitGroup // goroutines of lines

	mu    sync.Mutex             // guards what follows
	lines map[string]*outageLine // by BNG
	busy  map[string]bool        // sessions with a release under way, by identity
}

// outageLine is the releases that wait for a BNG, the oldest first, those that people
// gave before all others, and how many are under way there.
type outageLine struct {
	given, expired []owing
	workers        int
}

// push puts a release in line.
func (l *outageLine) push(w owing) {
	if w.released {
		l.given = append(l.given, w)
	} else {
		l.expired = append(l.expired, w)
	}
}

// pop takes the next one; false if there is none.
func (l *outageLine) pop() (w owing, ok bool) {
	from := &l.given
	if len(*from) == 0 {
		from = &l.expired
	}
	if len(*from) == 0 {
		return w, false
	}
	w, *from = (*from)[0], (*from)[1:]
	return w, true
}

// releaseOwed sends what is owed until ctx ends, and returns when every release under
// way has ended.
func (e *Engine) releaseOwed(ctx context.Context) {
	o := &outage{engine: e, claims: newClaims(e.busy), lines: map[string]*outageLine{}, busy: map[string]bool{}}
	defer o.running.Wait()
	for sleep(ctx, upkeepEvery) {
		o.enqueue(ctx, e.ledger.owed(e.Now(), o.lostOnly()))
	}
}

// lostOnly reports whether the store looks after all cases that it has.
func (o *outage) lostOnly() bool { return o.engine.silence.lasts(o.engine.Now()) < outageAfter }

// enqueue puts releases in line at their BNGs, and has them worked: how fast they
// leave is the Enforcer's business.
func (o *outage) enqueue(ctx context.Context, owed []owing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range owed {
		line := o.lines[w.bng]
		if line == nil {
			line = &outageLine{}
			o.lines[w.bng] = line
		}
		line.push(w)
		if line.workers < outagePlaces {
			line.workers++
			o.running.Go(func() { o.work(ctx, line) })
		}
	}
}

// work sends the releases that wait in a line until there are none.
func (o *outage) work(ctx context.Context, line *outageLine) {
	for {
		w, ok := o.next(ctx, line)
		if !ok {
			return
		}
		o.release(ctx, w)
	}
}

func (o *outage) next(ctx context.Context, line *outageLine) (w owing, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ctx.Err() == nil {
		w, ok = line.pop()
	}
	if !ok {
		line.workers--
	}
	return w, ok
}

// release gives a session back, if that is still owed. One whose subscriber another
// pass gives something back, or that a release of another case is under way for, is
// tried again in a moment.
func (o *outage) release(ctx context.Context, w owing) {
	began := o.engine.Now()
	owes, ok := o.engine.ledger.begin(w, began, o.lostOnly())
	if !ok {
		return
	}
	again := began
	defer func() { o.engine.ledger.tried(w.place, again) }()
	if !o.enter(w.session) {
		return
	}
	defer o.leave(w.session)
	mine, leave, ok := o.claims.join(ctx, owes.Session.Subscriber)
	if !ok {
		return
	}
	defer leave()
	again = began.Add(releaseRepeat)
	_ = o.engine.guard("release from the journal", owes.Session.Subscriber, func() error {
		o.engine.releaseFromLog(mine, owes)
		return nil
	})
}

// enter claims a session: it has one exchange at a time.
func (o *outage) enter(session string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.busy[session] {
		return false
	}
	o.busy[session] = true
	return true
}

func (o *outage) leave(session string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.busy, session)
}

func (e *Engine) releaseFromLog(ctx context.Context, o outstanding) {
	e.Logger.Warn("release sent from the log", zap.String("case", o.Case), zap.String("session", o.Session.SessionKey.String()))
	subject := &quarantine.Case{ID: o.Case, Subscriber: o.Session.Subscriber, ExpiresAt: o.ExpiresAt}
	e.carryOut(ctx, subject, quarantine.Order{Case: o.Case, Session: o.Session, From: o.Applied})
	e.missed.Store(true) // whoever still wants it is to look again when the store is back
}
