package coa

import (
	"bytes"
	"errors"
	"net"
	"time"

	"cordon/radiusx"
	"cordon/radiusx/mmsg"
)

// readPause is how long a reader waits after its socket failed twice in a row,
// so that a socket that fails for ever costs nothing. A single error, such as
// an ICMP message about another packet, is passed over at once.
const readPause = 10 * time.Millisecond

// read is the reader goroutine of p, until the client is closed. It holds
// locks for a few instructions only and never waits for an exchange.
func (c *Client) read(p *port) {
	failures := 0
	for {
		arrivals, err := p.receive()
		if err == nil {
			failures = 0
			now := time.Now()
			for i := range arrivals {
				c.receive(p, &arrivals[i], now)
			}
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

// receive hands one datagram to the exchange it answers, or counts why it answers
// none.
func (c *Client) receive(p *port, a *mmsg.Datagram, now time.Time) {
	if why := c.dispatch(p, a, now); why != NotDiscarded {
		c.counters.discarded[why].Add(1)
	}
}

func (c *Client) dispatch(p *port, a *mmsg.Datagram, now time.Time) Discard {
	if len(a.Octets) < radiusx.HeaderLength {
		return Malformed
	}
	peer := c.knownPeer(a.Peer.Addr())
	if peer == nil {
		return UnsolicitedSender
	}
	f := peer.waiting(p.slot(a.Octets[1]))
	if f == nil {
		return NotPending
	}
	packet, why := f.accept(a.Octets, a.Peer)
	var skew time.Duration
	if why == NotDiscarded {
		if skew = skewOf(packet, c.config.Now); f.stale(skew) {
			why = ClockSkew
		}
	}
	if why != NotDiscarded {
		peer.discard(f, why, skew)
		return why
	}
	if !peer.deliver(f, bytes.Clone(packet), now, skew) {
		return NotPending
	}
	return NotDiscarded
}
