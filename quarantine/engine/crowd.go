package engine

import (
	"sync"

	"cordon/quarantine"
)

// crowd bounds how many sessions of one BNG are worked at the same time, so
// that one that is silent does not hold every worker while the sessions of
// others wait, and a wave of restrictions does not hold up a release. Pacing
// towards the BNG is not its business.
type crowd struct {
	workers int // a lane

	mu    sync.Mutex // guards what follows
	lanes [2]places  // by quarantine.Lane
}

// places is how many sessions are worked in a lane.
type places struct {
	all int
	of  map[string]int // by BNG
}

// bngLimit defers an order, a release too, for which the BNG has no place.
var bngLimit = quarantine.Deferral{
	By: quarantine.CheckBNGLimit, Reason: "many other sessions of this BNG are being worked", Longest: quarantine.BriefPause,
}

func newCrowd(workers int) *crowd {
	c := &crowd{workers: workers}
	for lane := range c.lanes {
		c.lanes[lane].of = map[string]int{}
	}
	return c
}

// enter reports whether one more session of the BNG may be worked, in a lane. A
// BNG gets half of what is free beyond a reserve, so a quarter of all if it is
// alone; the reserve is for the first session of each.
func (c *crowd) enter(bng string, restricts bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.lane(restricts)
	free := c.workers - p.all
	if free <= 0 || p.of[bng] >= max(1, (free-c.workers/4)/2) {
		return false
	}
	p.of[bng]++
	p.all++
	return true
}

func (c *crowd) leave(bng string, restricts bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.lane(restricts)
	p.all--
	if p.of[bng]--; p.of[bng] == 0 {
		delete(p.of, bng)
	}
}

// lane is where a session is counted. c.mu is held.
func (c *crowd) lane(restricts bool) *places {
	if restricts {
		return &c.lanes[quarantine.LaneRestrict]
	}
	return &c.lanes[quarantine.LaneRelease]
}
