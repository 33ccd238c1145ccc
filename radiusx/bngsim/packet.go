package bngsim

import (
	"net/netip"
	"slices"
	"time"
)

// Packet is one datagram that a BNG received or sent.
type Packet struct {
	At         time.Time
	Sent       bool // else received
	Accounting bool // else dynamic authorization
	Local      netip.AddrPort
	Peer       netip.AddrPort
	Datagram   []byte // must not be changed
	Note       Note   // what became of it
}

// Note says what became of a datagram.
type Note string

// The notes. Everything but Handled and Duplicate had no effect.
const (
	Handled            Note = ""
	Duplicate          Note = "duplicate: the answer was repeated"
	Lost               Note = "lost"
	Ignored            Note = "silent: ignored"
	Busy               Note = "dropped: works on an earlier request"
	Restarting         Note = "dropped: restarts"
	ForbiddenSource    Note = "dropped: source not allowed"
	MalformedPacket    Note = "dropped: malformed"
	UnexpectedCode     Note = "dropped: unexpected code"
	WrongAuthenticator Note = "dropped: wrong authenticator, so another secret or another request"
	WrongMAuth         Note = "dropped: wrong or missing Message-Authenticator"
	StaleEvent         Note = "dropped: Event-Timestamp missing or outside the window"
)

// packetLog keeps the last datagrams; guarded by BNG.packetsMu.
type packetLog struct {
	ring []Packet
	next int
	size int
}

func (l *packetLog) add(p Packet) {
	if len(l.ring) < l.size {
		l.ring = append(l.ring, p)
		return
	}
	l.ring[l.next] = p
	l.next = (l.next + 1) % l.size
}

func (l *packetLog) all() []Packet {
	return slices.Concat(l.ring[l.next:], l.ring[:l.next])
}

// Packets returns the last datagrams received and sent, oldest first.
func (b *BNG) Packets() []Packet {
	b.packetsMu.Lock()
	defer b.packetsMu.Unlock()
	return b.packets.all()
}

// seen records a datagram. The datagram's memory is copied.
func (b *BNG) seen(p Packet) {
	if b.config.OnPacket == nil && b.packets.size <= 0 {
		return
	}
	p.At, p.Datagram = b.config.Now(), slices.Clone(p.Datagram)
	if b.packets.size > 0 {
		b.packetsMu.Lock()
		b.packets.add(p)
		b.packetsMu.Unlock()
	}
	if b.config.OnPacket != nil {
		b.config.OnPacket(p)
	}
}
