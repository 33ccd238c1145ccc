package coa

import (
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// enlarge asks for larger buffers, first as an administrator may, and reads
// back what there is. The zero value means that the socket is none.
func enlarge(conn net.PacketConn) (b buffers) {
	s, ok := conn.(syscall.Conn)
	if !ok {
		return b
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return b
	}
	_ = raw.Control(func(fd uintptr) {
		b.receive = enlargeOne(int(fd), unix.SO_RCVBUFFORCE, unix.SO_RCVBUF)
		b.send = enlargeOne(int(fd), unix.SO_SNDBUFFORCE, unix.SO_SNDBUF)
	})
	return b
}

// enlargeOne returns half of what the kernel says, which doubles what it is
// asked for to have room for its bookkeeping (socket(7)).
func enlargeOne(fd, force, option int) int {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, bufferSize) != nil {
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, bufferSize) // a smaller one works, it only loses answers earlier
	}
	size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, option)
	if err != nil {
		return 0
	}
	return size / 2
}
