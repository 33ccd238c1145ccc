package quarantine

import (
	"slices"
	"time"
)

// Verification is how it can be found out whether the network does what its BNG
// acknowledged.
type Verification string

// The ways to verify a change.
const (
	NoVerification     Verification = ""       // the acknowledgement is all there is
	VerifyByAccounting Verification = "record" // accounting of the session may show it
	VerifyByQuery      Verification = "ask"    // asking may show it: a query to the BNG, or the operator's own check
)

// ObservedAttribute is a RADIUS attribute by which accounting reported what is in force on a
// session, and when: a filter, a service, a profile. Unlike [Session.Attributes]
// it may name a restricted profile.
type ObservedAttribute struct {
	Attribute
	At time.Time `json:"at"`
}

// maxObserved bounds what of it a session keeps; the oldest gives way.
const maxObserved = 8

// recordObserved adds what a record reports of the profiles in force. A record of the
// session itself reports everything there is to report by its attributes' names; one
// of a service within the session reports that service only.
func (s *Session) recordObserved(ev *SessionEvent) {
	if len(ev.Observed) == 0 {
		return
	}
	kept := slices.DeleteFunc(slices.Clone(s.Observed), func(old ObservedAttribute) bool {
		return !old.At.After(ev.At) && slices.ContainsFunc(ev.Observed, func(a Attribute) bool {
			return a.Name == old.Name && (ev.Kind != ServiceSeen || a.Value == old.Value)
		})
	})
	for _, a := range ev.Observed {
		newer := slices.ContainsFunc(kept, func(k ObservedAttribute) bool { return k.Name == a.Name && k.At.After(ev.At) })
		if !newer && !slices.Contains(kept, ObservedAttribute{a, ev.At}) {
			kept = append(kept, ObservedAttribute{a, ev.At})
		}
	}
	slices.SortStableFunc(kept, func(a, b ObservedAttribute) int { return a.At.Compare(b.At) })
	s.Observed = kept[max(0, len(kept)-maxObserved):]
}

// ObservedSince returns what accounting reported at t or after it.
func (s *Session) ObservedSince(t time.Time) []ObservedAttribute {
	return slices.DeleteFunc(slices.Clone(s.Observed), func(reported ObservedAttribute) bool { return reported.At.Before(t) })
}

func (s *Session) lastObserved() time.Time {
	if len(s.Observed) == 0 {
		return time.Time{}
	}
	return s.Observed[len(s.Observed)-1].At
}

// acked notes that the BNG acknowledged a change, and whether it can be verified.
func (e *SessionEnforcement) acked(out Outcome, now time.Time) {
	e.ChangedAt, e.Verification, e.VerifyTries, e.VerifyAt = now, out.Verification, 0, time.Time{}
	if out.Verification == VerifyByQuery && (e.Wanted != "" || len(e.Given) > 0) {
		e.VerifyAt = now.Add(VerifyBackoff.First)
	}
}

// clearVerification forgets that anything is to be verified.
func (e *SessionEnforcement) clearVerification() {
	e.ChangedAt, e.Verification, e.VerifyTries, e.VerifyAt = time.Time{}, NoVerification, 0, time.Time{}
}

// observedMore reports whether the session as just read shows more than before about a
// change that stands acknowledged.
func (e *SessionEnforcement) observedMore(record *Session) bool {
	settled := e.Enforcement == Acked || e.Enforcement == Verified
	return settled && e.Verification != NoVerification && !e.ChangedAt.IsZero() && record.lastObserved().After(e.Session.lastObserved())
}

// verifying reports whether the case stays open for the verification of a release.
func (e *SessionEnforcement) verifying() bool {
	return e.Wanted == "" && len(e.Given) > 0 && !e.VerifyAt.IsZero()
}

// verificationOrder returns the order to find out whether what was acknowledged is in force,
// if it is time for that.
func (c *Case) verificationOrder(e *SessionEnforcement, now time.Time) (Order, bool) {
	if !c.State.Wants() && e.Wanted != "" || e.VerifyAt.IsZero() || now.Before(e.VerifyAt) {
		return Order{}, false
	}
	o := Order{Case: c.ID, Generation: c.Generation, Session: e.Session, Check: true, Since: e.ChangedAt}
	if e.Wanted == "" {
		o.From = slices.Clone(e.Given)
		return o, true
	}
	o.To = e.Wanted
	o.Undo, o.Prepared = e.undoOf(e.Wanted)
	return o, true
}

// observeVerification applies the outcome of a verification. What the network shows otherwise is
// done again.
func (e *SessionEnforcement) observeVerification(o *Order, out Outcome, now time.Time) {
	if e.Wanted != o.To || e.ChangedAt.IsZero() || !e.ChangedAt.Equal(o.Since) {
		return // it is about something else by now
	}
	e.UpdatedAt, e.VerifyAt = now, time.Time{}
	switch out.Kind {
	case OutcomeVerified:
		e.Enforcement, e.Reason = Verified, out.Reason
		e.VerifyTries = VerifyRestrictTries // no more asking; accounting may still say otherwise
	case OutcomeRefused:
		e.contradicted(o, out, now)
	default:
		e.verifyAgain(out, now)
	}
}

func (e *SessionEnforcement) contradicted(o *Order, out Outcome, now time.Time) {
	e.clearVerification()
	e.Enforcement, e.Reason, e.ErrorCause, e.Confirmed = Refused, out.Reason, 0, false
	if e.Wanted == "" {
		e.Applied = slices.Clone(o.From)
	}
	e.NextAt = e.retryAt(OutcomeRefused, actionFor(e.Wanted), now)
}

// verifyAgain sets the next time, if asking may still help.
func (e *SessionEnforcement) verifyAgain(out Outcome, now time.Time) {
	most := VerifyRestrictTries
	if e.Wanted == "" {
		most = VerifyRestoreTries
	}
	if e.VerifyTries++; e.Verification == VerifyByQuery && e.VerifyTries < most {
		e.VerifyAt = now.Add(VerifyBackoff.Delay(e.VerifyTries + 1))
	}
	if e.Enforcement == Acked && out.Reason != "" {
		e.Reason = out.Reason
	}
}
