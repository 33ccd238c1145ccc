package engine

import (
	"context"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// For how long the store must be unreachable before releases are sent from the journal alone, and
// how many are in progress for each BNG: far more than it has places, but not a goroutine for each
// line of it.
const (
	outageAfter  = 5 * time.Second
	outagePlaces = 2048
)

// outage sends releases with nothing but this host's journal: while the store is unreachable, and
// for cases that the store has lost. It never asks the store, and each BNG has a queue of its own,
// so that an unresponsive one delays no other.
type outage struct {
	engine  *Engine
	locks   *sharedLocks
	running sync.WaitGroup // workers of the queues

	mu      sync.Mutex           // guards what follows
	queues  map[string]*bngQueue // by BNG
	claimed map[string]bool      // sessions with a release in progress, by identity
}

// bngQueue is the releases that wait for a BNG, those that people gave before those that expired,
// each the oldest first, and how many workers send them.
type bngQueue struct {
	given, expired []overdueRelease
	workers        int
}

// push queues a release.
func (l *bngQueue) push(w overdueRelease) {
	if w.released {
		l.given = append(l.given, w)
	} else {
		l.expired = append(l.expired, w)
	}
}

// pop removes the next one; false if there is none.
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

// releaseOverdue sends overdue releases until ctx ends, and returns when every release in progress
// has ended.
func (e *Engine) releaseOverdue(ctx context.Context) {
	o := &outage{engine: e, locks: newSharedLocks(e.locks), queues: map[string]*bngQueue{}, claimed: map[string]bool{}}
	defer o.running.Wait()
	for sleep(ctx, upkeepEvery) {
		o.enqueue(ctx, e.ledger.overdue(e.Now(), o.lostOnly()))
	}
}

// lostOnly reports whether the store answers, so that only cases it has lost are released from the
// journal.
func (o *outage) lostOnly() bool {
	return o.engine.storeHealth.unreachableFor(o.engine.Now()) < outageAfter
}

// enqueue queues releases at their BNGs, and starts workers: the Enforcer paces them.
func (o *outage) enqueue(ctx context.Context, owed []overdueRelease) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, w := range owed {
		queue := o.queues[w.bng]
		if queue == nil {
			queue = &bngQueue{}
			o.queues[w.bng] = queue
		}
		queue.push(w)
		if queue.workers < outagePlaces {
			queue.workers++
			o.running.Go(func() { o.work(ctx, queue) })
		}
	}
}

// work sends the queued releases until there are none.
func (o *outage) work(ctx context.Context, queue *bngQueue) {
	for {
		w, ok := o.next(ctx, queue)
		if !ok {
			return
		}
		o.release(ctx, w)
	}
}

func (o *outage) next(ctx context.Context, queue *bngQueue) (w overdueRelease, ok bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if ctx.Err() == nil {
		w, ok = queue.pop()
	}
	if !ok {
		queue.workers--
	}
	return w, ok
}

// release releases a session, if that is still overdue. One whose subscriber is locked by another
// release is retried in a second.
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
	again = began.Add(quarantine.JournalBackoff.Delay(1))
	_ = o.engine.guard("release from the journal", owes.Session.Subscriber, func() error {
		o.engine.releaseFromJournal(mine, owes)
		return nil
	})
}

// claim claims a session: it has one exchange at a time. False: it is claimed already.
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

// releaseFromJournal sends one release without a case of the store.
func (e *Engine) releaseFromJournal(ctx context.Context, o outstanding) {
	e.Logger.Warn("release sent from the journal", zap.String("case", o.Case), zap.String("session", o.Session.SessionKey.String()))
	subject := &quarantine.Case{ID: o.Case, Subscriber: o.Session.Subscriber, ExpiresAt: o.ExpiresAt}
	e.execute(ctx, subject, quarantine.Order{Case: o.Case, Session: o.Session, From: o.Applied})
	e.wakeNeeded.Store(true) // a case that still restricts it becomes due when the store is back
}
