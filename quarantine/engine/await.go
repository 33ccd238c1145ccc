package engine

import (
	"context"
	"fmt"
	"time"

	"cordon/quarantine"
)

// awaitPoll is how often Await polls the case.
const awaitPoll = 50 * time.Millisecond

// Await returns the case once nothing of it is in progress, or as it is when ctx ends.
func (e *Engine) Await(ctx context.Context, id string) (*quarantine.Case, error) {
	read := context.WithoutCancel(ctx)
	for {
		c, err := e.Store.Case(read, id)
		if err != nil {
			return nil, fmt.Errorf("read case %s: %w", id, err)
		}
		if !underWay(c) || !sleep(ctx, awaitPoll) {
			return c, nil
		}
	}
}

func underWay(c *quarantine.Case) bool {
	if c.State == quarantine.Restricting && len(c.Sessions) == 0 {
		return true
	}
	wanted := ""
	if c.State.Wants() {
		wanted = c.Profile
	}
	for _, s := range c.Sessions {
		held := c.State == quarantine.CaseHeld || s.Enforcement == quarantine.Gone || s.Spared()
		proving := c.State == quarantine.Releasing && !s.VerifyAt.IsZero()
		if !held && (s.Enforcement == quarantine.Pending || s.Wanted != wanted || proving) {
			return true
		}
	}
	return false
}
