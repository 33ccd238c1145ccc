//go:build !linux

package mmsg

import (
	"net"
	"net/netip"
)

// Reader is the receiving side of a UDP socket. It belongs to one goroutine.
type Reader struct {
	udp    *net.UDPConn
	memory []byte
	one    [1]Datagram
}

// NewReader returns a reader of datagrams of up to octets; what is beyond is cut
// off.
func NewReader(udp *net.UDPConn, _, octets int) (*Reader, error) {
	return &Reader{udp: udp, memory: make([]byte, octets)}, nil
}

// Read waits for a datagram and returns it; it is valid until the next call.
func (r *Reader) Read() ([]Datagram, error) {
	n, from, err := r.udp.ReadFromUDPAddrPort(r.memory)
	if err != nil {
		return nil, err
	}
	r.one[0] = Datagram{r.memory[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port())}
	return r.one[:], nil
}

// Writer is the sending side of a UDP socket. It belongs to one goroutine.
type Writer struct{ udp *net.UDPConn }

// NewWriter returns a writer.
func NewWriter(udp *net.UDPConn, _ int) (*Writer, error) { return &Writer{udp}, nil }

// Write sends the first of the datagrams and waits until the kernel takes it.
func (w *Writer) Write(datagrams []Datagram) (int, error) {
	if _, err := w.udp.WriteToUDPAddrPort(datagrams[0].Octets, datagrams[0].Peer); err != nil {
		return 0, err
	}
	return 1, nil
}

// WaitReady returns at once: Write waits.
func (*Writer) WaitReady() error { return nil }
