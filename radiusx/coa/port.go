package coa

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"
)

// link is a socket by what the client needs of it. Addresses are never
// IPv4-mapped.
type link interface {
	read(buffer []byte) (int, netip.AddrPort, error)
	write(datagram []byte, to netip.AddrPort) error
	Close() error
}

// port is one long-lived socket. One reader goroutine owns its receiving side;
// any goroutine may write.
type port struct {
	link
	index int // in its pool
	local netip.AddrPort
}

func (p *port) slot(identifier byte) slot { return slot(p.index<<8) | slot(identifier) }

// pool is the ports of one address family. Ports are opened by index when they
// are first needed and stay until the client is closed.
type pool struct {
	network string // "udp4" or "udp6"
	source  netip.Addr
	ports   []atomic.Pointer[port] // nil until opened; Client.mu is held to open
	peers   int                    // that use it, to spread them over the ports; Client.mu guards it
}

func newPool(network string, source netip.Addr, ports int) *pool {
	return &pool{network: network, source: source, ports: make([]atomic.Pointer[port], ports)}
}

// readBuffer is asked of the kernel for each port, in octets: some thousand
// answers. The kernel gives less if net.core.rmem_max is lower.
const readBuffer = 4 << 20

// listen opens port number index.
func (p *pool) listen(index int, listen listenFunc) (*port, error) {
	conn, err := listen(p.network, netip.AddrPortFrom(p.source, 0).String())
	if err != nil {
		return nil, fmt.Errorf("open CoA port on %v: %w", p.source, err)
	}
	if c, ok := conn.(interface{ SetReadBuffer(octets int) error }); ok {
		_ = c.SetReadBuffer(readBuffer) // a smaller one works, it only loses answers earlier
	}
	local, err := addrPortOf(conn.LocalAddr())
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open CoA port on %v: %w", p.source, err)
	}
	return &port{link: linkTo(conn), index: index, local: local}, nil
}

// linkTo prefers the calls that allocate nothing.
func linkTo(conn net.PacketConn) link {
	if udp, ok := conn.(*net.UDPConn); ok {
		return udpLink{udp}
	}
	return packetLink{conn}
}

type udpLink struct{ *net.UDPConn }

func (l udpLink) read(buffer []byte) (int, netip.AddrPort, error) {
	n, from, err := l.ReadFromUDPAddrPort(buffer)
	return n, unmap(from), err
}

func (l udpLink) write(datagram []byte, to netip.AddrPort) error {
	_, err := l.WriteToUDPAddrPort(datagram, to)
	return err
}

// packetLink is any other net.PacketConn, such as a wire in memory.
type packetLink struct{ net.PacketConn }

func (l packetLink) read(buffer []byte) (int, netip.AddrPort, error) {
	n, addr, err := l.ReadFrom(buffer)
	if err != nil {
		return 0, netip.AddrPort{}, err
	}
	from, err := addrPortOf(addr)
	return n, from, err
}

func (l packetLink) write(datagram []byte, to netip.AddrPort) error {
	_, err := l.WriteTo(datagram, net.UDPAddrFromAddrPort(to))
	return err
}

func addrPortOf(addr net.Addr) (netip.AddrPort, error) {
	if udp, ok := addr.(*net.UDPAddr); ok {
		return unmap(udp.AddrPort()), nil
	}
	a, err := netip.ParseAddrPort(addr.String())
	return unmap(a), err
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
