package churn

import (
	"cmp"
	"math/rand/v2"
	"slices"
)

// cluster is two instances of Cordon before one Redis.
type cluster struct {
	members  [2]*member
	crash    int64 // when Redis lost what it had stored since lostFrom; never: it did not
	lostFrom int64
	back     int64 // when it was there again
}

// member is one instance.
type member struct {
	name         string
	cut          []span // when it cannot reach Redis, by time
	unresponsive []span // when it answers no accounting, since it has been cut off alone for too long
	dies         int64  // with its spool; never: it does not
	forgotten    int64  // when a person declares it lost; never: nobody does
	phase        int64  // of its ticks
}

// span is from inclusively to exclusively, ms.
type span struct{ from, to int64 }

// How instances keep each other informed.
const (
	tickEvery = 500     // ms between what an instance says of its accounting
	aloneFor  = 300_000 // ms that an instance goes on answering accounting though it alone cannot reach Redis
)

// newCluster makes up what happens to the instances while addresses churn.
// Worst are moments right after something changed hands quickly: what is lost then
// leaves nothing that shows it.
func newCluster(rng *rand.Rand, lasts int64, kinds Fault, worst []int64) *cluster {
	within := func(lo, hi int64) int64 { return lo + rng.Int64N(hi-lo+1) }
	chance := func(percent int) bool { return rng.IntN(100) < percent }
	c := &cluster{crash: never, lostFrom: never, back: never}
	for i := range c.members {
		c.members[i] = &member{name: []string{"a", "b"}[i], dies: never, forgotten: never, phase: within(0, tickEvery-1)}
	}
	if kinds&Outages == 0 {
		return c
	}
	if len(worst) > 0 && chance(70) {
		from := worst[rng.IntN(len(worst))]
		c.crash, c.lostFrom = from, from-within(1_000, 2_000)
		c.back = c.outage(from, within(10_000, 240_000), within, chance)
	}
	for range within(1, 2) {
		c.outage(within(0, lasts), within(10_000, 240_000), within, chance)
	}
	if chance(60) {
		m := c.members[rng.IntN(2)]
		at := span{from: within(0, lasts)}
		at.to = at.from + within(10_000, 480_000)
		m.cut = append(m.cut, at)
	}
	for _, m := range c.members {
		m.cut = union(m.cut)
		for _, cut := range m.cut {
			if cut.to-cut.from > aloneFor {
				m.unresponsive = append(m.unresponsive, span{cut.from + aloneFor, cut.to})
			}
		}
	}
	if chance(60) {
		m := c.members[rng.IntN(2)]
		in := m.cut[rng.IntN(len(m.cut))]
		m.dies = within(in.from, in.to-1)
		if chance(70) {
			m.forgotten = m.dies + within(60_000, 1200_000)
		}
	}
	return c
}

// outage makes Redis unreachable for both, and for one longer than for the other.
// It returns when it is there again.
func (c *cluster) outage(from, lasts int64, within func(lo, hi int64) int64, chance func(int) bool) int64 {
	for _, m := range c.members {
		most := int64(1_000)
		if chance(50) {
			most = 30_000
		}
		m.cut = append(m.cut, span{from, from + lasts + within(0, most)})
	}
	return from + lasts
}

// union orders spans and makes those that overlap one.
func union(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from, b.from) })
	var all []span
	for _, s := range spans {
		if n := len(all); n > 0 && s.from <= all[n-1].to {
			all[n-1].to = max(all[n-1].to, s.to)
			continue
		}
		all = append(all, s)
	}
	return all
}

// within returns the span that a moment is in.
func within(spans []span, at int64) (span, bool) {
	for _, s := range spans {
		if s.from <= at && at < s.to {
			return s, true
		}
	}
	return span{}, false
}

// reaches reports whether the instance has Redis at a moment.
func (m *member) reaches(at int64) bool {
	_, cut := within(m.cut, at)
	return at < m.dies && !cut
}

// answers reports whether the instance answers accounting at a moment.
func (m *member) answers(at int64) bool {
	_, deaf := within(m.unresponsive, at)
	return at < m.dies && !deaf
}

// tick is when the instance last said, by a moment, how far it is; false: since
// it cannot.
func (m *member) tick(by int64) (int64, bool) {
	at := by - (by-m.phase)%tickEvery
	if at > by {
		at -= tickEvery
	}
	return at, m.reaches(at)
}
