package engine

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
)

// How long the open cases are gone through at the start before that is left for later,
// how often the store is asked then, and how many times between two lines in the log.
const (
	unservedAtStart = 10 * time.Second
	unservedRetry   = 5 * time.Second
	unservedLine    = 12
)

// UnservedWatch keeps in view what is owed where nothing can be sent.
type UnservedWatch struct {
	engine  *Engine
	pending bool // the open cases could not be gone through at the start; not changed after Check

	mu    sync.Mutex // guards what follows
	found []Unserved
}

// NewUnservedWatch returns a watch over what e finds.
func NewUnservedWatch(e *Engine) *UnservedWatch { return &UnservedWatch{engine: e} }

// Check returns an [UnservedError] where a release is owed that could not be sent, so that
// the start is refused while a person is there to read it. A store that does not answer
// within 10 s is asked by Run.
func (w *UnservedWatch) Check(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, unservedAtStart)
	defer cancel()
	found, err := w.engine.Unserved(ctx)
	if err != nil {
		w.engine.Logger.Warn("it is not known yet whether releases are owed on BNGs that are not configured", zap.Error(err))
		w.pending = true
		found = w.engine.UnservedInJournal()
	}
	return UnservedError(found)
}

// Run finishes what could not be looked at by Check, and keeps what it found in view until
// nothing of it is owed any more. It returns when ctx ends.
func (w *UnservedWatch) Run(ctx context.Context) error {
	for pending := w.pending; pending && ctx.Err() == nil; {
		found, err := w.engine.Unserved(ctx)
		if pending = err != nil; pending {
			sleep(ctx, unservedRetry)
			continue
		}
		w.set(found)
	}
	for found := w.get(); len(found) > 0 && ctx.Err() == nil; found = w.get() {
		w.engine.Logger.Error(strings.ReplaceAll(UnservedError(found).Error(), "\n", "; "))
		for range unservedLine {
			sleep(ctx, unservedRetry)
			if still, err := w.engine.StillUnserved(ctx, found); err == nil {
				w.set(still)
			}
		}
	}
	<-ctx.Done()
	return nil
}

// Err is an [UnservedError] of what Run has found, nil if it has found nothing.
func (w *UnservedWatch) Err() error { return UnservedError(w.get()) }

// Cases counts the cases that Run has found.
func (w *UnservedWatch) Cases() int {
	cases := map[string]bool{}
	for _, one := range w.get() {
		cases[one.Case] = true
	}
	return len(cases)
}

func (w *UnservedWatch) set(found []Unserved) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.found = found
}

func (w *UnservedWatch) get() []Unserved {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.found
}

// namedCases is how many cases of a BNG an error names.
const namedCases = 5

// UnservedError names the cases by what is in the way, a line each; nil if there are none.
func UnservedError(found []Unserved) error {
	if len(found) == 0 {
		return nil
	}
	var order []string
	cases := map[string][]string{}
	for _, u := range found {
		if !slices.Contains(order, u.Reason) {
			order = append(order, u.Reason)
		}
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
