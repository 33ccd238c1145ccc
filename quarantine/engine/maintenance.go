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

// How often the maintenance windows are read, and how long a read may take
// before what is known stands.
const (
	windowsEvery    = time.Second
	windowsPatience = 2 * time.Second
)

// windows is which BNGs are in maintenance, as far as this instance knows: what
// the store told and what was commanded here, of each BNG what counts. While the
// store is away, what is known stands until its own end.
type windows struct {
	book quarantine.MaintenanceBook

	mu    sync.Mutex // guards what follows
	read  bool       // the store has told once since the start
	byBNG map[string]quarantine.Maintenance
}

func newWindows(book quarantine.MaintenanceBook) *windows {
	return &windows{book: book, byBNG: map[string]quarantine.Maintenance{}}
}

// learn takes windows in, each if it is news.
func (w *windows) learn(known ...quarantine.Maintenance) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, m := range known {
		if m.Newer(w.byBNG[m.BNG]) {
			w.byBNG[m.BNG] = m
		}
	}
}

// refresh asks the store. One that it does not know any more was forgotten, not
// ended: it stands, and is noted there again.
func (w *windows) refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, windowsPatience)
	defer cancel()
	known, err := w.book.Maintenances(ctx)
	if err != nil {
		return err
	}
	for _, m := range w.take(known) {
		counts, err := w.book.SetMaintenance(ctx, m)
		if err != nil {
			return err
		}
		w.learn(counts)
	}
	return nil
}

// take learns what the store told, and returns what is known here beyond that.
func (w *windows) take(told []quarantine.Maintenance) []quarantine.Maintenance {
	w.learn(told...)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.read = true
	var more []quarantine.Maintenance
	for bng, m := range w.byBNG {
		if !covers(told, bng) {
			more = append(more, m)
		}
	}
	return more
}

// of returns what counts for a BNG; the zero value: nothing is known.
func (w *windows) of(bng string) (m quarantine.Maintenance, read bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.byBNG[bng], w.read
}

// standing returns the windows that stand now, by name, and forgets what is too
// old to matter.
func (w *windows) standing(now time.Time) []quarantine.Maintenance {
	w.mu.Lock()
	defer w.mu.Unlock()
	var standing []quarantine.Maintenance
	for _, m := range w.byBNG {
		if m.Stands(now) {
			standing = append(standing, m)
		}
	}
	maps.DeleteFunc(w.byBNG, func(_ string, m quarantine.Maintenance) bool { return now.Sub(m.At) > quarantine.MaxMaintenance })
	slices.SortFunc(standing, func(a, b quarantine.Maintenance) int { return cmp.Compare(a.BNG, b.BNG) })
	return standing
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

// watchWindows keeps the windows up to date until ctx ends. Where one is over,
// sooner than it was to be perhaps, open cases are looked at again.
func (e *Engine) watchWindows(ctx context.Context) {
	e.readWindows(ctx)
	close(e.windowsAsked)
	before := e.windows.standing(e.Now())
	for sleep(ctx, windowsEvery) {
		e.readWindows(ctx)
		now := e.windows.standing(e.Now())
		if slices.ContainsFunc(before, func(m quarantine.Maintenance) bool { return !covers(now, m.BNG) }) {
			e.wakeAll() // here or at whoever is the sender then
		}
		before = now
	}
}

// covers reports whether one of the windows is the BNG's.
func covers(windows []quarantine.Maintenance, bng string) bool {
	return slices.ContainsFunc(windows, func(m quarantine.Maintenance) bool { return m.BNG == bng })
}

func (e *Engine) readWindows(ctx context.Context) {
	if err := e.windows.refresh(ctx); err != nil && ctx.Err() == nil {
		e.troubles.tell(zap.WarnLevel, "maintenance windows could not be read; those known stand", zap.Error(err))
	}
}

// Maintenances returns the windows that stand now, by name of the BNG, as far
// as this instance knows. Whoever raises an alarm about a BNG asks first.
func (e *Engine) Maintenances() []quarantine.Maintenance { return e.windows.standing(e.Now()) }

// Maintain puts a BNG into maintenance for d (at most
// quarantine.MaxMaintenance), in place of the window it has, and returns what
// counts then. Errors: *FieldError, ErrDeferred.
func (e *Engine) Maintain(ctx context.Context, bng, by, reason string, d time.Duration) (quarantine.Maintenance, error) {
	standing, _ := e.present(ctx, bng)
	m, err := quarantine.NewMaintenance(standing, bng, by, reason, d, e.Now())
	if err != nil {
		return quarantine.Maintenance{}, err
	}
	return e.commandWindow(ctx, verbMaintain, m)
}

// EndMaintenance ends a BNG's window now. Errors: *CommandError if it has none,
// ErrDeferred.
func (e *Engine) EndMaintenance(ctx context.Context, bng, by, reason string) (quarantine.Maintenance, error) {
	standing, err := e.present(ctx, bng)
	if err != nil && !standing.Stands(e.Now()) {
		return quarantine.Maintenance{}, err // it may have one that only the store knows
	}
	standing.BNG = bng
	m, err := standing.End(by, reason, e.Now())
	if err != nil {
		return quarantine.Maintenance{}, err
	}
	return e.commandWindow(ctx, verbEndMaintenance, m)
}

// present is the window that a command is given in view of.
func (e *Engine) present(ctx context.Context, bng string) (quarantine.Maintenance, error) {
	err := e.windows.refresh(ctx)
	m, _ := e.windows.of(bng)
	return m, err
}

func (e *Engine) commandWindow(ctx context.Context, v verb, m quarantine.Maintenance) (quarantine.Maintenance, error) {
	if _, err := e.command(ctx, command{Verb: v, By: m.By, Reason: m.Reason, Window: &m}); err != nil {
		return m, err
	}
	counts, _ := e.windows.of(m.BNG)
	return counts, nil
}

// noteWindow carries a command about a window out. Here it holds at once, also
// while the store cannot take it.
func (e *Engine) noteWindow(ctx context.Context, m quarantine.Maintenance) error {
	e.windows.learn(m)
	counts, err := e.Store.SetMaintenance(ctx, m)
	if err != nil {
		return err
	}
	e.windows.learn(counts)
	return nil
}
