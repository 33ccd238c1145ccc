package quarantine

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Gap is a span of time of which records that were acknowledged may be missing in
// the store: it failed over, and the new master had not everything; or it crashed,
// and its disk had not everything; or an instance answered them and is silent or
// lost. Nobody sends those records again. So a lost Start, Stop or Interim about a moment
// within it may have changed who holds an address, then and until a later
// record reports.
type Gap struct {
	From time.Time // the earliest moment of which a record may be lost
	To   time.Time // records about later moments are kept
	// Instance names the instance that answered the records and is silent or lost;
	// empty: the store failed over or crashed.
	Instance string
}

// How far a gap reaches beyond what was noticed of a failover or a restart.
const (
	// LostBefore is how long a master that was cut off from its replicas may
	// have gone on acknowledging writes. Redis' min-replicas-max-lag keeps it
	// below that.
	LostBefore = 60 * time.Second
	// NoticedWithin is how much later the last instance notices a failover than
	// the first, and writes to the old master until then; also how far clocks
	// may differ.
	NoticedWithin = 15 * time.Second
	// ClocksDiffer is how far the clock of a BNG, which dates its records, may be
	// ahead of the clock that dates the store's last answer.
	ClocksDiffer = 2 * time.Second
)

// FailoverGap is the gap that a failover leaves: the old master was last known
// to be in charge at confirmed, the new one was met at noticed.
func FailoverGap(confirmed, noticed time.Time) Gap {
	if noticed.Before(confirmed) {
		confirmed = noticed
	}
	return Gap{From: confirmed.Add(-LostBefore), To: noticed.Add(NoticedWithin)}
}

// RestartGap is the gap that the restart of a store leaves which may not have
// had on disk what it acknowledged last: what was confirmed at confirmed came
// back with it, and its former process gave its last answer at answered.
func RestartGap(confirmed, answered time.Time) Gap {
	if answered.Before(confirmed) {
		answered = confirmed // it was alive then
	}
	return Gap{From: confirmed.Add(-LostBefore), To: answered.Add(ClocksDiffer)}
}

// AddGap returns gaps with one more, in order, those that overlap made one and
// those that ended before forget left out. It does not change what it is given.
func AddGap(gaps []Gap, g Gap, forget time.Time) []Gap {
	all := append(slices.Clone(gaps), g)
	slices.SortFunc(all, func(a, b Gap) int { return cmp.Or(a.From.Compare(b.From), a.To.Compare(b.To)) })
	var merged []Gap
	for _, g := range all {
		last := len(merged) - 1
		switch {
		case g.To.Before(forget):
		case last >= 0 && !g.From.After(merged[last].To):
			if g.To.After(merged[last].To) {
				merged[last].To = g.To
			}
		default:
			merged = append(merged, g)
		}
	}
	return merged
}

// Continuity reports where the store's memory has gaps.
type Continuity interface {
	// Gaps lists them. The answer knows of every failover and restart that this instance's
	// earlier calls can have met, so it is to be asked after reading what shall be
	// judged by it, and before other instances learn how far this one's
	// accounting is stored. Ask at least every second: what an instance has confirmed last
	// is where the next gap begins. An error means that nothing may be judged.
	Gaps(ctx context.Context) ([]Gap, error)
}

// doubts reports whether records lost in the gap could show that somebody else
// held b's address at some instant of [from, to]. They could not if that is over
// before the gap, or if b was there before and a record after the gap, or after
// to, still lists it: that its session stands says nothing of an address or a port
// block that may have been released and given to another in the gap. An address
// that came in mid-session may have gone in mid-session, and come back, and so may all
// that came within the gap. Of a session whose beginning may be lost nothing is known
// before its first record.
func (g Gap) doubts(b Binding, from, to time.Time) bool {
	reported, within := b.reportedSince(), from.Before(g.To)
	switch {
	case to.Before(g.From):
		return false
	case within && (b.Inferred || reported.After(g.From)):
		return true
	case !within && reported.After(from) && b.From.Before(g.To):
		return true
	}
	confirmed := g.To
	if to.Before(confirmed) {
		confirmed = to
	}
	return b.listed().Before(confirmed)
}

// doubtful reports whether every one of bindings, all of one subscriber, is in
// doubt by some gap.
func doubtful(bindings []Binding, gaps []Gap, from, to time.Time) bool {
	return !slices.ContainsFunc(bindings, func(b Binding) bool {
		return !slices.ContainsFunc(gaps, func(g Gap) bool { return g.doubts(b, from, to) })
	})
}

// Doubt says why gaps cast doubt on who held the binding's address at a moment;
// empty: they do not.
func (b Binding) Doubt(gaps []Gap, moment time.Time) string {
	if alone := []Binding{b}; doubtful(alone, gaps, moment, moment) {
		return whyDoubtful(alone, gaps, moment, moment)
	}
	return ""
}

// whyDoubtful says for people which gap casts doubt on all of bindings.
func whyDoubtful(bindings []Binding, gaps []Gap, from, to time.Time) string {
	for _, g := range gaps {
		if g.Instance != "" && doubtful(bindings, []Gap{g}, from, to) {
			return "instance " + g.Instance + " answered accounting of that time that may be lost; no later record confirms the holder yet"
		}
	}
	return "the session store failed over, or crashed, and may have lost who held the address since; no later record confirms the holder yet"
}
