package engine

import (
	"context"
	"sync"
)

// claims lets the releases of one subscriber's sessions share the claim on the
// subscriber: a thousand lines may have one name, and each waits for its own BNG only.
type claims struct {
	busy *busy

	mu   sync.Mutex // guards what follows
	held map[string]*claim
}

// claim is one subscriber's.
type claim struct {
	users int
	known chan struct{} // closed once what follows is set
	mine  context.Context
	leave func()
	ok    bool
}

func newClaims(b *busy) *claims { return &claims{busy: b, held: map[string]*claim{}} }

// join claims the subscriber for a release, or joins those that have; false if another
// pass gives something back.
func (c *claims) join(ctx context.Context, subscriber string) (mine context.Context, leave func(), ok bool) {
	c.mu.Lock()
	shared, joined := c.held[subscriber]
	if !joined {
		shared = &claim{known: make(chan struct{})}
		c.held[subscriber] = shared
	}
	shared.users++
	c.mu.Unlock()
	if !joined {
		shared.mine, shared.leave, shared.ok = c.busy.work(ctx, subscriber, true)
		close(shared.known)
	}
	<-shared.known
	if !shared.ok {
		c.part(subscriber, shared)
		return nil, nil, false
	}
	return shared.mine, func() { c.part(subscriber, shared) }, true
}

// part ends one use of a claim; the last one gives it up.
func (c *claims) part(subscriber string, shared *claim) {
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
