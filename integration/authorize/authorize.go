package authorize

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"cordon/quarantine"
)

// StoreTimeout bounds the query to Redis. The AAA server's own timeout is 200 ms.
const StoreTimeout = 80 * time.Millisecond

// coolDown is how long Redis is not queried after a timeout: log-ins come by the
// hundred, and each would wait in vain.
const coolDown = time.Second

// LogIn is one log-in of a known subscriber at a configured BNG.
type LogIn interface {
	Subscriber() string
	BNG() string    // as in its sessions: the redundancy group's name, if it is in one
	Member() string // the BNG itself
	// Addresses are those that the session will have, as far as they are known.
	Addresses() []quarantine.Address
	// Undo has the profiles that can be applied; see quarantine.LogIn.
	Undo() map[string]string
	// Reply returns the changes that apply a profile; false: not possible at log-in.
	Reply(profile string) ([]Change, bool)
}

// network knows the BNGs.
type network interface {
	// LogIn reads an Access-Request's attributes; false: not one that can be restricted.
	LogIn(attributes []quarantine.Attribute) (LogIn, bool)
}

// gate knows what defers a restriction at present; *engine.Engine does. What is deferred
// at log-in is what would be deferred as a CoA.
type gate interface {
	// RestrictionsPaused reports whether nothing new may be restricted at all.
	RestrictionsPaused() bool
	// DeferralAtLogIn says why a case may not restrict a session of its subscriber
	// that begins so now; nil: it may.
	DeferralAtLogIn(c *quarantine.Case, s *quarantine.Session) *quarantine.Deferral
}

// Service answers log-ins. It is safe for concurrent use.
type Service struct {
	network network
	store   quarantine.LogInStore
	gate    gate
	now     func() time.Time

	until  atomic.Int64 // end of the cool-down, ns since 1970
	counts [Outcomes]atomic.Uint64
}

// New returns a desk; now is the clock, nil for the host's.
func New(n network, store quarantine.LogInStore, g gate, now func() time.Time) (*Service, error) {
	if n == nil || store == nil || g == nil {
		return nil, errors.New("authorize: network, store and gate are required")
	}
	if now == nil {
		now = time.Now
	}
	return &Service{network: n, store: store, gate: g, now: now}, nil
}

// Counts returns the number of log-ins of each outcome since the start.
func (d *Service) Counts() [Outcomes]uint64 {
	var counts [Outcomes]uint64
	for i := range d.counts {
		counts[i] = d.counts[i].Load()
	}
	return counts
}

// answer returns the answer to the log-in and counts it.
func (d *Service) answer(ctx context.Context, attributes []quarantine.Attribute) (reply, Outcome) {
	changes, outcome := d.decide(ctx, attributes)
	d.counts[outcome].Add(1)
	return newReply(changes), outcome
}

func (d *Service) decide(ctx context.Context, attributes []quarantine.Attribute) ([]Change, Outcome) {
	l, ours := d.network.LogIn(attributes)
	switch {
	case !ours:
		return nil, Unknown
	case d.gate.RestrictionsPaused():
		return nil, Deferred
	}
	c, ok := d.ask(ctx, l)
	switch {
	case !ok:
		return nil, StoreUnavailable
	case c == nil:
		return nil, Unwanted
	case d.gate.DeferralAtLogIn(c, beginning(c, l)) != nil:
		return nil, Deferred
	}
	changes, ok := l.Reply(c.Profile)
	if !ok {
		return nil, LeftAlone
	}
	return changes, Restricted
}

// beginning is the session of a case's subscriber that begins with a log-in, as far as the
// log-in shows it.
func beginning(c *quarantine.Case, l LogIn) *quarantine.Session {
	return &quarantine.Session{
		SessionKey: quarantine.SessionKey{BNG: l.BNG()}, Member: l.Member(), Subscriber: c.Subscriber, Addresses: l.Addresses(),
	}
}

// ask asks the store what is wanted; false: it did not answer in time.
func (d *Service) ask(ctx context.Context, l LogIn) (*quarantine.Case, bool) {
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
