package stories

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"sync"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/engine"
)

// errCut is what an instance gets whose link to the store fails.
var errCut = errors.New("the link to the store is cut")

// storeLink is one instance's link to the store. It can be cut, and it can lose calls
// and answers: of a call whose answer is lost the instance does not know that it
// was done.
type storeLink struct {
	engine.Store

	mu     sync.Mutex // guards what follows
	random *rand.Rand
	lose   float64 // probability of each call: 1 is cut
}

var _ engine.Store = (*storeLink)(nil)

// set says how much the way loses from now on.
func (g *storeLink) set(lose float64) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.lose = lose
}

// draw draws what becomes of a call: lost on its way, or its answer is.
func (g *storeLink) draw() (call, answer error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case g.lose == 0 || g.lose < 1 && g.random.Float64() >= g.lose:
		return nil, nil
	case g.lose >= 1 || g.random.IntN(2) == 0:
		return errCut, nil
	}
	return nil, errCut
}

// through makes a call that has no result but an error.
func (g *storeLink) through(call func() error) error {
	lost, lostReply := g.draw()
	if lost != nil {
		return lost
	}
	return errors.Join(call(), lostReply)
}

// ask makes a call that has a result.
func ask[T any](g *storeLink, call func() (T, error)) (T, error) {
	var none T
	lost, lostReply := g.draw()
	if lost != nil {
		return none, lost
	}
	result, err := call()
	if lostReply != nil {
		return none, errors.Join(err, lostReply)
	}
	return result, err
}

// Session implements quarantine.SessionReader.
func (g *storeLink) Session(ctx context.Context, key quarantine.SessionKey) (quarantine.Session, error) {
	return ask(g, func() (quarantine.Session, error) { return g.Store.Session(ctx, key) })
}

// SessionsOf implements quarantine.SessionReader.
func (g *storeLink) SessionsOf(ctx context.Context, subscriber string) ([]quarantine.Session, error) {
	return ask(g, func() ([]quarantine.Session, error) { return g.Store.SessionsOf(ctx, subscriber) })
}

// Bindings implements quarantine.BindingFinder.
func (g *storeLink) Bindings(ctx context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
	return ask(g, func() ([]quarantine.Binding, error) { return g.Store.Bindings(ctx, at, from, to) })
}

// Verdict implements quarantine.VerdictStore.
func (g *storeLink) Verdict(ctx context.Context, id string) (quarantine.VerdictStatus, error) {
	return ask(g, func() (quarantine.VerdictStatus, error) { return g.Store.Verdict(ctx, id) })
}

// SaveVerdict implements quarantine.VerdictStore.
func (g *storeLink) SaveVerdict(ctx context.Context, s quarantine.VerdictStatus) error {
	return g.through(func() error { return g.Store.SaveVerdict(ctx, s) })
}

// KnownVerdicts implements quarantine.VerdictStore.
func (g *storeLink) KnownVerdicts(ctx context.Context, ids []string) (map[string]bool, error) {
	return ask(g, func() (map[string]bool, error) { return g.Store.KnownVerdicts(ctx, ids) })
}

// Dossier implements quarantine.CaseReader.
func (g *storeLink) Dossier(ctx context.Context, subscriber string) (quarantine.Dossier, error) {
	return ask(g, func() (quarantine.Dossier, error) { return g.Store.Dossier(ctx, subscriber) })
}

// Case implements quarantine.CaseReader.
func (g *storeLink) Case(ctx context.Context, id string) (*quarantine.Case, error) {
	return ask(g, func() (*quarantine.Case, error) { return g.Store.Case(ctx, id) })
}

// SaveCase implements quarantine.CaseWriter.
func (g *storeLink) SaveCase(ctx context.Context, w quarantine.CaseWrite) error {
	return g.through(func() error { return g.Store.SaveCase(ctx, w) })
}

// TakeDue implements quarantine.DueSet.
func (g *storeLink) TakeDue(
	ctx context.Context, lane quarantine.Lane, now time.Time, lease time.Duration, n int, term uint64,
) ([]quarantine.Due, error) {
	return ask(g, func() ([]quarantine.Due, error) { return g.Store.TakeDue(ctx, lane, now, lease, n, term) })
}

// FinishDue implements quarantine.DueSet.
func (g *storeLink) FinishDue(ctx context.Context, d quarantine.Due, next time.Time) error {
	return g.through(func() error { return g.Store.FinishDue(ctx, d, next) })
}

// WakeAll implements quarantine.DueSet.
func (g *storeLink) WakeAll(ctx context.Context, now time.Time) error {
	return g.through(func() error { return g.Store.WakeAll(ctx, now) })
}

// Campaign implements quarantine.SenderLease.
func (g *storeLink) Campaign(ctx context.Context, holder string, ttl time.Duration) (term uint64, held bool, err error) {
	lost, lostReply := g.draw()
	if lost != nil {
		return 0, false, lost
	}
	if term, held, err = g.Store.Campaign(ctx, holder, ttl); lostReply != nil {
		return 0, false, lostReply
	}
	return term, held, err
}

// Resign implements quarantine.SenderLease.
func (g *storeLink) Resign(ctx context.Context, holder string) error {
	return g.through(func() error { return g.Store.Resign(ctx, holder) })
}

// PublishInstance implements quarantine.InstanceRegistry.
func (g *storeLink) PublishInstance(ctx context.Context, i quarantine.Instance, returning bool, keep time.Duration) (time.Time, error) {
	return ask(g, func() (time.Time, error) { return g.Store.PublishInstance(ctx, i, returning, keep) })
}

// Instances implements quarantine.InstanceRegistry.
func (g *storeLink) Instances(ctx context.Context) (all []quarantine.Instance, now time.Time, err error) {
	lost, lostReply := g.draw()
	if lost != nil {
		return nil, time.Time{}, lost
	}
	if all, now, err = g.Store.Instances(ctx); lostReply != nil {
		return nil, time.Time{}, lostReply
	}
	return all, now, err
}

// Gaps implements quarantine.Continuity.
func (g *storeLink) Gaps(ctx context.Context) ([]quarantine.Gap, error) {
	return ask(g, func() ([]quarantine.Gap, error) { return g.Store.Gaps(ctx) })
}

// SetMaintenance implements quarantine.MaintenanceBook.
func (g *storeLink) SetMaintenance(ctx context.Context, m quarantine.Maintenance) (quarantine.Maintenance, error) {
	return ask(g, func() (quarantine.Maintenance, error) { return g.Store.SetMaintenance(ctx, m) })
}

// Maintenances implements quarantine.MaintenanceBook.
func (g *storeLink) Maintenances(ctx context.Context) ([]quarantine.Maintenance, error) {
	return ask(g, func() ([]quarantine.Maintenance, error) { return g.Store.Maintenances(ctx) })
}

// instanceAddress is where an instance's own datagrams come from.
func instanceAddress(n int) netip.Addr { return netip.AddrFrom4([4]byte{192, 0, 2, byte(101 + n)}) }
