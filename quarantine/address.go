package quarantine

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// AddressKind says how a session came to hold an address or prefix; the
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
		return PortRange{}, fmt.Errorf("invalid port range %q: must be like 1024-2047", s)
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

// Address is an interval: an address (as /32 or /128), a prefix, or a block of an
// address's ports, while a session holds or held it. One that comes back to the
// session after its Until begins another Address.
type Address struct {
	Prefix netip.Prefix `json:"prefix"`
	Kind   AddressKind  `json:"kind"`
	Space  string       `json:"space,omitempty"` // address space, see [AddressPlan]; "": the public one
	Ports  PortRange    `json:"ports,omitzero"`

	Since   time.Time `json:"since,omitzero"`    // held since; zero: since the session began
	SinceBy time.Time `json:"since_by,omitzero"` // held since some moment of [Since, SinceBy]; zero: Since is certain
	Until   time.Time `json:"until,omitzero"`    // held no longer; zero: for as long as the session lives
	// Shown is the newest record that confirms it; zero: the session's newest, or Until is from a record itself.
	Shown    time.Time `json:"shown,omitzero"`
	Inferred bool      `json:"inferred,omitempty"` // first reported after the Start
	// Began identifies the interval among those of the same address in the session:
	// the time of the record that first reported it. Unlike Since, which late
	// records move, it never changes. Zero: it was reported in the Start.
	Began time.Time `json:"began,omitzero"`
	Of    Claimant  `json:"of,omitzero"` // who held it, if not who holds the session now
	// OpenEnd: a record of an uncertain time may have begun it, and no record ends it;
	// Until is how long that is reckoned with.
	OpenEnd bool `json:"open_end,omitempty"`
}

// Is reports whether two are the same address, whenever it was held.
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
