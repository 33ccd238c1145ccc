//go:build !linux

package coa

import "net"

// batches would have a socket carry many datagrams in one system call; here it
// does not.
func (*Client) batches(*port, *net.UDPConn) bool { return false }

// enlarge asks for larger buffers and does not know what it got.
func enlarge(conn net.PacketConn) buffers {
	if udp, ok := conn.(*net.UDPConn); ok {
		_ = udp.SetReadBuffer(bufferSize) // a smaller one works, it only loses answers earlier
		_ = udp.SetWriteBuffer(bufferSize)
	}
	return buffers{}
}
