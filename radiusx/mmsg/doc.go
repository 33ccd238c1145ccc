// Package mmsg carries many datagrams of a UDP socket in one system call:
// recvmmsg(2) and sendmmsg(2) on Linux, and elsewhere one by one.
//
// It knows nothing of RADIUS, waits for nobody but the socket, and keeps nothing:
// what was received is valid until the next call.
package mmsg
