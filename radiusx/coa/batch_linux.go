package coa

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"cordon/radiusx"
)

// batches gives p the sides of a socket that carry many datagrams in one system
// call, and starts the goroutine that one of them needs.
func (c *Client) batches(p *port, udp *net.UDPConn) bool {
	raw, err := udp.SyscallConn()
	if err != nil {
		return false
	}
	complaints := newComplaints(raw, func(about complaint) { c.complain(p, about) })
	o := newOutbox(newBatchWriter(udp, raw, complaints), &c.counters)
	p.receiver, p.sender = newBatchReceiver(raw, complaints), o
	c.running.Go(func() { o.run(c.done) })
	return true
}

// mmsghdr is struct mmsghdr of recvmmsg(2): a message and its length.
type mmsghdr struct {
	unix.Msghdr
	n uint32
}

// vector is the memory of one recvmmsg or sendmmsg: for each message a header,
// one buffer and one address. The headers point into the other two.
type vector struct {
	headers   [batchSize]mmsghdr
	buffers   [batchSize]unix.Iovec
	addresses [batchSize]unix.RawSockaddrInet6 // long enough for either family

	// Of the call that is under way.
	want  int
	got   int
	errno syscall.Errno
}

// set makes message i one of those octets. It returns the header, whose address
// may be changed.
func (v *vector) set(i int, octets []byte) *mmsghdr {
	v.buffers[i].Base = &octets[0]
	v.buffers[i].SetLen(len(octets))
	h := &v.headers[i]
	h.Name = (*byte)(unsafe.Pointer(&v.addresses[i])) // the kernel reads or writes a sockaddr there
	h.Namelen = unix.SizeofSockaddrInet6
	h.Iov = &v.buffers[i]
	h.SetIovlen(1)
	return h
}

// call makes the system call for messages from on. It never waits.
func (v *vector) call(trap, fd uintptr, from int) (int, syscall.Errno) {
	for {
		n, _, errno := syscall.Syscall6(trap, fd, uintptr(unsafe.Pointer(&v.headers[from])), // see recvmmsg(2)
			uintptr(v.want-from), unix.MSG_DONTWAIT, 0, 0)
		if errno == unix.EINTR {
			continue
		}
		return int(n), errno
	}
}

// batchReceiver is the receiving side of a UDP socket.
type batchReceiver struct {
	vector
	raw        syscall.RawConn
	complaints *complaints
	memory     [batchSize][radiusx.MaxPacketLength]byte // what is beyond the largest packet is padding
	arrivals   [batchSize]arrival
	poll       func(fd uintptr) bool
}

func newBatchReceiver(raw syscall.RawConn, complaints *complaints) *batchReceiver {
	r := &batchReceiver{raw: raw, complaints: complaints}
	r.want = batchSize
	for i := range r.memory {
		r.set(i, r.memory[i][:])
	}
	r.poll = r.tryReceive
	return r
}

// tryReceive is false if there is nothing yet.
func (r *batchReceiver) tryReceive(fd uintptr) bool {
	r.got, r.errno = r.call(unix.SYS_RECVMMSG, fd, 0)
	return r.errno != unix.EAGAIN
}

func (r *batchReceiver) receive() ([]arrival, error) {
	for {
		if err := r.raw.Read(r.poll); err != nil {
			return nil, err // the reader only counts it
		}
		switch {
		case r.errno == 0:
			return r.take(), nil
		case !r.complaints.heard(r.errno):
			return nil, os.NewSyscallError("recvmmsg", r.errno)
		}
	}
}

// take returns what came and makes the headers ready for the next call.
func (r *batchReceiver) take() []arrival {
	for i := range r.got {
		h := &r.headers[i]
		r.arrivals[i] = arrival{r.memory[i][:h.n], addressOf(&r.addresses[i])}
		h.Namelen = unix.SizeofSockaddrInet6
	}
	return r.arrivals[:r.got]
}

// addressOf reads an address that the kernel wrote.
func addressOf(a *unix.RawSockaddrInet6) netip.AddrPort {
	if a.Family == unix.AF_INET {
		a4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(a)) // the family says which of the two it is
		return netip.AddrPortFrom(netip.AddrFrom4(a4.Addr), networkOrder(a4.Port))
	}
	addr := netip.AddrFrom16(a.Addr)
	if a.Scope_id != 0 {
		addr = addr.WithZone(zoneOf(int(a.Scope_id)))
	}
	return netip.AddrPortFrom(addr.Unmap(), networkOrder(a.Port))
}

func zoneOf(index int) string {
	if i, err := net.InterfaceByIndex(index); err == nil {
		return i.Name
	}
	return strconv.Itoa(index)
}

// networkOrder turns a port from or into the order of the network.
func networkOrder(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port)) // the octets as they lie in memory
	return uint16(b[0])<<8 | uint16(b[1])
}

// udpWriter is the sending side of a UDP socket. It belongs to one goroutine.
type udpWriter struct {
	vector
	udp        *net.UDPConn
	raw        syscall.RawConn
	complaints *complaints
	from       int // of the messages, the next to send
	try        func(fd uintptr) bool
}

func newBatchWriter(udp *net.UDPConn, raw syscall.RawConn, complaints *complaints) *udpWriter {
	w := &udpWriter{udp: udp, raw: raw, complaints: complaints}
	w.try = w.trySend
	return w
}

// trySend is always true: it is the outbox that waits.
func (w *udpWriter) trySend(fd uintptr) bool {
	w.got, w.errno = w.call(unix.SYS_SENDMMSG, fd, w.from)
	return true
}

// maxComplaints is how many errors about other datagrams a send passes over
// before it takes one for its own.
const maxComplaints = 16

func (w *udpWriter) write(batch []*flight) (int, error) {
	w.want = 0
	for _, f := range batch {
		if f.peer.Addr().Zone() != "" {
			break
		}
		w.address(w.set(w.want, f.request), w.want, f.peer)
		w.want++
	}
	if w.want == 0 { // the index of a zone is the standard library's business
		_, err := w.udp.WriteToUDPAddrPort(batch[0].request, batch[0].peer)
		if err != nil {
			return 0, err // a hint that speaks for itself
		}
		return 1, nil
	}
	passed := 0
	for w.from = 0; w.from < w.want; w.from += w.got {
		if err := w.raw.Write(w.try); err != nil {
			return w.from, err // the socket is closed
		}
		switch {
		case w.errno == 0:
			if passed = 0; w.from+w.got < w.want {
				w.complaints.hear() // an error ended the call early, and it does not say which
			}
		case w.errno == unix.EAGAIN:
			return w.from, errFull
		case passed < maxComplaints && w.complaints.heard(w.errno):
			passed, w.got = passed+1, 0
		default:
			return w.from, os.NewSyscallError("sendmmsg", w.errno)
		}
	}
	return w.want, nil
}

// address writes where message i goes.
func (w *udpWriter) address(h *mmsghdr, i int, to netip.AddrPort) {
	if to.Addr().Is4() {
		*(*unix.RawSockaddrInet4)(unsafe.Pointer(&w.addresses[i])) = unix.RawSockaddrInet4{ // shorter than what is there
			Family: unix.AF_INET, Port: networkOrder(to.Port()), Addr: to.Addr().As4(),
		}
		h.Namelen = unix.SizeofSockaddrInet4
		return
	}
	w.addresses[i] = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: networkOrder(to.Port()), Addr: to.Addr().As16()}
}

// waitReady asks the kernel itself first: room that came before it began to
// wait is told nobody.
func (w *udpWriter) waitReady() error {
	return w.raw.Write(func(fd uintptr) bool { // it ends the outbox
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0)
		return n > 0 || err != nil
	})
}
