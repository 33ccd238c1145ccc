package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// Decisions and commands are kept for a while after they were saved in the store, and made again
// if the store loses them. A lossy failover loses at most
// quarantine.LostBefore; the rest is for detection, and for a restart.
const (
	recentFor     = 10 * time.Minute // older ones are dropped
	recentMost    = 50_000           // of each; the oldest are dropped
	recentBatch   = 500              // ids per request
	recommitBatch = 200              // commands per heartbeat
)

// recentWrites is what this instance has lately saved in the store.
type recentWrites struct {
	mu            sync.Mutex    // guards what follows
	decisions     []decision    // oldest first
	commands      []doneCommand // oldest first
	lostDecisions map[string]lostDecision
}

// decision is a verdict that was decided, and the case that it led to.
type decision struct {
	verdict quarantine.Verdict
	caseID  string
	at      time.Time
}

// doneCommand is a command that was applied to a subscriber's case.
type doneCommand struct {
	command
	subscriber string
	at         time.Time
}

// lostDecision is a decision that the store has lost.
type lostDecision struct {
	caseID string
	since  time.Time // when that was detected
}

func newRecentWrites() *recentWrites { return &recentWrites{lostDecisions: map[string]lostDecision{}} }

func (r *recentWrites) addDecision(d decision) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.lostDecisions, d.verdict.ID)
	r.decisions = trim(append(r.decisions, d), d.at, func(d decision) time.Time { return d.at })
}

func (r *recentWrites) addCommand(d doneCommand) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commands = trim(append(r.commands, d), d.at, func(d doneCommand) time.Time { return d.at })
}

// trim drops the oldest: those of recentFor before now, and what is too many.
func trim[T any](list []T, now time.Time, at func(T) time.Time) []T {
	first := max(0, len(list)-recentMost)
	for first < len(list) && now.Sub(at(list[first])) > recentFor {
		first++
	}
	clear(list[:first])
	return list[first:] // append moves what is left, now and then
}

func (r *recentWrites) listDecisions() []decision {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.decisions)
}

func (r *recentWrites) listCommands() []doneCommand {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.commands)
}

// lost notes that the store has lost decisions; their verdicts are undecided again.
func (r *recentWrites) lost(list []decision, now time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	ids := map[string]bool{}
	for _, d := range list {
		ids[d.verdict.ID] = true
		r.lostDecisions[d.verdict.ID] = lostDecision{d.caseID, now}
	}
	r.decisions = slices.DeleteFunc(r.decisions, func(d decision) bool { return ids[d.verdict.ID] })
}

func (r *recentWrites) lostDecision(id string) (lostDecision, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	a, ok := r.lostDecisions[id]
	return a, ok
}

// redecide queues verdicts again whose decisions the store has lost.
func (e *Engine) redecide(ctx context.Context) error {
	for chunk := range slices.Chunk(e.ledger.recent.listDecisions(), recentBatch) {
		ids := make([]string, len(chunk))
		for i, d := range chunk {
			ids[i] = d.verdict.ID
		}
		known, err := e.Store.KnownVerdicts(ctx, ids)
		if err != nil {
			return fmt.Errorf("ask for decided verdicts: %w", err)
		}
		lost := slices.DeleteFunc(slices.Clone(chunk), func(d decision) bool { return known[d.verdict.ID] })
		if len(lost) == 0 {
			continue
		}
		e.Logger.Warn("the store lost decisions of this instance; they are made again", zap.Int("verdicts", len(lost)))
		e.ledger.recent.lost(lost, e.Now())
		for _, d := range lost {
			e.ledger.reopen(d.verdict)
			e.backlog.add(d.verdict.Source)
			e.queue.push(d.verdict.ID, d.verdict.Source, e.Now())
		}
	}
	return nil
}

func (l *ledger) reopen(v quarantine.Verdict) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.undecided[v.ID] = v
}

// awaitRecommits returns what a lost decision waits for: every peer's watermark must have passed
// the moment at which the loss was detected, for a peer repeats what people had released before it
// publishes that. Nil: nothing.
func (e *Engine) awaitRecommits(ctx context.Context, v quarantine.Verdict, now time.Time) (*undecided, error) {
	a, ok := e.ledger.recent.lostDecision(v.ID)
	if !ok {
		return nil, nil
	}
	const why = "its decision was lost by the store; waits for instance "
	moment := a.since.Add(quarantine.InstanceClocks) // theirs may be ahead
	if now.Before(moment) {
		return e.undecidedStatus(v, quarantine.VerdictPending,
			"its decision was lost by the store; decided again when every instance has repeated its releases", moment), nil
	}
	read, err := e.peers.current(ctx)
	if err != nil {
		return nil, err
	}
	at := slices.IndexFunc(read.peers, func(i quarantine.Instance) bool { return i.Departure == nil && i.Complete.Before(moment) })
	switch {
	case at < 0:
		return nil, nil
	case now.Sub(a.since) >= e.RetryFor:
		return e.undecidedStatus(v, quarantine.VerdictUnknown, why+read.peers[at].Label(), time.Time{}), nil
	}
	return e.undecidedStatus(v, quarantine.VerdictPending, why+read.peers[at].Label(), now.Add(unknownFirst)), nil
}

// newCaseID is the id of the case that a verdict may open: that of the lost decision, so that what
// is in force of it belongs to the new case.
func (e *Engine) newCaseID(ctx context.Context, v quarantine.Verdict, now time.Time) (string, error) {
	a, ok := e.ledger.recent.lostDecision(v.ID)
	if !ok || a.caseID == "" {
		return newID("c-", now), nil
	}
	switch _, err := e.Store.Case(ctx, a.caseID); {
	case errors.Is(err, quarantine.ErrNoCase):
		return a.caseID, nil
	case err != nil && !errors.Is(err, quarantine.ErrUnreadableCase):
		return "", fmt.Errorf("read case %s: %w", a.caseID, err)
	}
	return newID("c-", now), nil
}

// recommitted is which commands were compared with the store since the last gap. Only publish's
// goroutine uses it.
type recommitted struct {
	begun bool
	to    time.Time     // end of the last gap
	open  []doneCommand // still to be compared
}

// recommit repeats the commands that the store has lost, if it has a gap since the last time, some
// at a time; false if that is not done yet. The watermark does not advance before: peers would
// decide what people may have released.
func (e *Engine) recommit(ctx context.Context, gaps []quarantine.Gap) bool {
	r := &e.recommitted
	var to time.Time
	if len(gaps) > 0 {
		to = gaps[len(gaps)-1].To
	}
	if !r.begun || to.After(r.to) {
		r.begun, r.to, r.open = true, to, e.ledger.recent.listCommands()
	}
	for range min(recommitBatch, len(r.open)) {
		d := r.open[0]
		if err := e.guard("repeat a command", d.ID, func() error { return e.recommitOne(ctx, d) }); err != nil {
			e.limited.log(zap.WarnLevel, "a command that the store may have lost could not be repeated yet",
				zap.String("command", d.ID), zap.Error(err))
			if !errors.Is(err, errPanicked) && !errors.Is(err, quarantine.ErrUnreadableCase) {
				return false
			}
		}
		r.open = r.open[1:]
	}
	return len(r.open) == 0
}

func (e *Engine) recommitOne(ctx context.Context, d doneCommand) error {
	for range saveTries {
		c, err := e.recommittable(ctx, &d)
		if err != nil || c == nil {
			return err
		}
		e.enterOwed(c)
		d.repeat(c, e.Now())
		now := e.Now()
		err = e.Store.SaveCase(ctx, quarantine.CaseWrite{Case: c, DueAt: e.dueAt(c, now), Now: now})
		if errors.Is(err, quarantine.ErrConflict) {
			continue
		}
		if err == nil {
			e.Logger.Warn("the store lost a command; it was repeated", zap.String("command", d.ID), zap.String("verb", string(d.Verb)),
				zap.String("case", c.ID), zap.String("by", d.By))
			e.wakeReconciler()
			e.journalExpiry(ctx, c)
			return nil
		}
		return fmt.Errorf("save the case: %w", err)
	}
	return fmt.Errorf("save the case: %w", quarantine.ErrConflict)
}

// dueAt makes a case that releases or restricts due at once.
func (e *Engine) dueAt(c *quarantine.Case, now time.Time) time.Time {
	if !c.Open() {
		return time.Time{}
	}
	return e.firstDue(c, now)
}

// recommittable returns the case that lacks the command, nil if the store has not lost it, or a
// later decision stands.
func (e *Engine) recommittable(ctx context.Context, d *doneCommand) (*quarantine.Case, error) {
	dossier, err := e.Store.Dossier(ctx, d.subscriber)
	if err != nil {
		return nil, fmt.Errorf("read the dossier: %w", err)
	}
	if d.ends() && !dossier.ReleasedAt().Before(d.At) {
		return nil, nil // it, or a later one
	}
	open := dossier.Case
	if open != nil && (open.ID == d.Case || d.ends() && open.Judged(d.At)) {
		if !d.ends() && (open.State == quarantine.Releasing || open.DecidedSince(d.At)) {
			return nil, nil
		}
		return open, nil
	}
	c, err := e.Store.Case(ctx, d.Case)
	switch {
	case !d.ends() && (err == nil || errors.Is(err, quarantine.ErrNoCase)):
		return nil, nil // it is over
	case errors.Is(err, quarantine.ErrNoCase):
		return &quarantine.Case{
			ID: d.Case, Subscriber: d.subscriber, State: quarantine.Closed, Source: d.By, Reason: "lost by the store",
			OpenedAt: d.At, ExpiresAt: d.At, ClosedAt: d.At,
		}, nil
	case err != nil:
		return nil, fmt.Errorf("read case %s: %w", d.Case, err)
	}
	return c, nil
}

// repeat applies the command to the case again.
func (d *doneCommand) repeat(c *quarantine.Case, now time.Time) {
	switch d.Verb {
	case verbRelease, verbReject:
		c.Recommit(quarantine.PersonRelease{Case: c.ID, At: d.At, By: d.By, Reason: d.Reason, Code: d.Code}, now)
	case verbExtend:
		_ = c.Extend(d.By, d.Reason, time.Duration(d.For), d.At) // it is open
	case verbNote:
		c.AddNote(d.By, d.Reason, d.At)
	}
}

// repeatable reports whether the command is repeated if the store loses it. A manual restriction
// and an approval are not: the person would not expect it then.
func (c *command) repeatable() bool {
	return c.ends() || c.Verb == verbExtend || c.Verb == verbNote
}

// finishCommand removes a command that was applied, or refused. The rejection of an escalation
// ended no case, and is not repeated: if the store loses it, the escalation is held again. l.mu is
// not held.
func (l *ledger) finishCommand(id string, how applied, at time.Time) {
	l.mu.Lock()
	c, ok := l.commands[id]
	l.mu.Unlock()
	if ok && how.Error == "" && how.Subscriber != "" && c.repeatable() && !how.GoesOn {
		l.recent.addCommand(doneCommand{command: c, subscriber: how.Subscriber, at: at})
	}
	l.removeCommand(id)
}

// decideVerdict removes a decided verdict, and remembers the decision for recentFor.
func (l *ledger) decideVerdict(id, caseID string, at time.Time) (source string, open bool) {
	l.mu.Lock()
	v, ok := l.undecided[id]
	l.mu.Unlock()
	if ok {
		l.recent.addDecision(decision{v, caseID, at})
	}
	return l.removeVerdict(id)
}
