package quarantine

import "time"

// The longest pauses of what is kept back.
const (
	BriefPause = 8 * time.Second  // what holds it back may end at any moment
	LongPause  = 30 * time.Second // [Paths] tells when it ends, and thousands may wait for the same
)

// Deferral is how long an order that is kept back waits until it is asked for again.
type Deferral struct {
	Longest   time.Duration // pauses grow from a second up to this
	NotBefore time.Time     // when it is known to end, unless [Case.Resume] ends it; zero: that is not known
}

// Defer notes that an order does not leave now, and why; it is asked for
// again after the wait.
func (c *Case) Defer(o *Order, reason string, w Deferral, now time.Time) {
	e := c.find(o)
	switch {
	case e == nil:
	case o.Check:
		e.VerifyAt = now.Add(firstAsk)
	default:
		e.keepBack(reason, w, now)
	}
}

func (e *SessionEnforcement) keepBack(reason string, w Deferral, now time.Time) {
	e.Deferrals++
	e.Reason, e.NotBefore = reason, w.NotBefore
	e.NextAt = later(w.NotBefore, now.Add(backoff(time.Second, w.Longest, e.Deferrals)))
}

// Resume lets go what was kept back until a moment, for [Case.Plan] to look at
// again, where its BNG is barred no longer: the wait may have been cut short.
func (c *Case) Resume(barred func(*Session) bool) {
	for i := range c.Sessions {
		e := &c.Sessions[i]
		if !e.NotBefore.IsZero() && !barred(&e.Session) {
			e.NotBefore, e.NextAt, e.Deferrals = time.Time{}, time.Time{}, 0
		}
	}
}

// Reapply notes that a release of the session was sent which the case did not ask
// for: what it wants there is to be done again. False if it wants nothing there.
func (c *Case) Reapply(s *Session, now time.Time) bool {
	e := c.find(&Order{Session: *s})
	if e == nil || !c.State.Wants() || e.Wanted == "" || e.Wanted == Disconnect || !e.Enforcement.Reached() {
		return false
	}
	e.Enforcement, e.Reason, e.Confirmed = Pending, "a release was sent while the store was away", false
	e.UpdatedAt, e.NextAt = now, now
	e.unproved()
	c.settle(now)
	return true
}
