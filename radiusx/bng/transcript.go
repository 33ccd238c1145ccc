package bng

import (
	"io"
	"net/netip"
	"sync"

	"cordon/radiusx"
)

// Transcript writes exchanges to w in radclient's wording; nil if w is.
func Transcript(w io.Writer) Observer {
	if w == nil {
		return nil
	}
	var mu sync.Mutex
	return func(direction radiusx.Direction, d *radiusx.Dictionary, from, to netip.AddrPort, octets []byte) {
		mu.Lock()
		defer mu.Unlock()
		_ = d.Text(w, direction, from, to, octets) // a terminal that is gone reads nothing
	}
}
