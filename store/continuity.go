package store

import (
	"slices"
	"time"

	"cordon/quarantine"
)

// continuity is what instances publish about masters. The newest that reached the
// present master counts, so it also says up to when the present master has everything.
type continuity struct {
	At      int64      `json:"at"` // when an instance confirmed the masters last, ms
	Masters []master   `json:"m"`
	Gaps    [][2]int64 `json:"g,omitempty"` // from, to, ms
	// Met is what each instance confirmed last by itself. One that starts finds
	// there which processes may have lost what they acknowledged to it before.
	Met map[string]meeting `json:"i,omitempty"`
}

// meeting is when an instance met which masters.
type meeting struct {
	At      int64    `json:"at"` // ms
	Masters []master `json:"m"`
}

// witness is what one instance knows of the masters by itself.
type witness struct {
	instance    string   // its name among the others; "": none
	lastMet     []master // those that it met last; none after its start
	publishedAt time.Time
	lost        []loss // restarts that it has noticed, and failovers if lingers is set
	// sharedAddress is set where a connection may lead to a server that another one has
	// replaced, and still be used: one address for several, and no Sentinel or Cluster that
	// says which of them it is.
	sharedAddress bool
	// lastReply is when a process answered this instance last; false: not known.
	lastReply func(run string) (time.Time, bool)
}

// loss is a restart of a Redis that may not have had on disk what its former
// process had acknowledged; or a failover from one that may still be answering.
type loss struct {
	old       master
	failover  bool
	confirmed time.Time // what it had acknowledged by then came back
	lastReply time.Time // its last answer that is known of; zero: not known
	noticed   time.Time
	until     time.Time // how far the gap reaches that was published last
}

// gap is what the loss puts in doubt.
func (l *loss) gap() quarantine.Gap {
	failover, restart := quarantine.FailoverGap(l.confirmed, l.noticed), quarantine.RestartGap(l.confirmed, l.lastReply)
	switch {
	case l.lastReply.IsZero(), l.failover && restart.To.Before(failover.To):
		return failover
	case l.failover:
		failover.To = restart.To
		return failover
	}
	return restart
}

// next is what to publish after the masters now were met, and the restarts that
// the witness has noticed by then. known are those that this instance has met
// before: another instance may have published a failover or a restart long before
// this one meets it, and this one has written to the old process until then.
func (c continuity) next(w witness, seen []master, now time.Time, forget time.Time) (continuity, []loss) {
	c.Masters, w.lastMet = c.withReplies(w), w.withReplies(w.lastMet, w.publishedAt)
	gaps := c.gaps()
	if len(c.Masters) > 0 && anyNew(c.Masters, seen) || len(w.lastMet) > 0 && anyNew(w.lastMet, seen) {
		confirmed := now
		if c.At > 0 {
			confirmed = fromMilli(c.At)
		}
		gaps = quarantine.AddGap(gaps, quarantine.FailoverGap(confirmed, now), forget)
	}
	lost := c.losses(w, seen, now)
	for i := range lost {
		g := lost[i].gap()
		gaps, lost[i].until = quarantine.AddGap(gaps, g, forget), g.To
	}
	n := continuity{At: now.UnixMilli()}
	for _, m := range seen {
		m.Before = c.before(m, lost, now)
		n.Masters = append(n.Masters, m.withAddrs(c.Masters))
	}
	n.Met = c.met(w.instance, n.Masters, now, forget)
	for _, g := range gaps {
		if !g.To.Before(forget) {
			n.Gaps = append(n.Gaps, [2]int64{g.From.UnixMilli(), g.To.UnixMilli()})
		}
	}
	return n, lost
}

// withReplies is the stored masters with when each gave its last answer, as far as this
// instance can say: another one dates by its own clock what it has confirmed.
func (c continuity) withReplies(w witness) []master {
	masters := w.withReplies(c.Masters, fromMilli(c.At).Add(-quarantine.NoticedWithin))
	mine := c.confirmedBy(w)
	for i := range masters {
		if m := &masters[i]; slices.ContainsFunc(mine.Masters, func(o master) bool { return o.RunID == m.RunID }) {
			m.repliedAt = later(m.repliedAt, fromMilli(mine.At))
		}
	}
	return masters
}

// withReplies is masters that were confirmed at a moment with when each gave its last answer.
func (w *witness) withReplies(masters []master, confirmed time.Time) []master {
	masters = slices.Clone(masters)
	for i := range masters {
		masters[i].repliedAt = confirmed
		if at, ok := w.lastReply(masters[i].RunID); ok {
			masters[i].repliedAt = later(confirmed, at)
		}
	}
	return masters
}

// confirmedBy is what this instance confirmed last, in an earlier run perhaps.
func (c continuity) confirmedBy(w witness) meeting {
	if w.instance == "" {
		return meeting{}
	}
	return c.Met[w.instance]
}

// maxLosses bounds the restarts that an instance remembers: answers of a former
// process may still be read while the new one answers already.
const maxLosses = 16

// losses lists the restarts that the witness has noticed before and those that it
// notices now, with what is known of the last answers.
func (c continuity) losses(w witness, seen []master, now time.Time) []loss {
	lost := slices.DeleteFunc(slices.Clone(w.lost), func(l loss) bool { // back in its place: what it acknowledges is not lost
		return slices.ContainsFunc(seen, func(m master) bool { return m.RunID == l.old.RunID })
	})
	for i := range lost {
		if at, ok := w.lastReply(lost[i].old.RunID); ok {
			lost[i].lastReply = at
		}
	}
	add := func(olds []master, confirmed time.Time) {
		for _, old := range olds {
			lost = c.noticed(lost, old, confirmed, w, seen, now)
		}
	}
	add(c.Masters, fromMilli(c.At)) // first: it is what came back that says so
	add(w.lastMet, w.publishedAt)
	if met := c.confirmedBy(w); len(w.lastMet) == 0 {
		add(w.withReplies(met.Masters, fromMilli(met.At)), fromMilli(met.At))
	}
	return lost[max(0, len(lost)-maxLosses):]
}

// noticed adds what the restart of old may have lost, unless that is nothing or
// known already. Another instance that noticed it before has published what had
// been confirmed of it.
func (c continuity) noticed(lost []loss, old master, confirmed time.Time, w witness, seen []master, now time.Time) []loss {
	known := slices.ContainsFunc(lost, func(l loss) bool { return l.old.RunID == old.RunID })
	if at, met := w.lastReply(old.RunID); met && w.sharedAddress && !known && old.replaced(seen) {
		return append(lost, loss{old: old, failover: true, confirmed: confirmed, lastReply: at, noticed: now})
	}
	successor, restarted := old.restarted(seen)
	if !restarted || known || old.Sync == syncAlways && !c.olderThan(w, old) {
		return lost
	}
	for _, m := range c.Masters {
		if m.RunID == successor.RunID && m.Before > 0 {
			confirmed = fromMilli(m.Before)
		}
	}
	return append(lost, loss{old: old, confirmed: confirmed, lastReply: c.lastAnswer(old, w, now), noticed: now})
}

// lastAnswer is the last moment at which the process can have acknowledged
// anything to this instance; zero: not known. An instance that was started since
// then had confirmed it every second; of a server that syncs every second it
// cannot have had an answer that is lost much later than the last of these
// confirmations that is not.
func (c continuity) lastAnswer(old master, w witness, now time.Time) time.Time {
	if at, ok := w.lastReply(old.RunID); ok {
		return at
	}
	met, ok := c.Met[w.instance]
	confirmed := slices.ContainsFunc(met.Masters, func(m master) bool { return m.RunID == old.RunID })
	if bound := fromMilli(met.At).Add(quarantine.LostBefore); ok && w.instance != "" && confirmed && old.Sync != syncUnknown &&
		bound.Before(now) {
		return bound
	}
	return time.Time{}
}

// olderThan reports whether what is stored is older than what this instance has
// published to the process: a server that syncs always came back with older data
// all the same, such as a copy that was put in its place.
func (c continuity) olderThan(w witness, old master) bool {
	published := slices.ContainsFunc(w.lastMet, func(m master) bool { return m.RunID == old.RunID })
	lacksMine := w.instance != "" && c.confirmedBy(w).At < w.publishedAt.UnixMilli()
	return published && (lacksMine || fromMilli(c.At).Add(quarantine.NoticedWithin).Before(w.publishedAt))
}

// before is what is to be published of the process before m, which was met now.
func (c continuity) before(m master, lost []loss, now time.Time) int64 {
	for _, known := range c.Masters {
		if known.RunID == m.RunID {
			return known.Before
		}
	}
	for i := range lost {
		if _, restarted := lost[i].old.restarted([]master{m}); restarted && lost[i].noticed.Equal(now) {
			return lost[i].confirmed.UnixMilli()
		}
	}
	return 0
}

// met is what is to be published of the instances: those that confirmed nothing
// since forget are left out.
func (c continuity) met(instance string, seen []master, now, forget time.Time) map[string]meeting {
	if instance == "" {
		return c.Met
	}
	all := map[string]meeting{}
	for name, m := range c.Met {
		if !fromMilli(m.At).Before(forget) {
			all[name] = m
		}
	}
	all[instance] = meeting{At: now.UnixMilli(), Masters: seen}
	return all
}

func (c continuity) gaps() []quarantine.Gap {
	gaps := make([]quarantine.Gap, 0, len(c.Gaps))
	for _, g := range c.Gaps {
		gaps = append(gaps, quarantine.Gap{From: fromMilli(g[0]), To: fromMilli(g[1])})
	}
	return gaps
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}
