package quarantinetest

import (
	"context"
	"sync"
	"time"

	"cordon/quarantine"
)

// Fate is what happens to one order on a [Network].
type Fate struct {
	Outcome quarantine.OutcomeKind // what the engine is told
	Applies bool                   // whether the session changes all the same
	Takes   time.Duration          // until the engine is told
}

// Network is BNGs as the domain sees them: sessions that have one profile in
// force, or none. It implements quarantine.Enforcer and does at once, and
// truly, what it is told, unless a fate is set.
type Network struct {
	mu        sync.Mutex // guards what follows
	fate      func(quarantine.Order) Fate
	proof     quarantine.Verification // of acked orders
	untouched bool                    // restrictions are refused before anything leaves
	inForce   map[string]string
	orders    []quarantine.Order
	most      map[string]int // orders of one session under way at the same time, at most
	now       map[string]int
}

var _ quarantine.Enforcer = (*Network)(nil)

// NewNetwork returns a network without restrictions.
func NewNetwork() *Network {
	return &Network{inForce: map[string]string{}, most: map[string]int{}, now: map[string]int{}}
}

// SetFate lets fate decide about each order from now on; nil: every order is
// done at once.
func (n *Network) SetFate(fate func(quarantine.Order) Fate) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fate = fate
}

// SetVerification says how acked orders can be proved from now on. A look tells the
// truth.
func (n *Network) SetVerification(p quarantine.Verification) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.proof = p
}

// look tells whether what the order is about is as it says.
func (n *Network) look(o quarantine.Order) quarantine.Outcome {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.inForce[o.Session.SessionKey.String()] != o.To {
		return quarantine.Outcome{Kind: quarantine.OutcomeRefused, Reason: "the network shows otherwise"}
	}
	return quarantine.Outcome{Kind: quarantine.OutcomeVerified, Reason: "the network shows it"}
}

// InForce returns the profile that a session has; "" is what it should have.
func (n *Network) InForce(key quarantine.SessionKey) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.inForce[key.String()]
}

// Begin makes a session have a profile from its beginning, as an AAA server's answer
// does.
func (n *Network) Begin(key quarantine.SessionKey, profile string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inForce[key.String()] = profile
}

// Sent returns the orders whose datagrams left, in their order.
func (n *Network) Sent() []quarantine.Order {
	n.mu.Lock()
	defer n.mu.Unlock()
	return append([]quarantine.Order(nil), n.orders...)
}

// MostAtOnce is how many orders of one session were ever under way together.
func (n *Network) MostAtOnce() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	most := 0
	for _, m := range n.most {
		most = max(most, m)
	}
	return most
}

// Prepare implements quarantine.Enforcer: everything can be given back.
func (n *Network) Prepare(quarantine.Session, string) (quarantine.Preparation, *quarantine.Outcome) {
	return quarantine.Preparation{Undo: "overlay"}, nil
}

// Enforce implements quarantine.Enforcer.
func (n *Network) Enforce(ctx context.Context, o quarantine.Order, gate quarantine.Gate) quarantine.Outcome {
	key := o.Session.SessionKey.String()
	n.enter(key)
	defer n.leave(key)
	if n.refuses(o) {
		return quarantine.Outcome{Kind: quarantine.OutcomeRefused, Reason: "it cannot be encoded", Untouched: true}
	}
	datagram := quarantine.Datagram{BNG: o.Session.BNG, Peer: "192.0.2.1:3799"}
	if err := gate.BeforeSend(ctx, datagram); err != nil {
		return quarantine.Outcome{Kind: quarantine.OutcomeNotSent, Reason: err.Error()}
	}
	if o.Check {
		return n.look(o)
	}
	n.mu.Lock()
	decide, proof := n.fate, n.proof
	n.mu.Unlock()
	fate := Fate{Outcome: quarantine.OutcomeAcked, Applies: true}
	if decide != nil {
		fate = decide(o)
	}
	n.mu.Lock()
	n.orders = append(n.orders, o)
	if fate.Applies {
		n.inForce[key] = o.To
	}
	n.mu.Unlock()
	select {
	case <-time.After(fate.Takes):
	case <-ctx.Done():
		return quarantine.Outcome{Kind: quarantine.OutcomeUnanswered, Doubtful: true}
	}
	return quarantine.Outcome{Kind: fate.Outcome, Doubtful: fate.Outcome == quarantine.OutcomeUnanswered, Verification: proof}
}

// SetUntouched lets restrictions be refused, from now on or no more, before anything
// of them leaves.
func (n *Network) SetUntouched(refuse bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.untouched = refuse
}

func (n *Network) refuses(o quarantine.Order) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.untouched && o.Restricts()
}

func (n *Network) enter(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now[key]++
	n.most[key] = max(n.most[key], n.now[key])
}

func (n *Network) leave(key string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.now[key]--
}
