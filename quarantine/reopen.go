package quarantine

import (
	"slices"
	"time"
)

// endUnseen ends, or steps down, a case whose time is over and that nobody has worked
// yet: what is decided now does not prolong it. With nothing left of it, it is being
// released all the same: whoever decides may reopen it.
func (c *Case) endUnseen(now time.Time) {
	before := c.Clone()
	if c.expireDemands(now); c.State != Closed {
		return
	}
	*c = *before
	c.Generation++
	c.Hold, c.OtherDemands, c.SteppedAt = nil, nil, time.Time{}
	c.move(Releasing, now, "", "expired")
}

// reopen readies a case that is being released for a new decision: what was decided
// before, and the evidence that it rested on, is judged and counts no more. What the
// case still owes to its sessions, it goes on owing in every state.
//
// Without it whoever goes on attacking would be left alone until the last BNG has
// answered.
func (c *Case) reopen(now time.Time, by, why string) {
	c.record(now, by, why)
	if c.Release != nil {
		c.Judge(c.Release.At)
	}
	c.Release, c.Hold, c.Cleared, c.AllSessions, c.Counted = nil, nil, false, false, nil
	c.ExpiresAt = time.Time{} // of what was decided before
	c.Tallies = slices.Clone(c.Tallies)
	for i := range c.Tallies {
		c.Tallies[i].Marks, c.Tallies[i].Sources, c.Tallies[i].Until = nil, nil, time.Time{}
	}
	for i := range c.Verdicts {
		c.Verdicts[i].Rule = "" // counts for no threshold
	}
}
