package coa

import (
	"context"
	"fmt"
	"time"

	"layeh.com/radius"
)

// Do carries out one exchange and returns its outcome. It blocks until the BNG
// has replied or the timeout is over, and sends nothing after it has returned.
//
// An error means that the outcome could not be found out: the context ended,
// the client was closed ([ErrClosed]), the request is none ([ErrRequest]), no
// identifier was free ([ErrNoIdentifier]), the first port could not be opened,
// or x.Sending or x.Repeating failed. Result.Transmissions then says whether the BNG may
// have received the request. No reply is no error but [Unanswered].
func (c *Client) Do(ctx context.Context, x Exchange) (Result, error) {
	x.Peer = unmap(x.Peer)
	if err := x.validate(); err != nil {
		return Result{}, err
	}
	if err := c.ended(ctx); err != nil {
		return Result{}, err
	}
	f, err := c.prepare(&x)
	if err != nil {
		return Result{}, err
	}
	if err := announce(&x, f); err != nil {
		f.bng.unregister(f)
		return f.result(0), err
	}
	err = c.transmitUntilReplied(ctx, f, &x)
	return c.conclude(f, err)
}

func timeoutOf(x *Exchange) time.Duration {
	if x.Timeout == 0 {
		return DefaultTimeout
	}
	return x.Timeout
}

// ended returns why no exchange may go on, if it may not.
func (c *Client) ended(ctx context.Context) error {
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

// prepare takes an identifier and makes the packet for x. The request it
// returns holds its slot until it is unregistered.
func (c *Client) prepare(x *Exchange) (*inFlight, error) {
	bng, err := c.peerAt(x.Peer.Addr())
	if err != nil {
		return nil, err
	}
	s, err := c.reserve(bng)
	if err != nil {
		return nil, err
	}
	f := &inFlight{
		request: request{
			peer:                        x.Peer,
			code:                        x.Code,
			key:                         bng.keyOf(x.Secret.Bytes()),
			requireMessageAuthenticator: x.MessageAuthenticator == MessageAuthenticatorRequireReply,
			checkEventTimestamp:         x.CheckEventTimestamp,
		},
		bng:   bng,
		port:  bng.pool.ports[s.port()].Load(),
		slot:  s,
		wake:  c.newWake(),
		index: unscheduled,
	}
	if f.octets, err = encode(x, f.key, s.identifier(), c.config.Now()); err != nil {
		bng.unregister(f)
		return nil, err
	}
	return f, nil
}

// newWake returns a channel that nobody uses any more, or a new one.
func (c *Client) newWake() chan struct{} {
	if wake, ok := c.wakes.Get().(chan struct{}); ok {
		return wake
	}
	return make(chan struct{}, 1)
}

// reserve reserves an identifier towards a peer.
func (c *Client) reserve(bng *peer) (slot, error) {
	bng.mu.Lock()
	s, how, err := bng.rotation.acquire(time.Now(), func(port int) error { return c.open(bng.pool, port) })
	bng.mu.Unlock()
	switch {
	case err != nil:
		return 0, err
	case how == rested:
		c.counters.rested.Add(1)
	case how == reusedEarly:
		c.counters.reusedEarly.Add(1)
	}
	return s, nil
}

// announce shows the caller what is about to be sent.
func announce(x *Exchange, f *inFlight) error {
	if x.Sending == nil {
		return nil
	}
	err := x.Sending(Datagram{
		Octets:     f.octets,
		Local:      f.port.local,
		Peer:       f.peer,
		Identifier: f.slot.identifier(),
	})
	if err != nil {
		return fmt.Errorf("announce CoA request: %w", err)
	}
	return nil
}

// transmitUntilReplied transmits f until its reply is there or the timeout is over, which
// is nil, or until it may not go on, which is an error.
func (c *Client) transmitUntilReplied(ctx context.Context, f *inFlight, x *Exchange) error {
	f.bng.register(f)
	f.began = time.Now()
	f.end = f.began.Add(timeoutOf(x))
	for now := f.began; f.attempts < maxTransmissions && now.Before(f.end); now = time.Now() {
		if err := c.ended(ctx); err != nil {
			return err
		}
		if err := checkRepeat(x, f); err != nil {
			return err
		}
		c.transmit(f, now)
		if answered, err := c.await(ctx, f); answered || err != nil {
			return err
		}
	}
	return nil
}

// checkRepeat asks whether f may be transmitted once more.
func checkRepeat(x *Exchange, f *inFlight) error {
	if f.attempts == 0 || x.Repeating == nil {
		return nil
	}
	if err := x.Repeating(); err != nil {
		return fmt.Errorf("repeat CoA request: %w", err)
	}
	return nil
}

// transmit has f's datagram leave once and sets the time of what is next.
func (c *Client) transmit(f *inFlight, now time.Time) {
	f.attempts++
	f.timeout = nextTimeout(f.timeout, c.config.Random())
	f.next = now.Add(f.timeout)
	if f.next.After(f.end) {
		f.next = f.end
	}
	c.timers.schedule(f, f.next)
	f.port.send(f)
}

// await returns when f is answered, when its next step is due, or when it may
// not go on.
func (c *Client) await(ctx context.Context, f *inFlight) (answered bool, err error) {
	for {
		select {
		case <-f.wake:
			if f.bng.answered(f) {
				return true, nil
			}
			if c.isDone() { // Close wakes every exchange; so they need not all watch one channel
				return false, ErrClosed
			}
			if !time.Now().Before(f.next) {
				return false, nil
			}
		case <-ctx.Done():
			return false, c.ended(ctx)
		}
	}
}

// conclude ends f. An answer that came at the last moment counts, whatever
// ended the wait.
func (c *Client) conclude(f *inFlight, err error) (Result, error) {
	c.timers.remove(f)
	transmissions := f.port.withdraw(f, f.bng.answered(f))
	f.bng.unregister(f)
	c.recycleWake(f)
	r := f.result(transmissions)
	if f.reply == nil && err != nil {
		if transmissions > 0 {
			c.counters.abandoned.Add(1)
		}
		return r, err
	}
	c.counters.kinds[r.Kind].Add(1)
	return r, nil
}

// recycleWake keeps the channel of a request that is unregistered and that no timer
// knows, so that nobody can wake it any more.
func (c *Client) recycleWake(f *inFlight) {
	select {
	case <-f.wake:
	default:
	}
	c.wakes.Put(f.wake)
}

// result says what came of a request that is unregistered.
func (f *inFlight) result(transmissions int) Result {
	r := Result{
		Transmissions: transmissions,
		Request:       f.octets,
		Reply:         f.reply,
		Local:         f.port.local,
		Peer:          f.peer,
		Identifier:    f.slot.identifier(),
		Discarded:     f.discarded,
		LastDiscard:   f.lastDiscard,
		Skew:          f.skew,
		Stamped:       f.skew != 0,
		Hint:          f.hint,
	}
	if f.reply != nil {
		r.Kind, _ = kindOf(f.code, radius.Code(f.reply[0]))
		r.ErrorCause = errorCauseOf(f.reply)
		_, r.Stamped = integerOf(f.reply, eventTimestamp)
		r.RTT = f.replied.Sub(f.began)
	}
	return r
}
