package quarantine

import (
	"cmp"
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
	Subscriber string     `json:"subscriber"`
	From       time.Time  `json:"from"`
	To         time.Time  `json:"to,omitzero"` // zero: not known to have ended
	RenewedAt  time.Time  `json:"renewed_at"`  // newest record that confirms it
	StartSeen  bool       `json:"start_seen"`  // false: From is inferred from an Interim
	Ignored    bool       `json:"ignored,omitempty"`
	// ResetAt is the last restart its BNG announced. A binding not renewed
	// since is no evidence for any time after it. Filled when read.
	ResetAt time.Time `json:"-"`
	// Cut says what ended the evidence if no Stop did. Set by [Held].
	Cut string `json:"-"`
}

// Bindings lists what a session says about who held its addresses.
func (s *Session) Bindings() []Binding {
	bindings := make([]Binding, 0, len(s.Addresses))
	for _, a := range s.Addresses {
		bindings = append(bindings, Binding{
			Address: a, Session: s.SessionKey, Subscriber: s.Subscriber, From: s.StartedAt, To: s.EndedAt,
			RenewedAt: s.SeenAt, StartSeen: s.StartSeen, Ignored: s.Ignored,
		})
	}
	return bindings
}

// BindingFinder answers who held an address.
type BindingFinder interface {
	// Bindings returns every binding, ended or not, whose prefix covers addr and
	// that was in force at some time between from and to.
	Bindings(ctx context.Context, addr netip.Addr, from, to time.Time) ([]Binding, error)
}

// Holder is one subscriber's claim to an address, as shown to people.
type Holder struct {
	Subscriber string       `json:"subscriber"`
	BNG        string       `json:"bng"`
	SessionID  string       `json:"acct_session_id"`
	Address    netip.Prefix `json:"address"`
	From       time.Time    `json:"from"`
	To         time.Time    `json:"to,omitzero"`
	Evidence   string       `json:"evidence"`
}

// Holder writes a binding as people see it.
func (b Binding) Holder() Holder {
	evidence := "Interim only"
	if b.StartSeen {
		evidence = "Start"
	}
	switch {
	case b.Cut != "":
		evidence += ", " + b.Cut
	case !b.To.IsZero():
		evidence += " and Stop"
	case b.ResetAt.After(b.RenewedAt):
		evidence += ", BNG restarted since"
	}
	return Holder{
		Subscriber: b.Subscriber, BNG: b.Session.BNG, SessionID: b.Session.ID, Address: b.Prefix,
		From: b.From, To: b.To, Evidence: evidence,
	}
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
	Subscriber string    // Attributed only
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
// candidate alone is not enough where gaps may hide another.
func WhoHeld(bindings []Binding, gaps []Gap, at time.Time, tolerance time.Duration) Attribution {
	from, to := at.Add(-tolerance), at.Add(tolerance)
	held := Held(bindings, from, to)
	if len(held) == 0 {
		return Attribution{Result: Unknown, Reason: "no session is known to have held the address at that moment"}
	}
	for _, b := range held[1:] {
		if b.Subscriber != held[0].Subscriber {
			return Attribution{Result: Ambiguous, Bindings: held, Reason: "more than one subscriber may have held the address at that moment"}
		}
	}
	if doubtful(held, gaps, from, to) {
		return Attribution{Result: Doubtful, Bindings: held,
			Reason: "the session store failed over and may have lost who held the address since; no later record confirms the holder yet"}
	}
	return Attribution{Result: Attributed, Subscriber: held[0].Subscriber, Bindings: held}
}

// Held returns the bindings that may have been in force at any instant of
// [from, to], each with To set to where its evidence ends.
func Held(bindings []Binding, from, to time.Time) []Binding {
	var held []Binding
	for _, b := range evidence(bindings) {
		if !b.From.After(to) && (b.To.IsZero() || b.To.After(from) || b.To.Equal(from)) {
			held = append(held, b)
		}
	}
	return held
}

// evidence cuts open bindings where their evidence ends: at their BNG's restart
// if they were not renewed since, and where the same BNG gave the same prefix
// to a later session, for one BNG does not give it to two at a time.
func evidence(bindings []Binding) []Binding {
	sorted := slices.Clone(bindings)
	slices.SortStableFunc(sorted, func(a, b Binding) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Session.String(), b.Session.String()))
	})
	for i := range sorted {
		b := &sorted[i]
		if !b.To.IsZero() {
			continue
		}
		if b.ResetAt.After(b.RenewedAt) {
			b.To, b.Cut = b.ResetAt, "BNG restarted since"
		}
		for _, newer := range sorted[i+1:] {
			if newer.Session.BNG == b.Session.BNG && newer.Prefix == b.Prefix && newer.Kind == b.Kind && newer.From.After(b.RenewedAt) {
				if b.To = earliest(b.To, newer.From); b.To.Equal(newer.From) {
					b.Cut = "no Stop, a newer holder"
				}
				break
			}
		}
	}
	return sorted
}

// earliest returns the earlier of two times of which a zero one means never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || (!b.IsZero() && b.Before(a)) {
		return b
	}
	return a
}
