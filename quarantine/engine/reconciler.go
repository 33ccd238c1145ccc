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

// How due work is leased. A pass that outlasts its lease goes on: the next one for the same
// subscriber finds it locked.
const (
	dueLease    = 3 * time.Minute
	pollEvery   = 200 * time.Millisecond
	lockedRetry = time.Second // while another pass holds the subscriber's lock
	takeMost    = 256
	saveTries   = 16
)

// reconcile works due cases while this instance is the sender, until ctx ends. The release lane
// has workers of its own, so that releases never wait behind restrictions.
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
		if taken == 0 && !e.idle(ctx) {
			return
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// idle waits for a wake-up or the next poll; false if ctx ended.
func (e *Engine) idle(ctx context.Context) bool {
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
	term, ok := e.sender.holds()
	free := min(cap(slots)-len(slots), takeMost)
	if !ok || free == 0 {
		return 0
	}
	due, err := e.Store.TakeDue(ctx, lane, e.Now(), dueLease, free, term)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, quarantine.ErrNotSender) {
			e.limited.log(zap.WarnLevel, "due cases could not be leased", zap.Error(err))
			e.wakeNeeded.Store(true) // some may have been leased, and the answer lost
			sleep(ctx, time.Second)
		}
		return 0
	}
	for _, d := range due {
		slots <- struct{}{}
		running.Go(func() {
			defer func() { <-slots }()
			e.processDue(ctx, d, term)
		})
	}
	return len(due)
}

// processDue reconciles one due subscriber and saves when it is due next, after its lock was
// released: a store that hangs delays no release then.
func (e *Engine) processDue(ctx context.Context, d quarantine.Due, term uint64) {
	e.finishDue(ctx, d, e.reconcileOne(ctx, d, term))
}

// reconcileOne reconciles one due subscriber, unless it is locked, and returns when it is due
// next.
func (e *Engine) reconcileOne(ctx context.Context, d quarantine.Due, term uint64) time.Time {
	mine, leave, ok := e.locks.acquire(ctx, d.Subscriber, d.Lane == quarantine.LaneRelease)
	if !ok {
		return e.Now().Add(lockedRetry)
	}
	defer leave()
	var next time.Time
	err := e.guard("reconcile", d.Subscriber, func() (err error) {
		next, err = e.reconcilePass(mine, d, term)
		return err
	})
	switch {
	case err == nil:
		e.backoffs.reset(d.Subscriber)
	case ctx.Err() == nil:
		e.limited.log(zap.WarnLevel, "case not reconciled", zap.String("subscriber", d.Subscriber), zap.Error(err))
		next = e.Now().Add(e.backoffs.next(d.Subscriber, err))
	}
	return next
}

func (e *Engine) finishDue(ctx context.Context, d quarantine.Due, next time.Time) {
	if err := e.Store.FinishDue(context.WithoutCancel(ctx), d, next); err != nil && ctx.Err() == nil {
		e.limited.log(zap.WarnLevel, "due time of a case could not be saved", zap.String("subscriber", d.Subscriber), zap.Error(err))
		e.wakeNeeded.Store(true)
	}
}

// reconcilePass makes one pass over one subscriber: it compares what its case wants with its sessions,
// executes the orders that follow, and returns when the case is due next. ctx ends the pass early,
// with exchanges in flight counted as unanswered.
func (e *Engine) reconcilePass(ctx context.Context, d quarantine.Due, term uint64) (time.Time, error) {
	dossier, err := e.Store.Dossier(ctx, d.Subscriber)
	if err != nil {
		return time.Time{}, fmt.Errorf("read the dossier: %w", err)
	}
	if dossier.Case == nil {
		return time.Time{}, nil
	}
	c := dossier.Case
	before := c.Clone()
	e.enterOwed(c)
	orders, err := e.plan(ctx, c)
	if err != nil {
		return time.Time{}, err
	}
	orders, leave := e.admit(c, orders)
	defer leave()
	until := d.Until
	if len(orders) == 0 {
		until = e.nextDue(c, e.Now())
	}
	if !reflect.DeepEqual(before, c) {
		if err := e.save(ctx, c, until, term); err != nil {
			return time.Time{}, err
		}
		e.journalEnded(ctx, before, c)
	}
	if len(orders) == 0 {
		return until, nil
	}
	outcomes := e.dispatch(ctx, c, orders)
	before = c.Clone()
	after, err := e.saveOutcomes(context.WithoutCancel(ctx), c, orders, outcomes, term)
	if err != nil {
		return time.Time{}, err
	}
	e.journalEnded(ctx, before, after)
	e.journalExpiry(ctx, after) // of a case that stepped down, once that is done
	return e.nextDue(after, e.Now()), nil
}

// plan reads the sessions and plans the case's orders. Releases do not wait for what cannot be
// read: the case has all that they need.
func (e *Engine) plan(ctx context.Context, c *quarantine.Case) ([]quarantine.Order, error) {
	sessions, holders, err := e.readSessions(ctx, c)
	switch {
	case err == nil:
	case c.Ending(e.Now()):
		e.limited.log(zap.WarnLevel, "a case is released although its sessions cannot be read", zap.String("case", c.ID), zap.Error(err))
	default:
		return nil, err
	}
	e.resume(c)
	sessions = e.retire(c, sessions)
	e.enterAllLeft(c, sessions)
	in := e.snapshot(c, sessions)
	in.Holders, in.Present = holders, in.Present && err == nil
	return c.Plan(in), nil
}

// readSessions returns the sessions of a case, and the holders of the addresses of those that their
// BNG does not know.
func (e *Engine) readSessions(ctx context.Context, c *quarantine.Case) ([]quarantine.Session, []quarantine.Binding, error) {
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

// snapshot is what the case is planned by, given its sessions.
func (e *Engine) snapshot(c *quarantine.Case, sessions []quarantine.Session) quarantine.Snapshot {
	return quarantine.Snapshot{
		Now: e.Now(), Sessions: sessions, MaxSessions: e.Rules.MaxSessions, Returned: e.Paths.Returned, Present: e.Poll > 0,
		Interim: e.Interim, OneSessionPer: e.OneSessionPer,
		Exempt: func(s *quarantine.Session) (string, bool) { return e.Rules.ExemptHere(c, s) },
		Deferred: func(s *quarantine.Session, profile string) bool {
			return e.mayRestrictNow(&question{stage: atPlan, c: c, session: s, profile: profile}) != nil
		},
	}
}

// holdersSince reads the holders of the addresses of sessions that their BNG does not know any
// more.
func (e *Engine) holdersSince(ctx context.Context, c *quarantine.Case) ([]quarantine.Binding, error) {
	var holders []quarantine.Binding
	for _, at := range c.Places() {
		more, err := e.Store.Bindings(ctx, at, c.OpenedAt, e.Now())
		switch {
		case errors.Is(err, quarantine.ErrNoAddressIndex):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("read the holders of %s: %w", at, err)
		}
		holders = append(holders, more...)
	}
	return holders, nil
}

// nextDue is when the case is due next, zero when it is closed: soon enough to notice a log-in that
// nothing reports.
func (e *Engine) nextDue(c *quarantine.Case, now time.Time) time.Time {
	next := c.NextDue(now)
	if e.Poll > 0 && c.State.Wants() {
		return earlier(next, now.Add(e.Poll))
	}
	return next
}

// admit prepares orders, defers those that may not leave now, and declines those that are
// impossible. Call leave when those it returned are done.
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
		if !e.bngLimiter.acquire(o.Session.BNG, o.To != "") {
			c.Defer(&o, overBNGLimit, now)
			continue
		}
		if o.Restricts() && o.To != quarantine.Disconnect {
			o.Journal, o.Mark = e.Holder, e.ledger.nextMark(c.Mark(e.Holder, &o.Session))
		}
		c.Dispatch(&o, now)
		leaving = append(leaving, o)
	}
	return leaving, func() {
		for _, o := range leaving {
			e.bngLimiter.release(o.Session.BNG, o.To != "")
		}
	}
}

// prepare fixes how the session is restored; if that is impossible, the case notes the refusal and
// nothing is sent.
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

// saveOutcomes saves the outcomes in the case, in a newer version if it was changed meanwhile. If it
// cannot, it handles what the orders may have put in force: nothing else will.
func (e *Engine) saveOutcomes(
	ctx context.Context, c *quarantine.Case, orders []quarantine.Order, outcomes []quarantine.Outcome, term uint64,
) (*quarantine.Case, error) {
	after, err := e.trySaveOutcomes(ctx, c, orders, outcomes, term)
	if after == nil {
		e.unsavedOutcomes(ctx, c, orders, outcomes)
		after = c
	}
	return after, err
}

// trySaveOutcomes returns the case with the outcomes in it, nil if they could not be saved.
func (e *Engine) trySaveOutcomes(
	ctx context.Context, c *quarantine.Case, orders []quarantine.Order, outcomes []quarantine.Outcome, term uint64,
) (*quarantine.Case, error) {
	for range saveTries {
		now := e.Now()
		for i, o := range orders {
			c.Observe(o, outcomes[i], now)
		}
		err := e.save(ctx, c, e.nextDue(c, now), term)
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

// journalEnded journals restricted sessions that are over.
func (e *Engine) journalEnded(ctx context.Context, before, after *quarantine.Case) {
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
		e.append(ctx, changing(entry(entryEnded, after.ID, over), func() { e.ledger.ended(after.ID, &se.Session) }))
		e.rechecks.addEnded(after.ID, over, e.Now())
	}
}

// append journals entries whose changes of the ledger are applied even if the journal refuses
// them.
func (e *Engine) append(ctx context.Context, entries ...quarantine.JournalEntry) {
	ctx = context.WithoutCancel(ctx)
	err := e.disk.wait(ctx, func(ctx context.Context) error { return e.Journal.Append(ctx, entries...) })
	if err == nil {
		return
	}
	e.limited.log(zap.ErrorLevel, "journal write failed", zap.Error(err))
	for _, entry := range entries {
		if entry.Durable != nil {
			entry.Durable()
		}
	}
}
