package quarantinetest

import (
	"context"
	"sync"
	"time"

	"cordon/quarantine"
)

// Response is what happens to one order on a [Network].
type Response struct {
	Outcome quarantine.OutcomeKind // what the engine gets
	Applies bool                   // whether the session changes all the same
	After   time.Duration          // until the engine has the outcome
}

// Network is BNGs as the domain sees them: sessions that have one profile in
// force, or none. It implements quarantine.Enforcer and does at once, and
// truly, what it is ordered, unless a response is set.
type Network struct {
	mu           sync.Mutex // guards what follows
	respond      func(quarantine.Order) Response
	verification quarantine.Verification // of acked orders
	untouched    bool                    // restrictions are refused before anything leaves
	inForce      map[string]string
	orders       []quarantine.Order
	most         map[string]int // orders of one session under way at the same time, at most
	now          map[string]int
}

var _ quarantine.Enforcer = (*Network)(nil)

// NewNetwork returns a network without restrictions.
func NewNetwork() *Network {
	return &Network{inForce: map[string]string{}, most: map[string]int{}, now: map[string]int{}}
}

// SetResponse lets respond answer each order from now on; nil: every order is
// done at once.
func (n *Network) SetResponse(response func(quarantine.Order) Response) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.respond = response
}

// SetVerification says how acked orders can be verified from now on. A verification shows the
// truth.
func (n *Network) SetVerification(p quarantine.Verification) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.verification = p
}

// verify reports whether what the order is about is as it says.
func (n *Network) verify(o quarantine.Order) quarantine.Outcome {
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

// Prepare implements quarantine.Enforcer: everything can be restored.
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
		return n.verify(o)
	}
	n.mu.Lock()
	decide, verification := n.respond, n.verification
	n.mu.Unlock()
	response := Response{Outcome: quarantine.OutcomeAcked, Applies: true}
	if decide != nil {
		response = decide(o)
	}
	n.mu.Lock()
	n.orders = append(n.orders, o)
	if response.Applies {
		n.inForce[key] = o.To
	}
	n.mu.Unlock()
	select {
	case <-time.After(response.After):
	case <-ctx.Done():
		return quarantine.Outcome{Kind: quarantine.OutcomeUnanswered, Doubtful: true}
	}
	return quarantine.Outcome{Kind: response.Outcome, Doubtful: response.Outcome == quarantine.OutcomeUnanswered, Verification: verification}
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
