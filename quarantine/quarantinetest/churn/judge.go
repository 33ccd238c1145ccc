package churn

import (
	"context"
	"fmt"
	"slices"
	"time"

	"cordon/quarantine"
)

// Store keeps what is told.
type Store interface {
	quarantine.SessionRecorder
	quarantine.BindingRecorder
}

// Court is what is on trial.
type Court struct {
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

// Judge tells the store what was told, each thing when it arrives, asks about each
// verdict when it would be judged, and compares the answers with the truth. An
// error means that the store failed.
func (w *World) Judge(ctx context.Context, c Court) (*Table, error) {
	if w.cluster != nil {
		return w.try(ctx, c)
	}
	t := &Table{}
	reports := w.reports
	for i := range w.verdicts {
		v := &w.verdicts[i]
		n := 0
		for n < len(reports) && reports[n].arrives <= v.judged {
			n++
		}
		c.Clock(w.at(v.judged))
		if err := w.hand(ctx, c.Store, reports[:n]); err != nil {
			return nil, err
		}
		reports = reports[n:]
		outcome, told, err := w.ask(ctx, c.WhoHeld, v)
		if err != nil {
			return nil, err
		}
		t.count(v.class, outcome)
		if outcome == Wrong && len(t.Examples) < maxExamples {
			t.Examples = append(t.Examples, fmt.Sprintf("seed %d, %s: %s", w.Seed, v.class, told))
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
				return fmt.Errorf("record what the network tells: %w", err)
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

// ask takes a verdict the way that the engine does.
func (w *World) ask(ctx context.Context, whoHeld Attribute, v *verdict) (Outcome, string, error) {
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
	case w.beyondKnowing(v, found.Subscriber):
		return Undecidable, "", nil
	}
	truth := "nobody"
	if h := v.truth; h != nil {
		truth = fmt.Sprintf("%s, since %s until %s, first heard of at %s", h.subscriber, w.tell(h.from), w.tell(h.to), w.tell(h.heard))
	}
	told := fmt.Sprintf("%s port %d at %s (%s by the source's clock), judged %s, was given to %s; it was %s; by", at, v.port, w.tell(v.happened),
		v.moment.Format(clock), w.tell(v.judged), found.Subscriber, truth)
	for _, b := range found.Bindings {
		told += fmt.Sprintf(" %+v %s", b.Holder(), b.RenewedAt.Format(clock))
	}
	return Wrong, told, nil
}

// hasBy reports whether a subscriber had the spot of a question by hand when it was
// answered: who came while the person waited has it now.
func (w *World) hasBy(v *verdict, named string) bool {
	return slices.ContainsFunc(w.holds[v.spot], func(h *hold) bool {
		return h.from <= v.judged && h.to > v.happened && sameName(h.subscriber, named)
	})
}

const clock = "15:04:05.000"

func (w *World) tell(ms int64) string {
	if ms == never {
		return "never"
	}
	return w.at(ms).Format(clock)
}

// beyondKnowing reports whether nothing that Cordon knew when a verdict was judged
// could have shown that who was named is wrong.
func (w *World) beyondKnowing(v *verdict, named string) bool {
	return w.beyond(v, v.spot, v.truth, named)
}

// beyond is beyondKnowing of a spot and who truly had it: nobody had it, or Cordon
// knew none of the holder's records, and of who had it before (or, the record that
// told of it being vague, after) nothing showed that it was over (or not begun). Of
// a block that is told of by its inside address the same counts there.
func (w *World) beyond(v *verdict, at spot, truth *hold, named string) bool {
	switch {
	case truth == nil || !v.told(truth):
	case truth.inside == nil:
		return v.namedLater(truth, named)
	default:
		return w.beyond(v, truth.inside.spot, truth.inside, named)
	}
	for _, h := range w.holds[at] {
		if !v.told(h) || !w.leadsTo(v, h, named) && !v.namedLater(h, named) {
			continue
		}
		switch {
		case h.to <= v.happened && !w.overShown(v, h):
			return true
		case h.from > v.happened && !w.at(h.since()).After(v.moment.Add(v.tolerance)): // by the clocks it may have begun
			return true
		case h.from > v.happened && !w.at(h.line.box.dates(h.line.from)).After(v.moment.Add(v.tolerance)) && h.kind != quarantine.NATPortBlock && (h.kind != quarantine.FramedIP || !h.line.startHeard(v)):
			return true // told of first in an Interim, it counts from the Start
		}
	}
	return false
}

// namedLater reports whether all that Cordon knew of a hold named nobody, and who was
// named is who the session's records name first: a session that begins without a
// name is taken for his whose name comes then.
func (v *verdict) namedLater(h *hold, named string) bool {
	nobody := func(r *report) bool { return r.event.Subscriber == "" && !r.event.Via.IsValid() }
	for _, r := range h.line.renewed {
		if v.knew(r) && !nobody(r) {
			return sameName(r.event.Subscriber, named) && !slices.ContainsFunc(h.tellers, func(t *report) bool { return v.knew(t) && !nobody(t) })
		}
	}
	return false
}

// leadsTo reports whether a hold's records, as far as Cordon had them, lead to who
// was named: they name him, or an inside address of which he may have been the
// holder.
func (w *World) leadsTo(v *verdict, h *hold, named string) bool {
	if h.inside == nil {
		return sameName(h.subscriber, named) || h.class == BlockByLog
	}
	return slices.ContainsFunc(w.holds[h.inside.spot], func(g *hold) bool {
		return sameName(g.subscriber, named) && v.told(g) && g.since() <= v.until() && (g.to > v.happened || !w.overShown(v, g))
	})
}

// told reports whether Cordon knew a hold then, and be it by its inside address.
func (v *verdict) told(h *hold) bool { return slices.ContainsFunc(h.tellers, v.knew) }

// knew reports whether Cordon knew a report when the verdict was judged, or was not
// to judge it before it did. What is about the verdict's moment and was answered
// by any instance, and be it that Redis lost it or the instance died with it, has to
// be waited for, or doubted for; and so has a line that was written into a log by
// the end of the moment, for Cordon has to know that a log lags. What is about
// later moments helps only if it is there; and so does what came a minute or more
// after its moment (ADR 12): an instance that is cut off says nothing of it. Nor can
// what another instance got since its last word, if that was after the moment.
func (v *verdict) knew(r *report) bool {
	switch {
	case r.box.sim.faults == nil:
		return r.arrives <= v.judged
	case r.worked <= v.judged && !r.lost:
		return true
	case r.binding != nil:
		return r.told <= v.until()
	}
	late := r.arrives > v.heard[r.member] && v.until() <= v.heard[r.member]
	return !late && r.arrives <= v.judged && r.happened <= v.until()-dated && r.arrives-r.happened <= quarantine.LostBefore.Milliseconds()
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

// startHeard reports whether Cordon knew the session's Start.
func (l *line) startHeard(v *verdict) bool {
	return slices.ContainsFunc(l.renewed, func(r *report) bool { return r.event.Kind == quarantine.SessionStarted && v.knew(r) })
}

// dates is what the BNG's clock tells of a moment at the earliest: where the edge
// dates records, none is of a time after it arrived.
func (b *box) dates(ms int64) int64 {
	switch told := seconds(ms + b.skew); {
	case b.sim.faults == nil:
		return told
	case len(b.offs) > 0:
		return min(told, ms) - 1_000 // as exact as the difference of two clocks is known
	default:
		return min(told, ms)
	}
}

// since is when the hold began by the clock of who tells of it.
func (h *hold) since() int64 {
	if h.class == BlockByLog {
		return h.from + h.line.box.logSkew
	}
	return h.line.box.dates(h.from)
}

// overShown reports whether something had arrived that shows that the i-th hold of
// a verdict's spot was over: a record that says so, one of a later holder, a
// restart, or silence.
func (w *World) overShown(v *verdict, h *hold) bool {
	all := w.holds[h.spot]
	i := slices.Index(all, h)
	if slices.ContainsFunc(h.enders, v.knew) {
		return true
	}
	if slices.ContainsFunc(all[i+1:], func(next *hold) bool {
		return next.line == h.line && next.subscriber == h.subscriber && v.told(next)
	}) {
		return false // it came back, and nothing showed a pause
	}
	renewed := slices.ContainsFunc(h.line.renewed, func(r *report) bool { return r.told > v.happened && v.knew(r) }) // whatever of it was held
	for _, restart := range h.line.box.resets {
		if h.class != BlockByLog && h.to <= restart.happened && !renewed && v.knew(restart.report) { // a log tells of no restart
			return true
		}
	}
	for _, next := range all[i+1:] {
		switch {
		case !v.told(next) || next.from < h.to || renewed && next.from > v.happened:
		default:
			return true
		}
	}
	last := h.from
	for _, r := range h.line.renewed {
		if v.knew(r) {
			last = max(last, r.told)
		}
	}
	silent := 3 * w.interims[h.line.box.name].Milliseconds()
	return silent > 0 && v.happened > last+silent+v.tolerance.Milliseconds()
}
