package coa

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"syscall"

	"golang.org/x/sys/unix"

	"cordon/radiusx"
)

// complaints is where the kernel keeps the ICMP errors about datagrams of one
// socket, such as "port unreachable" (IP_RECVERR in ip(7)). As long as one is
// pending, the next system call on the socket fails with it, whatever its own
// datagram is: so both sides of the socket ask here whose error it was.
type complaints struct {
	raw syscall.RawConn
	// tell is called for each error with whom the datagram went to and its
	// identifier.
	tell func(to netip.AddrPort, identifier byte, err error)
}

func newComplaints(raw syscall.RawConn, tell func(netip.AddrPort, byte, error)) *complaints {
	_ = raw.Control(func(fd uintptr) { // one of the two fits; without either there are no hints
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_RECVERR, 1)
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_IPV6, unix.IPV6_RECVERR, 1)
	})
	return &complaints{raw: raw, tell: tell}
}

// heard reports whether errno may have been an ICMP error about some datagram,
// and tells all that are pending.
func (c *complaints) heard(errno syscall.Errno) bool {
	switch errno {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EHOSTDOWN, unix.ENONET,
		unix.EPROTO, unix.ENOPROTOOPT, unix.EOPNOTSUPP, unix.EACCES, unix.EMSGSIZE:
	default:
		return false
	}
	_ = c.raw.Control(func(fd uintptr) {
		for c.next(int(fd)) {
		}
	})
	return true
}

// next reads one error from the queue; false if there is none.
func (c *complaints) next(fd int) bool {
	var octets [radiusx.HeaderLength]byte // of the datagram that the error is about
	var control [512]byte
	n, controls, _, to, err := unix.Recvmsg(fd, octets[:], control[:], unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return false
	}
	messages, err := unix.ParseSocketControlMessage(control[:controls])
	if err != nil || n < 2 {
		return true
	}
	for _, m := range messages {
		if errno, ok := icmpError(m); ok {
			peer := peerOf(to)
			c.tell(peer, octets[1], fmt.Errorf("ICMP error about %v: %w", peer, errno))
		}
	}
	return true
}

// extendedErrorLength is the size of struct sock_extended_err in octets.
const extendedErrorLength = 16

// icmpError reads struct sock_extended_err: the error is its first word.
func icmpError(m unix.SocketControlMessage) (syscall.Errno, bool) {
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
			addr = addr.WithZone(zoneOf(int(a.ZoneId)))
		}
		return netip.AddrPortFrom(addr, uint16(a.Port))
	}
	return netip.AddrPort{}
}

// complain notes an ICMP error on the exchange that it is about, if that still
// waits.
func (c *Client) complain(p *port, to netip.AddrPort, identifier byte, err error) {
	c.counters.complaints.Add(1)
	peer := c.knownPeer(to.Addr())
	if peer == nil {
		return
	}
	if f := peer.waiting(p.slot(identifier)); f != nil && f.peer == to {
		peer.hint(f, err)
	}
}
