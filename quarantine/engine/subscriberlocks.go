package engine

import (
	"context"
	"hash/maphash"
	"sync"
)

// subscriberLocks serialises the work of this process on one subscriber. It saves
// compare-and-set conflicts; correctness does not depend on it, except that one session has
// one exchange at a time.
type subscriberLocks struct {
	seed    maphash.Seed
	stripes [256]sync.Mutex // held while a case is read and written

	mu      sync.Mutex // guards what follows
	working map[string]*worker
}

// worker is one reconciliation of a subscriber under way.
type worker struct {
	release bool // only cancel interrupts it
	cancel  context.CancelCauseFunc
	done    chan struct{}
}

func newSubscriberLocks() *subscriberLocks {
	return &subscriberLocks{seed: maphash.MakeSeed(), working: map[string]*worker{}}
}

// lockCase locks the subscriber's stripe; call unlock when the case is written.
func (b *subscriberLocks) lockCase(subscriber string) (unlock func()) {
	stripe := &b.stripes[maphash.String(b.seed, subscriber)%uint64(len(b.stripes))]
	stripe.Lock()
	return stripe.Unlock
}

// acquire locks the subscriber for a reconciliation. A release cancels a running restriction,
// and waits for it to end; in every other case ok is false while one runs.
func (b *subscriberLocks) acquire(ctx context.Context, subscriber string, release bool) (mine context.Context, leave func(), ok bool) {
	for {
		b.mu.Lock()
		other := b.working[subscriber]
		if other == nil {
			mine, cancel := context.WithCancelCause(ctx)
			w := &worker{release: release, cancel: cancel, done: make(chan struct{})}
			b.working[subscriber] = w
			b.mu.Unlock()
			return mine, func() { b.release(subscriber, w) }, true
		}
		b.mu.Unlock()
		if !release || other.release {
			return nil, nil, false
		}
		other.cancel(nil)
		select {
		case <-other.done:
		case <-ctx.Done():
			return nil, nil, false
		}
	}
}

// cancel cancels the work on the subscriber, even a release; cause says why.
func (b *subscriberLocks) cancel(subscriber string, cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if w := b.working[subscriber]; w != nil {
		w.cancel(cause)
	}
}

func (b *subscriberLocks) release(subscriber string, w *worker) {
	b.mu.Lock()
	delete(b.working, subscriber)
	b.mu.Unlock()
	w.cancel(nil)
	close(w.done)
}
