package acct

import (
	"encoding/binary"
	"net/netip"
)

// IP-Port-Range (RFC 8045 section 3.1.2) is an extended attribute (RFC 6929
// section 2.1) that holds TLVs.
const (
	attrExtended1  = 241
	extIPPortRange = 6

	tlvPublicIPv4 = 3  // IP-Port-Ext-IPv4-Addr
	tlvAlloc      = 8  // IP-Port-Alloc
	tlvRangeStart = 9  // IP-Port-Range-Start
	tlvRangeEnd   = 10 // IP-Port-Range-End

	allocTaken = 1
	allocFreed = 2
)

// extended takes the value of an attribute of type 241. Numbers in TLVs are four
// octets, as the address is.
func (n *natReport) extended(value []byte) {
	if len(value) < 1 || value[0] != extIPPortRange {
		return
	}
	var reported [tlvRangeEnd + 1][]byte
	rest := value[1:]
	for ; len(rest) >= 2; rest = rest[rest[1]:] {
		kind, length := rest[0], int(rest[1])
		if length < 2 || length > len(rest) {
			n.fault(PortBlockUnreadable)
			return
		}
		switch kind {
		case tlvPublicIPv4, tlvAlloc, tlvRangeStart, tlvRangeEnd:
			if length != 6 || reported[kind] != nil {
				n.fault(PortBlockUnreadable)
				return
			}
			reported[kind] = rest[2:length]
		}
	}
	if len(rest) > 0 {
		n.fault(PortBlockUnreadable)
		return
	}
	n.portRange(reported[tlvPublicIPv4], reported[tlvAlloc], reported[tlvRangeStart], reported[tlvRangeEnd])
}

// portRange adds the block that the TLVs describe; each is nil or four octets.
func (n *natReport) portRange(public, alloc, start, end []byte) {
	if public == nil || alloc == nil || start == nil || end == nil {
		n.fault(PortBlockIncomplete)
		return
	}
	block, possible := n.newBlock(netip.AddrFrom4([4]byte(public)), uint64(binary.BigEndian.Uint32(start)),
		uint64(binary.BigEndian.Uint32(end)))
	is := binary.BigEndian.Uint32(alloc)
	if !possible || is != allocTaken && is != allocFreed {
		n.fault(PortBlockImpossible)
		return
	}
	block.Freed = is == allocFreed
	n.blocks = append(n.blocks, block)
}
