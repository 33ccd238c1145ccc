package coa

import (
	"sync"
	"time"

	"cordon/radiusx"
)

// peer is what the client keeps of one BNG address: a few words for one that
// is idle. CoA and Disconnect port of a BNG share it, because no standard says that
// its duplicate detection tells them apart.
type peer struct {
	pool *pool // of its address family

	mu       sync.Mutex   // guards what follows, and the lower half of every inFlight
	key      *radiusx.Key // of the secret that was used last; nil before
	rotation rotation
	inFlight map[slot]*inFlight // waiting for an answer
}

// inFlight is one request in flight.
type inFlight struct {
	request // fixed before it is registered
	bng     *peer
	port    *port
	slot    slot
	wake    chan struct{} // capacity 1: a reply has come or a time is due

	// timers.mu guards at and index.
	at    time.Time
	index int

	// Only the goroutine of Do touches what follows.
	attempts   int       // to transmit
	began, end time.Time // end: when the timeout is over
	next       time.Time // of the next transmission or the end
	timeout    time.Duration

	// The port's sender owns what follows until it has been withdrawn there.
	transmissions int
	place         place

	// home.mu guards what follows while the request is among home.inFlight;
	// afterwards it is Do's.
	reply       []byte // trimmed and verified; nil until then
	replied     time.Time
	discarded   int
	lastDiscard Discard
	skew        time.Duration
	hint        error
}

// signal wakes the goroutine of Do; it never blocks.
func (f *inFlight) signal() {
	select {
	case f.wake <- struct{}{}:
	default: // it is signalled already
	}
}

// register has replies matched to f.
func (p *peer) register(f *inFlight) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.inFlight[f.slot] = f
}

// unregister ends f: no answer reaches it any more and its slot begins to rest.
func (p *peer) unregister(f *inFlight) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.inFlight, f.slot)
	p.rotation.release(f.slot, time.Now())
}

// waiting returns the request in flight in that slot, or nil.
func (p *peer) waiting(s slot) *inFlight {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.inFlight[s]
}

// deliver hands f its answer; false if f is not in flight or has one already.
func (p *peer) deliver(f *inFlight, reply []byte, at time.Time, skew time.Duration) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inFlight[f.slot] != f || f.reply != nil {
		return false
	}
	f.reply, f.replied, f.skew = reply, at, skew
	f.signal()
	return true
}

// discard notes on f that a datagram was not its answer, and the skew of a
// genuine one.
func (p *peer) discard(f *inFlight, why Discard, skew time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inFlight[f.slot] != f || f.reply != nil {
		return
	}
	f.discarded++
	f.lastDiscard = why
	if why == ClockSkew {
		f.skew = skew
	}
}

// hint notes on f what came besides replies.
func (p *peer) hint(f *inFlight, err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.inFlight[f.slot] == f {
		f.hint = err
	}
}

// keyOf returns the key of a secret, the same one as long as the secret is.
func (p *peer) keyOf(secret []byte) *radiusx.Key {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.key == nil || !p.key.Is(secret) {
		p.key = radiusx.NewKey(secret)
	}
	return p.key
}

// signalAll signals every exchange that waits.
func (p *peer) signalAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, f := range p.inFlight {
		f.signal()
	}
}

// answered reports whether f has its answer.
func (p *peer) answered(f *inFlight) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return f.reply != nil
}
