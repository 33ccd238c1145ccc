package coa

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"cordon/radiusx"
	"cordon/radiusx/mmsg"
)

// errorQueue is where the kernel queues the ICMP errors about datagrams of one
// socket, such as "port unreachable" (IP_RECVERR in ip(7)). As long as one is
// pending, the next system call on the socket fails with it, whatever its own
// datagram is: so both sides of the socket look here whose error it was.
type errorQueue struct {
	raw    syscall.RawConn
	report func(icmpError) // called for each error
}

// icmpError is one error about one datagram.
type icmpError struct {
	to         netip.AddrPort // where the datagram went
	identifier byte           // of the request in it
	err        error
}

func newErrorQueue(raw syscall.RawConn, report func(icmpError)) *errorQueue {
	_ = raw.Control(func(fd uintptr) { // one of the two fits; without either there are no hints
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	})
	return &errorQueue{raw: raw, report: report}
}

// drainAfter reports whether err may have been an ICMP error about some datagram,
// and if so reports all that are pending.
func (c *errorQueue) drainAfter(err error) bool {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return false
	}
	switch errno {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET,
		unix.EPROTO, unix.ENOPROTOOPT, unix.EOPNOTSUPP, unix.EACCES, unix.EMSGSIZE:
	default:
		return false
	}
	c.drain()
	return true
}

// drain reports all errors that are pending. It does so after it has released
// the socket: the callback may wait for a goroutine that is closing it.
func (c *errorQueue) drain() {
	var pending []icmpError
	_ = c.raw.Control(func(fd uintptr) {
		for one, some := next(int(fd)); some; one, some = next(int(fd)) {
			pending = append(pending, one)
		}
	})
	for _, one := range pending {
		if one.err != nil {
			c.report(one)
		}
	}
}

// next reads one error from the queue of a socket; some is false if there is
// none. The error in it is nil if what it is about is unknown.
func next(fd int) (one icmpError, some bool) {
	var octets [radiusx.HeaderLength]byte // of the datagram that the error is about
	var control [512]byte
	n, controls, _, to, err := unix.Recvmsg(fd, octets[:], control[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return one, false
	}
	messages, err := unix.ParseSocketControlMessage(control[:controls])
	if err != nil || n < 2 {
		return one, true
	}
	one.to, one.identifier = peerOf(to), octets[1]
	for _, m := range messages {
		if errno, ok := parseICMPError(m); ok {
			one.err = fmt.Errorf("ICMP error about %v: %w", one.to, errno)
		}
	}
	return one, true
}

// extendedErrorLength is the size of struct sock_extended_err in octets.
const extendedErrorLength = 16

// parseICMPError reads struct sock_extended_err: the error is its first word.
func parseICMPError(m unix.SocketControlMessage) (syscall.Errno, bool) {
	v4 := m.Header.Level == unix.IPPROTO_IP && m.Header.Type == unix.IP_RECVERR
	v6 := m.Header.Level == unix.IPPROTO_IPV6 && m.Header.Type == unix.IPV6_RECVERR
	if !v4 && !v6 || len(m.Data) < extendedErrorLength {
		return 0, false
	}
	return syscall.Errno(binary.NativeEndian.Uint32(m.Data)), true
}

func peerOf(a unix.Sockaddr) netip.AddrPort {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port))
	case *unix.SockaddrInet6:
		addr := netip.AddrFrom16(a.Addr).Unmap()
		if a.ZoneId != 0 {
			addr = addr.WithZone(mmsg.ZoneOf(int(a.ZoneId)))
		}
		return netip.AddrPortFrom(addr, uint16(a.Port))
	}
	return netip.AddrPort{}
}

// noteICMPError notes an ICMP error on the exchange that it is about, if that still
// waits.
func (c *Client) noteICMPError(p *port, about icmpError) {
	c.counters.icmpErrors.Add(1)
	peer := c.knownPeer(about.to.Addr())
	if peer == nil {
		return
	}
	if f := peer.waiting(p.slot(about.identifier)); f != nil && f.peer == about.to {
		peer.hint(f, about.err)
	}
}
