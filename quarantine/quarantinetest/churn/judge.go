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
	// WhoHeld attributes, as the engine does.
	WhoHeld func(ctx context.Context, at quarantine.Place, port uint16, moment time.Time, tolerance time.Duration) (quarantine.Attribution, error)
	// Clock is told what time it is before each call.
	Clock func(time.Time)
}

// recordBatch is how many records are handed over at once at most.
const recordBatch = 64

// Judge tells the store what was told, each thing when it arrives, asks about each
// verdict when it would be judged, and compares the answers with the truth. An
// error means that the store failed.
func (w *World) Judge(ctx context.Context, c Court) (*Table, error) {
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
		outcome, told, err := w.ask(ctx, c, v)
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
		reports = reports[n:]
	}
	return nil
}

// ask takes a verdict the way that the engine does.
func (w *World) ask(ctx context.Context, c Court, v *verdict) (Outcome, string, error) {
	at, refused := w.Plan.Seen(v.source, v.addr)
	if refused != nil {
		return Refused, "", nil //nolint:nilerr // that it is refused is the outcome
	}
	if _, never := w.Plan.Never(at); never {
		return Refused, "", nil
	}
	found, err := c.WhoHeld(ctx, at, v.port, v.moment, Tolerance)
	switch {
	case err != nil:
		return 0, "", fmt.Errorf("ask who held %s: %w", at, err)
	case found.Result == quarantine.Ambiguous:
		return Ambiguous, "", nil
	case found.Result == quarantine.Doubtful:
		return Doubtful, "", nil
	case found.Result != quarantine.Attributed:
		return Unknown, "", nil
	case v.truth != nil && v.truth.subscriber == found.Subscriber:
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

const clock = "15:04:05.000"

func (w *World) tell(ms int64) string {
	if ms == never {
		return "never"
	}
	return w.at(ms).Format(clock)
}

// beyondKnowing reports whether nothing that had arrived when a verdict was judged
// could have shown that who was named is wrong: nobody had the place, or none of
// the holder's records had arrived, and of who had it before (or, the record that
// told of it being vague, after) nothing showed that it was over (or not begun).
func (w *World) beyondKnowing(v *verdict, named string) bool {
	if v.truth != nil && v.truth.heard <= v.judged {
		return false
	}
	for i, h := range w.holds[v.spot] {
		if h.subscriber != named && h.class != BlockByLog || h.heard > v.judged { // a log may name an address, and somebody else has it now
			continue
		}
		switch {
		case h.to <= v.happened && !w.overShown(v, i):
			return true
		case h.from > v.happened && !w.at(h.since()).After(v.moment.Add(Tolerance)): // by the clocks it may have begun
			return true
		case h.from > v.happened && !w.at(seconds(h.line.from+h.line.box.skew)).After(v.moment.Add(Tolerance)) && h.kind != quarantine.NATPortBlock && (h.kind != quarantine.FramedIP || !h.line.startHeard(v.judged)):
			return true // told of first in an Interim, it counts from the Start
		}
	}
	return false
}

// startHeard reports whether the session's Start had arrived by a moment.
func (l *line) startHeard(by int64) bool {
	return slices.ContainsFunc(l.renewed, func(r *report) bool { return r.event.Kind == quarantine.SessionStarted && r.arrives <= by })
}

// since is when the hold began by the clock of who tells of it.
func (h *hold) since() int64 {
	if h.class == BlockByLog {
		return h.from + h.line.box.logSkew
	}
	return seconds(h.from + h.line.box.skew)
}

// overShown reports whether something had arrived that shows that the i-th hold of
// a verdict's spot was over: a record that says so, one of a later holder, a
// restart, or silence.
func (w *World) overShown(v *verdict, i int) bool {
	all := w.holds[v.spot]
	h := all[i]
	if h.ended <= v.judged {
		return true
	}
	for _, restart := range h.line.box.resets {
		if h.class != BlockByLog && h.to <= restart.happened && restart.arrives <= v.judged { // a log tells of no restart
			return true
		}
	}
	for _, next := range all[i+1:] {
		if next.heard <= v.judged && next.from >= h.to {
			return true
		}
	}
	last := h.from
	for _, r := range h.line.renewed {
		if r.arrives <= v.judged {
			last = max(last, r.told)
		}
	}
	silent := 3 * w.interims[h.line.box.name].Milliseconds()
	return silent > 0 && v.happened > last+silent+Tolerance.Milliseconds()
}
