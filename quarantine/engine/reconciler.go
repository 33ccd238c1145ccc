package engine

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How due work is taken. A pass that outlasts its lease goes on: whoever comes
// for the same subscriber finds it busy.
const (
	lease     = 3 * time.Minute
	pollEvery = 200 * time.Millisecond
	busyLook  = time.Second // while another pass of the same subscriber is under way
	takeMost  = 256
	saveTries = 16
)

// reconcile works due cases while this instance is the sender, until ctx ends.
// The release lane has workers of its own, so that releases never wait behind
// restrictions.
func (e *Engine) reconcile(ctx context.Context) {
	var running sync.WaitGroup
	defer running.Wait()
	select {
	case <-e.windowsAsked:
	case <-ctx.Done():
		return
	}
	lanes := []chan struct{}{
		quarantine.LaneRelease: make(chan struct{}, e.Workers), quarantine.LaneRestrict: make(chan struct{}, e.Workers),
	}
	for {
		taken := 0
		for lane, slots := range lanes {
			taken += e.takeLane(ctx, quarantine.Lane(lane), slots, &running)
		}
		if taken == 0 && !e.rest(ctx) {
			return
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// rest waits for a nudge or the next poll; false if ctx ended.
func (e *Engine) rest(ctx context.Context) bool {
	timer := time.NewTimer(pollEvery)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-e.wake:
	case <-timer.C:
	}
	return true
}

// takeLane starts a worker for each due subscriber, as far as slots are free.
func (e *Engine) takeLane(ctx context.Context, lane quarantine.Lane, slots chan struct{}, running *sync.WaitGroup) int {
	term, ok := e.sender.may()
	free := min(cap(slots)-len(slots), takeMost)
	if !ok || free == 0 {
		return 0
	}
	due, err := e.Store.TakeDue(ctx, lane, e.Now(), lease, free, term)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, quarantine.ErrNotSender) {
			e.troubles.tell(zap.WarnLevel, "due cases could not be taken", zap.Error(err))
			e.missed.Store(true) // some may have been, and the answer was lost
			sleep(ctx, time.Second)
		}
		return 0
	}
	for _, d := range due {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			e.attend(ctx, d, term)
		})
	}
	return len(due)
}

// attend reconciles one due subscriber and says when to look again. That is said when
// the subscriber is free again: a store that hangs holds up no release then.
func (e *Engine) attend(ctx context.Context, d quarantine.Due, term uint64) {
	e.finish(ctx, d, e.pass(ctx, d, term))
}

// pass reconciles one due subscriber, if nobody else does, and returns when to look
// again.
func (e *Engine) pass(ctx context.Context, d quarantine.Due, term uint64) time.Time {
	mine, leave, ok := e.busy.work(ctx, d.Subscriber, d.Lane == quarantine.LaneRelease)
	if !ok {
		return e.Now().Add(busyLook)
	}
	defer leave()
	var next time.Time
	err := e.guard("reconcile", d.Subscriber, func() (err error) {
		next, err = e.Reconcile(mine, d, term)
		return err
	})
	switch {
	case err == nil:
		e.setbacks.none(d.Subscriber)
	case ctx.Err() == nil:
		e.troubles.tell(zap.WarnLevel, "case not reconciled", zap.String("subscriber", d.Subscriber), zap.Error(err))
		next = e.Now().Add(e.setbacks.after(d.Subscriber, err))
	}
	return next
}

func (e *Engine) finish(ctx context.Context, d quarantine.Due, next time.Time) {
	if err := e.Store.FinishDue(context.WithoutCancel(ctx), d, next); err != nil && ctx.Err() == nil {
		e.troubles.tell(zap.WarnLevel, "next look not noted", zap.String("subscriber", d.Subscriber), zap.Error(err))
		e.missed.Store(true)
	}
}

// Reconcile makes one pass over one subscriber: it compares what its case wants
// with what its sessions are, carries out what follows, and returns when to
// look again. ctx ends the pass early, with exchanges under way counted as
// unanswered.
func (e *Engine) Reconcile(ctx context.Context, d quarantine.Due, term uint64) (time.Time, error) {
	dossier, err := e.Store.Dossier(ctx, d.Subscriber)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the dossier: %w", err)
	}
	if dossier.Case == nil {
		return time.Time{}, nil
	}
	c := dossier.Case
	before := c.Clone()
	e.recall(c)
	orders, err := e.plan(ctx, c)
	if err != nil {
		return time.Time{}, err
	}
	orders, leave := e.admit(c, orders)
	defer leave()
	until := d.Until
	if len(orders) == 0 {
		until = e.nextLook(c, e.Now())
	}
	if !reflect.DeepEqual(before, c) {
		if err := e.save(ctx, c, until, term); err != nil {
			return time.Time{}, err
		}
		e.noteEnded(ctx, before, c)
	}
	if len(orders) == 0 {
		return until, nil
	}
	outcomes := e.dispatch(ctx, c, orders)
	before = c.Clone()
	after, err := e.observe(context.WithoutCancel(ctx), c, orders, outcomes, term)
	if err != nil {
		return time.Time{}, err
	}
	e.noteEnded(ctx, before, after)
	e.noteExpiry(ctx, after) // of a case that stepped down, later once that is done
	return e.nextLook(after, e.Now()), nil
}

// plan reads the sessions and lets the case say what is to be done.
// What is to be given back does not wait for what cannot be read: the case knows all that
// is needed for it.
func (e *Engine) plan(ctx context.Context, c *quarantine.Case) ([]quarantine.Order, error) {
	sessions, holders, err := e.read(ctx, c)
	switch {
	case err == nil:
	case c.Ending(e.Now()):
		e.troubles.tell(zap.WarnLevel, "a case is released without a look at its sessions", zap.String("case", c.ID), zap.Error(err))
	default:
		return nil, err
	}
	e.resume(c)
	sessions = e.retire(c, sessions)
	e.recallLeft(c, sessions)
	in := e.look(c, sessions)
	in.Holders, in.Present = holders, in.Present && err == nil
	return c.Plan(in), nil
}

// read returns the sessions that a case looks at, and who holds the addresses of those
// that their BNG does not know.
func (e *Engine) read(ctx context.Context, c *quarantine.Case) ([]quarantine.Session, []quarantine.Binding, error) {
	sessions, err := e.Store.SessionsOf(ctx, c.Subscriber)
	if err != nil {
		return nil, nil, fmt.Errorf("read the sessions: %w", err)
	}
	live := make(map[quarantine.SessionKey]bool, len(sessions))
	for _, s := range sessions {
		live[s.SessionKey] = true
	}
	for _, se := range c.Sessions {
		if live[se.Session.SessionKey] || se.Enforcement == quarantine.Gone {
			continue
		}
		record, err := e.Store.Session(ctx, se.Session.SessionKey)
		switch {
		case err == nil:
			sessions = append(sessions, record)
		case !errors.Is(err, quarantine.ErrNoSession):
			return nil, nil, fmt.Errorf("read session %s: %w", se.Session.SessionKey, err)
		}
	}
	holders, err := e.holdersSince(ctx, c)
	return sessions, holders, err
}

// look is what the case sees, given its sessions.
func (e *Engine) look(c *quarantine.Case, sessions []quarantine.Session) quarantine.Snapshot {
	return quarantine.Snapshot{
		Now: e.Now(), Sessions: sessions, MaxSessions: e.Rules.MaxSessions, Returned: e.Paths.Returned, Present: e.Poll > 0,
		Interim: e.Interim, OneSessionPer: e.OneSessionPer,
		Exempt: func(s *quarantine.Session) (string, bool) { return e.Rules.ExemptHere(c, s) },
		Deferred: func(s *quarantine.Session, profile string) bool {
			return e.mayRestrictNow(&question{stage: atPlan, c: c, session: s, profile: profile}) != nil
		},
	}
}

// holdersSince reads who holds the addresses of sessions that their BNG does not know
// any more.
func (e *Engine) holdersSince(ctx context.Context, c *quarantine.Case) ([]quarantine.Binding, error) {
	var holders []quarantine.Binding
	for _, at := range c.Places() {
		more, err := e.Store.Bindings(ctx, at, c.OpenedAt, e.Now())
		switch {
		case errors.Is(err, quarantine.ErrNoAddressIndex):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("read who holds %s: %w", at, err)
		}
		holders = append(holders, more...)
	}
	return holders, nil
}

// nextLook is when the case is to be looked at again, zero when it is closed:
// soon enough to see a log-in that nothing tells of.
func (e *Engine) nextLook(c *quarantine.Case, now time.Time) time.Time {
	next := c.NextDue(now)
	if e.Poll > 0 && c.State.Wants() {
		return earlier(next, now.Add(e.Poll))
	}
	return next
}

// admit prepares orders, keeps back those that may not leave now, and drops
// those that are impossible. Call leave when those it returned are done.
func (e *Engine) admit(c *quarantine.Case, orders []quarantine.Order) (leaving []quarantine.Order, leave func()) {
	now := e.Now()
	for _, o := range orders {
		if o.Restricts() {
			q := &question{stage: atPlan, c: c, session: &o.Session, profile: o.To, generation: o.Generation}
			if d := e.mayRestrictNow(q); d != nil {
				c.Defer(&o, *d, now)
				continue
			}
			if !e.prepare(c, &o, now) {
				continue
			}
		}
		if !e.crowd.enter(o.Session.BNG, o.To != "") {
			c.Defer(&o, bngLimit, now)
			continue
		}
		if o.Restricts() && o.To != quarantine.Disconnect {
			o.Journal, o.Mark = e.Holder, e.ledger.next(c.Mark(e.Holder, &o.Session))
		}
		c.Dispatch(&o, now)
		leaving = append(leaving, o)
	}
	return leaving, func() {
		for _, o := range leaving {
			e.crowd.leave(o.Session.BNG, o.To != "")
		}
	}
}

// prepare fixes what the session is to be given back; if that cannot be, the
// case notes the refusal and nothing is sent.
func (e *Engine) prepare(c *quarantine.Case, o *quarantine.Order, now time.Time) bool {
	if o.Prepared {
		return true
	}
	prepared, impossible := e.Enforcer.Prepare(o.Session, o.To)
	if impossible != nil {
		c.Decline(*o, *impossible, now)
		return false
	}
	o.Prepare(prepared)
	return true
}

// observe writes the outcomes into the case, into a fresher one if it was
// changed meanwhile. If it cannot, what the orders may have added is dealt with: nobody
// else will.
func (e *Engine) observe(ctx context.Context, c *quarantine.Case, orders []quarantine.Order, outcomes []quarantine.Outcome, term uint64) (*quarantine.Case, error) {
	after, err := e.observed(ctx, c, orders, outcomes, term)
	if after == nil {
		e.unobserved(ctx, c, orders, outcomes)
		after = c
	}
	return after, err
}

// observed returns the case with the outcomes in it, nil if they could not be written.
func (e *Engine) observed(ctx context.Context, c *quarantine.Case, orders []quarantine.Order, outcomes []quarantine.Outcome, term uint64) (*quarantine.Case, error) {
	for range saveTries {
		now := e.Now()
		for i, o := range orders {
			c.Observe(o, outcomes[i], now)
		}
		err := e.save(ctx, c, e.nextLook(c, now), term)
		switch {
		case err == nil:
			return c, nil
		case !errors.Is(err, quarantine.ErrConflict):
			return nil, err
		}
		dossier, err := e.Store.Dossier(ctx, c.Subscriber)
		switch {
		case err != nil:
			return nil, fmt.Errorf("read the dossier: %w", err)
		case dossier.Case == nil || dossier.Case.ID != c.ID:
			return nil, nil
		}
		c = dossier.Case
	}
	return nil, fmt.Errorf("save the case: %w", quarantine.ErrConflict)
}

func (e *Engine) save(ctx context.Context, c *quarantine.Case, due time.Time, term uint64) error {
	if c.State == quarantine.Closed {
		due = time.Time{}
	}
	if err := e.Store.SaveCase(ctx, quarantine.CaseWrite{Case: c, DueAt: due, Term: term, Now: e.Now()}); err != nil {
		return fmt.Errorf("save the case: %w", err)
	}
	return nil
}

// noteEnded tells the log of restricted sessions that are over.
func (e *Engine) noteEnded(ctx context.Context, before, after *quarantine.Case) {
	was := map[string]quarantine.SessionEnforcement{}
	for _, se := range before.Sessions {
		was[identity(&se.Session)] = se
	}
	for _, se := range after.Sessions {
		old, known := was[identity(&se.Session)]
		if !known || old.Enforcement == quarantine.Gone || se.Enforcement != quarantine.Gone {
			continue
		}
		over := ended{Session: se.Session}
		if !se.GivenUp() {
			over.Left = old.Applied
		}
		e.append(ctx, changing(entry(logEnded, after.ID, over), func() { e.ledger.ended(after.ID, &se.Session) }))
		e.care.noteOver(after.ID, over, e.Now())
	}
}

// append writes entries that only the log's readers miss if it refuses them: what
// they change in the ledger is changed all the same.
func (e *Engine) append(ctx context.Context, entries ...quarantine.JournalEntry) {
	ctx = context.WithoutCancel(ctx)
	err := e.disk.wait(ctx, func(ctx context.Context) error { return e.Journal.Append(ctx, entries...) })
	if err == nil {
		return
	}
	e.troubles.tell(zap.ErrorLevel, "log refuses entries", zap.Error(err))
	for _, entry := range entries {
		if entry.Durable != nil {
			entry.Durable()
		}
	}
}
