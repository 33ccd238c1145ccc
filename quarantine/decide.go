package quarantine

import (
	"fmt"
	"slices"
	"time"
)

// Rulebook is everything that decisions are made by.
type Rulebook struct {
	Policy      Policy
	Limits      Limits
	Exemptions  []Exemption
	Profiles    map[string]Profile
	MaxSessions int           // live sessions a subscriber may have and still be restricted unasked
	MaxAge      time.Duration // oldest event that may still act, judged when deciding
}

// Situation is what is known about a subscriber when a verdict is decided.
type Situation struct {
	Dossier  Dossier
	Sessions []Session // live ones
	// Full is set when the decision is made again because a limit refused it.
	Full *LimitError
}

// Decision is what a verdict leads to. Nothing of it has happened yet.
type Decision struct {
	Status  VerdictStatus
	Case    *Case        // to be written, nil if nothing of a case changes
	Reserve *Reservation // to be counted with it
}

// Decide says what an attributed verdict leads to. caseID names a new case, if
// one is opened.
func (r *Rulebook) Decide(v Verdict, subscriber string, s Situation, caseID string, now time.Time) Decision {
	rule, reason := r.admit(&v, s.Dossier.Released, now)
	if reason != "" {
		return recorded(v, subscriber, reason)
	}
	if open := s.Dossier.Case; open != nil {
		return r.joinCase(v, rule, open.Clone(), s, now)
	}
	return r.openCase(v, rule, subscriber, s, caseID, now)
}

// admit returns the rule that a verdict acts by, or why it only is recorded.
func (r *Rulebook) admit(v *Verdict, released *PersonRelease, now time.Time) (*Rule, string) {
	if r.Policy.Mode == ModeOff {
		return nil, "off"
	}
	rule, ok := r.Policy.Match(v)
	if !ok {
		return nil, "no rule matches"
	}
	switch mode := r.Policy.EffectiveMode(rule); {
	case mode <= ModeShadow:
		return nil, mode.String()
	case now.Sub(v.ObservedAt) > r.MaxAge:
		return nil, "too old by the time it could be decided"
	case released != nil && !v.ObservedAt.After(released.At):
		return nil, fmt.Sprintf("observed before %s released case %s", released.By, released.Case)
	}
	return rule, ""
}

func (r *Rulebook) joinCase(v Verdict, rule *Rule, c *Case, s Situation, now time.Time) Decision {
	if c.HasVerdict(v.ID) {
		return Decision{Status: status(v, c, c.verdictState(), "")}
	}
	if c.State.Wants() && c.expired(now) {
		c.endUnseen(now)
	}
	if c.isJudged(rule.Name, v.ObservedAt) {
		return Decision{Status: status(v, c, VerdictRecorded, "observed before a person decided about the case")}
	}
	if c.State == Releasing {
		c.reopen(now, "", "evidence since: "+v.Category+" reported by "+v.Source)
		c.join(&v, rule)
		return r.weigh(v, rule, c, s, now)
	}
	c.join(&v, rule)
	if c.State == Observing {
		return r.weigh(v, rule, c, s, now)
	}
	return r.further(v, rule, c, s, now)
}

func (r *Rulebook) openCase(v Verdict, rule *Rule, subscriber string, s Situation, caseID string, now time.Time) Decision {
	c := &Case{ID: caseID, Subscriber: subscriber, OpenedAt: now, Source: v.Source}
	c.join(&v, rule)
	return r.weigh(v, rule, c, s, now)
}

// weigh lets a case act, holds it, or goes on observing. c is new or observing
// and already has the verdict.
func (r *Rulebook) weigh(v Verdict, rule *Rule, c *Case, s Situation, now time.Time) Decision {
	d := r.demand(&v, rule, now)
	if !c.reached(rule) {
		c.waitFor(rule, now)
		if d.Until = c.ExpiresAt; c.State == "" || c.State == Releasing || r.severity(d.Profile) > r.severity(c.Profile) {
			c.adopt(&d)
		}
		c.move(Observing, now, "", "below the threshold of rule "+rule.Name)
		return Decision{Status: status(v, c, VerdictRecorded, "below the threshold of rule "+rule.Name), Case: c}
	}
	c.adopt(&d)
	c.Generation++
	if s.Full.holds() {
		return recorded(v, c.Subscriber, "not held for a person: "+s.Full.Reason())
	}
	if c.Hold = r.hold(c, &v, s, c.Mode); c.Hold != nil {
		c.move(CaseHeld, now, "", "held: "+c.Hold.String())
		reserve := heldReservation(c)
		return Decision{Status: status(v, c, VerdictHeld, c.Hold.String()), Case: c, Reserve: &reserve}
	}
	c.move(Restricting, now, "", fmt.Sprintf("rule %s: %s, %s", rule.Name, c.Reason, rule.Profile))
	reserve := r.Limits.Reserve(c, s.Sessions, false)
	return Decision{Status: status(v, c, VerdictActed, ""), Case: c, Reserve: &reserve}
}

// hold says what keeps a case, or what a rule of that mode asks of it, from acting.
// Limits are counted when the case is written; one that refused it comes back as
// s.Full.
func (r *Rulebook) hold(c *Case, v *Verdict, s Situation, mode Mode) *Hold {
	if e, ok := Exempt(r.Exemptions, c.Subscriber, v.IP, s.Sessions); ok {
		return &Hold{HoldExempt, e.Reason}
	}
	// Before the mode: whoever approves shall know how many lines he restricts.
	if n := Lines(touchable(s.Sessions)); n > r.MaxSessions && !c.AllSessions {
		return &Hold{HoldMaxSessions, tooManyLines(n, r.MaxSessions)}
	}
	if mode < ModeEnforce {
		return &Hold{HoldMode, mode.String()}
	}
	if s.Full != nil {
		return &Hold{HoldLimit, s.Full.Reason()}
	}
	return nil
}

func tooManyLines(n, most int) string {
	return fmt.Sprintf("%d live sessions, %d are allowed", n, most)
}

func recorded(v Verdict, subscriber, reason string) Decision {
	return Decision{Status: VerdictStatus{Verdict: v, State: VerdictRecorded, Reason: reason, Attributed: subscriber, Final: true}}
}

func status(v Verdict, c *Case, state VerdictState, reason string) VerdictStatus {
	return VerdictStatus{Verdict: v, State: state, Reason: reason, Case: c.ID, Attributed: c.Subscriber, Final: true}
}

// verdictState is what a case in this state means for the verdicts it rests on.
func (c *Case) verdictState() VerdictState {
	switch c.State {
	case CaseHeld:
		return VerdictHeld
	case Observing:
		return VerdictRecorded
	}
	return VerdictActed
}

// ModeDefers says why the modes, which may be others than when the case was opened, keep
// it from acting; empty if they do not. What a person decided acts in every mode but off.
func (r *Rulebook) ModeDefers(c *Case) (reason string) {
	mode := r.Policy.Mode
	if rule := r.rule(c.Rule); rule != nil && mode != ModeOff && !c.Cleared {
		mode = r.Policy.EffectiveMode(rule)
	}
	if mode == ModeOff || mode == ModeShadow && !c.Cleared {
		return "the mode is " + mode.String() + " now"
	}
	return ""
}

// touchable leaves out sessions that have ended, may have, or are never touched.
func touchable(sessions []Session) []Session {
	return slices.DeleteFunc(slices.Clone(sessions), func(s Session) bool { return !s.Live() || s.Ignored || s.Suspect })
}

// want changes the profile that the case wants.
func (c *Case) want(profile string, now time.Time, by, why string) {
	c.Profile = profile
	c.Generation++
	if c.State == Restricted || c.State == CaseHeld {
		c.move(Restricting, now, by, why)
		return
	}
	c.record(now, by, why)
}
