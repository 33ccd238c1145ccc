package bngsim

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"slices"
	"time"

	"cordon/radiusx"
)

// path is where a datagram comes from or goes to.
type path struct {
	conn       net.PacketConn
	local      netip.AddrPort // of received ones
	peer       netip.AddrPort
	accounting bool
}

// readPackets calls f for each datagram until the socket is closed; datagram is
// only f's during the call. It backs off a little from other errors.
func readPackets(ctx context.Context, conn net.PacketConn, f func(datagram []byte, peer netip.AddrPort)) {
	buffer := make([]byte, radiusx.MaxPacketLength)
	for {
		n, from, err := conn.ReadFrom(buffer)
		switch {
		case errors.Is(err, net.ErrClosed) || ctx.Err() != nil:
			return
		case err != nil:
			time.Sleep(time.Millisecond)
		default:
			peer, _ := addrPort(from)
			f(buffer[:n], peer)
		}
	}
}

// arrive lets a datagram through the faults of the way in.
func (b *BNG) arrive(datagram []byte, p path, handle func([]byte, path)) {
	b.mu.Lock()
	link := b.faults.In
	if p.accounting {
		link = b.faults.AcctIn
	}
	copies := link.copies(b.random)
	b.mu.Unlock()
	if len(copies) == 0 {
		b.seen(Packet{Accounting: p.accounting, Local: p.local, Peer: p.peer, Datagram: datagram, Note: Lost})
	}
	for _, delay := range copies {
		if delay == 0 {
			handle(datagram, p)
			continue
		}
		late := slices.Clone(datagram)
		time.AfterFunc(delay, func() { handle(late, p) })
	}
}

// emit sends a datagram through the faults of the way out. What a socket
// refuses is lost, as on a wire.
func (b *BNG) emit(datagram []byte, p path) {
	b.mu.Lock()
	link := b.faults.Out
	if p.accounting {
		link = b.faults.AcctOut
	}
	copies := link.copies(b.random)
	b.mu.Unlock()
	sent := Packet{Sent: true, Accounting: p.accounting, Peer: p.peer, Datagram: datagram}
	sent.Local, _ = addrPort(p.conn.LocalAddr())
	if len(copies) == 0 {
		sent.Note = Lost
		b.seen(sent)
	}
	to := net.UDPAddrFromAddrPort(p.peer)
	for _, delay := range copies {
		b.seen(sent)
		if delay == 0 {
			_, _ = p.conn.WriteTo(datagram, to)
			continue
		}
		time.AfterFunc(delay, func() { _, _ = p.conn.WriteTo(datagram, to) })
	}
}
