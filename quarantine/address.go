package quarantine

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// AddressKind tells how a session came to hold an address or prefix; the
// values of the first four are the RADIUS attributes that said so.
type AddressKind string

// The kinds of address.
const (
	FramedIP            AddressKind = "Framed-IP-Address"
	FramedIPv6Prefix    AddressKind = "Framed-IPv6-Prefix"
	DelegatedIPv6Prefix AddressKind = "Delegated-IPv6-Prefix"
	FramedIPv6Address   AddressKind = "Framed-IPv6-Address"
	NATPortBlock        AddressKind = "NAT-Port-Block" // ports of a public address that several share (CGN)
)

// PortRange is a block of ports, both ends included. The zero PortRange stands
// for all ports.
type PortRange struct {
	Lo uint16 `json:"lo"`
	Hi uint16 `json:"hi"`
}

// ParsePortRange reads "1024-2047", or one port; "" is all of them.
func ParsePortRange(s string) (PortRange, error) {
	if s == "" {
		return PortRange{}, nil
	}
	lo, hi, two := strings.Cut(s, "-")
	if !two {
		hi = lo
	}
	from, err := strconv.ParseUint(lo, 10, 16)
	to, err2 := strconv.ParseUint(hi, 10, 16)
	if err != nil || err2 != nil || to < from || to == 0 {
		return PortRange{}, fmt.Errorf("%q is no range of ports: write it as 1024-2047", s)
	}
	return PortRange{uint16(from), uint16(to)}, nil
}

// All reports whether the range stands for all ports.
func (r PortRange) All() bool { return r == PortRange{} }

// Has reports whether a port is in the range.
func (r PortRange) Has(port uint16) bool { return r.All() || r.Lo <= port && port <= r.Hi }

// Overlaps reports whether two ranges have a port in common.
func (r PortRange) Overlaps(o PortRange) bool {
	return r.All() || o.All() || r.Lo <= o.Hi && o.Lo <= r.Hi
}

// String writes what [ParsePortRange] reads.
func (r PortRange) String() string {
	if r.All() {
		return ""
	}
	return fmt.Sprintf("%d-%d", r.Lo, r.Hi)
}

// Address is an address (as /32 or /128), a prefix, or a block of an address's
// ports that a session holds or held.
type Address struct {
	Prefix netip.Prefix `json:"prefix"`
	Kind   AddressKind  `json:"kind"`
	Space  string       `json:"space,omitempty"` // address space, see [AddressPlan]; "": the public one
	Ports  PortRange    `json:"ports,omitzero"`

	Since    time.Time `json:"since,omitzero"`     // held since; zero: since the session began
	Until    time.Time `json:"until,omitzero"`     // held no longer; zero: for as long as the session lives
	Shown    time.Time `json:"shown,omitzero"`     // newest record that told of it; zero: the session's newest, or Until was told itself
	Inferred bool      `json:"inferred,omitempty"` // first told of after the Start
}

// Is reports whether two tell of the same address, whenever it was held.
func (a *Address) Is(b *Address) bool {
	return a.Prefix == b.Prefix && a.Kind == b.Kind && a.Space == b.Space && a.Ports == b.Ports
}

// Place is where something was seen: an address in an address space.
type Place struct {
	Addr  netip.Addr
	Space string // "": the public one
}

// IsValid reports whether the place is one.
func (p Place) IsValid() bool { return p.Addr.IsValid() }

// String writes the place for people: the address, and its space after an @.
func (p Place) String() string {
	if p.Space == "" {
		return p.Addr.String()
	}
	return p.Addr.String() + "@" + p.Space
}

// hold takes an address into the session that a record tells of.
//
// The first of its kind counts from the session's beginning, however late it
// was told of. A later one counts from its record, and where a session has one
// address of the kind at a time it ends the others. Port blocks come and go by
// themselves. Before is what the session held before the record, seen when it was
// last heard of.
func (s *Session) hold(a Address, before []Address, seen time.Time, ev *SessionEvent) {
	a.Since, a.Until, a.Shown, a.Inferred = time.Time{}, time.Time{}, time.Time{}, ev.Kind != SessionStarted
	for i := range s.Addresses {
		if known := &s.Addresses[i]; known.Is(&a) {
			s.heldAgain(known, ev)
			return
		}
	}
	for i := range before {
		if before[i].Kind != a.Kind {
			continue
		}
		if a.Inferred {
			a.Since = ev.At
		}
		if a.Kind != NATPortBlock && ev.At.Before(seen) {
			s.heldEarlier(&a, &before[i], seen, ev)
		}
	}
	if a.Kind == NATPortBlock && a.Inferred {
		a.Since = ev.At
	}
	s.Addresses = append(s.Addresses, a)
}

// heldEarlier takes in that a record told late of an address a which another one
// has followed: known counts from when it is certain, and a is certain up to its
// record.
func (s *Session) heldEarlier(a, known *Address, seen time.Time, ev *SessionEvent) {
	for i := range s.Addresses {
		other := &s.Addresses[i]
		if !other.Is(known) {
			continue
		}
		if certain := earliest(other.Shown, seen); !other.Since.After(ev.At) && certain.After(ev.At) {
			other.Since = certain
		}
		if other.Since.After(ev.At) {
			a.Until, a.Shown = earliest(a.Until, other.Since), ev.At
		}
	}
}

// heldAgain takes in that a record tells of a known address. One that was given
// up and came back in the same session stays given up: what it holds then is not
// attributed, and what others held in between is.
func (s *Session) heldAgain(known *Address, ev *SessionEvent) {
	switch {
	case ev.Kind == SessionStarted:
		known.Since, known.Inferred = time.Time{}, false
	case !known.Since.IsZero() && ev.At.Before(known.Since):
		known.Since = ev.At
	}
	if !known.Shown.IsZero() && ev.At.After(known.Shown) && (known.Until.IsZero() || ev.At.Before(known.Until)) {
		known.Shown = ev.At
	}
}

// dropOthers ends the addresses that a newer record names others of their kind
// instead of: somewhere between it and the last one that told of them. Port blocks
// are given back by name. Seen is when the session was heard of before.
func (s *Session) dropOthers(ev *SessionEvent, seen time.Time) {
	for i := range s.Addresses {
		known := &s.Addresses[i]
		if !known.Until.IsZero() {
			continue
		}
		named, replaced := false, false
		for _, told := range ev.Addresses {
			if told.Kind == known.Kind {
				named, replaced = named || known.Is(&told), true
			}
		}
		switch {
		case named:
			known.Shown = time.Time{}
			continue
		case known.Shown.IsZero():
			known.Shown = seen
		}
		if replaced && known.Kind != NATPortBlock {
			known.Until = ev.At
		}
	}
}

// closeBlocks ends the port blocks that a Stop leaves out although it names
// others: the record that gave them back is missing.
func (s *Session) closeBlocks(ev *SessionEvent) {
	isBlock := func(a Address) bool { return a.Kind == NATPortBlock }
	if ev.Kind != SessionEnded || !slices.ContainsFunc(ev.Addresses, isBlock) {
		return
	}
	for i := range s.Addresses {
		known := &s.Addresses[i]
		named := slices.ContainsFunc(ev.Addresses, func(told Address) bool { return known.Is(&told) })
		if isBlock(*known) && !named && known.Until.IsZero() {
			known.Until, known.Shown = ev.At, later(known.Since, s.StartedAt)
		}
	}
}

// free ends the port blocks that a record says were given back. One that is not
// known yet is kept all the same: the record that gave it may be on its way.
func (s *Session) free(ev *SessionEvent) {
	for _, freed := range ev.Freed {
		if freed.Kind != NATPortBlock {
			continue
		}
		i := slices.IndexFunc(s.Addresses, func(known Address) bool { return known.Is(&freed) })
		if i < 0 {
			freed.Since, freed.Until, freed.Inferred = ev.At, ev.At, true
			s.Addresses = append(s.Addresses, freed)
			continue
		}
		if known := &s.Addresses[i]; known.Until.IsZero() && !ev.At.Before(later(known.Since, s.StartedAt)) {
			known.Until, known.Shown = ev.At, time.Time{}
		}
	}
}
