package coa

import "sync/atomic"

// Stats are counts since the client was made, except Ports.
type Stats struct {
	Sent          uint64 // exchanges begun: first transmissions
	Retransmitted uint64 // further transmissions
	ACKs          uint64
	NAKs          uint64
	Unanswered    uint64
	Abandoned     uint64 // ended by their context or by Close after the first transmission

	// Discarded counts datagrams that answered nothing, by reason; its index is
	// a [Discard].
	Discarded [discardCount]uint64

	Rested      uint64 // identifiers used again after the full 300 s
	ReusedEarly uint64 // used again sooner, because the pool has no more ports: raise Config.Ports

	Ports       int    // open now
	OpenErrors  uint64 // ports that could not be opened
	WriteErrors uint64 // transmissions that the local socket refused
	ReadErrors  uint64 // errors while reading
	ICMPErrors  uint64 // ICMP errors about datagrams of ours, on Linux only

	// ReceiveBuffer and SendBuffer are the socket buffers in octets, of the port
	// that the kernel gave least, as it counts them: each datagram costs several
	// hundred octets besides its own. 0 if unknown. ShortBuffers is how many open
	// ports got less than was asked for: raise net.core.rmem_max and wmem_max.
	ReceiveBuffer, SendBuffer int
	ShortBuffers              int
}

// counters is Stats while it is being counted.
type counters struct {
	sent, retransmitted, abandoned      atomic.Uint64
	kinds                               [len(kinds)]atomic.Uint64
	discarded                           [discardCount]atomic.Uint64
	rested, reusedEarly                 atomic.Uint64
	openErrors, writeErrors, readErrors atomic.Uint64
	icmpErrors                          atomic.Uint64
}

// transmitted counts the n-th transmission of an exchange.
func (c *counters) transmitted(n int) {
	if n == 1 {
		c.sent.Add(1)
	} else {
		c.retransmitted.Add(1)
	}
}

// Stats returns the counts; they are not of one instant.
func (c *Client) Stats() Stats {
	n := &c.counters
	s := Stats{
		Sent:          n.sent.Load(),
		Retransmitted: n.retransmitted.Load(),
		ACKs:          n.kinds[ACK].Load(),
		NAKs:          n.kinds[NAK].Load(),
		Unanswered:    n.kinds[Unanswered].Load(),
		Abandoned:     n.abandoned.Load(),
		Rested:        n.rested.Load(),
		ReusedEarly:   n.reusedEarly.Load(),
		OpenErrors:    n.openErrors.Load(),
		WriteErrors:   n.writeErrors.Load(),
		ReadErrors:    n.readErrors.Load(),
		ICMPErrors:    n.icmpErrors.Load(),
	}
	for i := range n.discarded {
		s.Discarded[i] = n.discarded[i].Load()
	}
	c.mu.RLock()
	defer c.mu.RUnlock()
	s.Ports = len(c.opened)
	for i, p := range c.opened {
		if i == 0 || p.buffers.receive < s.ReceiveBuffer {
			s.ReceiveBuffer = p.buffers.receive
		}
		if i == 0 || p.buffers.send < s.SendBuffer {
			s.SendBuffer = p.buffers.send
		}
		if p.buffers.short() {
			s.ShortBuffers++
		}
	}
	return s
}
