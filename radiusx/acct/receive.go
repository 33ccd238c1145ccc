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
		s.blame(UnknownClient, 1, from)
		return
	}
	packet, err := radiusx.Trim(datagram)
	if err != nil {
		s.blame(Malformed, 1, from)
		return
	}
	if reason := s.authentic(packet, client.key); reason != 0 {
		s.blame(reason, 1, from)
		return
	}
	x := &exchange{socket: conn, key: keyOf(packet, from), secret: client.key}
	d := &conn.decoded
	d.read(packet)
	x.proxies, x.record = d.proxies, d.record
	if packet[0] == codeStatusServer {
		x.signed = true
		s.answer(x, StatusServer)
		return
	}
	s.accounting(x, d, client, packet)
}

// authentic checks code, authenticators and the number of attributes. The
// reason is 0 for a packet to go on with.
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
	mauth := secret.CheckMessageAuthenticator(packet, authenticator)
	switch {
	case mauth == radiusx.MessageAuthenticatorBad,
		mauth == radiusx.MessageAuthenticatorAbsent && packet[0] == codeStatusServer:
		return BadMessageAuthenticator
	case countAttributes(packet) > s.config.MaxAttributes:
		return TooManyAttributes
	}
	return 0
}

func keyOf(packet []byte, from netip.AddrPort) requestKey {
	return requestKey{from, packet[1], [radiusx.AuthenticatorLength]byte(packet[4:headerLength])}
}

// accounting completes the record of an authentic Accounting-Request and
// queues it.
func (s *Server) accounting(x *exchange, d *decoded, client *Client, packet []byte) {
	if reason := d.unusable(); reason != 0 {
		s.blame(reason, 1, x.key.from)
		return
	}
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
	if r.Status == other {
		s.answer(x, OtherStatus)
		return
	}
	r.Client, r.From, r.Arrived = client, x.key.from, now
	s.keeper.fill(r, packet)
	r.At, r.AtSource = d.at(now, s.config.Skew, s.config.MaxAge)
	s.blameParts(d, x.key.from)
	x.mark = s.open.begin(r)
	s.lag.note(r)
	s.enqueue(x, now)
}

// blame counts what is the peer's fault, and keeps it to be told.
func (s *Server) blame(reason Counter, times int, peer netip.AddrPort) {
	if times == 0 {
		return
	}
	s.tally[reason].Add(uint64(times))
	if counters[reason].peers {
		s.complaints.Note(reason.String(), peer.Addr(), s.config.Now())
	}
}

// blameParts counts what was left out of a record that is taken.
func (s *Server) blameParts(d *decoded, peer netip.AddrPort) {
	s.blame(BadAttribute, d.bad, peer)
	s.blame(AbsurdTime, d.absurd, peer)
	for _, fault := range d.nat.faults {
		s.blame(fault, 1, peer)
	}
}

// unusable names the reason for dropping the record, 0 for none.
func (d *decoded) unusable() Counter {
	switch {
	case !d.hasStatus:
		return NoStatus
	case d.conflict:
		return Contradictory
	case d.record.SessionID == "" && d.record.Status.ofSession():
		return NoSessionID
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

// reject forgets a record without an answer: nothing of it is awaited.
func (s *Server) reject(x *exchange, now time.Time) {
	s.tally.add(Rejected)
	s.open.stored(x.mark)
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
