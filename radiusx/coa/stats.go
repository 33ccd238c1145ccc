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

	Rested  uint64 // identifiers used again after the full 300 s
	Hurried uint64 // used again sooner, because the pool has no more ports: raise Config.Ports

	Ports       int    // open now
	OpenErrors  uint64 // ports that could not be opened
	WriteErrors uint64 // transmissions that the local socket refused
	ReadErrors  uint64 // errors while reading, ICMP errors among them
}

// counters is Stats while it is being counted.
type counters struct {
	sent, retransmitted, abandoned      atomic.Uint64
	kinds                               [len(kinds)]atomic.Uint64
	discarded                           [discardCount]atomic.Uint64
	rested, hurried                     atomic.Uint64
	openErrors, writeErrors, readErrors atomic.Uint64
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
		Hurried:       n.hurried.Load(),
		OpenErrors:    n.openErrors.Load(),
		WriteErrors:   n.writeErrors.Load(),
		ReadErrors:    n.readErrors.Load(),
	}
	for i := range n.discarded {
		s.Discarded[i] = n.discarded[i].Load()
	}
	c.mu.RLock()
	s.Ports = len(c.opened)
	c.mu.RUnlock()
	return s
}
