package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
	"cordon/quarantine/engine"
	"cordon/radiusx/bng"
	"cordon/store/journal"
)

// How long the open cases are gone through at start before that is left for later,
// how often Redis is asked then, and how many times between two lines in the log.
const (
	unservedAtStart = 10 * time.Second
	unservedRetry   = 5 * time.Second
	unservedLine    = 12
)

// unserved is what is owed where nothing can be sent.
type unserved struct {
	pending bool // the open cases could not be gone through at start; not changed after New

	mu    sync.Mutex // guards what follows
	found []engine.Unserved
}

// trouble is what /readyz shows.
func (u *unserved) trouble(context.Context) error {
	if found := u.get(); len(found) > 0 {
		return errors.New(oneLine(unservedError(found)))
	}
	return nil
}

func (u *unserved) set(found []engine.Unserved) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.found = found
}

func (u *unserved) get() []engine.Unserved {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.found
}

// cases counts them.
func (u *unserved) cases() int {
	cases := map[string]bool{}
	for _, one := range u.get() {
		cases[one.Case] = true
	}
	return len(cases)
}

// checkServed refuses to start where a release is owed that could not be sent: a
// person is there to read it. Redis that does not answer is asked later.
func (a *App) checkServed(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, unservedAtStart)
	defer cancel()
	found, err := a.engine.Unserved(ctx)
	if err != nil {
		a.log.Warn("it is not known yet whether releases are owed on BNGs that are not configured", zap.Error(err))
		a.unserved.pending = true
		found = a.engine.UnservedInJournal()
	}
	if len(found) > 0 {
		return unservedError(found)
	}
	return nil
}

// watchServed finishes what could not be looked at when the process started, and
// keeps what was found in view until nothing of it is owed any more.
func (a *App) watchServed(ctx context.Context) error {
	for pending := a.unserved.pending; pending && ctx.Err() == nil; {
		found, err := a.engine.Unserved(ctx)
		if pending = err != nil; pending {
			pause(ctx, unservedRetry)
			continue
		}
		a.unserved.set(found)
	}
	for found := a.unserved.get(); len(found) > 0 && ctx.Err() == nil; found = a.unserved.get() {
		a.log.Error(oneLine(unservedError(found)))
		for range unservedLine {
			pause(ctx, unservedRetry)
			if still, err := a.engine.StillUnserved(ctx, found); err == nil {
				a.unserved.set(still)
			}
		}
	}
	<-ctx.Done()
	return nil
}

// pause waits for d, or until ctx ends.
func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// namedCases is how many cases of a BNG an error names.
const namedCases = 5

// unservedError names the cases by BNG, and what to do.
func unservedError(found []engine.Unserved) error {
	var order []string
	cases, why := map[string][]string{}, map[string]string{}
	for _, u := range found {
		if !slices.Contains(order, u.Reason) {
			order = append(order, u.Reason)
		}
		why[u.Reason] = u.Session.BNG
		if label := u.Case + " (" + u.Subscriber + ")"; !slices.Contains(cases[u.Reason], label) {
			cases[u.Reason] = append(cases[u.Reason], label)
		}
	}
	lines := []string{"releases are owed that could not be sent:"}
	for _, reason := range order {
		names := cases[reason]
		more := ""
		if n := len(names) - namedCases; n > 0 {
			names, more = names[:namedCases], fmt.Sprintf(" and %d more", n)
		}
		lines = append(lines, fmt.Sprintf("%s; cases %s%s", reason, strings.Join(names, ", "), more))
	}
	return errors.New(strings.Join(lines, "\n"))
}

// CheckJournal reports what the journal in dir shows to be owed that could not be sent
// with this configuration; the journal may be in use. Redis is not asked.
func CheckJournal(ctx context.Context, dir string, parts *Parts) error {
	fleet, err := bng.NewFleet(parts.Fleet)
	if err != nil {
		return err
	}
	found, err := engine.JournalUnserved(ctx, inspected(dir), parts.Names, fleet.CanRelease)
	switch {
	case err != nil:
		return fmt.Errorf("read the journal in %s: %w", dir, err)
	case len(found) > 0:
		return unservedError(found)
	}
	return nil
}

// inspected is a journal that is only read.
type inspected string

// Append implements quarantine.Log.
func (inspected) Append(context.Context, ...quarantine.JournalEntry) error {
	return errors.New("the journal is only read")
}

// Replay implements quarantine.Log.
func (dir inspected) Replay(_ context.Context, fn func(quarantine.JournalEntry, time.Time) error) error {
	return journal.Inspect(string(dir), func(r journal.Record) error {
		if r.Erased {
			return nil
		}
		return fn(quarantine.JournalEntry{Kind: quarantine.EntryKind(r.Kind), Key: r.Key, Body: r.Payload, Reserved: r.Reserved}, r.Time)
	})
}
