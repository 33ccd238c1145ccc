package quarantine

import "time"

// Check names what may defer an order: one of the checks that package engine asks before
// it restricts, or the bound on how many sessions of a BNG are worked at a time.
type Check string

// The checks. What each asks, and when, is listed in docs/architecture.md ("May we
// restrict?").
const (
	CheckLease          Check = "lease"           // this instance is the elected sender
	CheckPaused         Check = "paused"          // restricting is not paused
	CheckReleasePending Check = "release_pending" // no person's release of the case waits to be applied
	CheckMaintenance    Check = "maintenance"     // the BNG is in no maintenance window
	CheckMode           Check = "mode"            // the modes, as they are now, let the case act
	CheckExempt         Check = "exempt"          // no exemption is against it
	CheckAddressUnknown Check = "address_unknown" // at log-in: an exempt prefix may be what the session gets
	CheckPath           Check = "path"            // the BNG answers
	CheckStoppedProfile Check = "stopped_profile" // the BNG does not refuse the profile to everybody
	CheckSession        Check = "session"         // the session is the one that was decided about
	CheckCase           Check = "case"            // the case is as it was when the order was planned
	CheckJournal        Check = "journal"         // the journal has what is about to leave
	CheckBNGLimit       Check = "bng_limit"       // not too many sessions of the BNG are being worked; releases too
)

// The longest pauses of what is deferred.
const (
	BriefPause = 8 * time.Second  // what defers it may end at any moment
	LongPause  = 30 * time.Second // [Paths] shows when it ends, and thousands may wait for the same
)

// Deferral says why an order may not leave now, and how long it waits until it is asked
// for again. As an error it reads as its reason.
type Deferral struct {
	By        Check
	Reason    string        // for people
	Longest   time.Duration // pauses grow from a second up to this
	NotBefore time.Time     // when it is known to end, unless [Case.Resume] ends it; zero: that is not known
}

func (d *Deferral) Error() string { return d.Reason }

// Defer notes that an order does not leave now, and why; it is asked for
// again after the wait.
func (c *Case) Defer(o *Order, d Deferral, now time.Time) {
	e := c.find(o)
	switch {
	case e == nil:
	case o.Check:
		e.VerifyAt = now.Add(VerifyBackoff.First)
	default:
		e.postpone(d, now)
	}
}

func (e *SessionEnforcement) postpone(d Deferral, now time.Time) {
	e.Deferrals++
	e.DeferredBy, e.Reason, e.NotBefore = d.By, d.Reason, d.NotBefore
	e.NextAt = later(d.NotBefore, now.Add(DeferralBackoff(d.Longest).Delay(e.Deferrals)))
}

// Resume ends the wait of what was deferred until a moment, for [Case.Plan] to look at
// again, where its BNG defers nothing any more: the wait may have been cut short.
func (c *Case) Resume(deferred func(*Session) bool) {
	for i := range c.Sessions {
		e := &c.Sessions[i]
		if !e.NotBefore.IsZero() && !deferred(&e.Session) {
			e.NotBefore, e.NextAt, e.Deferrals, e.DeferredBy = time.Time{}, time.Time{}, 0, ""
		}
	}
}
