package quarantine

import (
	"fmt"
	"strings"
	"time"
)

// What a person can do about a release that does not get through: have it tried
// now ([Case.Retry]), or take it on himself that it is not sent any more
// ([Case.GiveUp]).

// Owed reports whether something of ours is still to be restored on the
// session, in whatever state its case is.
func (e *SessionEnforcement) Owed() bool {
	return e.Enforcement != Gone && e.Wanted == "" && e.owes()
}

// NextTry is when the next order about the session is due by itself; zero: none is
// outstanding, or one is in flight.
func (e *SessionEnforcement) NextTry() time.Time {
	switch {
	case e.Enforcement == Gone, e.InFlight:
		return time.Time{}
	case e.Residue != "", e.Wanted != "" && !e.Enforcement.Reached(), e.Wanted == "" && len(e.Applied) > 0:
		return e.NextAt
	case e.Wanted == "":
		return e.AssertAt
	}
	return time.Time{}
}

// Retry makes everything due now that is outstanding of the case, be it a
// restriction or a release, whatever its back-off. A release that is to be
// asserted past late duplicates of a restriction keeps its time, and an order in
// flight is waited for. Errors: *CommandError where nothing is outstanding.
func (c *Case) Retry(by string, now time.Time) error {
	tried := 0
	for i := range c.Sessions {
		e := &c.Sessions[i]
		if c.retriable(e, now) {
			if e.owesNow(now) {
				e.Enforcement = Pending
			}
			e.retry(now)
			tried++
		}
	}
	if tried == 0 {
		return c.notRetried()
	}
	c.record(now, by, fmt.Sprintf("retried: %d sessions are tried now", tried))
	return nil
}

// retriable reports whether an order about the session is outstanding.
func (c *Case) retriable(e *SessionEnforcement, now time.Time) bool {
	switch {
	case e.Enforcement == Gone:
		return false
	case c.State == CaseHeld && e.Wanted != "" && e.Residue == "":
		return false
	}
	return e.InFlight || e.owesNow(now) || e.verifying()
}

func (e *SessionEnforcement) retry(now time.Time) {
	e.NextAt, e.NotBefore, e.Deferrals, e.DeferredBy = now, time.Time{}, 0, ""
	if !e.VerifyAt.IsZero() {
		e.VerifyAt = now
	}
}

// notRetried says why there is nothing to try.
func (c *Case) notRetried() error {
	why := "every session is as wanted"
	switch {
	case c.State == CaseHeld:
		why = "it acts when it is approved"
	case c.State == Observing:
		why = "it is below its threshold"
	case c.State == Waiting, c.State == Restricting && len(c.Sessions) == 0:
		why = "the subscriber is not on line"
	case c.State == Closed:
		why = "nothing of it is left on any BNG that Cordon knows of"
	case c.State == Releasing:
		why = "it waits for a session that may have begun restricted at log-in, or to assert a release once more"
	}
	return &CommandError{fmt.Sprintf("case %s is %s and nothing of it can be tried now: %s", c.ID, c.State, why)}
}

// GiveUp records that a person takes it on himself that nothing more is sent for
// what is still to be restored: on one session, or, with the zero key, on all of
// them. Those sessions are gone, whatever the BNG has in force there; the case
// closes if it is being released and nothing else is owed. Errors: *CommandError.
func (c *Case) GiveUp(by, reason string, session SessionKey, now time.Time) error {
	all := session == SessionKey{}
	given := 0
	for i := range c.Sessions {
		e := &c.Sessions[i]
		if (all || e.Session.SessionKey == session) && c.owedOn(e) {
			e.end(now, gaveUp+by+": "+reason)
			given++
		}
	}
	awaited := all && c.State == Releasing && c.awaits(now)
	if given == 0 && !awaited {
		return c.notGivenUp(session)
	}
	text := "given up: " + reason
	if !all {
		text = "given up on " + session.String() + ": " + reason
	}
	c.record(now, by, text)
	if awaited {
		c.GivenUp = now
	}
	c.updateState(now)
	return nil
}

// gaveUp begins the reason of a session that a person gave up.
const gaveUp = "given up by "

// GivenUp reports whether a person gave the session up: it may be restricted still.
func (e *SessionEnforcement) GivenUp() bool {
	return e.Enforcement == Gone && strings.HasPrefix(e.Reason, gaveUp)
}

// owedOn reports whether the case is to give something back on the session.
func (c *Case) owedOn(e *SessionEnforcement) bool {
	return e.Owed() || c.State == Releasing && e.Enforcement != Gone && e.owes()
}

// notGivenUp says why there is nothing to give up.
func (c *Case) notGivenUp(session SessionKey) error {
	switch {
	case c.State == Closed:
		return &CommandError{fmt.Sprintf("case %s is closed; nothing is sent for it any more", c.ID)}
	case c.State != Releasing:
		return &CommandError{fmt.Sprintf("case %s is %s and nothing of it is being released; release it first: cordon quarantine release %s",
			c.ID, c.State, c.ID)}
	case session != SessionKey{}:
		return &CommandError{fmt.Sprintf("case %s has nothing to restore on session %s", c.ID, session)}
	}
	return &CommandError{fmt.Sprintf("case %s has nothing to restore any more", c.ID)}
}
