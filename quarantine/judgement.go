package quarantine

import (
	"slices"
	"time"
)

// CountsAgainst reports whether the case counts against its subscriber wherever
// earlier cases or their evidence do: for a threshold, or as a repeat. One that a
// person closed as false_positive or wrong_line never does.
func (c *Case) CountsAgainst() bool {
	return c.Release == nil || c.Release.Code != ReleaseFalsePositive && c.Release.Code != ReleaseWrongLine
}

// judgeRules makes evidence of the named rules that was observed up to a moment count
// no more: a person has judged it.
func (c *Case) judgeRules(until time.Time, rules ...string) {
	c.Tallies = slices.Clone(c.Tallies)
	for _, name := range rules {
		t := c.tally(name)
		if t == nil {
			c.Tallies = append(c.Tallies, Tally{Rule: name})
			t = &c.Tallies[len(c.Tallies)-1]
		}
		*t = Tally{Rule: name, After: later(t.After, until)}
	}
}

// Judge makes all evidence of the case that was observed up to a moment count no
// more, whatever its rule: a person has decided since.
func (c *Case) Judge(until time.Time) {
	c.JudgedAt = later(c.JudgedAt, until)
	c.Tallies = slices.Clone(c.Tallies)
	for i := range c.Tallies {
		t := &c.Tallies[i]
		t.Marks = slices.DeleteFunc(slices.Clone(t.Marks), func(m mark) bool { return m.at <= until.UnixNano() })
	}
}

// isJudged reports whether evidence of the rule that was observed then counts no
// more.
func (c *Case) isJudged(rule string, observed time.Time) bool {
	t := c.tally(rule)
	return !observed.After(c.JudgedAt) || t != nil && !observed.After(t.After)
}
