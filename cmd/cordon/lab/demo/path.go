package demo

import (
	"net"
	"slices"
	"sync"
	"time"
)

// path is the network in front of a BNG's socket. It delivers everything unchanged until
// misbehave is called.
type path struct {
	net.PacketConn
	inbox  chan parcel
	closed chan struct{} // closed with the socket
	once   sync.Once

	mu    sync.Mutex    // guards what follows
	hold  time.Duration // delay of the next datagram; 0: none
	lose  int           // how many of the next replies are lost
	noted []incident    // nil: nothing is recorded
}

// parcel is a datagram with its sender, or the socket's error.
type parcel struct {
	octets []byte
	from   net.Addr
	err    error
}

// incident is what the path did with a datagram while it misbehaved.
type incident struct {
	at     time.Time
	effect effect
	octets []byte
}

// effect is what the path did with a datagram.
type effect string

// The effects.
const (
	heldUp    effect = "delayed"
	late      effect = "arrives late"
	arrived   effect = "arrives"
	lost      effect = "reply lost"
	delivered effect = "reply delivered"
)

// newPath puts a network in front of a socket. Its goroutine ends when the
// socket is closed.
func newPath(conn net.PacketConn) *path {
	p := &path{PacketConn: conn, inbox: make(chan parcel), closed: make(chan struct{})}
	go p.pump()
	return p
}

// misbehave delays the next datagram by hold, loses the next reply, and records from now
// on what the path did with each datagram.
func (p *path) misbehave(hold time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hold, p.lose, p.noted = hold, 1, []incident{}
}

// incidents is what happened since misbehave, oldest first.
func (p *path) incidents() []incident {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.noted)
}

// note records an effect; the caller holds p.mu.
func (p *path) note(f effect, octets []byte) {
	if p.noted != nil {
		p.noted = append(p.noted, incident{time.Now(), f, slices.Clone(octets)})
	}
}

func (p *path) pump() {
	buffer := make([]byte, 4096) // longest RADIUS packet (RFC 2865 section 3)
	for {
		n, from, err := p.PacketConn.ReadFrom(buffer)
		parcel := parcel{slices.Clone(buffer[:n]), from, err}
		if err == nil && p.holdsUp(parcel) {
			continue
		}
		if !p.deliver(parcel) {
			return
		}
	}
}

// holdsUp delays a datagram, if one is to be.
func (p *path) holdsUp(parcel parcel) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.hold == 0 {
		p.note(arrived, parcel.octets)
		return false
	}
	p.note(heldUp, parcel.octets)
	time.AfterFunc(p.hold, func() {
		p.mu.Lock()
		p.note(late, parcel.octets)
		p.mu.Unlock()
		p.deliver(parcel)
	})
	p.hold = 0
	return true
}

// deliver passes a datagram to ReadFrom; false if the path is closed.
func (p *path) deliver(parcel parcel) bool {
	select {
	case p.inbox <- parcel:
		return true
	case <-p.closed:
		return false
	}
}

// ReadFrom implements net.PacketConn, without deadlines.
func (p *path) ReadFrom(into []byte) (int, net.Addr, error) {
	select {
	case parcel := <-p.inbox:
		return copy(into, parcel.octets), parcel.from, parcel.err
	case <-p.closed:
		return 0, nil, net.ErrClosed
	}
}

// WriteTo implements net.PacketConn.
func (p *path) WriteTo(octets []byte, to net.Addr) (int, error) {
	if p.loses(octets) {
		return len(octets), nil
	}
	return p.PacketConn.WriteTo(octets, to)
}

func (p *path) loses(octets []byte) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.lose == 0 {
		p.note(delivered, octets)
		return false
	}
	p.lose--
	p.note(lost, octets)
	return true
}

// Close implements net.PacketConn.
func (p *path) Close() error {
	p.once.Do(func() { close(p.closed) })
	return p.PacketConn.Close()
}
