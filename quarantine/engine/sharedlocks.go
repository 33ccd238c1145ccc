package engine

import (
	"context"
	"sync"
)

// sharedLocks lets the releases of one subscriber's sessions share the subscriber's lock: a
// thousand lines may have one name, and each waits for its own BNG only.
type sharedLocks struct {
	locks *subscriberLocks

	mu   sync.Mutex // guards what follows
	held map[string]*sharedLock
}

// sharedLock is the lock of one subscriber.
type sharedLock struct {
	users int
	known chan struct{} // closed once what follows is set
	mine  context.Context
	leave func()
	ok    bool
}

func newSharedLocks(b *subscriberLocks) *sharedLocks {
	return &sharedLocks{locks: b, held: map[string]*sharedLock{}}
}

// acquire locks the subscriber for a release, or shares the lock with those that have it;
// false if a pass that releases holds it.
func (c *sharedLocks) acquire(ctx context.Context, subscriber string) (mine context.Context, leave func(), ok bool) {
	c.mu.Lock()
	shared, joined := c.held[subscriber]
	if !joined {
		shared = &sharedLock{known: make(chan struct{})}
		c.held[subscriber] = shared
	}
	shared.users++
	c.mu.Unlock()
	if !joined {
		shared.mine, shared.leave, shared.ok = c.locks.acquire(ctx, subscriber, true)
		close(shared.known)
	}
	<-shared.known
	if !shared.ok {
		c.release(subscriber, shared)
		return nil, nil, false
	}
	return shared.mine, func() { c.release(subscriber, shared) }, true
}

// release ends one use of a lock; the last one unlocks.
func (c *sharedLocks) release(subscriber string, shared *sharedLock) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if shared.users--; shared.users > 0 {
		return
	}
	delete(c.held, subscriber)
	if shared.ok {
		shared.leave()
	}
}
