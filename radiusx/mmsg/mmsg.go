package mmsg

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
)

// Datagram is what came or is to leave. An address is never IPv4-mapped when it
// came.
type Datagram struct {
	Octets []byte // not empty when it is to leave
	Peer   netip.AddrPort
}

// ErrFull means that the kernel has no room for another datagram now; see
// [Writer.WaitReady].
var ErrFull = errors.New("send buffer is full")

// ZoneOf names the zone of an IPv6 address as package net does.
func ZoneOf(index int) string {
	if i, err := net.InterfaceByIndex(index); err == nil {
		return i.Name
	}
	return strconv.Itoa(index)
}
