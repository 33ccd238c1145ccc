package engine

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How long the store must be silent before releases are sent from the journal
// alone, and how often one that is not answered is sent again.
const (
	outageAfter   = 5 * time.Second
	releaseRepeat = time.Minute
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

// outageLine is the releases that wait for a BNG, the oldest first, and how many are
// under way there.
type outageLine struct {
	waiting []owing
	workers int
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
// leave is the Enforcer's business, within the places of half a lane for each BNG.
func (o *outage) enqueue(ctx context.Context, owed []owing) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range owed {
		line := o.lines[w.bng]
		if line == nil {
			line = &outageLine{}
			o.lines[w.bng] = line
		}
		line.waiting = append(line.waiting, w)
		if line.workers < max(1, o.engine.Workers/2) {
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
	if len(line.waiting) == 0 || ctx.Err() != nil {
		line.workers--
		return w, false
	}
	w, line.waiting = line.waiting[0], line.waiting[1:]
	return w, true
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
	o.engine.releaseFromLog(mine, owes)
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
