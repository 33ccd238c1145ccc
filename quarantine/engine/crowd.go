package engine

import "sync"

// crowd bounds how many sessions of one BNG are worked at the same time, so
// that one that is silent does not hold every worker while the sessions of
// others wait. Pacing towards the BNG is not its business.
type crowd struct {
	most int

	mu  sync.Mutex // guards what follows
	now map[string]int
}

func newCrowd(workers int) *crowd { return &crowd{most: max(1, workers/4), now: map[string]int{}} }

// enter reports whether one more session of the BNG may be worked.
func (c *crowd) enter(bng string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now[bng] >= c.most {
		return false
	}
	c.now[bng]++
	return true
}

func (c *crowd) leave(bng string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now[bng]--; c.now[bng] == 0 {
		delete(c.now, bng)
	}
}
