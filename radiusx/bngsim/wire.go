package bngsim

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"time"
)

// inboxSize is how many datagrams wait at an endpoint unless [Wire.SetInbox] says
// otherwise; more are lost, as in a kernel's socket buffer.
const inboxSize = 1 << 14

// Wire is a network in memory. Its endpoints behave like UDP sockets: datagrams,
// deadlines, nothing delivered to an address nobody has. Made inside a
// testing/synctest bubble it works with the bubble's time. All methods, and
// those of the endpoints, may be called from any goroutine.
type Wire struct {
	mu        sync.Mutex // guards what follows
	random    *rand.Rand
	endpoints map[netip.AddrPort]*endpoint
	links     map[direction]Link
	port      uint16 // last one given to an endpoint that asked for any
	inbox     int    // of endpoints to come
}

// direction is a way between hosts; an invalid address stands for every host.
type direction struct{ from, to netip.Addr }

// NewWire returns a perfect network; seed decides what imperfect links do.
func NewWire(seed uint64) *Wire {
	return &Wire{
		random:    rand.New(rand.NewPCG(seed, 2)), //nolint:gosec // faults, not keys
		endpoints: make(map[netip.AddrPort]*endpoint),
		links:     make(map[direction]Link),
		port:      49151,
		inbox:     inboxSize,
	}
}

// SetLink says how datagrams fare on their way from one host to another. The
// zero address stands for every host that has no link of its own; both given
// goes before from alone, from before to.
func (w *Wire) SetLink(from, to netip.Addr, link Link) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.links[direction{from, to}] = link
}

// SetInbox says how many datagrams may wait at each endpoint that is opened from
// now on. It is memory: a world that is made thousands of times wants little.
func (w *Wire) SetInbox(datagrams int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.inbox = datagrams
}

// Listen returns an endpoint at an address. Port 0 takes a free one. An address
// in use is an error.
func (w *Wire) Listen(at netip.AddrPort) (net.PacketConn, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if at.Port() == 0 {
		w.port = max(w.port+1, 49152) // wraps to 0 after 65535
		at = netip.AddrPortFrom(at.Addr(), w.port)
	}
	if _, taken := w.endpoints[at]; taken || !at.IsValid() {
		return nil, &net.OpError{Op: "listen", Net: "wire", Addr: net.UDPAddrFromAddrPort(at), Err: os.ErrExist}
	}
	e := &endpoint{wire: w, at: at, inbox: make(chan parcel, w.inbox), closed: make(chan struct{}), deadline: newDeadline()}
	w.endpoints[at] = e
	return e, nil
}

// send lets a datagram through the link and delivers its copies.
func (w *Wire) send(datagram []byte, from, to netip.AddrPort) {
	w.mu.Lock()
	copies := w.link(from.Addr(), to.Addr()).copies(w.random)
	w.mu.Unlock()
	for _, delay := range copies {
		p := parcel{slices.Clone(datagram), from}
		if delay == 0 {
			w.deliver(p, to)
			continue
		}
		time.AfterFunc(delay, func() { w.deliver(p, to) })
	}
}

// link returns the most special link between two hosts; the caller holds w.mu.
func (w *Wire) link(from, to netip.Addr) Link {
	for _, d := range []direction{{from, to}, {from: from}, {to: to}} {
		if link, ok := w.links[d]; ok {
			return link
		}
	}
	return w.links[direction{}]
}

func (w *Wire) deliver(p parcel, to netip.AddrPort) {
	w.mu.Lock()
	e := w.endpoints[to]
	w.mu.Unlock()
	if e == nil {
		return
	}
	select {
	case e.inbox <- p:
	default:
	}
}

// parcel is a datagram with its sender.
type parcel struct {
	datagram []byte
	from     netip.AddrPort
}

// endpoint implements net.PacketConn.
type endpoint struct {
	wire   *Wire
	at     netip.AddrPort
	inbox  chan parcel
	closed chan struct{}

	deadline *deadline // of reading; writing never waits
	once     sync.Once
}

var _ net.PacketConn = (*endpoint)(nil)

// ReadFrom waits for a datagram; what does not fit p is lost.
func (e *endpoint) ReadFrom(p []byte) (int, net.Addr, error) {
	select { // an expired deadline and a closed socket go before datagrams
	case <-e.closed:
		return 0, nil, e.failed("read", net.ErrClosed)
	case <-e.deadline.expired():
		return 0, nil, e.failed("read", os.ErrDeadlineExceeded)
	default:
	}
	select {
	case got := <-e.inbox:
		return copy(p, got.datagram), net.UDPAddrFromAddrPort(got.from), nil
	case <-e.closed:
		return 0, nil, e.failed("read", net.ErrClosed)
	case <-e.deadline.expired():
		return 0, nil, e.failed("read", os.ErrDeadlineExceeded)
	}
}

// WriteTo sends a datagram; whether it arrives is not known.
func (e *endpoint) WriteTo(p []byte, to net.Addr) (int, error) {
	select {
	case <-e.closed:
		return 0, e.failed("write", net.ErrClosed)
	default:
	}
	peer, ok := addrPort(to)
	if !ok {
		return 0, e.failed("write", fmt.Errorf("no address and port: %v", to))
	}
	e.wire.send(p, e.at, peer)
	return len(p), nil
}

// Close frees the address and ends reads.
func (e *endpoint) Close() error {
	err := e.failed("close", net.ErrClosed)
	e.once.Do(func() {
		err = nil
		e.wire.mu.Lock()
		delete(e.wire.endpoints, e.at)
		e.wire.mu.Unlock()
		close(e.closed)
		e.deadline.set(time.Time{})
	})
	return err
}

func (e *endpoint) LocalAddr() net.Addr { return net.UDPAddrFromAddrPort(e.at) }

func (e *endpoint) SetDeadline(t time.Time) error { return e.SetReadDeadline(t) }

func (e *endpoint) SetReadDeadline(t time.Time) error {
	e.deadline.set(t)
	return nil
}

func (e *endpoint) SetWriteDeadline(time.Time) error { return nil }

func (e *endpoint) failed(op string, err error) error {
	return &net.OpError{Op: op, Net: "wire", Addr: e.LocalAddr(), Err: err}
}

// deadline is a moment that can be moved while others wait for it.
type deadline struct {
	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	setting int           // which call of set counts
	done    chan struct{} // closed at the moment; a new one when it is moved after that
	over    bool          // done is closed
}

func newDeadline() *deadline { return &deadline{done: make(chan struct{})} }

// expired returns a channel that is closed when the deadline has passed.
func (d *deadline) expired() <-chan struct{} {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.done
}

// set moves the deadline; the zero time is never.
func (d *deadline) set(t time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.setting++
	if d.timer != nil {
		d.timer.Stop()
	}
	if d.over {
		d.done, d.over = make(chan struct{}), false
	}
	if t.IsZero() {
		return
	}
	setting := d.setting
	d.timer = time.AfterFunc(time.Until(t), func() { d.pass(setting) })
}

// pass ends the wait for one setting of the deadline, unless it was moved.
func (d *deadline) pass(setting int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.setting == setting && !d.over {
		close(d.done)
		d.over = true
	}
}
