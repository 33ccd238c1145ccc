package quarantine

import (
	"fmt"
	"slices"
	"time"
)

// Further evidence of a case that restricts or is held. A rule that asks for more
// than the case has is a new restriction: it must reach its threshold, is counted
// in the limits, and is held like one (ADR 25).

// further says what a verdict leads to that has joined a case which acts or is held.
func (r *Rulebook) further(v Verdict, rule *Rule, c *Case, s Situation, now time.Time) Decision {
	c.forgetRules(&r.Policy)
	if !c.reached(rule) && !c.demands(rule.Name) {
		c.record(now, "", fmt.Sprintf("one more verdict by %s, below the threshold of rule %s", v.Source, rule.Name))
		return Decision{Status: status(v, c, VerdictRecorded, "joined the open case; below the threshold of rule "+rule.Name), Case: c}
	}
	d := r.demand(&v, rule, now)
	switch {
	case c.State == CaseHeld:
		return r.joinHeld(v, d, c, s, now)
	case r.severity(d.Profile) > r.severity(c.Profile):
		return r.rise(v, d, c, s, now)
	case d.Mode < ModeEnforce:
		c.record(now, "", "one more verdict by "+v.Source)
		return Decision{Status: status(v, c, VerdictRecorded, "joined the open case; its own rule does not enforce"), Case: c}
	}
	if e, exempt := Exempt(r.Exemptions, c.Subscriber, v.IP, s.Sessions); exempt {
		c.record(now, "", "one more verdict by "+v.Source+"; exempt, so it changes nothing: "+e.Reason)
		return Decision{Status: status(v, c, VerdictRecorded, "joined the open case; exempt: "+e.Reason), Case: c}
	}
	r.prolong(c, d)
	c.record(now, "", "one more verdict by "+v.Source)
	return Decision{Status: status(v, c, VerdictActed, ""), Case: c}
}

// prolong lets a demand prolong the time of its own profile, and of no other.
func (r *Rulebook) prolong(c *Case, d Demand) {
	if d.Profile == c.Profile {
		c.ExpiresAt = later(c.ExpiresAt, d.Until)
		return
	}
	r.keepOther(c, d)
}

// joinHeld lets a demand join a held case: an approval does the severest thing that
// the evidence asks for, and what holds the case is weighed anew.
func (r *Rulebook) joinHeld(v Verdict, d Demand, c *Case, s Situation, now time.Time) Decision {
	text := "one more verdict by " + v.Source
	if r.severity(d.Profile) > r.severity(c.Profile) {
		before := c.InForce()
		before.Hold = nil // the case's own hold is for all of them
		c.adopt(&d)
		r.keepOther(c, before)
		text += "; to be approved now: " + d.String()
	} else {
		r.prolong(c, d)
	}
	if h := r.hold(c, &v, s, d.Mode); h != nil && (h.Kind == HoldExempt || h.Kind == HoldMaxSessions || h.Kind == c.Hold.Kind) {
		c.Hold = h
	}
	c.record(now, "", text)
	return Decision{Status: status(v, c, VerdictHeld, c.Hold.String()), Case: c}
}

// rise lets a case become more severe, within the limits; else the case goes on
// with what it has, and the rise is held for a person. While one is held, nothing
// further is tried: limits hold, they do not throttle.
func (r *Rulebook) rise(v Verdict, d Demand, c *Case, s Situation, now time.Time) Decision {
	if d.Hold = r.hold(c, &v, s, d.Mode); d.Hold == nil && c.Rise() != nil {
		d.Hold = c.Rise().Hold
	}
	if d.Hold != nil {
		r.keepOther(c, d)
		c.record(now, "", fmt.Sprintf("%s is held: %s", &d, d.Hold))
		return Decision{Status: status(v, c, VerdictHeld, fmt.Sprintf("joined the open case; %s is held: %s", d.Profile, d.Hold)), Case: c}
	}
	r.raise(c, d, now, "", fmt.Sprintf("rule %s asks for %s", d.Rule, d.Profile))
	reserve := r.Limits.Reserve(c, s.Sessions, false)
	return Decision{Status: status(v, c, VerdictActed, ""), Case: c, Reserve: &reserve}
}

// raise puts a demand in force that is more severe than the one in force, which
// goes on when it ends.
func (r *Rulebook) raise(c *Case, d Demand, now time.Time, by, why string) {
	before := c.InForce()
	before.Hold = nil
	c.forgetStep()
	c.adopt(&d)
	if before.Profile != d.Profile {
		r.keepOther(c, before)
	}
	c.want(d.Profile, now, by, why)
}

// clearOtherDemands lets the demands beside the one in force act because a person approved the
// case: those that are held, or all of them.
func (c *Case) clearOtherDemands(all bool) {
	c.OtherDemands = slices.Clone(c.OtherDemands)
	for i := range c.OtherDemands {
		if d := &c.OtherDemands[i]; all || d.Hold != nil {
			d.Hold, d.Cleared = nil, true
		}
	}
}

// approveRise puts the demand in force that waits for a person, for the whole time
// that its rule gives.
func (r *Rulebook) approveRise(c *Case, sessions []Session, by, reason string, now time.Time) *Reservation {
	rise := c.removeOther(slices.IndexFunc(c.OtherDemands, func(d Demand) bool { return d.Hold != nil }))
	c.AllSessions = c.AllSessions || rise.Hold.Kind == HoldMaxSessions
	if rule := r.rule(rise.Rule); rule != nil {
		rise.Until = later(rise.Until, now.Add(time.Duration(rule.For)))
	}
	rise.Hold, rise.Cleared = nil, true
	c.clearOtherDemands(false)
	r.raise(c, rise, now, by, fmt.Sprintf("approved %s: %s", &rise, reason))
	reserve := r.Limits.Reserve(c, sessions, true)
	return &reserve
}

// rejectRise drops the demands that wait for a person. Their evidence counts no
// more; newer evidence does.
func (c *Case) rejectRise(by, reason string, now time.Time) {
	for i := len(c.OtherDemands) - 1; i >= 0; i-- {
		if c.OtherDemands[i].Hold == nil {
			continue
		}
		d := c.removeOther(i)
		c.judgeRules(now, d.Rule)
		c.record(now, by, fmt.Sprintf("rejected %s: %s", &d, reason))
	}
}

// weakens says why a person's demand must not take the place of what the case has
// unasked: that is more severe, or goes on longer.
func (r *Rulebook) weakens(c *Case, d *Demand) *CommandError {
	if !c.State.Wants() && c.State != CaseHeld {
		return nil
	}
	has := c.InForce()
	const replace = `say "replace": true (cordon quarantine add --replace) if it shall take its place`
	switch severity := r.severity(has.Profile); {
	case severity > r.severity(d.Profile):
		return &CommandError{fmt.Sprintf("case %s has %s, which is more severe than %s; %s", c.ID, &has, d, replace)}
	case severity == r.severity(d.Profile) && has.Until.After(d.Until):
		return &CommandError{fmt.Sprintf("case %s has %s, which goes on longer than %s; "+
			"extend moves the expiry (cordon quarantine extend), or %s", c.ID, &has, d, replace)}
	}
	return nil
}

// applyManual gives the case a person's demand. What it had and what is less severe goes
// on after it, unless it was held or the person replaces it.
func (r *Rulebook) applyManual(c *Case, d *Demand, replace bool, now time.Time) {
	before, acted := c.InForce(), c.State.Wants()
	text := "quarantined by hand: " + d.Reason
	switch {
	case replace && (acted || c.State == CaseHeld):
		text = fmt.Sprintf("quarantined by hand: %s, in the place of %s: %s", d, &before, d.Reason)
		for _, t := range c.OtherDemands {
			text += "; dropped: " + t.String()
		}
		c.OtherDemands = nil
		c.Judge(now)
	case c.State == CaseHeld:
		text = fmt.Sprintf("quarantined by hand: %s, in the place of %s, which was held: %s", d, &before, d.Reason)
		c.OtherDemands = nil
	}
	c.forgetStep()
	c.adopt(d)
	if acted && !replace && before.Profile != d.Profile {
		r.keepOther(c, before)
	}
	c.Generation++
	if c.State != Waiting {
		c.move(Restricting, now, d.Source, text)
		return
	}
	c.record(now, d.Source, text)
}

// Since says what has become of a verdict that was held, now that its case acts: what
// it asks for may be held still, while the case goes on with what is milder.
func (r *Rulebook) Since(v *Verdict, c *Case) (VerdictState, string) {
	rule, ok := r.Policy.Match(v)
	if !ok {
		return VerdictActed, ""
	}
	for _, d := range c.OtherDemands {
		if d.Hold != nil && d.Profile == rule.Profile {
			return VerdictHeld, fmt.Sprintf("joined the open case; %s is held: %s", d.Profile, d.Hold)
		}
	}
	if c.Profile != rule.Profile && c.isJudged(rule.Name, v.ObservedAt) {
		return VerdictRecorded, "joined the open case; a person decided against " + rule.Profile
	}
	return VerdictActed, ""
}
