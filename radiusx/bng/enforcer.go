package bng

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"layeh.com/radius"

	"cordon/quarantine"
	"cordon/radiusx"
	"cordon/radiusx/coa"
	"cordon/radiusx/dialect"
)

// queueTimeout is how long an order waits for its turn at the BNG before it
// fails unsent.
const queueTimeout = time.Minute

// Exchanger carries out one exchange; *coa.Client does.
type Exchanger interface {
	Do(ctx context.Context, x coa.Exchange) (coa.Result, error)
}

// Observer sees datagrams as they leave (first transmissions) and the
// replies that were accepted. It must not block.
type Observer func(direction radiusx.Direction, d *radiusx.Dictionary, from, to netip.AddrPort, octets []byte)

// Enforcer changes sessions on the fleet's BNGs.
type Enforcer struct {
	fleet   *Fleet
	client  Exchanger
	observe Observer
}

var _ quarantine.Enforcer = (*Enforcer)(nil)

// NewEnforcer returns an enforcer; observe may be nil.
func NewEnforcer(fleet *Fleet, client Exchanger, observe Observer) *Enforcer {
	if observe == nil {
		observe = func(radiusx.Direction, *radiusx.Dictionary, netip.AddrPort, netip.AddrPort, []byte) {}
	}
	return &Enforcer{fleet: fleet, client: client, observe: observe}
}

// Prepare implements quarantine.Enforcer. What cannot be undone is not begun:
// the packets that restrict and those that restore are both made, and thrown
// away, before anything is sent.
func (e *Enforcer) Prepare(s quarantine.Session, profile string) (prepared quarantine.Preparation, impossible *quarantine.Outcome) {
	m := e.fleet.serving(&s)
	if m == nil {
		return prepared, refused("no such BNG: %s is not configured", s.BNG)
	}
	if profile == quarantine.Disconnect {
		if _, err := m.Dialect.Steps(m.request(dialect.Disconnect, &s, dialect.Profile{})); err != nil {
			return prepared, refused("%v", err)
		}
		return prepared, nil
	}
	p, ok := m.Profiles[profile]
	if !ok {
		return prepared, refused("profile %s is not configured on BNG %s", profile, m.Name)
	}
	p.Normal = e.normal(&s, p.Normal)
	for _, action := range []dialect.Action{dialect.Restrict, dialect.Restore} {
		if _, err := m.Dialect.Steps(m.request(action, &s, p)); err != nil {
			return prepared, refused("%v", err)
		}
	}
	if value, foreign := m.foreignOn(&s); foreign {
		return prepared, refused("%s", foreignReason(value))
	}
	return quarantine.Preparation{Undo: m.undoOf(p, m.requested(&s)), Outlives: m.Dialect.Outlives()}, nil
}

// normal is what the session is to be restored to.
func (e *Enforcer) normal(s *quarantine.Session, configured string) string {
	return ResolveNormal(configured, func(attribute string) string {
		if value := s.Attribute(attribute); !e.fleet.Restricted(value) {
			return value
		}
		return ""
	})
}

// refused is a refusal of our own: nothing left this host.
func refused(format string, args ...any) *quarantine.Outcome {
	return &quarantine.Outcome{Kind: quarantine.OutcomeRefused, Untouched: true, Reason: fmt.Sprintf(format, args...)}
}

func (m *member) request(action dialect.Action, s *quarantine.Session, p dialect.Profile) dialect.Request {
	return dialect.Request{Action: action, Session: m.requested(s), Profile: p, Options: m.Options}
}

// Enforce implements quarantine.Enforcer.
func (e *Enforcer) Enforce(ctx context.Context, o quarantine.Order, gate quarantine.Gate) quarantine.Outcome {
	members := e.fleet.candidates(&o.Session)
	switch {
	case len(members) == 0 && o.Check:
		return quarantine.Outcome{Kind: quarantine.OutcomeAcked}
	case len(members) == 0 && o.Restricts():
		return *refused("no such BNG: %s is not configured", o.Session.BNG)
	case len(members) == 0: // what is owed there stays owed until a person says otherwise
		return *refused("%v; or give the release up: cordon quarantine give-up %s", e.fleet.Serves(&o.Session), o.Case)
	case len(members) > 1:
		return e.acrossGroup(ctx, members, &o, gate)
	}
	return e.on(ctx, members[0], &o, gate)
}

// on carries an order out on one BNG.
func (e *Enforcer) on(ctx context.Context, m *member, o *quarantine.Order, gate quarantine.Gate) quarantine.Outcome {
	r := &run{enforcer: e, bng: m, order: o, gate: gate}
	defer r.end()
	switch {
	case o.Check:
		return r.verify(ctx)
	case o.UndoesOnly():
		return r.undoResidue(ctx)
	case o.Restricts():
		return r.restrict(ctx)
	}
	return r.restore(ctx)
}

// run is one order being carried out.
type run struct {
	enforcer  *Enforcer
	bng       *member
	order     *quarantine.Order
	gate      quarantine.Gate
	mayRepeat bool
	sent      bool // a datagram of this order left
}

// end notes on the path and the profile that the order is over.
func (r *run) end() {
	r.bng.path.end(r.order.Session.SessionKey, time.Now())
	r.bng.refusals.end(r.order.Session.SessionKey)
}

// exchange sends one step and waits for the reply. Beside an error too,
// result.Transmissions says whether the BNG may have received it.
func (r *run) exchange(ctx context.Context, step dialect.Step, undoing bool) (result coa.Result, err error) {
	attributes, err := r.bng.encode(step)
	if err != nil {
		return result, err
	}
	urgent := undoing || !r.order.Restricts() && !r.order.Check
	defer r.bng.path.enter(r.order.Session.SessionKey, urgent)()
	leave, err := r.bng.pace.acquire(ctx, urgent, queueTimeout)
	if err != nil {
		return result, fmt.Errorf("wait for a place: %w", err)
	}
	defer leave()
	began := time.Now()
	result, err = r.enforcer.client.Do(ctx, r.packet(ctx, step.Code, attributes, undoing))
	disposition := coa.Dispose(r.bng.asked(step, result), result)
	r.sent = r.sent || result.Transmissions > 0
	r.mayRepeat = r.mayRepeat || result.Transmissions > 1 || disposition == coa.ProxyNoReply ||
		result.Transmissions > 0 && (err != nil || result.Kind == coa.Unanswered)
	if err == nil {
		r.bng.note(r.order.Session.SessionKey, began, result, disposition)
	}
	if result.Reply != nil {
		r.enforcer.observe(radiusx.Received, r.bng.dictionary, result.Peer, result.Local, result.Reply)
	}
	return result, err
}

// encode returns the attributes of a step's request.
func (m *member) encode(step dialect.Step) (radius.Attributes, error) {
	attributes, err := m.dictionary.EncodeAll(m.addressed(step.Attributes, step.Encoded))
	if err != nil {
		return nil, fmt.Errorf("encode the request: %w", err)
	}
	return slices.Concat(attributes, step.Encoded), nil
}

func (r *run) packet(ctx context.Context, code radius.Code, attributes radius.Attributes, undoing bool) coa.Exchange {
	m := r.bng
	peer, secret := m.peer(code)
	most := r.order.Timeout()
	if undoing {
		most = quarantine.ReleaseTimeout
	}
	var repeating func() error
	if r.order.Restricts() && !undoing {
		repeating = r.gate.BeforeRepeat
	}
	return coa.Exchange{
		Repeating: repeating,
		Peer:      peer, Secret: secret, Code: code, Attributes: attributes,
		MessageAuthenticator: m.MessageAuthenticator, OmitEventTimestamp: m.OmitEventTimestamp,
		CheckEventTimestamp: m.CheckEventTimestamp, Timeout: m.exchangeTimeout(most),
		Sending: func(d coa.Datagram) error {
			datagram := quarantine.Datagram{BNG: m.Name, Peer: d.Peer.String(), Octets: d.Octets, Undoing: undoing}
			if err := r.gate.BeforeSend(ctx, datagram); err != nil {
				return err
			}
			r.enforcer.observe(radiusx.Sent, m.dictionary, d.Local, d.Peer, d.Octets)
			return nil
		},
	}
}
