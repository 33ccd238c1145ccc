package bng

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"

	"cordon/quarantine"
	"cordon/radiusx/acct"
)

// natNames begin what a NAT of Nokia calls an inside address of whose subscriber it
// knows nothing, in User-Name and Alc-Subsc-ID-Str: "LSN44@192.168.0.1",
// "DS-Lite@2001:db8::1", "NAT64@2001:db8::1" (7750 SR RADIUS Attributes Reference
// Guide, "Large Scale NAT (LSN) Accounting", subscriber-unaware users). The guide
// spells DS-lite in two ways.
var natNames = []string{"lsn44", "ds-lite", "nat64"}

// insideOf returns the inside address of a record about a NAT's port blocks
// and of no subscriber: its name is one of natNames with the inside address that the
// record has, if it has one. A customer who calls himself so has another one.
func insideOf(r *acct.Record) (inside netip.Addr, is bool) {
	if r.Conflicts.Has(acct.ConflictingUserName | acct.ConflictingSubscriber | acct.ConflictingAddress) {
		return inside, false
	}
	inside, is = insideNamed(cmp.Or(r.UserName, r.Subscriber))
	return inside, is && holdsInside(r, inside)
}

// insideNamed reads the inside address in a name that a NAT makes.
func insideNamed(name string) (inside netip.Addr, is bool) {
	kind, text, found := strings.Cut(name, "@")
	if !found {
		return inside, false
	}
	addr, err := netip.ParseAddr(text)
	if err != nil || addr.Zone() != "" {
		return inside, false
	}
	for _, known := range natNames {
		if strings.EqualFold(kind, known) && addr.Is4() == (known == "lsn44") {
			return addr, true
		}
	}
	return inside, false
}

// holdsInside reports whether addr is the one address of the record, or it has none.
func holdsInside(r *acct.Record, addr netip.Addr) bool {
	if r.FramedIP.IsValid() && r.FramedIP != addr {
		return false
	}
	return !slices.ContainsFunc(r.Prefixes, func(p acct.Prefix) bool { return p.Prefix != hostPrefix(addr) })
}

// natEvents says which port blocks who held the inside address had.
func (a *Accounting) natEvents(r *acct.Record, bng string, inside netip.Addr) []quarantine.SessionEvent {
	held, freed := a.blocks(r, bng)
	event := quarantine.SessionEvent{
		Kind: eventKinds[r.Status], Key: quarantine.SessionKey{BNG: bng, ID: r.SessionID},
		Via: quarantine.Place{Addr: inside, Space: a.plan.SpaceOf(bng, hostPrefix(inside))},
		At:  r.At, Latest: r.Latest, StartedAt: startedAt(r), Addresses: held, Freed: freed,
	}
	if event.Key.Identified() {
		return []quarantine.SessionEvent{event}
	}
	return event.Unidentified(quarantine.NoSessionID)
}
