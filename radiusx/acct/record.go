package acct

import (
	"fmt"
	"net/netip"
	"time"

	"cordon/radiusx"
)

// Record is one accounting record as the NAS reported it. Everything in it is
// the sender's claim: strings may hold any octets, and nothing was compared with
// a configuration but the client's address and secret.
type Record struct {
	Status  Status
	Client  *Client        // the configured client that sent it; never nil, must not be changed
	From    netip.AddrPort // the client's address and port
	Arrived time.Time      // when it was read from the socket

	// At is the time of the event, never after Arrived. Event-Timestamp
	// (RFC 2869 section 5.3) wins where Arrived - Acct-Delay-Time agrees with it
	// within 5 s. Where it is later than that, older than Config.MaxAge, or by a
	// steady difference earlier, the clock of the BNG is off and At is
	// Arrived - Acct-Delay-Time. Where it is earlier for no known reason (a
	// clock, or a queue that does not count its waiting), the event was at some
	// moment of [At, Latest]; also where neither Event-Timestamp nor an
	// Acct-Delay-Time that can be relied on is there, see Client.UnreportedDelay. All
	// have a resolution of one second.
	At       time.Time
	Latest   time.Time // zero: At is certain
	Undated  bool      // nothing shows when within [At, Latest]: At is how long it may have waited at most
	Seems    time.Time // the likeliest moment of [At, Latest]; zero if At is certain
	AtSource TimeSource
	Delay    time.Duration // Acct-Delay-Time; 0 when absent or implausible

	NAS            NAS
	SessionID      string // Acct-Session-Id, octet by octet; empty only for On and Off
	MultiSessionID string // Acct-Multi-Session-Id
	UserName       string
	Subscriber     string        // value of the attribute Config.SubscriberKey; may be empty
	SessionTime    time.Duration // Acct-Session-Time, whole seconds; see Started
	FramedIP       netip.Addr    // Framed-IP-Address; invalid when absent or no host's address
	MoreIPs        []netip.Addr  // further, different Framed-IP-Addresses; at most 32
	Prefixes       []Prefix      // IPv6, in packet order; at most 32
	Conflicts      Conflicts     // what the packet has twice, with different values

	// Released names the attributes of addresses (Framed-IP-Address,
	// Framed-IPv6-Prefix, …) of which an Interim-Update says that the session has
	// only those in the record: one was released. See release.go.
	Released []string
	// Triggered marks an Interim-Update that an event caused (Nokia), which may
	// leave out addresses that the event is not about.
	Triggered bool

	// Blocks are the port blocks of a NAT in the record, at most
	// 128. FramedIP is the inside address then. The record of a Stop lists
	// what is over with it.
	Blocks []PortBlock

	// Service marks a record about a service within a session (Junos
	// ERX-Service-Session, Cisco ISG's parent session, SmartEdge's
	// alternate session). It never starts or ends a subscriber's session.
	Service bool

	TerminateCause TerminateCause // of a Stop; 0 when absent

	// Attributes are those of Config.Keep and of [DefaultAttributes] that the
	// packet has, in packet order and in the dictionary's spelling.
	Attributes []radiusx.Attribute

	// Naming are those of Config.Naming that the packet has, in packet order: a
	// handler makes the subscriber's key of them.
	Naming []radiusx.Attribute
}

// NoLaterThan is the latest moment at which the event may have been.
func (r *Record) NoLaterThan() time.Time { return maxTime(r.At, r.Latest) }

// Reported is how far the sender has come, as far as the record shows.
func (r *Record) Reported() time.Time {
	if r.Seems.IsZero() {
		return r.At
	}
	return r.Seems
}

// Started returns when the session began as far as this record shows: the
// event time less Acct-Session-Time. For an Interim-Update that arrives before
// its Start it is the best that is known.
func (r *Record) Started() time.Time { return r.At.Add(-r.SessionTime) }

// TimeSource is where [Record.At] comes from.
type TimeSource int

// The sources of an event time.
const (
	FromDelay          TimeSource = iota // arrival less Acct-Delay-Time (0 when absent), or from some time before on
	FromEventTimestamp                   // Event-Timestamp
)

// String names the attribute.
func (s TimeSource) String() string {
	if s == FromEventTimestamp {
		return "Event-Timestamp"
	}
	return "Acct-Delay-Time"
}

// NAS is how the packet names the NAS whose session it reports. Any of the
// three may be absent (invalid address, empty string).
type NAS struct {
	IP         netip.Addr // NAS-IP-Address
	IPv6       netip.Addr // NAS-IPv6-Address
	Identifier string     // NAS-Identifier
}

// String lists what is present, for logs.
func (n NAS) String() string {
	var s string
	if n.IP.IsValid() {
		s += " NAS-IP-Address=" + n.IP.String()
	}
	if n.IPv6.IsValid() {
		s += " NAS-IPv6-Address=" + n.IPv6.String()
	}
	if n.Identifier != "" {
		s += fmt.Sprintf(" NAS-Identifier=%q", n.Identifier)
	}
	if s == "" {
		return "unnamed NAS"
	}
	return s[1:]
}

// Prefix is an IPv6 prefix or address held by the session, host bits cleared.
type Prefix struct {
	netip.Prefix
	Kind PrefixKind
}

// PrefixKind is the attribute that carried a [Prefix].
type PrefixKind int

// The kinds, with the number of their attribute.
const (
	FramedPrefix    PrefixKind = 97  // Framed-IPv6-Prefix (RFC 3162): SLAAC on the access link
	DelegatedPrefix PrefixKind = 123 // Delegated-IPv6-Prefix (RFC 4818): DHCPv6 PD
	FramedAddress   PrefixKind = 168 // Framed-IPv6-Address (RFC 6911): DHCPv6 IA_NA, a /128
)

// String returns the attribute's name.
func (k PrefixKind) String() string {
	switch k {
	case FramedPrefix:
		return "Framed-IPv6-Prefix"
	case DelegatedPrefix:
		return "Delegated-IPv6-Prefix"
	case FramedAddress:
		return "Framed-IPv6-Address"
	}
	return fmt.Sprintf("PrefixKind(%d)", int(k))
}

// TerminateCause is Acct-Terminate-Cause (RFC 2866 section 5.10): why a session
// ended. Values beyond the table are vendors' own.
type TerminateCause uint32

var terminateCauses = [...]string{
	1: "User-Request", "Lost-Carrier", "Lost-Service", "Idle-Timeout", "Session-Timeout",
	"Admin-Reset", "Admin-Reboot", "Port-Error", "NAS-Error", "NAS-Request", "NAS-Reboot",
	"Port-Unneeded", "Port-Preempted", "Port-Suspended", "Service-Unavailable", "Callback",
	"User-Error", "Host-Request",
}

// String returns the RFC's name, or the number, or "" for none.
func (c TerminateCause) String() string {
	if int64(c) < int64(len(terminateCauses)) {
		return terminateCauses[c]
	}
	return fmt.Sprint(uint32(c))
}
