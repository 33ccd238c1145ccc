package quarantine

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Held returns the bindings that may have been in force at any instant of
// [from, to], each with To set to where its evidence ends. The others tell where
// that is: a later holder, be it before from or after to, ends an earlier one.
func Held(bindings []Binding, from, to time.Time) []Binding {
	var held []Binding
	among := newRivals(bindings)
	for i := range bindings {
		if bindings[i].From.After(to) || !bindings[i].To.IsZero() && bindings[i].To.Before(from) {
			continue
		}
		if b := evidence(bindings[i], among); b.To.IsZero() || !b.To.Before(from) {
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
// otherwise makes it loose. A port block is also cut where a later one shows that
// the record about its end is missing: no Interim confirms it and the Stop of its
// session comes late for it.
func evidence(b Binding, among *rivals) Binding {
	block := b.Kind == NATPortBlock
	b.contest(among)
	if !b.To.IsZero() && !block {
		return b
	}
	ended := b.To
	if b.To.IsZero() {
		b.fade()
	}
	for _, list := range among.lists(&b) {
		for _, newer := range list.unsure {
			b.yield(newer, ended)
		}
		after := b.RenewedAt
		if block {
			after = b.From
		}
		for _, newer := range list.since(after) {
			over := newer.Kind == NATPortBlock && !ended.IsZero() && !newer.From.Before(ended) // and so did all that follow
			if over || b.yield(newer, ended) {
				break
			}
		}
	}
	if block && b.Loose && b.RenewedAt.After(b.From) {
		b.RenewedAt = b.From
	}
	return b
}

// yield takes in that a newer binding may show that b is over. It reports whether
// none that began later still can say more.
func (b *Binding) yield(newer *Binding, ended time.Time) bool {
	switch {
	case !ended.IsZero() && !newer.From.Before(ended):
	case newer.replaces(b):
		b.Loose = true
		b.cut(newer.heldSince(), "no Stop, a newer holder")
		return true
	case newer.follows(b):
		b.Loose = true
	}
	return false
}

// contest looks who else held what the binding's session was first told to hold
// after its Start: then it did not hold it from its beginning.
func (b *Binding) contest(among *rivals) {
	if !b.Inferred {
		return
	}
	for _, list := range among.lists(b) {
		for other := range list.lastHeld(b) {
			same := other.Session.BNG == b.Session.BNG && other.Prefix == b.Prefix && other.Kind == b.Kind && other.Ports.Overlaps(b.Ports)
			if same && !other.sameClaimant(b) {
				b.Meanwhile = later(b.Meanwhile, other.last())
				break // the others were held before
			}
		}
	}
}

// last is the last moment at which the binding is known to have been held.
func (b *Binding) last() time.Time {
	if b.To.IsZero() {
		return b.RenewedAt
	}
	return b.To
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

// heldSince is since when the session is known to have held the address: one first
// reported after the Start may have been somebody else's until then, unless its
// interval counts from the record that reported it. A port block is reported when
// it is assigned, and a session whose first record is an Interim-Update has had its
// IPv4 address from the beginning.
func (b *Binding) heldSince() time.Time {
	from := later(b.From, b.FromBy)
	if b.Inferred && b.Kind != NATPortBlock && !b.From.Equal(b.Began) && (b.StartSeen || b.Kind != FramedIP) {
		return later(from, b.RenewedAt)
	}
	return from
}

// replaces reports whether b, which began later, shows that old is over.
func (b *Binding) replaces(old *Binding) bool {
	if b.Kind != old.Kind || b.Session.BNG != old.Session.BNG || b.Prefix != old.Prefix || !b.Ports.Overlaps(old.Ports) || b.partOf(old) {
		return false
	}
	if b.Session == old.Session && b.From.Equal(old.From) {
		return false // itself
	}
	if b.Kind == NATPortBlock {
		return b.heldSince().After(old.From)
	}
	return b.heldSince().After(old.RenewedAt)
}

// partOf reports whether b is but a moment of which its session does not remember
// that it lies within old, an interval of its own.
func (b *Binding) partOf(old *Binding) bool {
	return b.Session == old.Session && b.sameClaimant(old) && b.Began.Equal(b.From.Add(time.Millisecond))
}

// follows reports whether b shows that old may be over: another session was given
// the same later, by another BNG or in another way. When, it does not tell, for
// two BNGs can give out the same by mistake.
func (b *Binding) follows(old *Binding) bool {
	if b.Session == old.Session || b.Prefix != old.Prefix || !b.Ports.Overlaps(old.Ports) || b.Shared && old.Kind == NATPortBlock {
		return false
	}
	if old.Kind == NATPortBlock {
		return later(b.From, b.FromBy).After(old.From)
	}
	return b.heldSince().After(old.RenewedAt)
}

// proves reports whether the binding alone proves who held the address in all of
// [from, to], or began to in it.
func (b *Binding) proves(from, to time.Time) bool {
	return b.provedUntil(to) && !b.Meanwhile.After(from) && !b.FromBy.After(from)
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
