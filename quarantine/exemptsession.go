package quarantine

import (
	"net/netip"
	"slices"
	"strings"
	"time"
)

// ExemptHere says whether an exemption is against the case on one of its sessions,
// and why. What a person decided about acts all the same. Modes are none of it:
// one that is turned down defers new restrictions and undoes nothing.
func (r *Rulebook) ExemptHere(c *Case, s *Session) (reason string, exempt bool) {
	if c.Cleared {
		return "", false
	}
	e, exempt := Exempt(r.Exemptions, c.Subscriber, netip.Addr{}, []Session{*s})
	return e.Reason, exempt
}

// ExemptAddress reports whether a session that is about to begin, with the addresses
// that are known by then, may get one in an exempt prefix. It begins unrestricted then,
// and is restricted by CoA after its Start if it got none.
func (r *Rulebook) ExemptAddress(c *Case, s *Session) bool {
	return !c.Cleared && slices.ContainsFunc(r.Exemptions, func(e Exemption) bool {
		return e.Prefix.IsValid() &&
			!slices.ContainsFunc(s.Addresses, func(a Address) bool { return a.Prefix.Addr().Is4() == e.Prefix.Addr().Is4() })
	})
}

// exempts reports whether an exemption is against the case on that session now,
// and keeps why.
func (c *Case) exempts(e *SessionEnforcement, in *Snapshot) bool {
	exempt := false
	if e.Exempt = ""; in.Exempt != nil && (c.State.Wants() || c.State == CaseHeld) {
		e.Exempt, exempt = in.Exempt(&e.Session)
	}
	if e.DeferredBy == CheckExempt {
		e.DeferredBy = ""
	}
	return exempt
}

// spare gives a session back what it should have.
func (c *Case) spare(e *SessionEnforcement, now time.Time) {
	if e.Wanted != "" && e.owes() {
		c.record(now, "", "session "+e.Session.SessionKey.String()+" is exempt ("+e.Exempt+"): it is restored")
	}
	e.aim("", now)
	if !e.owes() && e.Enforcement != Acked && e.Enforcement != Verified {
		e.Enforcement = Exempted
	}
}

// showExempt shows with each session that an exemption is against why it has what it
// has, before what else is to be said of it.
func (c *Case) showExempt() {
	for i := range c.Sessions {
		e := &c.Sessions[i]
		why := "exempt: " + e.Exempt
		if e.Exempt == "" || e.Enforcement == Gone {
			continue
		}
		if e.DeferredBy == "" {
			e.DeferredBy = CheckExempt
		}
		if strings.HasPrefix(e.Reason, why) {
			continue
		}
		if e.Reason != "" {
			why += "; " + e.Reason
		}
		e.Reason = why
	}
}

// Spared reports whether nothing is wanted of the session because it is exempt, and
// nothing of ours is left there.
func (e *SessionEnforcement) Spared() bool { return e.Exempt != "" && e.Wanted == "" && !e.owes() }

// wanted is the profile that a case which restricts wants on a session. A profile
// whose time is over is not kept until a milder one can take its place: where that
// may not be sent, or did not succeed at once, the session is restored first.
func (c *Case) wanted(e *SessionEnforcement, in *Snapshot) string {
	if !c.lapsed(e) {
		if !c.SteppedAt.IsZero() && e.Wanted == "" && (e.verifying() || !e.AssertAt.IsZero()) {
			return "" // that it is restored is not certain yet
		}
		return c.Profile
	}
	tried := e.Wanted == "" || e.Wanted == c.Profile && (e.Attempts > 0 || e.Deferrals > 0)
	if tried || e.untouchable() || in.Deferred != nil && in.Deferred(&e.Session, c.Profile) {
		return ""
	}
	return c.Profile
}
