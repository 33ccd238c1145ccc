package quarantine

import (
	"math"
	"slices"
	"time"
)

// Bounds of a threshold. What a case keeps of its evidence grows with them, and
// each write of the case writes it.
const (
	MaxThreshold        = 1000 // verdicts that a count or a sum may take
	MaxThresholdSources = 100
)

// LeastConfidence is the smallest confidence that counts towards a sum; one below
// it counts as 0. It bounds how many verdicts a sum may take.
const LeastConfidence = 0.01

// shortestObservation is how long a case below the threshold waits for more
// evidence at least.
const shortestObservation = time.Hour

// Tally is what a case has counted for one rule that asks for more than one
// verdict. Rules do not share it: the evidence of one neither pushes out nor
// replaces that of another.
//
// It keeps no more than can still decide whether the threshold is reached: the
// newest verdicts up to the count, the newest that together make the sum, and the
// newest of as many sources as are asked for. Newer evidence only makes more of
// it superfluous, so whether the threshold is reached is exact.
type Tally struct {
	Rule    string    `json:"rule"`
	Until   time.Time `json:"until,omitzero"`    // how long a case below the threshold waits for more
	After   time.Time `json:"after,omitzero"`    // evidence observed up to then does not count: a person judged it
	Sources []string  `json:"sources,omitempty"` // that marks refer to
	Marks   marks     `json:"marks,omitempty"`   // oldest first
}

// single reports whether one verdict is enough, so that nothing need be counted.
func (t *Threshold) single() bool { return t.Count <= 1 && t.Sources <= 1 && t.Sum <= 0 }

// partsPerMillion makes confidences whole numbers, so that a sum is exact at its
// boundary: three times 0.7 is 2.1.
func partsPerMillion(confidence float64) int64 { return int64(math.Round(confidence * 1e6)) }

// tally returns what was counted for the rule; nil if nothing was.
func (c *Case) tally(rule string) *Tally {
	i := slices.IndexFunc(c.Tallies, func(t Tally) bool { return t.Rule == rule })
	if i < 0 {
		return nil
	}
	return &c.Tallies[i]
}

// tallyOf is tally, after beginning one if there is none. A case that was saved
// before cases had tallies has its evidence in Verdicts alone.
func (c *Case) tallyOf(rule *Rule) *Tally {
	if t := c.tally(rule.Name); t != nil {
		return t
	}
	c.Tallies = append(slices.Clone(c.Tallies), Tally{Rule: rule.Name})
	t := &c.Tallies[len(c.Tallies)-1]
	for _, v := range c.Verdicts {
		if v.Rule == rule.Name && !rule.Threshold.single() && v.ObservedAt.After(c.JudgedAt) {
			t.count(&v, &rule.Threshold)
		}
	}
	return t
}

// count adds a verdict, unless it is there, and drops what cannot matter any more.
func (t *Tally) count(v *CaseVerdict, threshold *Threshold) {
	m := mark{at: v.ObservedAt.UnixNano(), id: digestOf(v.ID)}
	if !v.ObservedAt.After(t.After) || t.has(m.id) {
		return
	}
	if c := v.Confidence; c != nil && *c >= LeastConfidence && threshold.Sum > 0 {
		m.confidence = partsPerMillion(*c)
	}
	names := t.names()
	if threshold.Sources > 1 {
		names[m.id] = v.Source
	}
	at, _ := slices.BinarySearchFunc(t.Marks, m, func(a, b mark) int { return a.compare(b) })
	t.prune(slices.Insert(slices.Clone(t.Marks), at, m), names, threshold)
}

// names says which source each mark is of, where that is kept.
func (t *Tally) names() map[digest]string {
	names := make(map[digest]string, len(t.Marks))
	for _, m := range t.Marks {
		if m.source > 0 && m.source <= len(t.Sources) {
			names[m.id] = t.Sources[m.source-1]
		}
	}
	return names
}

// prune keeps of marks, oldest first, what may still decide.
func (t *Tally) prune(all marks, names map[digest]string, threshold *Threshold) {
	var kept marks
	var sources []string
	sum, newest := int64(0), all[len(all)-1].at
	for i := len(all) - 1; i >= 0; i-- {
		m := all[i]
		if within := threshold.Within; within > 0 && newest-m.at > int64(within) {
			break
		}
		name := names[m.id]
		first := name != "" && len(sources) < threshold.Sources && !slices.Contains(sources, name)
		if len(all)-i > max(1, threshold.Count) && !first && (sum >= partsPerMillion(threshold.Sum) || m.confidence == 0) {
			continue
		}
		sum += m.confidence
		if m.source = 0; first {
			sources = append(sources, name)
			m.source = len(sources)
		}
		kept = append(kept, m)
	}
	slices.Reverse(kept)
	t.Marks, t.Sources = kept, sources
}

// has reports whether the verdict of that digest is counted.
func (t *Tally) has(id digest) bool {
	return slices.ContainsFunc(t.Marks, func(m mark) bool { return m.id == id })
}

// reached reports whether what was counted is enough. What is older than the
// window was dropped.
func (t *Tally) reached(threshold *Threshold) bool {
	sum, sources := int64(0), 0
	for _, m := range t.Marks {
		sum += m.confidence
		sources += min(m.source, 1) // only the newest of each source refers to it
	}
	return len(t.Marks) >= max(1, threshold.Count) && sum >= partsPerMillion(threshold.Sum) &&
		(threshold.Sources <= 1 || sources >= threshold.Sources) // any verdict is of one source
}

// reached reports whether the rule's evidence in the case is enough for it to act.
func (c *Case) reached(rule *Rule) bool {
	return rule.Threshold.single() || c.tallyOf(rule).reached(&rule.Threshold)
}

// waitFor makes an observing case wait for more evidence of the rule, and no
// shorter for that of others.
func (c *Case) waitFor(rule *Rule, now time.Time) {
	t := c.tallyOf(rule)
	t.Until = later(t.Until, now.Add(max(time.Duration(rule.Threshold.Within), shortestObservation)))
	c.ExpiresAt = later(c.ExpiresAt, t.Until)
}

// forgetRules drops what was counted for rules that are no longer in force.
func (c *Case) forgetRules(policy *Policy) {
	gone := func(t Tally) bool {
		return !slices.ContainsFunc(policy.Rules, func(r Rule) bool { return r.Name == t.Rule })
	}
	if slices.ContainsFunc(c.Tallies, gone) {
		c.Tallies = slices.DeleteFunc(slices.Clone(c.Tallies), gone)
	}
}
