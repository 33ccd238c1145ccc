package bngsim

import (
	"context"
	"net"
	"net/netip"
	"time"

	"cordon/radiusx"
)

// Codes (RFC 5176 section 2.3). The ACK is the request's code and one, the NAK two.
const (
	codeDisconnect = 40
	codeCoA        = 43
)

// serve is the dynamic authorization server: one goroutine that ends when the
// socket is closed.
func (b *BNG) serve(ctx context.Context, conn net.PacketConn) {
	local, _ := addrPort(conn.LocalAddr())
	readPackets(ctx, conn, func(datagram []byte, peer netip.AddrPort) {
		b.arrive(datagram, path{conn: conn, local: local, peer: peer}, b.serveOne)
	})
}

// serveOne takes one datagram to its answer, if it gets one.
func (b *BNG) serveOne(datagram []byte, p path) {
	answer, note := b.process(datagram, p.peer, func(late []byte) { b.emit(late, p) })
	b.seen(Packet{Local: p.local, Peer: p.peer, Datagram: datagram, Note: note})
	if answer != nil {
		b.emit(answer, p)
	}
}

// outcome is what becomes of a request.
type outcome struct {
	cause ErrorCause          // OK, a refusal or unanswered
	says  []radiusx.Attribute // beside the cause
}

// process checks a datagram, does what it asks for and returns the answer; nil
// for silence. Answers that take time are given to later, which is called
// without locks from another goroutine, not after Run has ended.
func (b *BNG) process(datagram []byte, peer netip.AddrPort, later func([]byte)) ([]byte, Note) {
	b.mu.Lock()
	defer b.mu.Unlock()
	packet, note := b.authentic(datagram, peer)
	if note != Handled {
		return nil, note
	}
	r, err := b.decode(packet)
	if err != nil {
		return nil, MalformedPacket
	}
	now := b.config.Now()
	key := cacheKey{peer, packet[1]}
	if note := b.ignores(r, now); note != Handled {
		return nil, note
	}
	if answer, ok := b.answers.find(key, now); ok {
		if answer == nil {
			return nil, Busy
		}
		return answer, Duplicate
	}
	if b.restartDue {
		b.restart()
		return nil, Restarting
	}
	if b.behaviour.takes > 0 {
		return nil, b.begin(r, key, now, later)
	}
	answer := b.carryOut(r, key, now, later)
	if answer == nil {
		return nil, Ignored
	}
	return answer, Handled
}

// ignores says why an authentic request is ignored; Handled if it is. The
// caller holds b.mu.
func (b *BNG) ignores(r *request, now time.Time) Note {
	switch {
	case b.behaviour.dropsSigned && r.signed:
		return WrongMAuth
	case b.stale(r, now.Add(b.behaviour.skew)):
		return StaleEvent
	case b.faults.Silent:
		return Ignored
	}
	return Handled
}

// carryOut does what a request asks for, once more later where the platform is known
// for that, and returns the answer; nil for none. The caller holds b.mu.
func (b *BNG) carryOut(r *request, key cacheKey, now time.Time, later func([]byte)) []byte {
	out := outcome{cause: b.ordered()}
	if out.cause == OK {
		out = b.obey(r, now)
	}
	if out.cause == unanswered {
		return nil
	}
	answer := b.answer(r, out, now)
	b.answers.remember(key, answer, now)
	if after := b.behaviour.repeatsAfter; after > 0 && r.packet[0] == codeCoA {
		again := r.clone()
		b.after(after, func() func() {
			repeated := b.answer(again, b.obey(again, b.config.Now()), b.config.Now())
			return func() { later(repeated) }
		})
	}
	return answer
}

// begin takes a request in hand that will be carried out in a while, unless its
// session is busy. The caller holds b.mu.
func (b *BNG) begin(r *request, key cacheKey, now time.Time, later func([]byte)) Note {
	found, _ := b.match(r.names)
	takes := b.behaviour.takes
	for _, s := range found {
		switch busy := now.Before(s.busyUntil); {
		case busy && b.behaviour.dropsBusy:
			return Busy
		case busy && b.behaviour.queuesBusy:
			takes = max(takes, s.busyUntil.Sub(now)+b.behaviour.takes)
		}
		s.busyUntil = now.Add(takes)
	}
	b.answers.remember(key, nil, now)
	held := r.clone()
	b.after(takes, func() func() {
		answer := b.carryOut(held, key, b.config.Now(), later)
		if answer == nil {
			return nil
		}
		return func() { later(answer) }
	})
	return Handled
}

// after runs f with b.mu held when d has passed, and what it returns without,
// unless the BNG has stopped by then. Nothing waits for the timer.
func (b *BNG) after(d time.Duration, f func() func()) {
	time.AfterFunc(d, func() {
		select {
		case <-b.stopped:
			return
		default:
		}
		b.mu.Lock()
		then := f()
		b.mu.Unlock()
		if then != nil {
			then()
		}
	})
}
