package acct

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"

	"cordon/radiusx"
	"cordon/radiusx/mmsg"
)

// receiveBuffer is what is asked of the kernel for a socket, in octets: room
// for a burst of ten thousand records while a worker waits for the store. The
// kernel gives what net.core.rmem_max allows.
const receiveBuffer = 8 << 20

// atOnce is the most datagrams of one system call.
const atOnce = 64

// socket receives and sends many datagrams at a time where it is UDP, and one by
// one where it is not, such as a wire in memory.
type socket struct {
	net.PacketConn

	// Of the goroutine that reads.
	reader  *mmsg.Reader // nil: not UDP
	one     [1]mmsg.Datagram
	buffer  []byte // of what is not UDP
	decoded decoded

	mu     sync.Mutex   // guards writer's use
	writer *mmsg.Writer // nil: not UDP
}

func newSocket(conn net.PacketConn) *socket {
	s := &socket{PacketConn: conn}
	if udp, ok := conn.(*net.UDPConn); ok {
		reader, errReader := mmsg.NewReader(udp, atOnce, radiusx.MaxPacketLength)
		writer, errWriter := mmsg.NewWriter(udp, atOnce)
		if errReader == nil && errWriter == nil {
			s.reader, s.writer = reader, writer
			return s
		}
	}
	s.buffer = make([]byte, radiusx.MaxPacketLength)
	return s
}

func listen(address string) (net.PacketConn, error) {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		return nil, fmt.Errorf("listen for accounting: %w", err)
	}
	_ = conn.(*net.UDPConn).SetReadBuffer(receiveBuffer) // a smaller buffer serves as well
	return conn, nil
}

// read waits for datagrams; they are valid until the next call.
func (s *socket) read() ([]mmsg.Datagram, error) {
	if s.reader != nil {
		return s.reader.Read()
	}
	n, from, err := s.ReadFrom(s.buffer)
	if err != nil {
		return nil, err
	}
	peer, err := addrPort(from)
	s.one[0] = mmsg.Datagram{Octets: s.buffer[:n], Peer: peer}
	return s.one[:], err
}

// write sends datagrams and returns how many could not be sent. It waits while
// the kernel has no room.
func (s *socket) write(datagrams []mmsg.Datagram) (failed int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(datagrams) > 0 {
		n, err := s.writeSome(datagrams)
		switch datagrams = datagrams[n:]; {
		case err == nil:
		case !errors.Is(err, mmsg.ErrFull):
			datagrams, failed = datagrams[1:], failed+1
		case s.writer.WaitReady() != nil: // it is closed
			return failed + len(datagrams)
		}
	}
	return failed
}

func (s *socket) writeSome(datagrams []mmsg.Datagram) (int, error) {
	if s.writer != nil {
		return s.writer.Write(datagrams)
	}
	if _, err := s.WriteTo(datagrams[0].Octets, net.UDPAddrFromAddrPort(datagrams[0].Peer)); err != nil {
		return 0, err
	}
	return 1, nil
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
