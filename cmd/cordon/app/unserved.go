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

// How long the open cases are gone through at start before the rest is left for
// later, and how often they are gone through while something is not served, or
// Redis has not answered.
const (
	unservedAtStart = 10 * time.Second
	unservedEvery   = time.Minute
	unservedRetry   = 5 * time.Second
)

// unserved is what is owed where nothing can be sent.
type unserved struct {
	pending bool // the open cases were not gone through yet; New's, then watchServed's

	mu    sync.Mutex // guards what follows
	found []engine.Unserved
}

// trouble is what /readyz shows.
func (u *unserved) trouble(context.Context) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if len(u.found) > 0 {
		return errors.New(oneLine(unservedError(u.found)))
	}
	return nil
}

func (u *unserved) set(found []engine.Unserved) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.found = found
}

// serves says why a release could not be sent for what is applied on a session.
func (a *App) serves(s *quarantine.Session, applied []quarantine.Applied) error {
	return serves(a.fleet, s, applied)
}

// serves asks the fleet for the session's BNG. Whether an undo that was remembered can
// still be sent by what is configured there belongs here too.
func serves(fleet *bng.Fleet, s *quarantine.Session, _ []quarantine.Applied) error {
	return fleet.Serves(s)
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

// watchServed finishes what could not be looked at when the process started, until
// nothing is owed that is not served.
func (a *App) watchServed(ctx context.Context) error {
	for a.unserved.pending {
		found, err := a.engine.Unserved(ctx)
		wait := unservedEvery
		switch {
		case err != nil:
			wait = unservedRetry
		case len(found) == 0:
			a.unserved.set(nil)
			a.unserved.pending = false
			continue
		default:
			a.unserved.set(found)
			a.log.Error(oneLine(unservedError(found)))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
	<-ctx.Done()
	return nil
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
	found, err := engine.JournalUnserved(ctx, inspected(dir), parts.Names, func(s *quarantine.Session, applied []quarantine.Applied) error {
		return serves(fleet, s, applied)
	})
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
func (inspected) Append(context.Context, ...quarantine.LogEntry) error {
	return errors.New("the journal is only read")
}

// Replay implements quarantine.Log.
func (dir inspected) Replay(_ context.Context, fn func(quarantine.LogEntry, time.Time) error) error {
	return journal.Inspect(string(dir), func(r journal.Record) error {
		if r.Erased {
			return nil
		}
		return fn(quarantine.LogEntry{Kind: quarantine.LogKind(r.Kind), Key: r.Key, Body: r.Payload, Reserved: r.Reserved}, r.Time)
	})
}
