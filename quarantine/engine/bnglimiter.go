package engine

import (
	"sync"

	"cordon/quarantine"
)

// bngLimiter bounds how many sessions of one BNG are worked at the same time, so that an
// unresponsive BNG does not hold every worker while sessions of others wait, and a wave of
// restrictions does not delay a release. Pacing towards the BNG is done in the Enforcer.
type bngLimiter struct {
	workers int // per lane

	mu    sync.Mutex // guards what follows
	lanes [2]laneUse // by quarantine.Lane
}

// laneUse is how many sessions are worked in a lane.
type laneUse struct {
	all int
	of  map[string]int // by BNG
}

// overBNGLimit defers an order, a release too, of a BNG that is at its limit.
var overBNGLimit = quarantine.Deferral{
	By: quarantine.CheckBNGLimit, Reason: "many other sessions of this BNG are being worked", Longest: quarantine.BriefPause,
}

func newBNGLimiter(workers int) *bngLimiter {
	c := &bngLimiter{workers: workers}
	for lane := range c.lanes {
		c.lanes[lane].of = map[string]int{}
	}
	return c
}

// acquire reserves a place in a lane for one more session of the BNG; false: the BNG is at its
// limit. A BNG gets half of what is free beyond a reserve of a quarter, so a quarter of all if it
// is alone; the reserve is for the first session of each BNG.
func (c *bngLimiter) acquire(bng string, restricts bool) bool {
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

func (c *bngLimiter) release(bng string, restricts bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.lane(restricts)
	p.all--
	if p.of[bng]--; p.of[bng] == 0 {
		delete(p.of, bng)
	}
}

// lane is the lane in which a session is counted. c.mu is held.
func (c *bngLimiter) lane(restricts bool) *laneUse {
	if restricts {
		return &c.lanes[quarantine.LaneRestrict]
	}
	return &c.lanes[quarantine.LaneRelease]
}
