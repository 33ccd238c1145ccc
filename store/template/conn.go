package template

import (
	"context"
	"errors"
	"net"
	"time"
)

// How long one attempt at a command may take, and how much an answer may be.
const (
	dialTimeout = 2 * time.Second
	ioTimeout   = 2500 * time.Millisecond
	longest     = 8 << 20 // octets of what one write asks for
)

// errTooLong ends a connection whose answer is longer than any that a template
// leads to: another program's value must not fill our memory.
var errTooLong = errors.New("the reply is too long")

// boundedConn is a connection that reads no more than longest octets between two
// writes. One goroutine at a time uses it, as go-redis does with its connections.
type boundedConn struct {
	net.Conn
	read int
}

// Write implements net.Conn.
func (c *boundedConn) Write(b []byte) (int, error) {
	c.read = 0
	return c.Conn.Write(b)
}

// Read implements net.Conn.
func (c *boundedConn) Read(b []byte) (int, error) {
	if c.read > longest {
		return 0, errTooLong
	}
	n, err := c.Conn.Read(b)
	c.read += n
	return n, err
}

func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout, KeepAlive: 5 * time.Minute}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return &boundedConn{Conn: conn}, nil
}
