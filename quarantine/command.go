package quarantine

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Human commands. Each changes a case that was just read and returns a
// *CommandError if the case does not allow it; nothing is changed then.

// CommandError says why a person's command cannot be done.
type CommandError struct{ Reason string }

func (e *CommandError) Error() string { return e.Reason }

// ManualQuarantine is a person's decision to quarantine a subscriber by hand.
type ManualQuarantine struct {
	Subscriber string
	Profile    string
	Reason     string
	For        time.Duration
	By         string
	Override   bool // although exempt
	// AllSessions: although the subscriber has more than MaxSessions lines. Whoever
	// names an address or a session means one of them, and whoever names the
	// subscriber may not know.
	AllSessions bool
	// Replace: although the open case has a more severe profile, or one that goes on
	// longer.
	Replace bool
}

// SharedNameError says that a person would restrict more lines than he may
// know of.
type SharedNameError struct {
	Subscriber string
	Lines      int // live ones
	Max        int // MaxSessions
}

func (e *SharedNameError) Error() string {
	return fmt.Sprintf("%s has %d lines, and attribution.max_sessions is %d: all of them would be restricted; "+
		`if that is meant, say "all_sessions": true (cordon quarantine add --all-sessions)`, e.Subscriber, e.Lines, e.Max)
}

// Quarantine opens a case, or turns the open one to the person's decision: a
// person's decision wins over rules and lifts any hold. It is counted and never
// held; where the open case restricts already and no milder, as the further lines
// that it now means. It takes the place of a more severe or longer demand only if
// it says so; a milder one goes on when it ends. Errors: *CommandError,
// *SharedNameError.
func (r *Rulebook) Quarantine(w ManualQuarantine, s Situation, caseID string, now time.Time) (*Case, *Reservation, error) {
	if r.Policy.Mode == ModeOff {
		return nil, nil, &CommandError{"the overall mode is off: nothing is restricted"}
	}
	if e, ok := Exempt(r.Exemptions, w.Subscriber, netip.Addr{}, s.Sessions); ok && !w.Override {
		return nil, nil, &CommandError{fmt.Sprintf(`%s is exempt (%s); say "override": true (cordon quarantine add --override) `+
			"to do it all the same", w.Subscriber, e.Reason)}
	}
	if n := Lines(touchable(s.Sessions)); n > r.MaxSessions && !w.AllSessions {
		return nil, nil, &SharedNameError{w.Subscriber, n, r.MaxSessions}
	}
	c := s.Dossier.Case
	if c == nil {
		c = &Case{ID: caseID, Subscriber: w.Subscriber, OpenedAt: now, Mode: r.Policy.Mode}
	} else if c = c.Clone(); c.State == Releasing {
		c.reopen(now, w.By, "quarantined by hand while it was being released")
	}
	d := Demand{Profile: w.Profile, Mode: c.Mode, Reason: w.Reason, Source: w.By, Until: now.Add(w.For), Cleared: true}
	if refused := r.weakens(c, &d); refused != nil && !w.Replace {
		return nil, nil, refused
	}
	newly := !c.State.Wants() || r.severity(d.Profile) > r.severity(c.Profile)
	c.Hold, c.AllSessions, c.Relogins = nil, w.AllSessions, nil
	r.applyManual(c, &d, w.Replace, now)
	if !newly {
		return c, r.Limits.Widen(c, s.Sessions), nil
	}
	reserve := r.Limits.Reserve(c, s.Sessions, true)
	return c, &reserve, nil
}

// Approve lifts a hold: the case acts, or acts by what of it is held (see
// [Case.Rise]), and is counted without being asked. It is held anew if the
// subscriber has more lines than are allowed and the hold did not say so.
func (r *Rulebook) Approve(c *Case, sessions []Session, by, reason string, now time.Time) (*Reservation, error) {
	if c.State != CaseHeld && c.Rise() == nil {
		return nil, notIn(c, "approved", "held")
	}
	if r.Policy.Mode == ModeOff {
		return nil, &CommandError{"the overall mode is off: nothing is restricted"}
	}
	if c.State != CaseHeld {
		return r.approveRise(c, sessions, by, reason, now), nil
	}
	if rule := r.rule(c.Rule); rule != nil {
		c.ExpiresAt = later(c.ExpiresAt, now.Add(time.Duration(rule.For)))
	}
	c.AllSessions = c.AllSessions || c.Hold != nil && c.Hold.Kind == HoldMaxSessions
	c.Hold, c.Cleared, c.Relogins = nil, true, nil
	c.clearOtherDemands(true)
	c.Generation++
	c.move(Restricting, now, by, "approved: "+reason)
	reserve := r.Limits.Reserve(c, sessions, true)
	return &reserve, nil
}

func (r *Rulebook) rule(name string) *Rule {
	i := slices.IndexFunc(r.Policy.Rules, func(rule Rule) bool { return rule.Name == name })
	if i < 0 {
		return nil
	}
	return &r.Policy.Rules[i]
}

// Reject ends a held case as a person's release does; a case that restricts goes on
// without what of it is held.
func (c *Case) Reject(by, reason string, given, now time.Time) error {
	if c.Rise() != nil {
		c.rejectRise(by, reason, given)
		return nil
	}
	if c.State != CaseHeld {
		return notIn(c, "rejected", "held")
	}
	return c.ReleaseBy(by, reason, "", given, now)
}

// ReleaseBy ends the case by a person's decision, which may have waited for the store
// since it was given. It passes every limit. A case that is being released already, or
// was closed after the decision was given, is judged by it all the same: evidence
// observed up to then opens nothing.
func (c *Case) ReleaseBy(by, reason string, code ReleaseCode, given, now time.Time) error {
	release := &PersonRelease{Case: c.ID, At: given, By: by, Reason: reason, Code: code}
	switch {
	case c.State == Releasing, c.State == Closed && given.Before(c.ClosedAt):
		if c.Release == nil || given.After(c.Release.At) { // else the journal gives it to us again
			c.Release = release
			c.record(now, by, "released, as it was already: "+reason)
		}
		return nil
	case c.State == Closed:
		return notIn(c, "released", "open")
	}
	c.Release = release
	c.release(now, by, "released: "+reason)
	return nil
}

// Extend moves the expiry to now+d. It may be sooner than before; then the case ends,
// with whatever else would have gone on.
func (c *Case) Extend(by, reason string, d time.Duration, now time.Time) error {
	if c.State == Closed || c.State == Releasing {
		return notIn(c, "extended", "open")
	}
	end := now.Add(d)
	if end.Before(c.ExpiresAt) {
		c.OtherDemands = slices.Clone(c.OtherDemands)
		for i := range c.OtherDemands {
			c.OtherDemands[i].Until = earliest(c.OtherDemands[i].Until, end)
		}
	}
	c.ExpiresAt = end
	c.record(now, by, fmt.Sprintf("expires %s: %s", c.ExpiresAt.UTC().Format(time.RFC3339), reason))
	return nil
}

// AddNote adds a person's remark.
func (c *Case) AddNote(by, text string, now time.Time) {
	n := Note{At: now, By: by, Text: text}
	if slices.Contains(c.Notes, n) {
		return // the same command, replayed by the journal
	}
	c.Notes = keepLast(append(c.Notes, n), maxCaseNotes)
}

// release starts to restore what the subscriber should have, or closes the
// case if no BNG shows anything of it.
func (c *Case) release(now time.Time, by, why string) {
	c.Generation++
	c.Hold, c.OtherDemands, c.SteppedAt = nil, nil, time.Time{}
	next := Closed
	if (c.State != Observing || !c.ReleasedAt.IsZero()) && c.unmatched(time.Time{}) {
		next = Releasing // a session of which the case does not know may have begun restricted
	}
	for i := range c.Sessions {
		e := &c.Sessions[i]
		if e.Enforcement == Gone {
			continue
		}
		e.aim("", now)
		if e.owes() {
			next = Releasing
		}
	}
	c.move(next, now, by, why)
}

func notIn(c *Case, done, state string) error {
	return &CommandError{fmt.Sprintf("case %s is %s; only a case that is %s can be %s", c.ID, c.State, state, done)}
}
