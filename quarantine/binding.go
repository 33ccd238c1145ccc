package quarantine

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// Binding is the statement that a session held an address or prefix during an
// interval. It stands by itself: nothing else need be read to use it.
type Binding struct {
	Address
	Session    SessionKey `json:"session"`
	Subscriber string     `json:"subscriber"`
	From       time.Time  `json:"from"`
	To         time.Time  `json:"to,omitzero"`        // zero: not known to have ended
	RenewedAt  time.Time  `json:"renewed_at"`         // newest record that confirms it
	StartSeen  bool       `json:"start_seen"`         // From is the time of a Start; false: it is inferred
	Inferred   bool       `json:"inferred,omitempty"` // first told of after the Start
	Ignored    bool       `json:"ignored,omitempty"`
	Imported   bool       `json:"imported,omitempty"` // known from another program only
	// Via is set where a translator's log told of a port block: whoever held that
	// address then held the block. Subscriber is empty.
	Via Place `json:"via,omitzero"`
	// ResetAt is the last restart its BNG announced. A binding not renewed
	// since is no evidence for any time after it. Filled when read.
	ResetAt time.Time `json:"-"`
	// Interim is how often its BNG renews a binding, as far as is known. One that
	// was not renewed three times in a row is no evidence any more. Filled when
	// read; 0: not known.
	Interim time.Duration `json:"-"`
	// Cut says what ended the evidence if no Stop did. Set by [Held].
	Cut string `json:"-"`
	// Present is set where the binding's source knows only the present. Filled
	// when read.
	Present *Present `json:"-"`
	// Meanwhile is when another session held the same last, although this one's
	// inferred beginning lies before that. Set by [Held].
	Meanwhile time.Time `json:"-"`
	// Loose: over, but no record tells since when. Set by [Held].
	Loose bool `json:"-"`
}

// Bindings lists what a session says about who held its addresses.
func (s *Session) Bindings() []Binding {
	bindings := make([]Binding, 0, len(s.Addresses))
	for _, a := range s.Addresses {
		renewed := s.SeenAt
		if !a.Until.IsZero() {
			renewed = earliest(a.Shown, renewed)
		}
		held := Address{Prefix: a.Prefix, Kind: a.Kind, Space: a.Space, Ports: a.Ports}
		from, to := later(s.StartedAt, a.Since), earliest(s.EndedAt, a.Until)
		if !to.IsZero() && from.After(to) {
			from = to // told of after its end only: nobody knows since when
		}
		bindings = append(bindings, Binding{
			Address: held, Session: s.SessionKey, Subscriber: s.Subscriber, From: from, To: to,
			RenewedAt: renewed, StartSeen: s.StartSeen && a.Since.IsZero(), Inferred: a.Inferred, Ignored: s.Ignored, Imported: s.Imported,
		})
	}
	return bindings
}

// BindingFinder answers who held an address.
type BindingFinder interface {
	// Bindings returns every binding, ended or not, of the place's space whose
	// prefix covers its address and that was in force at some time between from
	// and to. A source that knows only the present returns whoever holds the
	// address now, whenever that began, and marks it so.
	Bindings(ctx context.Context, at Place, from, to time.Time) ([]Binding, error)
}

// PortFinder is a [BindingFinder] that can tell who held a port of an address
// without reading who held all the others.
type PortFinder interface {
	// BindingsOfPort is Bindings, but of port blocks only those that have the port
	// (1 to 65535), and those that have any port in common with one of these.
	BindingsOfPort(ctx context.Context, at Place, port uint16, from, to time.Time) ([]Binding, error)
	// Shared reports whether anybody is known to have held a block of the address's
	// ports at some time between from and to.
	Shared(ctx context.Context, at Place, from, to time.Time) (bool, error)
}

// BindingRecorder takes in what a translator's log tells.
type BindingRecorder interface {
	// RecordBindings keeps bindings that no session tells of. What it knows of one
	// only grows: told again with its end, it ends. A nil error at i means that
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
	To         time.Time    `json:"to,omitzero"`
	Evidence   string       `json:"evidence"`
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
	if b.Present != nil {
		evidence += ", current only"
	}
	return Holder{
		Space: b.Space, Ports: b.Ports, Subscriber: b.claimant(), BNG: b.Session.BNG, SessionID: b.Session.ID, Address: b.Prefix,
		From: b.From, To: b.To, Evidence: evidence,
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
// held the port is one; without a port (0) nobody can tell.
func WhoHeld(bindings []Binding, gaps []Gap, port uint16, at time.Time, tolerance time.Duration) Attribution {
	from, to := at.Add(-tolerance), at.Add(tolerance)
	held := Held(bindings, from, to)
	if shared := slices.ContainsFunc(held, func(b Binding) bool { return !b.Ports.All() }); shared && port == 0 {
		return Attribution{Result: Ambiguous, Bindings: held, Reason: SharedWithoutPort}
	}
	held = slices.DeleteFunc(held, func(b Binding) bool { return !b.Ports.Has(port) })
	if result, reason := judgePresent(bindings, at, tolerance); result != Attributed {
		return Attribution{Result: result, Bindings: held, Reason: reason}
	}
	if len(held) == 0 {
		return Attribution{Result: Unknown, Reason: "no session is known to have held the address at that moment"}
	}
	for _, b := range held[1:] {
		if b.claimant() != held[0].claimant() {
			return Attribution{Result: Ambiguous, Bindings: held, Reason: "more than one subscriber may have held the address at that moment"}
		}
	}
	if doubtful(held, gaps, from, to) {
		return Attribution{Result: Doubtful, Bindings: held, Reason: whyDoubtful(held, gaps, from, to)}
	}
	if !slices.ContainsFunc(held, func(b Binding) bool { return b.provedUntil(to) && !b.Meanwhile.After(from) }) {
		return Attribution{Result: Unknown, Bindings: held, Reason: "the last known holder may have given the address up before, and who came next is not known"}
	}
	return Attribution{Result: Attributed, Subscriber: held[0].Subscriber, Via: held[0].Via, Bindings: held}
}

// SharedWithoutPort is why nobody is named who held an address whose ports are given
// out in blocks.
const SharedWithoutPort = "several subscribers share the address, and the report names no port"

// Held returns the bindings that may have been in force at any instant of
// [from, to], each with To set to where its evidence ends. The others tell where
// that is: a later holder, be it before from or after to, ends an earlier one.
func Held(bindings []Binding, from, to time.Time) []Binding {
	var held []Binding
	for i := range bindings {
		if bindings[i].From.After(to) || !bindings[i].To.IsZero() && bindings[i].To.Before(from) {
			continue
		}
		if b := evidence(bindings[i], bindings); b.To.IsZero() || !b.To.Before(from) {
			held = append(held, b)
		}
	}
	slices.SortStableFunc(held, func(a, b Binding) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Session.String(), b.Session.String()))
	})
	return held
}

// MissedInterims is how many records in a row a BNG must have left out before a
// session counts as silent.
const MissedInterims = 3

// SilentSince returns when a session or binding that was renewed at seen stops
// being evidence, if its BNG renews it that often; zero: never.
func SilentSince(seen time.Time, interim time.Duration) time.Time {
	if interim <= 0 {
		return time.Time{}
	}
	return seen.Add(MissedInterims * interim)
}

// evidence cuts an open binding where its evidence ends: at its BNG's restart if it
// was not renewed since, where the same BNG gave the same prefix, or some of the
// same ports, to a later session, for one BNG does not give it to two at a time,
// and where nothing was heard of the session any more. What others were given of it
// otherwise makes it loose. A port block is also cut where a later one shows that the record about its end is missing: no Interim
// confirms it and the Stop of its session comes late for it.
func evidence(b Binding, among []Binding) Binding {
	block := b.Kind == NATPortBlock
	b.contest(among)
	if !b.To.IsZero() && !block {
		return b
	}
	ended := b.To
	if b.To.IsZero() {
		b.fade()
	}
	for i := range among {
		newer := &among[i]
		switch {
		case !ended.IsZero() && !newer.From.Before(ended):
		case newer.replaces(&b):
			b.Loose = true
			b.cut(newer.toldAt(), "no Stop, a newer holder")
		case newer.follows(&b):
			b.Loose = true
		}
	}
	if block && b.Loose {
		b.RenewedAt = b.From
	}
	return b
}

// contest looks who else held what the binding's session was first told to hold
// after its Start: then it did not hold it from its beginning.
func (b *Binding) contest(among []Binding) {
	if !b.Inferred {
		return
	}
	for i := range among {
		other := &among[i]
		last := other.To
		if last.IsZero() {
			last = other.RenewedAt
		}
		same := other.Session.BNG == b.Session.BNG && other.Prefix == b.Prefix && other.Kind == b.Kind && other.Ports.Overlaps(b.Ports)
		if same && other.claimant() != b.claimant() && last.After(b.From) && last.Before(b.RenewedAt) {
			b.Meanwhile = later(b.Meanwhile, last)
		}
	}
}

// fade cuts an open binding where its BNG or its silence ends it.
func (b *Binding) fade() {
	if b.ResetAt.After(b.RenewedAt) {
		b.Loose = true // the last of several restarts perhaps, and the BNG was down before it
		b.cut(b.ResetAt, "BNG restarted since")
	}
	if silent := SilentSince(b.RenewedAt, b.Interim); !silent.IsZero() {
		why := fmt.Sprintf("silent for %d Interim intervals", MissedInterims)
		if _, log := LogName(b.Session.BNG); log {
			why = "not renewed since"
		}
		b.cut(silent, why)
	}
}

// cut ends the binding's evidence at a moment, if it did not end before.
func (b *Binding) cut(at time.Time, why string) {
	if b.To.IsZero() || at.Before(b.To) {
		b.To, b.Cut = at, why
	}
}

// toldAt is since when the session is known to have held the address: one first
// told of after the Start may have been somebody else's until then. A port block
// is told of when it is given, and a session that first told of itself in an
// Interim has had its IPv4 address from the beginning.
func (b *Binding) toldAt() time.Time {
	if b.Inferred && b.Kind != NATPortBlock && (b.StartSeen || b.Kind != FramedIP) {
		return later(b.From, b.RenewedAt)
	}
	return b.From
}

// replaces reports whether b, which began later, shows that old is over.
func (b *Binding) replaces(old *Binding) bool {
	if b.Kind != old.Kind || b.Session.BNG != old.Session.BNG || b.Prefix != old.Prefix || !b.Ports.Overlaps(old.Ports) {
		return false
	}
	if b.Kind == NATPortBlock {
		return b.From.After(old.From)
	}
	return b.toldAt().After(old.RenewedAt) && (b.Session != old.Session || !b.From.Equal(old.From))
}

// follows reports whether b shows that old may be over: another session was given
// the same later, by another BNG or in another way. When, it does not tell, for
// two BNGs can give out the same by mistake.
func (b *Binding) follows(old *Binding) bool {
	if b.Session == old.Session || b.Prefix != old.Prefix || !b.Ports.Overlaps(old.Ports) {
		return false
	}
	if old.Kind == NATPortBlock {
		return b.From.After(old.From)
	}
	return b.toldAt().After(old.RenewedAt)
}

// provedUntil reports whether the binding alone proves who held the address up
// to a moment. Where its end was not told but follows from a restart, a later
// holder or another session under its key, it proves nothing after the last record
// that confirms it. One that nothing shows to be over is believed.
func (b *Binding) provedUntil(moment time.Time) bool {
	if b.Loose || b.Cut == "" && !b.To.IsZero() && b.RenewedAt.Before(b.To) {
		return !b.RenewedAt.Before(moment)
	}
	return b.To.IsZero() || !b.To.Before(moment)
}

// earliest returns the earlier of two times of which a zero one means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
