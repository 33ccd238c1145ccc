package coa

import (
	"context"
	"fmt"
	"time"

	"layeh.com/radius"
)

// Do carries out one exchange and returns its outcome. It blocks until the BNG
// has answered or patience is over, and sends nothing after it has returned.
//
// An error means that the outcome could not be found out: the context ended,
// the client was closed ([ErrClosed]), the request is none ([ErrRequest]), no
// identifier was free ([ErrNoIdentifier]), the first port could not be opened,
// or x.Sending failed. Result.Transmissions then tells whether the BNG may have
// received the request. Silence is no error but [Unanswered].
func (c *Client) Do(ctx context.Context, x Exchange) (Result, error) {
	x.Peer = unmap(x.Peer)
	if err := x.validate(); err != nil {
		return Result{}, err
	}
	if err := c.over(ctx); err != nil {
		return Result{}, err
	}
	f, err := c.prepare(&x)
	if err != nil {
		return Result{}, err
	}
	if err := announce(&x, f); err != nil {
		f.home.land(f)
		return f.result(), err
	}
	err = c.fly(ctx, f, patienceOf(&x))
	return c.conclude(f, err)
}

func patienceOf(x *Exchange) time.Duration {
	if x.Patience == 0 {
		return DefaultPatience
	}
	return x.Patience
}

// over returns why no exchange may go on, if it may not.
func (c *Client) over(ctx context.Context) error {
	select {
	case <-c.done:
		return ErrClosed
	default:
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("await CoA answer: %w", err)
	}
	return nil
}

// prepare takes an identifier and makes the packet for x. The flight it
// returns holds its slot until it lands.
func (c *Client) prepare(x *Exchange) (*flight, error) {
	home, err := c.peerAt(x.Peer.Addr())
	if err != nil {
		return nil, err
	}
	s, err := c.take(home)
	if err != nil {
		return nil, err
	}
	f := &flight{
		question: question{
			peer:                        x.Peer,
			code:                        x.Code,
			secret:                      x.Secret.Bytes(),
			requireMessageAuthenticator: x.MessageAuthenticator == MessageAuthenticatorRequireReply,
		},
		home:  home,
		port:  home.pool.ports[s.port()].Load(),
		slot:  s,
		wake:  make(chan struct{}, 1),
		index: unscheduled,
	}
	if f.request, err = encode(x, s.identifier(), c.config.Now()); err != nil {
		home.land(f)
		return nil, err
	}
	return f, nil
}

func (c *Client) take(home *peer) (slot, error) {
	home.mu.Lock()
	s, how, err := home.rotation.take(time.Now(), func(port int) error { return c.open(home.pool, port) })
	home.mu.Unlock()
	switch {
	case err != nil:
		return 0, err
	case how == rested:
		c.counters.rested.Add(1)
	case how == hurried:
		c.counters.hurried.Add(1)
	}
	return s, nil
}

// announce tells the caller what is about to be sent.
func announce(x *Exchange, f *flight) error {
	if x.Sending == nil {
		return nil
	}
	err := x.Sending(Datagram{
		Octets:     f.request,
		Local:      f.port.local,
		Peer:       f.peer,
		Identifier: f.slot.identifier(),
	})
	if err != nil {
		return fmt.Errorf("announce CoA request: %w", err)
	}
	return nil
}

// fly transmits f until it is answered or patience is over, which is nil, or
// until it may not go on, which is an error.
func (c *Client) fly(ctx context.Context, f *flight, patience time.Duration) error {
	f.home.launch(f)
	f.began = time.Now()
	f.end = f.began.Add(patience)
	for {
		if err := c.over(ctx); err != nil {
			return err
		}
		if f.transmissions == maxTransmissions || !time.Now().Before(f.end) {
			return nil
		}
		c.transmit(f)
		if answered, err := c.await(ctx, f); answered || err != nil {
			return err
		}
	}
}

// transmit writes f's datagram once and sets the time of what is next.
func (c *Client) transmit(f *flight) {
	f.transmissions++
	if f.transmissions == 1 {
		c.counters.sent.Add(1)
	} else {
		c.counters.retransmitted.Add(1)
	}
	f.timeout = nextTimeout(f.timeout, c.config.Random())
	f.next = time.Now().Add(f.timeout)
	if f.next.After(f.end) {
		f.next = f.end
	}
	c.timers.schedule(f, f.next)
	if err := f.port.write(f.request, f.peer); err != nil {
		f.hint = err
		c.counters.writeErrors.Add(1)
	}
}

// await returns when f is answered, when its next step is due, or when it may
// not go on.
func (c *Client) await(ctx context.Context, f *flight) (answered bool, err error) {
	for {
		select {
		case <-f.wake:
			if f.home.answered(f) {
				return true, nil
			}
			if !time.Now().Before(f.next) {
				return false, nil
			}
		case <-ctx.Done():
			return false, c.over(ctx)
		case <-c.done:
			return false, ErrClosed
		}
	}
}

// conclude ends f. An answer that came at the last moment counts, whatever
// ended the wait.
func (c *Client) conclude(f *flight, err error) (Result, error) {
	c.timers.remove(f)
	f.home.land(f)
	r := f.result()
	if f.reply == nil && err != nil {
		if f.transmissions > 0 {
			c.counters.abandoned.Add(1)
		}
		return r, err
	}
	c.counters.kinds[r.Kind].Add(1)
	return r, nil
}

// result says what came of a flight that has landed.
func (f *flight) result() Result {
	r := Result{
		Transmissions: f.transmissions,
		Request:       f.request,
		Reply:         f.reply,
		Local:         f.port.local,
		Peer:          f.peer,
		Identifier:    f.slot.identifier(),
		Discarded:     f.discarded,
		LastDiscard:   f.lastDiscard,
		Hint:          f.hint,
	}
	if f.reply != nil {
		r.Kind, _ = kindOf(f.code, radius.Code(f.reply[0]))
		r.ErrorCause = errorCauseOf(f.reply)
		r.RTT = f.replied.Sub(f.began)
	}
	return r
}
