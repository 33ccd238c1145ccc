package quarantine

import "time"

// Reapply notes that a release of the session was sent which the case did not ask
// for: what it wants there is to be done again. False if it wants nothing there.
func (c *Case) Reapply(s *Session, now time.Time) bool {
	e := c.find(&Order{Session: *s})
	if e == nil || !c.State.Wants() || e.Wanted == "" || e.Wanted == Disconnect || !e.Enforcement.Reached() {
		return false
	}
	e.Enforcement, e.Reason, e.Confirmed = Pending, "a release was sent while the store was unreachable", false
	e.UpdatedAt, e.NextAt = now, now
	e.clearVerification()
	c.updateState(now)
	return true
}
