package e2e

import (
	"io"
	"net"
	"sync"
	"testing"
)

// line is one instance's way to Redis, which a test can cut while Redis and
// everybody else go on.
type line struct {
	addr string
	to   string

	mu    sync.Mutex // guards what follows
	state lineState
	conns map[net.Conn]bool
}

type lineState uint8

const (
	lineUp      lineState = iota
	lineRefuses           // as a host that is up and a program that is not: connections end at once
	lineHangs             // as a cable that is cut: connections stand and nothing gets through
)

// newLine listens until the test ends.
func newLine(t *testing.T, to string) *line {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l := &line{addr: listener.Addr().String(), to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		_ = listener.Close() // nothing was asked of it
		l.set(lineRefuses)
	})
	go func() { // ends with the listener
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			go l.carry(c)
		}
	}()
	return l
}

// set changes the state. Connections from before end, or hang for good.
func (l *line) set(state lineState) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.state = state
	if state == lineHangs {
		return
	}
	for c := range l.conns {
		_ = c.Close() // the others find out
	}
	clear(l.conns)
}

func (l *line) now() lineState {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.state
}

// add keeps a connection to be closed; false: it may not stay.
func (l *line) add(c net.Conn) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == lineRefuses {
		_ = c.Close() // refused
		return false
	}
	l.conns[c] = true
	return true
}

func (l *line) carry(c net.Conn) {
	if !l.add(c) || l.now() == lineHangs {
		return
	}
	far, err := net.Dial("tcp", l.to)
	if err != nil {
		_ = c.Close() // Redis is unreachable
		return
	}
	if !l.add(far) {
		return
	}
	go l.copy(c, far)
	l.copy(far, c)
}

// copy moves octets while the line is up.
func (l *line) copy(to, from net.Conn) {
	defer func() { _, _ = to.Close(), from.Close() }() // the other direction ends too
	buffer := make([]byte, 16<<10)
	for {
		n, err := from.Read(buffer)
		if l.now() == lineHangs {
			_, _ = io.Copy(io.Discard, from) // until set closes it
			return
		}
		if n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
