package mmsg

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2): a message and its length.
type mmsghdr struct {
	unix.Msghdr
	n uint32
}

// vector is the memory of one recvmmsg or sendmmsg: for each message a header,
// one buffer and one address. The headers point into the other two.
type vector struct {
	headers   []mmsghdr
	buffers   []unix.Iovec
	addresses []unix.RawSockaddrInet6 // long enough for either family

	// Of the call that is under way.
	want  int
	got   int
	errno syscall.Errno
}

func newVector(size int) vector {
	return vector{headers: make([]mmsghdr, size), buffers: make([]unix.Iovec, size), addresses: make([]unix.RawSockaddrInet6, size)}
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

// call makes the system call for the wanted messages. It never waits, and is over
// before the scheduler could make use of knowing about it.
func (v *vector) call(trap, fd uintptr) {
	for {
		n, _, errno := syscall.RawSyscall6(trap, fd, uintptr(unsafe.Pointer(&v.headers[0])), // see recvmmsg(2)
			uintptr(v.want), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			v.got, v.errno = int(n), errno
			return
		}
	}
}

// Reader is the receiving side of a UDP socket. It belongs to one goroutine.
type Reader struct {
	vector
	raw       syscall.RawConn
	memory    []byte // a datagram's worth for each message
	datagrams []Datagram
	poll      func(fd uintptr) bool
}

// NewReader returns a reader of up to size datagrams at a time, of up to octets
// each; what is beyond is cut off.
func NewReader(udp *net.UDPConn, size, octets int) (*Reader, error) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, err
	}
	r := &Reader{vector: newVector(size), raw: raw, memory: make([]byte, size*octets), datagrams: make([]Datagram, size)}
	r.want = size
	for i := range size {
		r.datagrams[i].Octets = r.memory[i*octets : (i+1)*octets : (i+1)*octets]
		r.set(i, r.datagrams[i].Octets)
	}
	r.poll = func(fd uintptr) bool {
		r.call(unix.SYS_RECVMMSG, fd)
		return r.errno != unix.EAGAIN // there is nothing yet
	}
	return r, nil
}

// Read waits for datagrams and returns those that are there; they are valid until
// the next call. An error of the socket, such as an ICMP error about a datagram
// that left, is a syscall.Errno within an os.SyscallError.
func (r *Reader) Read() ([]Datagram, error) {
	if err := r.raw.Read(r.poll); err != nil {
		return nil, err // the deadline has passed, or the socket is closed
	}
	if r.errno != 0 {
		return nil, os.NewSyscallError("recvmmsg", r.errno)
	}
	for i := range r.got {
		h := &r.headers[i]
		r.datagrams[i] = Datagram{unsafe.Slice(r.buffers[i].Base, h.n), addressOf(&r.addresses[i])}
		h.Namelen = unix.SizeofSockaddrInet6
	}
	return r.datagrams[:r.got], nil
}

// addressOf reads an address that the kernel wrote.
func addressOf(a *unix.RawSockaddrInet6) netip.AddrPort {
	if a.Family == unix.AF_INET {
		a4 := (*unix.RawSockaddrInet4)(unsafe.Pointer(a)) // the family says which of the two it is
		return netip.AddrPortFrom(netip.AddrFrom4(a4.Addr), networkOrder(a4.Port))
	}
	addr := netip.AddrFrom16(a.Addr)
	if a.Scope_id != 0 {
		addr = addr.WithZone(ZoneOf(int(a.Scope_id)))
	}
	return netip.AddrPortFrom(addr.Unmap(), networkOrder(a.Port))
}

// networkOrder turns a port from or into the order of the network.
func networkOrder(port uint16) uint16 {
	b := (*[2]byte)(unsafe.Pointer(&port)) // the octets as they lie in memory
	return uint16(b[0])<<8 | uint16(b[1])
}

// Writer is the sending side of a UDP socket. It belongs to one goroutine.
type Writer struct {
	vector
	udp *net.UDPConn
	raw syscall.RawConn
	six bool // an IPv6 socket, whose IPv4 peers are written IPv4-mapped
	try func(fd uintptr) bool
}

// NewWriter returns a writer of up to size datagrams at a time.
func NewWriter(udp *net.UDPConn, size int) (*Writer, error) {
	raw, err := udp.SyscallConn()
	if err != nil {
		return nil, err
	}
	w := &Writer{vector: newVector(size), udp: udp, raw: raw}
	err = raw.Control(func(fd uintptr) {
		domain, err := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DOMAIN)
		w.six = err == nil && domain == unix.AF_INET6
	})
	w.try = func(fd uintptr) bool {
		w.call(unix.SYS_SENDMMSG, fd)
		return true // it is for the caller to wait
	}
	return w, err
}

// Write hands datagrams to the kernel in their order, without waiting. It returns
// how many were taken, and if that is none, why the first was not: [ErrFull], a
// syscall.Errno within an os.SyscallError (which may be an ICMP error about a
// datagram that left before), or what else is wrong with it. An error behind the
// first is met by the next call.
func (w *Writer) Write(datagrams []Datagram) (int, error) {
	w.want = 0
	for _, d := range datagrams[:min(len(datagrams), len(w.headers))] {
		if d.Peer.Addr().Zone() != "" {
			break
		}
		w.address(w.set(w.want, d.Octets), w.want, d.Peer)
		w.want++
	}
	if w.want == 0 { // the index of a zone is the standard library's business
		if _, err := w.udp.WriteToUDPAddrPort(datagrams[0].Octets, datagrams[0].Peer); err != nil {
			return 0, err
		}
		return 1, nil
	}
	if err := w.raw.Write(w.try); err != nil {
		return 0, err // the socket is closed
	}
	switch w.errno {
	case 0:
		return w.got, nil
	case unix.EAGAIN:
		return 0, ErrFull
	}
	return 0, os.NewSyscallError("sendmmsg", w.errno)
}

// address writes where message i goes.
func (w *Writer) address(h *mmsghdr, i int, to netip.AddrPort) {
	if to.Addr().Is4() && !w.six {
		*(*unix.RawSockaddrInet4)(unsafe.Pointer(&w.addresses[i])) = unix.RawSockaddrInet4{ // shorter than what is there
			Family: unix.AF_INET, Port: networkOrder(to.Port()), Addr: to.Addr().As4(),
		}
		h.Namelen = unix.SizeofSockaddrInet4
		return
	}
	w.addresses[i] = unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: networkOrder(to.Port()), Addr: to.Addr().As16()}
}

// WaitReady returns when the kernel has room again, or why it never will. It asks
// the kernel itself first: room that came before it began to wait wakes nobody.
func (w *Writer) WaitReady() error {
	return w.raw.Write(func(fd uintptr) bool {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLOUT}}, 0)
		return n > 0 || err != nil
	})
}
