package engine

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
)

// How often the maintenance windows are read, and the timeout of a read, after which the known
// windows stay in effect.
const (
	windowsEvery   = time.Second
	windowsTimeout = 2 * time.Second
)

// windows is the maintenance windows of the BNGs as far as this instance knows: what the store has
// and what was commanded here, of each BNG the one that counts. While the store is unreachable,
// known windows stay in effect until their end.
type windows struct {
	book quarantine.MaintenanceBook

	mu    sync.Mutex // guards what follows
	read  bool       // the store was read once since the start
	byBNG map[string]quarantine.Maintenance
}

func newWindows(book quarantine.MaintenanceBook) *windows {
	return &windows{book: book, byBNG: map[string]quarantine.Maintenance{}}
}

// add adds windows, each if it is newer than the BNG's known one.
func (w *windows) add(known ...quarantine.Maintenance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range known {
		if m.Newer(w.byBNG[m.BNG]) {
			w.byBNG[m.BNG] = m
		}
	}
}

// refresh reads the store. A window that it does not have any more was lost, not ended: it stays
// in effect, and is written there again.
func (w *windows) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, windowsTimeout)
	defer cancel()
	known, err := w.book.Maintenances(ctx)
	if err != nil {
		return err
	}
	for _, m := range w.merge(known) {
		counts, err := w.book.SetMaintenance(ctx, m)
		if err != nil {
			return err
		}
		w.add(counts)
	}
	return nil
}

// merge adds the store's windows, and returns what is known here beyond them.
func (w *windows) merge(stored []quarantine.Maintenance) []quarantine.Maintenance {
	w.add(stored...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.read = true
	var more []quarantine.Maintenance
	for bng, m := range w.byBNG {
		if !covers(stored, bng) {
			more = append(more, m)
		}
	}
	return more
}

// of returns the window that counts for a BNG; the zero value: none is known.
func (w *windows) of(bng string) (m quarantine.Maintenance, read bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.byBNG[bng], w.read
}

// active returns the windows in effect now, by name of the BNG, and forgets those too old to
// matter.
func (w *windows) active(now time.Time) []quarantine.Maintenance {
	w.mu.Lock()
	defer w.mu.Unlock()
	var active []quarantine.Maintenance
	for _, m := range w.byBNG {
		if m.Stands(now) {
			active = append(active, m)
		}
	}
	maps.DeleteFunc(w.byBNG, func(_ string, m quarantine.Maintenance) bool { return now.Sub(m.At) > quarantine.MaxMaintenance })
	slices.SortFunc(active, func(a, b quarantine.Maintenance) int { return cmp.Compare(a.BNG, b.BNG) })
	return active
}

// defers says why nothing may be restricted on the BNG now; nil: it may. Until the windows
// were read once all is deferred: a person may have given one while this instance did not
// run.
func (w *windows) defers(bng string, now time.Time) *quarantine.Deferral {
	switch m, read := w.of(bng); {
	case m.Stands(now):
		return &quarantine.Deferral{Reason: m.String(), NotBefore: m.Until}
	case !read:
		return because(windowsUnread)
	}
	return nil
}

// resume ends the wait of what the case deferred for maintenance, where that is over.
func (e *Engine) resume(c *quarantine.Case) {
	c.Resume(func(s *quarantine.Session) bool {
		return checkMaintenance(e, &question{stage: atPlan, c: c, session: s}) != nil
	})
}

// watchWindows keeps the windows up to date until ctx ends. When one ends, perhaps before its
// time, open cases are made due.
func (e *Engine) watchWindows(ctx context.Context) {
	e.refreshWindows(ctx)
	close(e.windowsAsked)
	before := e.windows.active(e.Now())
	for sleep(ctx, windowsEvery) {
		e.refreshWindows(ctx)
		now := e.windows.active(e.Now())
		if slices.ContainsFunc(before, func(m quarantine.Maintenance) bool { return !covers(now, m.BNG) }) {
			e.wakeAll() // here or on the instance that is the sender then
		}
		before = now
	}
}

// covers reports whether one of the windows is the BNG's.
func covers(windows []quarantine.Maintenance, bng string) bool {
	return slices.ContainsFunc(windows, func(m quarantine.Maintenance) bool { return m.BNG == bng })
}

func (e *Engine) refreshWindows(ctx context.Context) {
	if err := e.windows.refresh(ctx); err != nil && ctx.Err() == nil {
		e.limited.log(zap.WarnLevel, "maintenance windows could not be read; the known ones stay in effect", zap.Error(err))
	}
}

// Maintenances returns the windows in effect now, by name of the BNG, as far as this instance
// knows. Ask before raising an alarm about a BNG.
func (e *Engine) Maintenances() []quarantine.Maintenance { return e.windows.active(e.Now()) }

// Maintain puts a BNG into maintenance for d (at most
// quarantine.MaxMaintenance), in place of the window it has, and returns what
// counts then. Errors: *FieldError, ErrDeferred.
func (e *Engine) Maintain(ctx context.Context, bng, by, reason string, d time.Duration) (quarantine.Maintenance, error) {
	current, _ := e.currentWindow(ctx, bng)
	m, err := quarantine.NewMaintenance(current, bng, by, reason, d, e.Now())
	if err != nil {
		return quarantine.Maintenance{}, err
	}
	return e.commandWindow(ctx, verbMaintain, m)
}

// EndMaintenance ends a BNG's window now. Errors: *CommandError if it has none,
// ErrDeferred.
func (e *Engine) EndMaintenance(ctx context.Context, bng, by, reason string) (quarantine.Maintenance, error) {
	current, err := e.currentWindow(ctx, bng)
	if err != nil && !current.Stands(e.Now()) {
		return quarantine.Maintenance{}, err // it may have one that only the store knows
	}
	current.BNG = bng
	m, err := current.End(by, reason, e.Now())
	if err != nil {
		return quarantine.Maintenance{}, err
	}
	return e.commandWindow(ctx, verbEndMaintenance, m)
}

// currentWindow is the BNG's window that a command is about.
func (e *Engine) currentWindow(ctx context.Context, bng string) (quarantine.Maintenance, error) {
	err := e.windows.refresh(ctx)
	m, _ := e.windows.of(bng)
	return m, err
}

func (e *Engine) commandWindow(ctx context.Context, v verb, m quarantine.Maintenance) (quarantine.Maintenance, error) {
	if _, err := e.giveCommand(ctx, command{Verb: v, By: m.By, Reason: m.Reason, Window: &m}); err != nil {
		return m, err
	}
	counts, _ := e.windows.of(m.BNG)
	return counts, nil
}

// saveWindow applies a command about a window. On this instance it takes effect at once, also
// while the store is unavailable.
func (e *Engine) saveWindow(ctx context.Context, m quarantine.Maintenance) error {
	e.windows.add(m)
	counts, err := e.Store.SetMaintenance(ctx, m)
	if err != nil {
		return err
	}
	e.windows.add(counts)
	return nil
}
