package quarantine

import (
	"cmp"
	"fmt"
	"slices"
	"time"
)

// Held returns the bindings that may have been in force at any instant of
// [from, to], each with To set to where its evidence ends. The others show where
// that is: a later holder, be it before from or after to, ends an earlier one.
func Held(bindings []Binding, from, to time.Time) []Binding {
	var held []Binding
	among := newRivals(bindings)
	for i := range bindings {
		if bindings[i].From.After(to) || !bindings[i].To.IsZero() && bindings[i].To.Before(from) {
			continue
		}
		if b := evidence(bindings[i], among, to); b.To.IsZero() || !b.To.Before(from) {
			held = append(held, b)
		}
	}
	slices.SortStableFunc(held, func(a, b Binding) int {
		return cmp.Or(a.From.Compare(b.From), cmp.Compare(a.Session.String(), b.Session.String()))
	})
	return held
}

// UnrenewedFor is how long a session counts as live that no record renews and nothing shows
// to be over, of a BNG that sends no Interim-Updates. What may show that, or hide it, is
// remembered for as long.
const UnrenewedFor = 30 * day

// evidence cuts an open binding where its evidence ends: at its BNG's restart if it
// was not renewed since, where the same BNG gave the same prefix, or some of the
// same ports, to a later session, for one BNG does not give it to two at a time,
// and where the session is stale. What others were given of it
// otherwise leaves it unproved since it was renewed, or listed, last. A port block is
// also cut where a later one shows that the record about its end is missing, unless its
// session lists it again by the time that is asked about.
func evidence(b Binding, among *rivals, at time.Time) Binding {
	block := b.Kind == NATPortBlock
	b.contest(among)
	if !b.To.IsZero() && !block && !b.OpenEnd {
		if b.leftOut(among) {
			b.loosen(b.listed())
		}
		return b
	}
	ended := b.To
	if b.To.IsZero() {
		b.fade()
	}
	for _, list := range among.lists(&b) {
		if ended.IsZero() && list.tookBack(&b) {
			b.loosen(b.listed())
		}
		for _, newer := range list.unsure {
			b.yield(newer, ended, at)
		}
		after := b.listed().Add(-almost)
		if block || b.OpenEnd {
			after = b.From
		}
		for _, newer := range list.since(after) {
			over := newer.Kind == NATPortBlock && !ended.IsZero() && !newer.From.Before(ended) // and so did all that follow
			if over || b.yield(newer, ended, at) {
				break
			}
		}
	}
	if block && !b.ConfirmedTo.IsZero() && b.RenewedAt.After(b.From) {
		b.RenewedAt, b.ConfirmedTo = b.From, b.From
	}
	if block && b.Listed.After(b.From) { // the records of its session list blocks, and this one no more
		b.loosen(b.Listed)
	}
	return b
}

// yield notes that a newer binding may show that b is over at a moment. It reports
// whether none that began later still can say more.
func (b *Binding) yield(newer *Binding, ended, at time.Time) bool {
	switch {
	case !ended.IsZero() && !newer.From.Before(ended):
	case newer.replaces(b) && b.listed().After(newer.last()) && at.After(newer.last()):
		b.loosen(b.RenewedAt) // by then it may have come back
	case newer.replaces(b):
		b.loosen(b.RenewedAt)
		b.cut(newer.heldSince(), "no Stop, a newer holder")
		return true
	case newer.partOf(b) && newer.FromBy.After(b.RenewedAt): // or of another session under the key, of whose records it is all that is known
		b.loosen(b.RenewedAt)
	case newer.follows(b), newer.mayReplace(b):
		since := newer.heldSince()
		if !newer.begunBy().IsZero() {
			since = newer.From
		}
		if since.After(b.RenewedAt) {
			b.loosen(b.RenewedAt)
		} else {
			b.loosen(b.listed())
		}
	}
	return false
}

// loosen notes that the binding is over, and that nothing confirms it after a moment.
func (b *Binding) loosen(after time.Time) {
	if b.ConfirmedTo.IsZero() || after.Before(b.ConfirmedTo) {
		b.ConfirmedTo = after
	}
}

// leftOut reports whether the end of a session left an address out that somebody
// else was given since a record listed it last.
func (b *Binding) leftOut(among *rivals) bool {
	return !b.Listed.IsZero() && slices.ContainsFunc(among.lists(b), func(list *rivalList) bool {
		return slices.ContainsFunc(list.since(b.Listed), b.leftTo) || slices.ContainsFunc(list.unsure, b.leftTo)
	})
}

// leftTo is leftOut for one of them.
func (b *Binding) leftTo(newer *Binding) bool {
	return !b.Listed.IsZero() && newer.heldSince().After(b.Listed) && newer.From.Before(b.To) && newer.rivals(b) && !newer.sameClaimant(b)
}

// lostTo reports whether another session that was reported to hold the same before b, or
// while b was listed, was listed with it after b was: it came back to it, or b was
// listed by mistake. Of one that has ended, a Stop of the same moments says nothing.
func (b *Binding) lostTo(other *Binding) bool {
	slack := time.Duration(0)
	if !other.To.IsZero() {
		slack = ClockSlack
	}
	before := !other.From.After(b.From) || !other.heldSince().After(b.listed())
	return before && other.listed().After(b.listed().Add(slack)) && (other.rivals(b) || other.shares(b)) && !other.sameClaimant(b)
}

// contest looks who else held what the binding's session was first reported to hold
// after its Start: then it did not hold it from its beginning. Where another was
// given it after the session had been reported to hold it, and before it was
// reported last, it came back in between, nobody knows when.
func (b *Binding) contest(among *rivals) {
	for _, list := range among.lists(b) {
		for other := range list.lastHeld(b) {
			b.contestWith(other)
		}
		for _, other := range list.unsure {
			b.contestWithUnsure(other)
		}
	}
}

// contestWith is contest with one that was held last while b was.
func (b *Binding) contestWith(other *Binding) {
	switch {
	case !other.rivals(b) || other.sameClaimant(b):
	case other.From.After(b.reportedSince()) && (!b.Inferred || !b.Began.IsZero()):
		b.Meanwhile = later(b.Meanwhile, b.listed())
	case b.Inferred && !other.FromBy.IsZero(): // nor is it known for how long the other one did
		b.Meanwhile = later(b.Meanwhile, b.reportedSince())
	case b.Inferred:
		b.Meanwhile = later(b.Meanwhile, other.last())
	}
}

// contestWithUnsure is contest with one of which it is not certain when it began: it may
// have been held up to the binding's first report.
func (b *Binding) contestWithUnsure(other *Binding) {
	if b.Inferred && other.From.Before(b.reportedSince()) && other.last().After(b.From) && other.rivals(b) && !other.sameClaimant(b) {
		b.Meanwhile = later(b.Meanwhile, b.reportedSince())
	}
}

// reportedSince is when the binding was reported first.
func (b *Binding) reportedSince() time.Time {
	if b.Inferred {
		return later(b.From, b.Began)
	}
	return b.From
}

// last is the last moment at which the binding is known to have been held.
func (b *Binding) last() time.Time {
	if b.To.IsZero() {
		return b.listed()
	}
	return b.To
}

// listed is the newest record that lists the binding's address.
func (b *Binding) listed() time.Time {
	if b.Listed.IsZero() {
		return b.RenewedAt
	}
	return b.Listed
}

// fade cuts an open binding where its BNG or its silence ends it.
func (b *Binding) fade() {
	renewed := later(b.RenewedAt, b.FromBy)
	if !b.ResetAt.IsZero() && !b.ResetAt.Before(renewed) { // RADIUS counts in seconds: what was renewed in that of the restart may be over
		b.loosen(b.RenewedAt) // the last of several restarts perhaps, and the BNG was down before it
	}
	if b.ResetAt.After(renewed.Add(ClockSlack)) { // else it may have begun as the BNG came back
		b.cut(b.ResetAt, "BNG restarted since")
	}
	if silent := StaleSince(renewed, b.Interim); !silent.IsZero() {
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
// it is assigned.
func (b *Binding) heldSince() time.Time {
	from := later(b.From, b.begunBy())
	if b.Inferred && b.Kind != NATPortBlock && !b.From.Equal(b.Began) {
		return later(from, later(b.listed(), b.Began))
	}
	return from
}

// begunBy is FromBy, if the binding is one that began.
func (b *Binding) begunBy() time.Time {
	if b.OpenEnd {
		return time.Time{}
	}
	return b.FromBy
}

// replaces reports whether b, which began later, shows that old is over.
func (b *Binding) replaces(old *Binding) bool {
	if !b.rivals(old) {
		return false
	}
	since := b.heldSince()
	if !b.begunBy().IsZero() {
		since = b.From // it may have been held before old was
	}
	switch {
	case old.OpenEnd:
		return since.After(old.From)
	case b.Kind == NATPortBlock:
		return since.After(later(old.From, old.FromBy))
	}
	return since.After(later(old.RenewedAt, old.FromBy))
}

// mayReplace reports whether b may show that old is over: of one of them it is not
// certain when it began, or no record since then lists old's address.
func (b *Binding) mayReplace(old *Binding) bool {
	switch {
	case !b.rivals(old) || b.sameClaimant(old):
		return false
	case b.Kind != NATPortBlock:
		since, listed := later(b.heldSince(), b.begunBy()), old.listed()
		return since.After(listed) || since.After(listed.Add(-almost)) && b.last().After(listed)
	case b.begunBy().IsZero() && old.begunBy().IsZero():
		return false
	}
	return later(b.From, b.begunBy()).After(old.From)
}

// rivals reports whether b and old are two intervals of one BNG, which does not give
// the same to two at a time.
func (b *Binding) rivals(old *Binding) bool {
	if b.Kind != old.Kind || b.Session.BNG != old.Session.BNG || b.Prefix != old.Prefix || !b.Ports.Overlaps(old.Ports) || b.partOf(old) {
		return false
	}
	return b.Session != old.Session || !b.From.Equal(old.From)
}

// partOf reports whether b is but a moment of which its session does not remember
// that it lies within old, an interval of its own.
func (b *Binding) partOf(old *Binding) bool {
	return b.Session == old.Session && b.sameClaimant(old) && b.Began.Equal(b.From.Add(time.Millisecond))
}

// shares reports whether b and old are of two sessions that were given the same, or of
// which one was given some of what the other was: a prefix within a longer one. Two BNGs
// can give out the same by mistake.
func (b *Binding) shares(old *Binding) bool {
	if b.Session == old.Session || !b.Ports.Overlaps(old.Ports) || b.Shared && old.Kind == NATPortBlock {
		return false
	}
	return b.Prefix == old.Prefix || b.Prefix.Overlaps(old.Prefix) && !b.sameClaimant(old)
}

// follows reports whether b shows that old may be over: another session was given
// the same, or some of it, later, by another BNG or in another way. When, it does not
// say.
func (b *Binding) follows(old *Binding) bool {
	switch {
	case !b.shares(old):
		return false
	case old.Kind == NATPortBlock:
		return later(b.From, b.begunBy()).After(old.From)
	}
	return b.heldSince().After(old.listed())
}

// preceded reports whether b began after from, and somebody may have held the place
// then of whom only is known that it may have been the same.
func (b *Binding) preceded(held []Binding, from time.Time) bool {
	return b.From.After(from) && slices.ContainsFunc(held, func(o Binding) bool { return o.FromBy.After(from) && o.From.Before(b.From) })
}

// confirms reports whether the binding alone confirms who held the address in all of
// [from, to], or began to in it.
func (b *Binding) confirms(from, to time.Time) bool {
	return b.confirmedUntil(to) && !b.Meanwhile.After(from) && !b.FromBy.After(from)
}

// confirmedUntil reports whether the binding alone confirms who held the address up
// to a moment. Where its end was not reported but follows from a restart, a later
// holder or another session under its key, it confirms nothing after the last record
// that confirms it. One that nothing shows to be over counts as live.
func (b *Binding) confirmedUntil(moment time.Time) bool {
	switch {
	case !b.ConfirmedTo.IsZero():
		return !b.ConfirmedTo.Before(moment)
	case b.Cut == "" && !b.To.IsZero() && b.RenewedAt.Before(b.To):
		return !b.RenewedAt.Before(moment)
	}
	return b.To.IsZero() || !b.To.Before(moment)
}
