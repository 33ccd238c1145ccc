package quarantine

import (
	"fmt"
	"slices"
	"time"
)

// Demand is what one rule, or a person, wants of a case: a profile until some
// time. The severest one that nothing holds is in force; the case's own Profile,
// Rule, Mode, Reason, Source, Cleared and ExpiresAt are its.
type Demand struct {
	Profile string    `json:"profile"`
	Rule    string    `json:"rule,omitempty"` // empty: a person's decision
	Mode    Mode      `json:"mode"`
	Reason  string    `json:"reason"`
	Source  string    `json:"source"`
	Until   time.Time `json:"until"`
	Cleared bool      `json:"cleared,omitempty"` // a person decided that it acts
	Hold    *Hold     `json:"hold,omitempty"`    // what keeps it from acting; nil: nothing
}

// String names the profile, whose demand it is and when it ends.
func (d *Demand) String() string {
	by := "rule " + d.Rule
	if d.Rule == "" {
		by = d.Source
	}
	return fmt.Sprintf("%s (%s) until %s", d.Profile, by, d.Until.UTC().Format(time.RFC3339))
}

// demand is what the rule wants because of the verdict.
func (r *Rulebook) demand(v *Verdict, rule *Rule, now time.Time) Demand {
	return Demand{
		Profile: rule.Profile, Rule: rule.Name, Mode: r.Policy.EffectiveMode(rule), Source: v.Source,
		Reason: fmt.Sprintf("%s reported by %s", v.Category, v.Source), Until: now.Add(time.Duration(rule.For)),
	}
}

// InForce is the case's own demand: the one in force, or of a held case the one
// that an approval puts in force.
func (c *Case) InForce() Demand {
	return Demand{c.Profile, c.Rule, c.Mode, c.Reason, c.Source, c.ExpiresAt, c.Cleared, c.Hold}
}

// adopt makes a demand the case's own.
func (c *Case) adopt(d *Demand) {
	c.Profile, c.Rule, c.Mode, c.Reason, c.Source = d.Profile, d.Rule, d.Mode, d.Reason, d.Source
	c.ExpiresAt, c.Cleared = d.Until, d.Cleared
}

// Rise is the severest demand that is held while the case acts by a milder one: a
// person who approves the case puts it in force. Nil: none waits.
func (c *Case) Rise() *Demand {
	if !c.State.Wants() {
		return nil
	}
	i := slices.IndexFunc(c.OtherDemands, func(d Demand) bool { return d.Hold != nil })
	if i < 0 {
		return nil
	}
	return &c.OtherDemands[i]
}

// Then lists what goes on, one after the other, when the demand in force ends.
func (c *Case) Then() []Demand {
	var then []Demand
	end := c.ExpiresAt
	for _, d := range c.OtherDemands {
		if d.Hold == nil && d.Until.After(end) {
			then, end = append(then, d), d.Until
		}
	}
	return then
}

func (r *Rulebook) severity(profile string) int { return r.Profiles[profile].Severity }

// keepOther keeps a demand beside the one in force: for later, if it is milder, or for a
// person. One for a profile that is filed already only prolongs that.
func (r *Rulebook) keepOther(c *Case, d Demand) {
	c.OtherDemands = slices.Clone(c.OtherDemands)
	same := slices.IndexFunc(c.OtherDemands, func(o Demand) bool { return o.Profile == d.Profile && (o.Hold == nil) == (d.Hold == nil) })
	if same >= 0 {
		c.OtherDemands[same].Until = later(c.OtherDemands[same].Until, d.Until)
		return
	}
	at := slices.IndexFunc(c.OtherDemands, func(o Demand) bool { return r.severity(o.Profile) < r.severity(d.Profile) })
	if at < 0 {
		at = len(c.OtherDemands)
	}
	c.OtherDemands = slices.Insert(c.OtherDemands, at, d)
}

// removeOther removes a demand from those beside the one in force and returns it.
func (c *Case) removeOther(i int) Demand {
	d := c.OtherDemands[i]
	c.OtherDemands = slices.Delete(slices.Clone(c.OtherDemands), i, i+1)
	return d
}

// demands reports whether the case has a demand of the rule, in force or not.
func (c *Case) demands(rule string) bool {
	return c.Rule == rule || slices.ContainsFunc(c.OtherDemands, func(d Demand) bool { return d.Rule == rule })
}

// expireDemands drops the demands whose time is over; the case ends with the last of them.
func (c *Case) expireDemands(now time.Time) {
	for i := len(c.OtherDemands) - 1; i >= 0; i-- {
		if now.Before(c.OtherDemands[i].Until) {
			continue
		}
		if d := c.removeOther(i); d.Hold != nil {
			c.record(now, "", fmt.Sprintf("nobody approved %s: %s", d.Profile, d.Hold))
		}
	}
	if c.expired(now) && !c.stepDown(now) {
		c.release(now, "", "expired")
	}
}

// stepDown ends the demand in force, whose time is over, where another goes on: a
// milder one, or if there is none, one that waits for a person. False: nothing does.
func (c *Case) stepDown(now time.Time) bool {
	if len(c.OtherDemands) == 0 {
		return false
	}
	next := max(0, slices.IndexFunc(c.OtherDemands, func(d Demand) bool { return d.Hold == nil }))
	ended, d := c.Profile, c.removeOther(next)
	c.SteppedAt = c.ExpiresAt
	c.adopt(&d)
	c.Generation++
	why := fmt.Sprintf("%s ended; %s goes on", ended, &d)
	if d.Hold != nil {
		c.Hold = d.Hold
	}
	switch {
	case d.Hold != nil && c.State.Wants():
		c.move(CaseHeld, now, "", fmt.Sprintf("%s ended; %s is held: %s", ended, &d, d.Hold))
	case c.State == Restricted:
		c.move(Restricting, now, "", why)
	default:
		c.record(now, "", why)
	}
	return true
}

// forgetStep forgets that the case stepped down, unless something is left somewhere whose time
// is over: whatever is wanted next does not prolong that.
func (c *Case) forgetStep() {
	if !slices.ContainsFunc(c.Sessions, func(e SessionEnforcement) bool { return c.lapsed(&e) }) {
		c.SteppedAt = time.Time{}
	}
}

// lapsed reports whether the session may still have a profile in force whose time
// is over, while the case goes on with another.
func (c *Case) lapsed(e *SessionEnforcement) bool {
	return !c.SteppedAt.IsZero() && e.Enforcement != Gone && slices.ContainsFunc(e.Applied, func(a AppliedProfile) bool {
		return a.Profile != c.Profile &&
			!slices.ContainsFunc(c.OtherDemands, func(d Demand) bool { return d.Hold == nil && d.Profile == a.Profile })
	})
}
