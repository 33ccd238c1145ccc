package quarantine

import (
	"fmt"
	"net/netip"
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
// themselves. Before is what the session held before the record.
func (s *Session) hold(a Address, before []Address, ev *SessionEvent, newer bool) {
	a.Since, a.Until, a.Inferred = time.Time{}, time.Time{}, ev.Kind != SessionStarted
	for i := range s.Addresses {
		if known := &s.Addresses[i]; known.Is(&a) {
			s.heldAgain(known, ev)
			return
		}
	}
	for _, other := range before {
		if other.Kind != a.Kind || !a.Inferred {
			continue
		}
		a.Since = ev.At
		if !newer && other.Since.After(ev.At) {
			a.Until = earliest(a.Until, other.Since) // told late: it came before the one that is known
		}
	}
	if a.Kind == NATPortBlock && a.Inferred {
		a.Since = ev.At
	}
	s.Addresses = append(s.Addresses, a)
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
}

// single are the kinds of which a session holds one at a time.
func single(kind AddressKind) bool { return kind == FramedIP || kind == FramedIPv6Address }

// dropOthers ends the addresses of single kinds that a newer record names others
// instead of.
func (s *Session) dropOthers(ev *SessionEvent) {
	for i := range s.Addresses {
		known := &s.Addresses[i]
		named, replaced := false, false
		for _, told := range ev.Addresses {
			if single(known.Kind) && told.Kind == known.Kind && told.Space == known.Space {
				named, replaced = named || known.Is(&told), true
			}
		}
		if replaced && !named && known.Until.IsZero() {
			known.Until = ev.At
		}
	}
}

// free ends the port blocks that a record says were given back.
func (s *Session) free(ev *SessionEvent) {
	for _, freed := range ev.Freed {
		for i := range s.Addresses {
			known := &s.Addresses[i]
			if known.Is(&freed) && known.Until.IsZero() && !ev.At.Before(later(known.Since, s.StartedAt)) {
				known.Until = ev.At
			}
		}
	}
}
