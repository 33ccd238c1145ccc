package authorize

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"cordon/quarantine"
)

// StoreTimeout is how long the store is waited for. The AAA server waits 200 ms
// for us, and a subscriber for the AAA server.
const StoreTimeout = 80 * time.Millisecond

// coolDown is how long the store is not asked after it did not answer: log-ins
// come by the hundred, and each would wait in vain.
const coolDown = time.Second

// LogIn is one log-in at a configured BNG, of a subscriber that was named.
type LogIn interface {
	Subscriber() string
	BNG() string    // as its sessions have it: the redundancy group's name, if it is in one
	Member() string // the BNG itself
	// Addresses are those that the session is known to get; none if nothing is known.
	Addresses() []quarantine.Address
	// Undo has the profiles that can be put in force; see quarantine.LogIn.
	Undo() map[string]string
	// Reply returns the changes that put a profile in force; false: not here.
	Reply(profile string) ([]Change, bool)
}

// network knows the BNGs.
type network interface {
	// LogIn reads what an Access-Request tells; false: no log-in of ours.
	LogIn(told []quarantine.Attribute) (LogIn, bool)
}

// gate knows what may not be restricted at present.
type gate interface {
	// Paused says whether nothing new may be restricted at all.
	Paused() bool
	// Acts reports whether a case may restrict a session of its subscriber that
	// begins so now.
	Acts(c *quarantine.Case, l LogIn) bool
}

// Desk answers log-ins. It is safe for concurrent use.
type Desk struct {
	network network
	store   quarantine.LogInStore
	gate    gate
	now     func() time.Time

	until  atomic.Int64 // no question to the store before, ns since 1970
	counts [Outcomes]atomic.Uint64
}

// New returns a desk; now is the clock, nil for the host's.
func New(n network, store quarantine.LogInStore, g gate, now func() time.Time) (*Desk, error) {
	if n == nil || store == nil || g == nil {
		return nil, errors.New("authorize: network, store and gate are required")
	}
	if now == nil {
		now = time.Now
	}
	return &Desk{network: n, store: store, gate: g, now: now}, nil
}

// Counts returns how many log-ins had each outcome since the start.
func (d *Desk) Counts() [Outcomes]uint64 {
	var counts [Outcomes]uint64
	for i := range d.counts {
		counts[i] = d.counts[i].Load()
	}
	return counts
}

// answer finds what the log-in is to be answered with and counts it.
func (d *Desk) answer(ctx context.Context, told []quarantine.Attribute) (reply, Outcome) {
	changes, outcome := d.decide(ctx, told)
	d.counts[outcome].Add(1)
	return newReply(changes), outcome
}

func (d *Desk) decide(ctx context.Context, told []quarantine.Attribute) ([]Change, Outcome) {
	l, ours := d.network.LogIn(told)
	switch {
	case !ours:
		return nil, Unknown
	case d.gate.Paused():
		return nil, Deferred
	}
	c, ok := d.ask(ctx, l)
	switch {
	case !ok:
		return nil, StoreUnavailable
	case c == nil:
		return nil, Unwanted
	case !d.gate.Acts(c, l):
		return nil, Deferred
	}
	changes, ok := l.Reply(c.Profile)
	if !ok {
		return nil, LeftAlone
	}
	return changes, Restricted
}

// ask asks the store what is wanted; false: it did not answer in time.
func (d *Desk) ask(ctx context.Context, l LogIn) (*quarantine.Case, bool) {
	now := d.now()
	if now.UnixNano() < d.until.Load() {
		return nil, false
	}
	ctx, cancel := context.WithTimeout(ctx, StoreTimeout)
	defer cancel()
	c, err := d.store.LogIn(ctx, quarantine.LogIn{Subscriber: l.Subscriber(), BNG: l.BNG(), At: now, Undo: l.Undo()})
	if err != nil {
		d.until.Store(now.Add(coolDown).UnixNano())
		return nil, false
	}
	return c, true
}
