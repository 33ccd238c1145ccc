package coa

import (
	"bytes"
	"errors"
	"net"
	"net/netip"
	"time"

	"cordon/radiusx"
)

// readPause is how long a reader waits after its socket failed twice in a row,
// so that a socket that fails for ever costs nothing. A single error, such as
// an ICMP message about another packet, is passed over at once.
const readPause = 10 * time.Millisecond

// read is the reader goroutine of p, until the client is closed. It holds
// locks for a few instructions only and never waits for an exchange.
func (c *Client) read(p *port) {
	// An octet beyond the largest packet is padding, wherever it is cut off.
	buffer := make([]byte, radiusx.MaxPacketLength)
	judge := newJudge()
	failures := 0
	for {
		n, from, err := p.read(buffer)
		if err == nil {
			failures = 0
			c.receive(p, judge, buffer[:n], from)
			continue
		}
		if errors.Is(err, net.ErrClosed) || c.isDone() {
			return
		}
		c.counters.readErrors.Add(1)
		if failures++; failures > 1 {
			c.pause(readPause)
		}
	}
}

func (c *Client) isDone() bool {
	select {
	case <-c.done:
		return true
	default:
		return false
	}
}

// pause waits, but not for a client that is being closed.
func (c *Client) pause(d time.Duration) {
	alarm := time.NewTimer(d)
	defer alarm.Stop()
	select {
	case <-alarm.C:
	case <-c.done:
	}
}

// receive takes one datagram to the exchange it answers, or counts why it
// answers none.
func (c *Client) receive(p *port, j *judge, datagram []byte, from netip.AddrPort) {
	if why := c.dispatch(p, j, datagram, from); why != NotDiscarded {
		c.counters.discarded[why].Add(1)
	}
}

func (c *Client) dispatch(p *port, j *judge, datagram []byte, from netip.AddrPort) Discard {
	if len(datagram) < radiusx.HeaderLength {
		return Malformed
	}
	peer := c.knownPeer(from.Addr())
	if peer == nil {
		return Stranger
	}
	f := peer.waiting(p.slot(datagram[1]))
	if f == nil {
		return NotPending
	}
	packet, why := j.accept(&f.question, datagram, from)
	if why != NotDiscarded {
		peer.discard(f, why)
		return why
	}
	if !peer.deliver(f, bytes.Clone(packet), time.Now()) {
		return NotPending
	}
	return NotDiscarded
}
