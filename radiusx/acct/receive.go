package acct

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"time"

	"cordon/radiusx"
	"cordon/radiusx/mmsg"
)

const (
	headerLength = radiusx.HeaderLength

	codeAccountingRequest  = 4
	codeAccountingResponse = 5
	codeStatusServer       = 12
)

// readPause follows an error of a socket, so that one that fails at once does
// not take a processor.
const readPause = 50 * time.Millisecond

// exchange is a request on its way to its answer.
type exchange struct {
	socket  *socket
	key     requestKey
	secret  *radiusx.Key
	signed  bool   // the answer carries a Message-Authenticator
	proxies []byte // Proxy-State attributes to echo
	record  Record
	mark    *mark
	reason  Counter // of its answer
}

// read is the one reader of a socket; it never waits for a handler. It ends
// with ctx or when the socket is closed.
func (s *Server) read(ctx context.Context, conn *socket) {
	for {
		came, err := conn.read()
		switch {
		case ctx.Err() != nil || errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				s.tally.add(ReadError)
			}
			pause(ctx, readPause)
		default:
			for _, d := range came {
				s.tally.add(Received)
				s.receive(conn, d.Octets, d.Peer)
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// receive takes one datagram to its answer, its queue or its counter.
func (s *Server) receive(conn *socket, datagram []byte, from netip.AddrPort) {
	client, ok := s.clients.find(from.Addr())
	if !ok {
		s.countFault(UnknownClient, from)
		return
	}
	packet, err := radiusx.Trim(datagram)
	if err != nil {
		s.countFault(Malformed, from)
		return
	}
	if reason := s.authentic(packet, client.key); reason != 0 {
		s.countFault(reason, from)
		return
	}
	x := &exchange{socket: conn, key: keyOf(packet, from), secret: client.key}
	d := &conn.decoded
	d.read(packet, s.config.Holdable)
	x.proxies, x.record = d.proxies, d.record
	if packet[0] == codeStatusServer {
		x.signed = true
		s.answer(x, StatusServer)
		return
	}
	s.accounting(x, d, client, packet)
}

// authentic checks code and authenticators. The reason is 0 for a packet to go on
// with.
func (s *Server) authentic(packet []byte, secret *radiusx.Key) (reason Counter) {
	var zero [radiusx.AuthenticatorLength]byte
	authenticator := zero[:]
	switch packet[0] {
	case codeStatusServer: // its own authenticator is random and part of the digest (RFC 5997 section 2)
		authenticator = packet[4:headerLength]
	case codeAccountingRequest:
		if !secret.CheckRequest(packet) {
			return BadAuthenticator
		}
	default:
		return WrongCode
	}
	switch mauth := secret.CheckMessageAuthenticator(packet, authenticator); {
	case mauth == radiusx.MessageAuthenticatorBad,
		mauth == radiusx.MessageAuthenticatorAbsent && packet[0] == codeStatusServer:
		return BadMessageAuthenticator
	}
	return 0
}

func keyOf(packet []byte, from netip.AddrPort) requestKey {
	return requestKey{from, packet[1], [radiusx.AuthenticatorLength]byte(packet[4:headerLength])}
}

// accounting completes the record of an authentic Accounting-Request and
// queues it, or answers it if it is of no use.
func (s *Server) accounting(x *exchange, d *decoded, client *Client, packet []byte) {
	now := s.config.Now()
	if again, fresh := s.answers.begin(x.key, now); again != nil {
		s.tally.add(DuplicateAnswered)
		s.send(x, again)
		return
	} else if !fresh {
		s.tally.add(DuplicateInFlight)
		return
	}
	r := &x.record
	r.Client, r.From, r.Arrived = client, x.key.from, now
	switch reason := d.useless(); {
	case reason == OtherStatus:
		s.answer(x, reason)
		return
	case reason != 0:
		s.noteFault(r, reason, 1)
		s.answer(x, reason)
		return
	}
	s.filter.fill(r, packet)
	s.at(r, d)
	s.countFaults(d, r, countAttributes(packet))
	x.mark = s.open.begin(r)
	s.lag.note(r)
	s.enqueue(x, now)
}

// countFault counts a datagram that is not authentic, and keeps it to be logged.
func (s *Server) countFault(reason Counter, peer netip.AddrPort) {
	s.tally.add(reason)
	s.faults.Note(Fault{Reason: reason.String(), Peer: peer.Addr()}, 1, s.config.Now())
}

// noteFault keeps a fault of an authentic record to be logged; it is counted by the
// NAS that the record claims to be of.
func (s *Server) noteFault(r *Record, reason Counter, times int) {
	fault := Fault{Reason: reason.String(), Peer: r.From.Addr(), NAS: r.NAS.String(), BNG: s.config.BNGOf(r)}
	s.faults.Note(fault, times, r.Arrived)
}

// countFaults counts what is wrong with a record that is handled.
func (s *Server) countFaults(d *decoded, r *Record, attributes int) {
	count := func(reason Counter, times int) {
		if times > 0 {
			s.tally[reason].Add(uint64(times))
			s.noteFault(r, reason, times)
		}
	}
	count(BadAttribute, d.bad)
	count(ImplausibleTime, d.implausible)
	if d.unstamped {
		count(Undated, 1)
	}
	for _, fault := range d.nat.faults {
		count(fault, 1)
	}
	if attributes > s.config.MaxAttributes {
		count(TooManyAttributes, 1)
	}
	if r.SessionID == "" && r.Status.ofSession() && !r.Conflicts.Has(ConflictingSessionID) {
		count(NoSessionID, 1)
	}
	for _, doubled := range conflictCounters {
		if r.Conflicts.Has(doubled.which) {
			count(doubled.counter, 1)
		}
	}
}

// useless names the reason why a record is not about a session, 0 for none.
func (d *decoded) useless() Counter {
	switch {
	case !d.hasStatus:
		return NoStatus
	case d.conflict:
		return Contradictory
	case d.record.Status == unassigned:
		return UnknownStatus
	case d.record.Status == other:
		return OtherStatus
	}
	return 0
}

// enqueue gives the record to the worker of its session, or drops it when that
// worker has more than it can bear: the reader must not wait.
func (s *Server) enqueue(x *exchange, now time.Time) {
	select {
	case s.queues[s.workerOf(&x.record)] <- x:
	default:
		s.drop(x, QueueFull, now)
	}
}

// workerOf spreads sessions over the workers (FNV-1a over Acct-Session-Id).
func (s *Server) workerOf(r *Record) int {
	hash := uint32(2166136261)
	for i := range len(r.SessionID) {
		hash = (hash ^ uint32(r.SessionID[i])) * 16777619
	}
	return int(hash % uint32(len(s.queues)))
}

// drop ends an exchange without an answer.
func (s *Server) drop(x *exchange, reason Counter, now time.Time) {
	s.tally.add(reason)
	s.open.miss(x.mark, now)
	s.answers.finish(x.key, nil, now)
}

// answer makes the answer, remembers it and sends it.
func (s *Server) answer(x *exchange, reason Counter) {
	s.send(x, s.sign(x, reason, s.config.Now()))
}

// sign makes the answer and remembers it.
func (s *Server) sign(x *exchange, reason Counter, now time.Time) []byte {
	packet := x.response()
	s.tally.add(reason)
	s.answers.finish(x.key, packet, now)
	return packet
}

func (s *Server) send(x *exchange, packet []byte) {
	s.deliver(x.socket, []mmsg.Datagram{{Octets: packet, Peer: x.key.from}})
}

// deliver sends answers; who does not get one asks again.
func (s *Server) deliver(through *socket, answers []mmsg.Datagram) {
	if failed := through.write(answers); failed > 0 {
		s.tally[AnswerNotSent].Add(uint64(failed))
	}
}

// response makes the Accounting-Response: the request's Proxy-State attributes
// in their order (RFC 2866 section 4.2), and Message-Authenticator for a
// Status-Server only. In an answer to a record it would do harm: FreeRADIUS 3.2
// computes it there over sixteen zero octets, others over the request's
// authenticator, and both drop the other's.
func (x *exchange) response() []byte {
	packet := make([]byte, headerLength, headerLength+18+len(x.proxies))
	packet[0], packet[1] = codeAccountingResponse, x.key.identifier
	if x.signed {
		packet = radiusx.AppendMessageAuthenticator(packet)
	}
	packet = append(packet, x.proxies...)
	packet[2], packet[3] = byte(len(packet)>>8), byte(len(packet))
	if x.signed {
		x.secret.SignMessageAuthenticator(packet, x.key.authenticator[:])
	}
	x.secret.SignResponse(packet, x.key.authenticator[:])
	return packet
}
