package coa

import (
	"fmt"
	"net"
	"net/netip"
	"sync/atomic"

	"cordon/radiusx/mmsg"
)

// port is one long-lived socket. One reader goroutine owns its receiving side;
// any goroutine may send.
type port struct {
	index   int // in its pool
	local   netip.AddrPort
	buffers buffers
	receiver
	sender
	close func() error
}

// receiver is the receiving side of a socket. It belongs to one goroutine.
type receiver interface {
	// receive waits for datagrams and returns them; they are valid until the next
	// call.
	receive() ([]mmsg.Datagram, error)
}

// sender is the sending side of a socket, for any number of goroutines.
type sender interface {
	// send has the request of f leave, once. It may leave after send has
	// returned, but not after withdraw has.
	send(f *inFlight)
	// withdraw makes sure that nothing of f leaves any more, and returns how
	// often the socket has sent it. answered says that f has its answer, so
	// that its first transmission is known to be over.
	withdraw(f *inFlight, answered bool) int
}

func (p *port) slot(identifier byte) slot { return slot(p.index<<8) | slot(identifier) }

// startPorts is over how many ports peers begin, one after the other: enough to
// keep several readers busy, and few, so that datagrams share system calls.
const startPorts = 4

// pool is the ports of one address family. Ports are opened by index when they
// are first needed and stay until the client is closed.
type pool struct {
	network string // "udp4" or "udp6"
	source  netip.Addr
	ports   []atomic.Pointer[port] // nil until opened; Client.mu is held to open
	peers   int                    // that use it, to spread them over startPorts; Client.mu guards it
}

func newPool(network string, source netip.Addr, ports int) *pool {
	return &pool{network: network, source: source, ports: make([]atomic.Pointer[port], ports)}
}

// startPort is the index of the port on which the next new peer begins.
func (p *pool) startPort() int { return p.peers % min(startPorts, len(p.ports)) }

// listen opens port number index.
func (c *Client) listen(p *pool, index int) (*port, error) {
	conn, err := c.config.Listen(p.network, netip.AddrPortFrom(p.source, 0).String())
	if err != nil {
		return nil, fmt.Errorf("open CoA port on %v: %w", p.source, err)
	}
	local, err := addrPortOf(conn.LocalAddr())
	if err != nil {
		_ = conn.Close()
		return nil, fmt.Errorf("open CoA port on %v: %w", p.source, err)
	}
	opened := &port{index: index, local: local, close: conn.Close, buffers: enlarge(conn)}
	if udp, ok := conn.(*net.UDPConn); ok && c.batches(opened, udp) {
		return opened, nil
	}
	opened.receiver = &single{conn: conn}
	opened.sender = &direct{conn: conn, counters: &c.counters}
	return opened, nil
}

func addrPortOf(addr net.Addr) (netip.AddrPort, error) {
	if udp, ok := addr.(*net.UDPAddr); ok {
		return unmap(udp.AddrPort()), nil
	}
	a, err := netip.ParseAddrPort(addr.String())
	return unmap(a), err
}

func unmap(a netip.AddrPort) netip.AddrPort { return netip.AddrPortFrom(a.Addr().Unmap(), a.Port()) }
