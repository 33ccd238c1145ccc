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
	locks   *sharedLocks
	running sync.WaitGroup // goroutines of lines

	mu      sync.Mutex           // guards what follows
	queues  map[string]*bngQueue // by BNG
	claimed map[string]bool      // sessions with a release under way, by identity
}

// bngQueue is the releases that wait for a BNG, the oldest first, those that people
// gave before all others, and how many are under way there.
type bngQueue struct {
	given, expired []overdueRelease
	workers        int
}

// push puts a release in line.
func (l *bngQueue) push(w overdueRelease) {
	if w.released {
		l.given = append(l.given, w)
	} else {
		l.expired = append(l.expired, w)
	}
}

// pop takes the next one; false if there is none.
func (l *bngQueue) pop() (w overdueRelease, ok bool) {
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

// releaseOverdue sends what is owed until ctx ends, and returns when every release under
// way has ended.
func (e *Engine) releaseOverdue(ctx context.Context) {
	o := &outage{engine: e, locks: newSharedLocks(e.locks), queues: map[string]*bngQueue{}, claimed: map[string]bool{}}
	defer o.running.Wait()
	for sleep(ctx, upkeepEvery) {
		o.enqueue(ctx, e.ledger.overdue(e.Now(), o.lostOnly()))
	}
}

// lostOnly reports whether the store looks after all cases that it has.
func (o *outage) lostOnly() bool {
	return o.engine.storeHealth.unreachableFor(o.engine.Now()) < outageAfter
}

// enqueue puts releases in line at their BNGs, and has them worked: how fast they
// leave is the Enforcer's business.
func (o *outage) enqueue(ctx context.Context, owed []overdueRelease) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range owed {
		line := o.queues[w.bng]
		if line == nil {
			line = &bngQueue{}
			o.queues[w.bng] = line
		}
		line.push(w)
		if line.workers < outagePlaces {
			line.workers++
			o.running.Go(func() { o.work(ctx, line) })
		}
	}
}

// work sends the releases that wait in a line until there are none.
func (o *outage) work(ctx context.Context, line *bngQueue) {
	for {
		w, ok := o.next(ctx, line)
		if !ok {
			return
		}
		o.release(ctx, w)
	}
}

func (o *outage) next(ctx context.Context, line *bngQueue) (w overdueRelease, ok bool) {
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
func (o *outage) release(ctx context.Context, w overdueRelease) {
	began := o.engine.Now()
	owes, ok := o.engine.ledger.startRelease(w, began, o.lostOnly())
	if !ok {
		return
	}
	again := began
	defer func() { o.engine.ledger.releaseTried(w.ledgerKey, again) }()
	if !o.claim(w.session) {
		return
	}
	defer o.unclaim(w.session)
	mine, leave, ok := o.locks.acquire(ctx, owes.Session.Subscriber)
	if !ok {
		return
	}
	defer leave()
	again = began.Add(releaseRepeat)
	_ = o.engine.guard("release from the journal", owes.Session.Subscriber, func() error {
		o.engine.releaseFromJournal(mine, owes)
		return nil
	})
}

// claim claims a session: it has one exchange at a time.
func (o *outage) claim(session string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.claimed[session] {
		return false
	}
	o.claimed[session] = true
	return true
}

func (o *outage) unclaim(session string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	delete(o.claimed, session)
}

func (e *Engine) releaseFromJournal(ctx context.Context, o outstanding) {
	e.Logger.Warn("release sent from the log", zap.String("case", o.Case), zap.String("session", o.Session.SessionKey.String()))
	subject := &quarantine.Case{ID: o.Case, Subscriber: o.Session.Subscriber, ExpiresAt: o.ExpiresAt}
	e.execute(ctx, subject, quarantine.Order{Case: o.Case, Session: o.Session, From: o.Applied})
	e.wakeNeeded.Store(true) // whoever still wants it is to look again when the store is back
}
