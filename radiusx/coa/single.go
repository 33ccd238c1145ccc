package coa

import (
	"net"

	"cordon/radiusx"
	"cordon/radiusx/mmsg"
)

// single receives one datagram at a time from any net.PacketConn, such as a
// wire in memory.
type single struct {
	conn net.PacketConn
	// An octet beyond the largest packet is padding, wherever it is cut off.
	buffer [radiusx.MaxPacketLength]byte
	one    [1]mmsg.Datagram
}

func (s *single) receive() ([]mmsg.Datagram, error) {
	n, addr, err := s.conn.ReadFrom(s.buffer[:])
	if err != nil {
		return nil, err // the reader only counts it
	}
	from, err := addrPortOf(addr)
	s.one[0] = mmsg.Datagram{Octets: s.buffer[:n], Peer: from}
	return s.one[:], err
}

// direct writes each datagram to any net.PacketConn, in the goroutine that
// sends it: a write that blocks holds up its own exchange only.
type direct struct {
	conn     net.PacketConn
	counters *counters
}

func (d *direct) send(f *inFlight) {
	f.transmissions++
	d.counters.transmitted(f.transmissions)
	if _, err := d.conn.WriteTo(f.octets, net.UDPAddrFromAddrPort(f.peer)); err != nil {
		d.counters.writeErrors.Add(1)
		f.bng.hint(f, err)
	}
}

func (*direct) withdraw(f *inFlight, _ bool) int { return f.transmissions }
