package churn

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/quarantine"
)

// Store keeps what is reported.
type Store interface {
	quarantine.SessionRecorder
	quarantine.BindingRecorder
}

// System is the system under test.
type System struct {
	Store Store
	// Clock is given the time before each call.
	Clock func(time.Time)
	// WhoHeld attributes, as the engine does, where nothing but records can be
	// missing. A world with faults asks instances.
	WhoHeld Attribute
	// Start starts an instance on the store, or starts it again, with what it keeps
	// on its disk. For worlds with faults only.
	Start func(ctx context.Context, m Member) (Instance, error)
	// RedisCrashed has the store know, as it finds out when it is there again at
	// back, that it may have lost what it stored from lost to crashed. For worlds
	// with faults only.
	RedisCrashed func(lost, crashed, back time.Time)
}

// Attribute answers a question, unless accounting of its moment is missing.
type Attribute func(ctx context.Context, q Question) (found quarantine.Attribution, missing string, err error)

// Question is who held a place at a moment, give or take a tolerance.
type Question struct {
	At        quarantine.Place
	Port      uint16 // 0: not known
	Moment    time.Time
	Tolerance time.Duration
	ByHand    bool // a person asks who has it now, and waits for the answer
}

// recordBatch is how many records are handed over at once at most.
const recordBatch = 64

// Check records in the store what was reported, each thing when it arrives, asks about each
// verdict when it would be decided, and compares the answers with the truth. An
// error means that the store failed.
func (w *World) Check(ctx context.Context, c System) (*Table, error) {
	if w.cluster != nil {
		return w.checkFaulty(ctx, c)
	}
	t := &Table{}
	reports := w.reports
	for i := range w.verdicts {
		v := &w.verdicts[i]
		n := 0
		for n < len(reports) && reports[n].arrives <= v.decided {
			n++
		}
		c.Clock(w.at(v.decided))
		if err := w.hand(ctx, c.Store, reports[:n]); err != nil {
			return nil, err
		}
		reports = reports[n:]
		outcome, text, err := w.decide(ctx, c.WhoHeld, v)
		if err != nil {
			return nil, err
		}
		t.count(v.class, outcome)
		if outcome == Wrong && len(t.Examples) < maxExamples {
			t.Examples = append(t.Examples, fmt.Sprintf("seed %d, %s: %s", w.Seed, v.class, text))
		}
	}
	return t, nil
}

// hand records reports in order, in batches as accounting comes.
func (w *World) hand(ctx context.Context, store Store, reports []*report) error {
	for len(reports) > 0 {
		var events []quarantine.SessionEvent
		var bindings []quarantine.Binding
		logs := reports[0].binding != nil
		n := 0
		for n < len(reports) && n < recordBatch && (reports[n].binding != nil) == logs {
			if logs {
				bindings = append(bindings, *reports[n].binding)
			} else {
				events = append(events, reports[n].event)
			}
			n++
		}
		errs := store.RecordBindings(ctx, bindings)
		if !logs {
			errs = store.Record(ctx, events)
		}
		for _, err := range errs {
			if err != nil {
				return fmt.Errorf("record what the network reports: %w", err)
			}
		}
		if book, ok := store.(quarantine.AccountingSourceBook); ok && logs && w.cluster != nil {
			if err := w.advanceLog(ctx, book, bindings, reports[n-1].arrives); err != nil {
				return err
			}
		}
		reports = reports[n:]
	}
	return nil
}

// decide takes a verdict the way that the engine does.
func (w *World) decide(ctx context.Context, whoHeld Attribute, v *verdict) (Outcome, string, error) {
	at, refused := w.Plan.Seen(v.source, v.addr)
	if refused != nil {
		return Refused, "", nil //nolint:nilerr // that it is refused is the outcome
	}
	if _, never := w.Plan.Unattributable(at); never {
		return Refused, "", nil
	}
	found, missing, err := whoHeld(ctx, Question{At: at, Port: v.port, Moment: v.moment, Tolerance: v.tolerance, ByHand: v.class == ByHand})
	switch {
	case err != nil:
		return 0, "", fmt.Errorf("ask who held %s: %w", at, err)
	case missing != "":
		return Waiting, "", nil
	case found.Result == quarantine.Ambiguous:
		return Ambiguous, "", nil
	case found.Result == quarantine.Doubtful:
		return Doubtful, "", nil
	case found.Result != quarantine.Attributed:
		return Unknown, "", nil
	case v.truth != nil && sameName(v.truth.subscriber, found.Subscriber), v.class == ByHand && w.hasBy(v, found.Subscriber):
		return Right, "", nil
	case w.undecidable(v, found.Subscriber):
		return Undecidable, "", nil
	}
	truth := "nobody"
	if h := v.truth; h != nil {
		truth = fmt.Sprintf("%s, since %s until %s, first heard of at %s", h.subscriber, w.clockTime(h.from),
			w.clockTime(h.to), w.clockTime(h.arrived))
	}
	text := fmt.Sprintf("%s port %d at %s (%s by the source's clock), decided %s, was given to %s; it was %s; by",
		at, v.port, w.clockTime(v.happened),
		v.moment.Format(clock), w.clockTime(v.decided), found.Subscriber, truth)
	for _, b := range found.Bindings {
		text += fmt.Sprintf(" %+v %s", b.Holder(), b.RenewedAt.Format(clock))
	}
	return Wrong, text, nil
}

// hasBy reports whether a subscriber had the resource of a question by hand when it was
// answered: who came while the person waited has it now.
func (w *World) hasBy(v *verdict, named string) bool {
	return slices.ContainsFunc(w.holdings[v.resource], func(h *holding) bool {
		return h.from <= v.decided && h.to > v.happened && sameName(h.subscriber, named)
	})
}

const clock = "15:04:05.000"

func (w *World) clockTime(ms int64) string {
	if ms == never {
		return "never"
	}
	return w.at(ms).Format(clock)
}

// undecidable reports whether nothing that Cordon knew when a verdict was decided
// could have shown that who was named is wrong.
func (w *World) undecidable(v *verdict, named string) bool {
	return w.undecidableAt(v, v.resource, v.truth, named)
}

// undecidableAt is undecidable of a resource and who truly had it: nobody had it, or Cordon
// knew none of the holder's records, and of who had it before (or, the record that
// reported it being vague, after) nothing showed that it was over (or not begun). Of
// a block that is reported by its inside address the same counts there.
func (w *World) undecidableAt(v *verdict, at resource, truth *holding, named string) bool {
	switch {
	case truth == nil || !v.known(truth):
	case truth.inside == nil:
		return v.namedLater(truth, named)
	default:
		return w.undecidableAt(v, truth.inside.resource, truth.inside, named)
	}
	for _, h := range w.holdings[at] {
		if !v.known(h) || !w.leadsTo(v, h, named) && !v.namedLater(h, named) {
			continue
		}
		switch {
		case h.to <= v.happened && !w.endKnown(v, h):
			return true
		case h.from > v.happened && !w.at(h.since()).After(v.moment.Add(v.tolerance)): // by the clocks it may have begun
			return true
		case h.from > v.happened && !w.at(h.session.bng.dates(h.session.from)).After(v.moment.Add(v.tolerance)) &&
			h.kind != quarantine.NATPortBlock && (h.kind != quarantine.FramedIP || !h.session.startKnown(v)):
			return true // reported first in an Interim, it counts from the Start
		}
	}
	return false
}

// namedLater reports whether all that Cordon knew of a holding named nobody, and who was
// named is who the session's records name first: a session that begins without a
// name is taken for his whose name comes then.
func (v *verdict) namedLater(h *holding, named string) bool {
	nobody := func(r *report) bool { return r.event.Subscriber == "" && !r.event.Via.IsValid() }
	for _, r := range h.session.renewed {
		if v.knew(r) && !nobody(r) {
			return sameName(r.event.Subscriber, named) && !slices.ContainsFunc(h.shownBy, func(t *report) bool { return v.knew(t) && !nobody(t) })
		}
	}
	return false
}

// leadsTo reports whether a holding's records, as far as Cordon had them, lead to who
// was named: they name him, or an inside address of which he may have been the
// holder.
func (w *World) leadsTo(v *verdict, h *holding, named string) bool {
	if h.inside == nil {
		return sameName(h.subscriber, named) || h.class == BlockByLog
	}
	return slices.ContainsFunc(w.holdings[h.inside.resource], func(g *holding) bool {
		return sameName(g.subscriber, named) && v.known(g) && g.since() <= v.until() && (g.to > v.happened || !w.endKnown(v, g))
	})
}

// known reports whether Cordon knew a holding then, and be it by its inside address.
func (v *verdict) known(h *holding) bool { return slices.ContainsFunc(h.shownBy, v.knew) }

// knew reports whether Cordon knew a report when the verdict was decided, or was not
// to decide it before it did. What is about the verdict's moment and was answered
// by any instance, and be it that Redis lost it or the instance died with it, has to
// be waited for, or doubted for; and so has a line that was written into a log by
// the end of the moment, for Cordon has to know that a log lags. What is about
// later moments helps only if it is there; and so does what came a minute or more
// after its moment (ADR 12): an instance that is cut off says nothing of it. Nor can
// what another instance got since its last report, if that was after the moment.
func (v *verdict) knew(r *report) bool {
	switch {
	case r.bng.sim.faults == nil:
		return r.arrives <= v.decided
	case r.worked <= v.decided && !r.lost:
		return true
	case r.binding != nil:
		return r.time <= v.until()
	}
	late := r.arrives > v.complete[r.member] && v.until() <= v.complete[r.member]
	return !late && r.arrives <= v.decided && r.happened <= v.until()-dated && r.arrives-r.happened <= quarantine.LostBefore.Milliseconds()
}

// dated is by how much a record's time differs from the moment it is about where no
// clock is wrong, ms: rounded to a second, by a clock of some skew.
const dated = 1_000 + skew

// until is the moment up to which accounting has to be complete, by the world's
// milliseconds: a person does not wait for what happens after he asked.
func (v *verdict) until() int64 {
	if v.class == ByHand {
		return v.seen
	}
	return v.seen + v.tolerance.Milliseconds()
}

// startKnown reports whether Cordon knew the session's Start.
func (l *session) startKnown(v *verdict) bool {
	return slices.ContainsFunc(l.renewed, func(r *report) bool { return r.event.Kind == quarantine.SessionStarted && v.knew(r) })
}

// dates is what the BNG's clock shows for a moment at the earliest: where the edge
// dates records, none is of a time after it arrived.
func (b *bng) dates(ms int64) int64 {
	switch text := seconds(ms + b.skew); {
	case b.sim.faults == nil:
		return text
	case len(b.offs) > 0:
		return min(text, ms) - 1_000 // as exact as the difference of two clocks is known
	default:
		return min(text, ms)
	}
}

// since is when the holding began by the clock of who reports it.
func (h *holding) since() int64 {
	if h.class == BlockByLog {
		return h.from + h.session.bng.logSkew
	}
	return h.session.bng.dates(h.from)
}

// endKnown reports whether something had arrived that shows that the i-th holding of
// a verdict's resource was over: a record that says so, one of a later holder, a
// restart, or silence.
func (w *World) endKnown(v *verdict, h *holding) bool {
	all := w.holdings[h.resource]
	i := slices.Index(all, h)
	if slices.ContainsFunc(h.endedBy, v.knew) {
		return true
	}
	if slices.ContainsFunc(all[i+1:], func(next *holding) bool {
		return next.session == h.session && next.subscriber == h.subscriber && v.known(next)
	}) {
		return false // it came back, and nothing showed a pause
	}
	// Whatever of it was held.
	renewed := slices.ContainsFunc(h.session.renewed, func(r *report) bool { return r.time > v.happened && v.knew(r) })
	for _, restart := range h.session.bng.resets {
		if h.class != BlockByLog && h.to <= restart.happened && !renewed && v.knew(restart.report) { // a log shows no restart
			return true
		}
	}
	for _, next := range all[i+1:] {
		switch {
		case !v.known(next) || next.from < h.to || renewed && next.from > v.happened:
		default:
			return true
		}
	}
	last := h.from
	for _, r := range h.session.renewed {
		if v.knew(r) {
			last = max(last, r.time)
		}
	}
	silent := 3 * w.interims[h.session.bng.name].Milliseconds()
	return silent > 0 && v.happened > last+silent+v.tolerance.Milliseconds()
}
