package acct

import (
	"fmt"
	"net"
	"net/netip"
	"time"
)

// receiveBuffer is what is asked of the kernel for a socket, in octets: room
// for a burst of ten thousand records while a worker waits for the store. The
// kernel gives what net.core.rmem_max allows.
const receiveBuffer = 8 << 20

// socket is a net.PacketConn with addresses as netip.AddrPort, without an
// allocation for each datagram where the socket is real UDP.
type socket struct {
	net.PacketConn
	udp *net.UDPConn // nil for other kinds
}

func newSocket(conn net.PacketConn) *socket {
	udp, _ := conn.(*net.UDPConn)
	return &socket{conn, udp}
}

func listen(address string) (net.PacketConn, error) {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for accounting: %w", err)
	}
	_ = conn.(*net.UDPConn).SetReadBuffer(receiveBuffer) // a smaller buffer serves as well
	return conn, nil
}

func (s *socket) read(buffer []byte) (int, netip.AddrPort, error) {
	if s.udp != nil {
		n, from, err := s.udp.ReadFromUDPAddrPort(buffer)
		return n, unmap(from), err
	}
	n, from, err := s.ReadFrom(buffer)
	if err != nil {
		return n, netip.AddrPort{}, err
	}
	peer, err := addrPort(from)
	return n, peer, err
}

func (s *socket) write(packet []byte, to netip.AddrPort) error {
	if s.udp != nil {
		_, err := s.udp.WriteToUDPAddrPort(packet, to)
		return err
	}
	_, err := s.WriteTo(packet, net.UDPAddrFromAddrPort(to))
	return err
}

// stopReading ends the read that waits and every later one.
func (s *socket) stopReading() { _ = s.SetReadDeadline(time.Unix(1, 0)) }

func addrPort(addr net.Addr) (netip.AddrPort, error) {
	if a, ok := addr.(interface{ AddrPort() netip.AddrPort }); ok {
		return unmap(a.AddrPort()), nil
	}
	a, err := netip.ParseAddrPort(addr.String())
	if err != nil {
		return a, fmt.Errorf("sender's address: %w", err)
	}
	return unmap(a), nil
}

// unmap turns ::ffff:192.0.2.1 into 192.0.2.1: a socket on [::] reports IPv4
// senders so.
func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
