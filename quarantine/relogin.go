package quarantine

import (
	"fmt"
	"slices"
	"time"
)

// How further log-ins of a subscriber are restricted while his case stands. Whoever
// reconnects again and again stays restricted: at log-in, where the AAA server
// asks, and by CoA as far as [ReloginBackoff] allows. It spares the BNG, and is no way
// out.

// tooSoon reports whether the session, a log-in while the case stood, is to be
// restricted later, and notes when; else it counts as restricted now.
func (c *Case) tooSoon(e *SessionEnforcement, now time.Time) bool {
	if !e.Paced || e.Wanted == "" || !c.State.Wants() || e.untouchable() {
		return false
	}
	if at := c.nextRelogin(now); now.Before(at) {
		e.NextAt = at
		e.Reason = fmt.Sprintf("log-ins come too often (%d within an hour); to be restricted at %s", len(c.Relogins),
			at.UTC().Format(time.RFC3339))
		return true
	}
	e.Paced = false
	c.Relogins = keepLast(append(slices.Clone(c.Relogins), now), keptRelogins)
	return false
}

// nextRelogin is when the next further log-in may be restricted.
func (c *Case) nextRelogin(now time.Time) time.Time {
	n := len(c.Relogins)
	if n == 0 {
		return now
	}
	last := c.Relogins[n-1]
	if now.Sub(last) >= ReloginQuiet {
		c.Relogins = nil
		return now
	}
	if n < ReloginsAtOnce {
		return now
	}
	return last.Add(ReloginBackoff.Delay(n - ReloginsAtOnce + 1))
}
