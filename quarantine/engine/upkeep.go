package engine

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How often each part of the upkeep runs.
const (
	upkeepEvery  = time.Second
	compareEvery = time.Minute // the journal with the cases
	forgetEvery  = time.Hour   // ids of old verdicts
)

// upkeep works off what waits for the store until ctx ends: commands, due times that could not be
// saved, unfinished releases. Each has a goroutine of its own, stops at the first error of the
// store, and goes on once it answers: none delays another, or a release.
func (e *Engine) upkeep(ctx context.Context) {
	var running sync.WaitGroup
	each := func(f func(context.Context)) {
		running.Go(func() {
			for sleep(ctx, upkeepEvery) {
				if e.storeHealth.unreachableFor(e.Now()) < probeTimeout {
					f(ctx)
				}
			}
		})
	}
	failed := map[string]uint64{}
	each(func(ctx context.Context) { e.runWaitingCommands(ctx, failed) })
	each(e.finishReleases)
	running.Go(func() {
		for waitFor(ctx, upkeepEvery, e.wakesAll) {
			e.catchUp(ctx)
		}
	})
	running.Go(func() { e.compareLedger(ctx) })
	running.Go(func() {
		for sleep(ctx, forgetEvery) {
			e.ledger.forget(e.Now().Add(-e.Memory))
		}
	})
	running.Wait()
}

// compareLedger compares the ledger with the cases: soon after the start, when the store answers
// again, and every compareEvery, until ctx ends.
func (e *Engine) compareLedger(ctx context.Context) {
	for wait := upkeepEvery; waitFor(ctx, wait, e.storeHealth.returned); wait = compareEvery {
		if e.wentBack.Swap(false) {
			if err := e.redecide(ctx); err != nil {
				e.wentBack.Store(true)
				e.limited.log(zap.WarnLevel, "decisions that the store may have lost could not be made again yet", zap.Error(err))
			}
		}
		if err := e.compareOnce(ctx); err != nil && ctx.Err() == nil {
			e.limited.log(zap.WarnLevel, "restrictions in the journal could not be compared with the cases", zap.Error(err))
		}
	}
}

// compareOnce reads every case of which this journal has something outstanding, many at a time,
// until the store does not answer.
func (e *Engine) compareOnce(ctx context.Context) error {
	for ids := range slices.Chunk(e.ledger.cases(), quarantine.CasesAtOnce) {
		before := e.ledger.changes()
		cases, err := e.Store.CasesByID(ctx, ids)
		if err != nil {
			return err
		}
		var expiries []quarantine.JournalEntry
		for _, id := range ids {
			c := cases[id] // one that cannot be read counts as lost: the journal releases it then
			if e.ledger.changedSince(id, before) {
				continue // older than the journal's newest entry
			}
			entries, err := e.compareGuarded(ctx, id, c)
			expiries = append(expiries, entries...)
			if err != nil && !errors.Is(err, errPanicked) {
				return err
			}
		}
		if len(expiries) > 0 {
			e.append(ctx, expiries...)
		}
	}
	return nil
}

// compareGuarded is compareCase that survives a panic.
func (e *Engine) compareGuarded(ctx context.Context, id string, c *quarantine.Case) (expiry []quarantine.JournalEntry, err error) {
	err = e.guard("compare", id, func() (err error) {
		expiry, err = e.compareCase(ctx, id, c)
		return err
	})
	return expiry, err
}

// changes is the serial number of the last change to what is outstanding.
func (l *ledger) changes() uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.serial
}

// changedSince reports whether what is outstanding of a case has changed since changes returned
// that number: a case that was read meanwhile may not know of it yet.
func (l *ledger) changedSince(caseID string, changes uint64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, o := range l.outstanding[caseID] {
		if o.serial > changes {
			return true
		}
	}
	return false
}

// wakeAll has every open case made due soon, by the instance that is the sender then. It does not
// wait: at a hundred thousand cases that takes seconds. Called again meanwhile it is done once
// more.
func (e *Engine) wakeAll() {
	e.wakeNeeded.Store(true)
	select {
	case e.wakesAll <- struct{}{}:
	default:
	}
}

// catchUp makes every open case due if that was asked for, or if a due time could not be saved while
// the store was unreachable; else the end of its lease alone would.
func (e *Engine) catchUp(ctx context.Context) {
	if _, sending := e.sender.holds(); !sending || !e.wakeNeeded.Swap(false) {
		return
	}
	if err := e.Store.WakeAll(ctx, e.Now()); err != nil {
		e.wakeNeeded.Store(true)
		if ctx.Err() == nil {
			e.limited.log(zap.WarnLevel, "open cases could not be made due yet", zap.Error(err))
		}
		return
	}
	e.wakeReconciler()
}

// runWaitingCommands applies commands that wait for the store, until one fails. That one comes last
// the next time: should it be the only one that cannot be applied, it delays no other. failed is how
// often each command has failed.
func (e *Engine) runWaitingCommands(ctx context.Context, failed map[string]uint64) {
	waiting := e.ledger.waiting()
	slices.SortStableFunc(waiting, func(a, b command) int { return cmp.Compare(failed[a.ID], failed[b.ID]) })
	for _, c := range waiting {
		var result *quarantine.Case
		var err error = errNotDone
		if c.deferrable() {
			result, err = e.runCommandGuarded(ctx, c)
		}
		if err != nil && !e.final(c, err) {
			failed[c.ID]++
			return
		}
		e.finishCommand(ctx, c, result, err)
		delete(failed, c.ID)
	}
}

// inParallel calls f for each item, n of them at the same time, and begins none after an
// error. It returns when all have ended.
func inParallel[T any](n int, items []T, f func(T) error) {
	var (
		running sync.WaitGroup
		mu      sync.Mutex // guards what follows
		at      int
		stopped bool
	)
	next := func(err error) (item T, ok bool) {
		mu.Lock()
		defer mu.Unlock()
		stopped = stopped || err != nil
		if stopped || at == len(items) {
			return item, false
		}
		at++
		return items[at-1], true
	}
	for range min(n, len(items)) {
		running.Go(func() {
			for item, ok := next(nil); ok; {
				item, ok = next(f(item))
			}
		})
	}
	running.Wait()
}
