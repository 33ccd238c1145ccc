package acct

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// PortBlock is a range of ports of a public address that a NAT gave to the
// session, or took back.
type PortBlock struct {
	Public netip.Addr // IPv4
	Lo, Hi uint16     // first and last port, both part of it; never both 0
	Freed  bool       // released; false: held, whether new or repeated
}

// String writes the block as "192.0.2.1:1024-2047".
func (b PortBlock) String() string {
	text := fmt.Sprintf("%s:%d-%d", b.Public, b.Lo, b.Hi)
	if b.Freed {
		text += " freed"
	}
	return text
}

// maxBlocks bounds the port blocks of one record. A subscriber has a handful; a
// packet of 4096 octets could spell nearly a thousand.
const maxBlocks = 128

// Nokia's attributes (7750 SR RADIUS Attributes Reference, Large Scale NAT
// accounting).
const (
	vendorNokia    = 6527
	nokiaPortRange = 121 // Alc-Nat-Port-Range: "180.0.1.248 37674-37723 router base"
	nokiaTriggered = 163 // Alc-Acct-Triggered-Reason

	nokiaFree = 19 // Nat-Free: the blocks of the record are released
	nokiaMap  = 20 // Nat-Map: they are new; 21, Nat-Update, repeats them
)

// natFormat is a vendor that reports one block as three attributes: public
// address (ipaddr), first and last port (integer). Update, where there is such
// an attribute, says what happened to the block.
type natFormat struct {
	vendor                     uint32
	public, start, end, update byte
}

var natFormats = [...]natFormat{
	{2011, 161, 162, 163, 165}, // HW-NAT-Public-Address, -Start-Port, -End-Port, -Port-Range-Update
	{25506, 32, 33, 34, 0},     // H3C-NAT-IP-Address, -Start-Port, -End-Port
	{54268, 161, 162, 163, 0},  // NetElastic-NAT-Public-Address, -Start-Port, -End-Port
}

// The values of HW-NAT-Port-Range-Update.
const (
	huaweiAdded   = 0
	huaweiDeleted = 1
	huaweiChanged = 3 // the public side changed: this is how it is now
)

// natReport is what one pass over a packet finds about port blocks. A block of
// which anything is not as its specification says is left out and counted: half
// of one would be somebody else's.
type natReport struct {
	holdable holdable
	blocks   []PortBlock
	nokia    []PortBlock // whether they are freed is in another attribute
	freed    bool        // Alc-Acct-Triggered-Reason says so
	mapped   bool        // and that they are new
	triples  [len(natFormats)]natTriple
	faults   []Counter // one for each block or attribute left out
}

// natTriple is what a record has of one of natFormats; values belong together by their
// order.
type natTriple struct {
	public             []netip.Addr
	start, end, update []uint32
}

func (n *natReport) fault(c Counter) { n.faults = append(n.faults, c) }

// vendor takes the value of a Vendor-Specific attribute.
func (n *natReport) vendor(value []byte) {
	if len(value) < 4 {
		return
	}
	take := n.reader(binary.BigEndian.Uint32(value))
	if take == nil {
		return
	}
	for rest := value[4:]; len(rest) >= 2; rest = rest[rest[1]:] {
		if rest[1] < 2 || int(rest[1]) > len(rest) {
			n.fault(BadAttribute)
			return
		}
		take(rest[0], rest[2:rest[1]])
	}
}

// reader returns what reads a vendor's attributes, nil if its NAT is not known.
func (n *natReport) reader(vendor uint32) func(kind byte, value []byte) {
	if vendor == vendorNokia {
		return n.ofNokia
	}
	for i := range natFormats {
		if natFormats[i].vendor == vendor {
			return func(kind byte, value []byte) { n.ofTriple(i, kind, value) }
		}
	}
	return nil
}

func (n *natReport) ofNokia(kind byte, value []byte) {
	switch {
	case kind == nokiaTriggered && len(value) == 4:
		reason := binary.BigEndian.Uint32(value)
		n.freed, n.mapped = n.freed || reason == nokiaFree, n.mapped || reason == nokiaMap
	case kind == nokiaPortRange:
		blocks, reason := n.readNokia(string(value))
		if reason != 0 {
			n.fault(reason)
		}
		n.nokia = append(n.nokia, blocks...)
	}
}

// readNokia reads Alc-Nat-Port-Range: an address, ranges separated by commas,
// and the name of the outside router or service, which is not asked for here.
func (n *natReport) readNokia(text string) (blocks []PortBlock, reason Counter) {
	address, rest, _ := strings.Cut(text, " ")
	public, err := netip.ParseAddr(address)
	if err != nil {
		return nil, PortBlockUnreadable
	}
	ranges, _, _ := strings.Cut(rest, " ")
	for one := range strings.SplitSeq(ranges, ",") {
		first, last, both := strings.Cut(one, "-")
		lo, errLo := strconv.ParseUint(first, 10, 32)
		hi, errHi := strconv.ParseUint(last, 10, 32)
		if !both || errLo != nil || errHi != nil {
			return nil, PortBlockUnreadable
		}
		block, possible := n.newBlock(public, lo, hi)
		if !possible {
			return nil, PortBlockImpossible
		}
		blocks = append(blocks, block)
	}
	return blocks, 0
}

func (n *natReport) ofTriple(format int, kind byte, value []byte) {
	f, t := natFormats[format], &n.triples[format]
	switch {
	case kind != f.public && kind != f.start && kind != f.end && (kind != f.update || f.update == 0):
		return
	case len(value) != 4:
		n.fault(PortBlockUnreadable)
		t.public = append(t.public, netip.Addr{}) // what belongs to it is left out too
		return
	}
	number := binary.BigEndian.Uint32(value)
	switch kind {
	case f.public:
		t.public = append(t.public, netip.AddrFrom4([4]byte(value)))
	case f.start:
		t.start = append(t.start, number)
	case f.end:
		t.end = append(t.end, number)
	case f.update:
		t.update = append(t.update, number)
	}
}

// join makes blocks of one vendor's attributes.
func (n *natReport) join(t *natTriple) {
	if len(t.public)+len(t.start)+len(t.end) == 0 {
		return
	}
	freed, clear := t.freed()
	if len(t.public) != len(t.start) || len(t.start) != len(t.end) || !clear {
		n.fault(PortBlockIncomplete)
		return
	}
	for i, public := range t.public {
		block, possible := n.newBlock(public, uint64(t.start[i]), uint64(t.end[i]))
		if !possible {
			n.fault(PortBlockImpossible)
			continue
		}
		block.Freed = freed
		n.blocks = append(n.blocks, block)
	}
}

// freed reads HW-NAT-Port-Range-Update; not clear: another value than those
// known, or two.
func (t *natTriple) freed() (freed, clear bool) {
	for i, update := range t.update {
		if i > 0 && update != t.update[0] || update != huaweiAdded && update != huaweiDeleted && update != huaweiChanged {
			return false, false
		}
		freed = update == huaweiDeleted
	}
	return freed, true
}

// newBlock checks a block; a range of port 0 alone would stand for no ports at
// all, or for all of them.
func (n *natReport) newBlock(public netip.Addr, lo, hi uint64) (PortBlock, bool) {
	if !public.Is4() || !n.holdable.address(public) || hi < lo || hi == 0 || hi > 65535 {
		return PortBlock{}, false
	}
	return PortBlock{Public: public, Lo: uint16(lo), Hi: uint16(hi)}, true
}

// finish returns the blocks, and a reason for each one that was left out.
func (n *natReport) finish() ([]PortBlock, []Counter) {
	if n.freed && n.mapped && len(n.nokia) > 0 {
		n.fault(PortBlockIncomplete) // which of them are free is unknown
		n.nokia = nil
	}
	for _, block := range n.nokia {
		block.Freed = n.freed
		n.blocks = append(n.blocks, block)
	}
	for i := range n.triples {
		n.join(&n.triples[i])
	}
	if len(n.blocks) > maxBlocks {
		n.fault(PortBlocksTooMany)
		n.blocks = n.blocks[:maxBlocks]
	}
	return n.blocks, n.faults
}
