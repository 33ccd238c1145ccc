package mmsg

import (
	"errors"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"
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

// ZoneOf names the zone of an IPv6 address as package net does. Names are looked up
// once a minute: whoever is on a link must not have it done for each datagram.
func ZoneOf(index int) string {
	zones.Lock()
	defer zones.Unlock()
	if now := time.Now(); now.Sub(zones.read) > time.Minute {
		zones.read, zones.names = now, map[int]string{}
		interfaces, _ := net.Interfaces() // without it zones have their numbers
		for _, i := range interfaces {
			zones.names[i.Index] = i.Name
		}
	}
	if name, ok := zones.names[index]; ok {
		return name
	}
	return strconv.Itoa(index)
}

var zones struct {
	sync.Mutex // guards what follows
	names      map[int]string
	read       time.Time
}
