package acct

import (
	"encoding/binary"
	"net/netip"
	"time"
)

// Attribute numbers that a record is read from (IANA RADIUS types).
const (
	attrUserName         = 1
	attrNASIPAddress     = 4
	attrFramedIPAddress  = 8
	attrVendorSpecific   = 26
	attrNASIdentifier    = 32
	attrProxyState       = 33
	attrStatusType       = 40
	attrDelayTime        = 41
	attrSessionID        = 44
	attrSessionTime      = 46
	attrTerminateCause   = 49
	attrMultiSessionID   = 50
	attrEventTimestamp   = 55
	attrNASIPv6Address   = 95
	attrFramedIPv6Prefix = 97
	attrDelegatedPrefix  = 123
	attrFramedIPv6Addr   = 168
)

// Bounds of what is plausible in one record.
const (
	maxPrefixes    = 32                        // IPv6 prefixes of one session
	longestSession = 10 * 365 * 24 * time.Hour // Acct-Session-Time; beyond it begins before there were BNGs
)

// holdable is Config.Holdable.
type holdable func(netip.Prefix) (why string, ok bool)

func (h holdable) address(a netip.Addr) bool { return h.prefix(netip.PrefixFrom(a, a.BitLen())) }

func (h holdable) prefix(p netip.Prefix) bool {
	_, ok := h(p)
	return ok
}

// decoded is what one pass over a packet's attributes finds.
type decoded struct {
	holdable    holdable
	record      Record
	hasStatus   bool
	delay       time.Duration
	eventTime   time.Time // zero when absent
	proxies     []byte    // the Proxy-State attributes, encoded, in order
	bad         int       // attributes left out because their value is impossible
	implausible int       // times left out because they cannot be
	nat         natReport
	hasDelay    bool     // Acct-Delay-Time is there
	unstamped   bool     // from a relay, and how long it waited there is unknown
	conflict    bool     // two different values of Acct-Status-Type
	gone        []string // kinds of address that are down, see dropReleased
	seen        [256]bool

	conflictingNAS map[byte]bool // see dropConflicts; made by the first
}

var noAddr netip.Addr

func addr4(value []byte) netip.Addr { return netip.AddrFrom4([4]byte(value)) }

// attributes calls f for each attribute of a packet that radiusx.Trim passed.
func attributes(packet []byte, f func(kind byte, value []byte)) {
	for at := headerLength; at+2 <= len(packet); at += int(packet[at+1]) {
		f(packet[at], packet[at+2:at+int(packet[at+1])])
	}
}

func countAttributes(packet []byte) (n int) {
	attributes(packet, func(byte, []byte) { n++ })
	return n
}

// read reads the attributes of an Accounting-Request, and forgets those of the one
// before. It keeps nothing of packet's memory.
func (d *decoded) read(packet []byte, holdable holdable) {
	*d = decoded{holdable: holdable, nat: natReport{holdable: holdable}}
	attributes(packet, d.attribute)
	d.record.Blocks, d.nat.faults = d.nat.finish()
	d.dropConflicts()
	d.dropReleased()
}

func (d *decoded) attribute(kind byte, value []byte) {
	r := &d.record
	switch kind {
	case attrUserName:
		d.text(kind, &r.UserName, value)
	case attrNASIdentifier:
		d.text(kind, &r.NAS.Identifier, value)
	case attrSessionID:
		d.text(kind, &r.SessionID, value)
	case attrMultiSessionID:
		d.text(kind, &r.MultiSessionID, value)
	case attrNASIPAddress:
		d.address(kind, &r.NAS.IP, value, 4)
	case attrNASIPv6Address:
		d.address(kind, &r.NAS.IPv6, value, 16)
	case attrFramedIPAddress:
		d.framedIP(value)
	case attrFramedIPv6Prefix, attrDelegatedPrefix:
		d.prefix(PrefixKind(kind), value)
	case attrFramedIPv6Addr:
		d.hostPrefix(value)
	case attrVendorSpecific:
		r.Service = r.Service || marksService(value)
		d.nat.vendor(value)
		d.release(value)
	case attrExtended1:
		d.nat.extended(value)
	case attrProxyState:
		d.proxies = append(append(d.proxies, kind, byte(len(value)+2)), value...)
	default:
		d.number(kind, value)
	}
}

// number reads the integer attributes that matter here.
func (d *decoded) number(kind byte, value []byte) {
	switch kind {
	case attrStatusType, attrDelayTime, attrSessionTime, attrTerminateCause, attrEventTimestamp:
	default:
		return
	}
	if len(value) != 4 {
		d.bad++
		return
	}
	n := binary.BigEndian.Uint32(value)
	switch kind {
	case attrStatusType:
		status := statusOf(n)
		d.conflict = d.conflict || d.hasStatus && status != d.record.Status
		d.record.Status, d.hasStatus = status, true
	case attrDelayTime:
		d.delay, d.hasDelay = time.Duration(n)*time.Second, true
	case attrSessionTime:
		d.sessionTime(time.Duration(n) * time.Second)
	case attrTerminateCause:
		d.record.TerminateCause = TerminateCause(n)
	case attrEventTimestamp:
		d.eventTime = time.Unix(int64(n), 0)
	}
}

// sessionTime leaves out what would put the start of the session before its time.
func (d *decoded) sessionTime(reported time.Duration) {
	if reported > longestSession {
		d.implausible++
		return
	}
	d.record.SessionTime = reported
}

// text reads an identifying attribute; a second, different one is a conflict.
func (d *decoded) text(kind byte, into *string, value []byte) {
	if d.seen[kind] {
		if *into != string(value) {
			d.noteConflict(kind)
		}
		return
	}
	d.seen[kind], *into = true, string(value)
}

func (d *decoded) address(kind byte, into *netip.Addr, value []byte, size int) {
	addr, ok := netip.AddrFromSlice(value)
	if !ok || len(value) != size {
		d.bad++
		return
	}
	if d.seen[kind] {
		if *into != addr {
			d.noteConflict(kind)
		}
		return
	}
	d.seen[kind], *into = true, addr
}

// framedIP takes Framed-IP-Address unless it is one of the values that stand
// for "not assigned yet" (0.0.0.0, and RFC 2865 section 5.8's 255.255.255.255
// and 255.255.255.254) or cannot be a subscriber's.
func (d *decoded) framedIP(value []byte) {
	if len(value) != 4 {
		d.bad++
		return
	}
	switch binary.BigEndian.Uint32(value) {
	case 0, 0xffffffff, 0xfffffffe:
		return
	}
	switch r, addr := &d.record, addr4(value); {
	case !d.holdable.address(addr):
		d.bad++
	case !r.FramedIP.IsValid():
		r.FramedIP = addr
	case r.FramedIP != addr:
		d.addFramedIP(value)
	}
}

// prefix takes an ipv6prefix value (RFC 3162 section 2.3): a reserved octet, the
// length in bits, and as many octets of the prefix as the sender liked. Real
// gear leaves host bits set; they are cleared.
func (d *decoded) prefix(kind PrefixKind, value []byte) {
	if len(value) < 2 || len(value) > 18 || value[1] > 128 {
		d.bad++
		return
	}
	var octets [16]byte
	copy(octets[:], value[2:])
	d.addPrefix(kind, netip.AddrFrom16(octets), int(value[1]))
}

func (d *decoded) hostPrefix(value []byte) {
	addr, ok := netip.AddrFromSlice(value)
	if !ok || len(value) != 16 {
		d.bad++
		return
	}
	d.addPrefix(FramedAddress, addr, 128)
}

func (d *decoded) addPrefix(kind PrefixKind, addr netip.Addr, bits int) {
	prefix := netip.PrefixFrom(addr, bits).Masked()
	if !d.holdable.prefix(prefix) {
		d.bad++
		return
	}
	for _, p := range d.record.Prefixes {
		if p.Prefix == prefix && p.Kind == kind {
			return
		}
	}
	if len(d.record.Prefixes) == maxPrefixes {
		d.bad++
		return
	}
	d.record.Prefixes = append(d.record.Prefixes, Prefix{prefix, kind})
}
