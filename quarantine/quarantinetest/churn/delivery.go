package churn

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"cordon/quarantine"
)

// delivery is what becomes of a report in a world with faults.
type delivery struct {
	bng         *bng
	happened    int64 // by the world's clock
	stamp       int64 // Event-Timestamp, by the BNG's clock, however wrong
	delay       int64 // Acct-Delay-Time, s
	sessionTime int64 // Acct-Session-Time, s
	timed       bool  // it reports that
	other       bool  // it goes to the other instance
	misleads    []*holding

	member int   // who answers it
	worked int64 // when that instance has stored it; never: it died before
	lost   bool  // by Redis, after that
}

// How long a record takes into Redis, ms: from its arrival, or from the one before
// it in the spool.
const (
	workedIn  = 5
	drainedIn = 25
)

// deliver decides which instance answers each report, when it is stored, and how
// it is dated. Reports must be in the order of their arrival.
func (w *World) deliver(rng *rand.Rand, newEdge func() Edge) {
	if newEdge == nil {
		newEdge = func() Edge { return &dating{} }
	}
	logged := map[*bng]int64{}
	for _, r := range w.reports {
		w.route(r, rng)
		if r.binding != nil { // what pushes a log keeps its order
			r.arrives = max(r.arrives, logged[r.bng])
			logged[r.bng] = r.arrives
		}
	}
	slices.SortStableFunc(w.reports, func(a, b *report) int { return cmp.Compare(a.arrives, b.arrives) })
	var free [2]int64
	edges := map[*bng]*[2]Edge{}
	for _, r := range w.reports {
		m := w.cluster.members[r.member]
		if r.binding != nil {
			r.worked = w.pushed(r.arrives)
		} else {
			r.worked = m.stores(max(r.arrives+workedIn, free[r.member]+drainedIn))
			free[r.member] = r.worked
			if edges[r.bng] == nil {
				edges[r.bng] = &[2]Edge{newEdge(), newEdge()}
			}
			w.date(r, edges[r.bng][r.member])
		}
		r.lost = w.cluster.lostFrom <= r.worked && r.worked < w.cluster.crash
	}
	slices.SortStableFunc(w.reports, func(a, b *report) int { return cmp.Compare(a.worked, b.worked) })
}

// route finds the instance that answers a record. A BNG has one that it asks
// first, and tries them in turn until one answers.
func (w *World) route(r *report, rng *rand.Rand) {
	r.member = r.bng.number % 2
	if r.other || rng.IntN(10) == 0 {
		r.member = 1 - r.member
	}
	for !w.cluster.members[r.member].answers(r.arrives) {
		r.member = 1 - r.member
		r.arrives += 10_000
		r.delay += 10 // which Acct-Delay-Time is for
	}
}

// stores is when the instance stores what it could store at a moment.
func (m *member) stores(at int64) int64 {
	if cut, ok := within(m.cut, at); ok {
		at = cut.to + workedIn
	}
	if at >= m.dies {
		return never
	}
	return at
}

// pushed is when a line of a log is stored that is sent at a moment: it is sent
// until some instance takes it.
func (w *World) pushed(at int64) int64 {
	for !w.cluster.members[0].reaches(at) && !w.cluster.members[1].reaches(at) {
		at += 1_000
	}
	return at
}

// date gives a record the times that it has after the RADIUS edge.
func (w *World) date(r *report, e Edge) {
	r.event.At, r.event.Latest = e.Date(w.at(r.stamp), w.at(r.arrives), time.Duration(r.delay)*time.Second)
	r.event.StartedAt = time.Time{}
	switch {
	case r.event.Kind == quarantine.SessionStarted:
		r.event.StartedAt = r.event.At
	case r.timed:
		r.event.StartedAt = r.event.At.Add(-time.Duration(r.sessionTime) * time.Second)
	}
}

// advanceLog notes how far the log has come that reported bindings, as the edge does.
func (w *World) advanceLog(ctx context.Context, book quarantine.AccountingSourceBook, text []quarantine.Binding, arrived int64) error {
	now := w.at(arrived)
	heard := quarantine.SourceActivity{Source: text[0].Session.BNG, First: now, Last: now, Records: uint64(len(text))}
	for _, b := range text {
		if b.RenewedAt.After(heard.Reported) {
			heard.Reported = b.RenewedAt
		}
	}
	if heard.Reported.After(now) {
		heard.Reported = now
	}
	err := book.ReportSources(ctx, quarantine.SourceReport{At: now, Rule: quarantine.DefaultSilenceRule,
		Activity: []quarantine.SourceActivity{heard}})
	if err != nil {
		return fmt.Errorf("report how far a log has come: %w", err)
	}
	return nil
}

// handovers lists moments at which the records about who gave something up, and who
// has it next, have both just been stored, in order.
func (w *World) handovers() []int64 {
	var moments []int64
	for _, holdings := range w.holdings {
		for i, h := range holdings[1:] {
			before := holdings[i]
			if h.from-before.to < 500 && before.session != h.session && before.arrived < before.to && h.arrived < h.from+500 {
				moments = append(moments, h.from+500)
			}
		}
	}
	slices.Sort(moments)
	return moments
}

// moment is which moment a report is about: what it says, where no clock is wrong.
func (r *report) moment() int64 {
	if r.bng != nil && r.bng.sim.faults != nil {
		return r.happened
	}
	return r.time
}

// noteInsideArrivals finds out when Cordon knows who has a block that is reported by its
// inside address: when the NAT, or its log, and the inside address's BNG have both
// reported it.
func (w *World) noteInsideArrivals() {
	for _, holdings := range w.holdings {
		for _, h := range holdings {
			switch {
			case h.inside == nil:
				continue
			case h.class == BlockByNAT:
				h.arrived, h.shownBy = never, h.session.renewed
				for _, r := range h.shownBy {
					h.arrived = min(h.arrived, r.arrives)
				}
			}
			h.arrived = max(h.arrived, h.inside.arrived)
		}
	}
}
