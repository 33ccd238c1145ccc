package quarantine

import (
	"context"
	"net/netip"
	"slices"
	"time"
)

// Binding is the statement that a session held an address or prefix during an
// interval. It stands by itself: nothing else need be read to use it.
type Binding struct {
	Address
	Session    SessionKey `json:"session"`
	Subscriber string     `json:"subscriber"` // empty, and Via too: nobody named it
	From       time.Time  `json:"from"`
	FromBy     time.Time  `json:"from_by,omitzero"` // held since some moment of [From, FromBy]; zero: From is certain
	To         time.Time  `json:"to,omitzero"`      // zero: not known to have ended
	RenewedAt  time.Time  `json:"renewed_at"`       // newest record that confirms it
	// Listed is the newest record that lists the address and names who holds it. Newer
	// ones confirm only that the session stands; zero: RenewedAt does.
	Listed    time.Time `json:"listed,omitzero"`
	StartSeen bool      `json:"start_seen"`         // From is the time of a Start; false: it is inferred
	Inferred  bool      `json:"inferred,omitempty"` // first reported after the Start
	Ignored   bool      `json:"ignored,omitempty"`
	Imported  bool      `json:"imported,omitempty"` // known from another program only
	// Via is set where a translator's log or a NAT's accounting reported a port
	// block: whoever held that address then held the block. Subscriber is empty.
	Via Place `json:"via,omitzero"`
	// ResetAt is the last restart its BNG announced. A binding not renewed
	// since is stale for any later time. Filled when read.
	ResetAt time.Time `json:"-"`
	// Interim is how often its BNG renews a binding, as far as is known. One that
	// was not renewed three times in a row is stale. Filled when
	// read; 0: not known.
	Interim time.Duration `json:"-"`
	// Cut says what ended the evidence if no Stop did. Set by [Held].
	Cut string `json:"-"`
	// Present is set where the binding's source knows only the present. Filled
	// when read.
	Present *Present `json:"-"`
	// Meanwhile is up to when it confirms nothing, because another session held the same
	// after it began. Set by [Held].
	Meanwhile time.Time `json:"-"`
	// ConfirmedTo is set where it is over, but no record reports since when: it confirms
	// nothing after that moment. Set by [Held].
	ConfirmedTo time.Time `json:"-"`
	// Shared: it stands for all port blocks of the address, of which only is known
	// that there were some since From. See [PortFinder].
	Shared bool `json:"-"`
}

// Bindings lists what a session says about who held its addresses.
func (s *Session) Bindings() []Binding {
	bindings := make([]Binding, 0, len(s.Addresses))
	for i := range s.Addresses {
		bindings = append(bindings, s.binding(&s.Addresses[i]))
	}
	return bindings
}

// binding is what the session says about one interval.
func (s *Session) binding(a *Address) Binding {
	renewed, listed := s.SeenAt, a.Shown
	switch {
	case a.OpenEnd:
		renewed = a.Shown
	case !a.Until.IsZero():
		renewed = earliest(a.Shown, renewed)
	}
	from, to := later(s.StartedAt, a.Since), earliest(s.EndedAt, a.Until)
	fromBy := later(s.StartedBy, a.SinceBy)
	if !to.IsZero() && from.After(to) {
		from = to // reported after its end only: nobody knows since when
	}
	if !to.IsZero() {
		renewed = earliest(renewed, to)
	}
	if !s.Named.IsZero() && !a.Of.named() { // what names nobody does not list it as the subscriber's
		listed = earliest(listed, later(s.Named, from))
	}
	if !listed.Before(renewed) {
		listed = time.Time{}
	}
	if !fromBy.After(from) {
		fromBy = time.Time{}
	}
	who := s.Claimant()
	if a.Of.named() {
		who = a.Of
	}
	return Binding{
		Address: Address{Prefix: a.Prefix, Kind: a.Kind, Space: a.Space, Ports: a.Ports, Began: a.Began, OpenEnd: a.OpenEnd},
		Session: s.SessionKey, Subscriber: who.Subscriber, Via: who.Via, From: from, FromBy: fromBy, To: to,
		RenewedAt: renewed, Listed: listed, StartSeen: s.StartSeen && a.Since.IsZero(), Inferred: a.Inferred,
		Ignored: s.Ignored, Imported: s.Imported,
	}
}

// BindingFinder answers who held an address.
type BindingFinder interface {
	// Bindings returns every binding, ended or not, of the place's space whose
	// prefix covers its address and that was in force at some time between from
	// and to. A source that knows only the present returns whoever holds the
	// address now, whenever that began, and marks it so.
	Bindings(ctx context.Context, at Place, from, to time.Time) ([]Binding, error)
}

// PortFinder is a [BindingFinder] that finds who held a port of a shared address
// without reading who held its other ports.
type PortFinder interface {
	// PortBindings returns those of Bindings from ever until a moment that [WhoHeld]
	// needs to answer for a port at any moment between from and to. For port 0 a
	// binding of [SharedSince] stands for all port blocks.
	PortBindings(ctx context.Context, at Place, port uint16, from, to, until time.Time) ([]Binding, error)
}

// SharedSince returns a binding that says no more than that ports of an address
// were given out at some time since a moment.
func SharedSince(since time.Time, prefix netip.Prefix, space string) Binding {
	return Binding{
		Address: Address{Prefix: prefix, Kind: NATPortBlock, Space: space, Ports: PortRange{1, 1<<16 - 1}},
		From:    since, RenewedAt: since, Shared: true,
	}
}

// BindingRecorder records what a translator's log reports.
type BindingRecorder interface {
	// RecordBindings keeps bindings that no session reports. What it knows of one
	// only grows: reported again with its end, it ends. A nil error at i means that
	// binding i is stored.
	RecordBindings(ctx context.Context, bindings []Binding) []error
}

// Holder is one subscriber's claim to an address, as shown to people.
type Holder struct {
	Subscriber string       `json:"subscriber"`
	BNG        string       `json:"bng"`
	SessionID  string       `json:"acct_session_id"`
	Address    netip.Prefix `json:"address"`
	Space      string       `json:"space,omitempty"`
	Ports      PortRange    `json:"ports,omitzero"`
	From       time.Time    `json:"from"`
	FromBy     time.Time    `json:"from_by,omitzero"` // it began at some moment of [From, FromBy]; zero: From is certain
	To         time.Time    `json:"to,omitzero"`
	KnownBy    string       `json:"evidence"`
}

// Holder writes a binding as people see it.
func (b Binding) Holder() Holder {
	evidence := "Interim only"
	switch {
	case b.Imported:
		evidence = "imported"
	case b.StartSeen && b.Inferred:
		evidence = "Start, address from an Interim"
	case b.StartSeen:
		evidence = "Start"
	case b.Kind == NATPortBlock:
		evidence = "port block"
	}
	switch {
	case b.Cut != "":
		evidence += ", " + b.Cut
	case !b.To.IsZero():
		evidence += " and " + b.ending()
	case b.ResetAt.After(b.RenewedAt):
		evidence += ", BNG restarted since"
	}
	if !b.FromBy.IsZero() {
		evidence += ", its time is uncertain"
	}
	if b.Present != nil {
		evidence += ", current only"
	}
	if !b.named() {
		evidence += ", unnamed"
	}
	return Holder{
		Space: b.Space, Ports: b.Ports, Subscriber: b.claimant(), BNG: b.Session.BNG, SessionID: b.Session.ID, Address: b.Prefix,
		From: b.From, FromBy: b.FromBy, To: b.To, KnownBy: evidence,
	}
}

func (b *Binding) ending() string {
	if b.Kind == NATPortBlock {
		return "end"
	}
	return "Stop"
}

// claimant names who held the binding: the subscriber, or the address behind
// the translator.
func (b *Binding) claimant() string {
	if b.Via.IsValid() {
		return "whoever held " + b.Via.String()
	}
	return b.Subscriber
}

// named reports whether it is known who held the binding.
func (b *Binding) named() bool { return b.Subscriber != "" || b.Via.IsValid() }

// sameClaimant reports whether two bindings were held by the same: of those that
// nobody named, only if they are of one session.
func (b *Binding) sameClaimant(o *Binding) bool {
	return b.Subscriber == o.Subscriber && b.Via == o.Via && (b.named() || b.Session == o.Session)
}

// AttributionResult is the answer to "who was it".
type AttributionResult uint8

// The answers. Only Attributed names a subscriber.
const (
	Unknown    AttributionResult = iota // no binding covers the moment: ask again later, a record may be late
	Attributed                          // exactly one subscriber's bindings do
	Ambiguous                           // two or more subscribers' bindings do: never act
	Doubtful                            // one subscriber's do, but who came after may be lost: ask again later
)

// Attribution is what the bindings of an address say about a moment.
type Attribution struct {
	Result     AttributionResult
	Subscriber string    // Attributed only; empty if Via is set
	Via        Place     // Attributed only: whoever held that address at the moment
	Bindings   []Binding // those that intersect the moment
	Reason     string    // why not Attributed; empty if it is
}

// IgnoredOnly reports whether all that held the address were sessions that are
// never touched.
func (a *Attribution) IgnoredOnly() bool {
	return len(a.Bindings) > 0 && !slices.ContainsFunc(a.Bindings, func(b Binding) bool { return !b.Ignored })
}

// WhoHeld decides who held an address at the moment at, give or take
// tolerance. It never guesses: every subscriber whose binding may have been in
// force at any instant of [at−tolerance, at+tolerance] is a candidate, and one
// candidate alone is not enough where gaps may hide another, nor where its
// evidence ends before at+tolerance: the record about who came next may be lost
// or not yet made. Of an address whose ports are given out in blocks only who
// held the port is one; without a port (0) nobody knows.
func WhoHeld(bindings []Binding, gaps []Gap, port uint16, at time.Time, tolerance time.Duration) Attribution {
	from, to := at.Add(-tolerance), at.Add(tolerance)
	held := Held(bindings, from, to)
	shared := slices.ContainsFunc(held, func(b Binding) bool { return !b.Ports.All() })
	held = slices.DeleteFunc(held, func(b Binding) bool { return b.Shared || port != 0 && !b.Ports.Has(port) })
	if shared && port == 0 {
		return Attribution{Result: Ambiguous, Bindings: held, Reason: "several subscribers share the address, and the report names no port"}
	}
	if result, reason := attributePresent(bindings, at, tolerance); result != Attributed {
		return Attribution{Result: result, Bindings: held, Reason: reason}
	}
	if len(held) == 0 {
		return Attribution{Result: Unknown, Reason: "no session is known to have held the address at that moment"}
	}
	for i := range held[1:] {
		if !held[i+1].sameClaimant(&held[0]) {
			return Attribution{Result: Ambiguous, Bindings: held, Reason: "more than one subscriber may have held the address at that moment"}
		}
	}
	if !held[0].named() {
		return Attribution{Result: Unknown, Bindings: held, Reason: "the holder at that moment gave no usable name"}
	}
	if doubtful(held, gaps, from, to) {
		return Attribution{Result: Doubtful, Bindings: held, Reason: whyDoubtful(held, gaps, from, to)}
	}
	confirming := slices.DeleteFunc(slices.Clone(held), func(b Binding) bool { return !b.confirms(from, to) || b.preceded(held, from) })
	if len(confirming) == 0 {
		return Attribution{Result: Unknown, Bindings: held,
			Reason: "the last known holder may have given the address up before, and who came next is not known"}
	}
	if doubtful(confirming, gaps, from, to) { // what is beyond doubt confirms nothing
		return Attribution{Result: Doubtful, Bindings: held, Reason: whyDoubtful(confirming, gaps, from, to)}
	}
	return Attribution{Result: Attributed, Subscriber: held[0].Subscriber, Via: held[0].Via, Bindings: held}
}

// earliest returns the earlier of two times of which a zero one means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
