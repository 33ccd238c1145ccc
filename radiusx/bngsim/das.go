package bngsim

import (
	"context"
	"crypto/md5" //nolint:gosec // RFC 5176 section 2.3 fixes MD5
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

// Codes (RFC 5176 section 2.3). The ACK is the request's code and one, the NAK two.
const (
	codeDisconnect = 40
	codeCoA        = 43
)

// Attributes that are about the request itself.
const (
	attrState      = 24
	attrProxyState = 33
	attrEventTime  = 55
	attrMAuth      = 80
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
	answer, note := b.process(datagram, p.peer)
	b.seen(Packet{Local: p.local, Peer: p.peer, Datagram: datagram, Note: note})
	if answer != nil {
		b.emit(answer, p)
	}
}

// request is a request that passed all checks, taken apart.
type request struct {
	packet  []byte
	signed  bool                // it has a Message-Authenticator, so the answer has
	names   []radiusx.Attribute // identify the session
	nas     []radiusx.Attribute // identify the NAS
	changes []radiusx.Attribute // everything else
	echo    []byte              // State and Proxy-State, encoded, in order
	event   time.Time           // Event-Timestamp, zero without
}

// process checks a datagram, does what it asks for and returns the answer; nil
// for silence.
func (b *BNG) process(datagram []byte, peer netip.AddrPort) ([]byte, Note) {
	packet, note := b.authentic(datagram, peer)
	if note != Handled {
		return nil, note
	}
	r, err := b.takeApart(packet)
	if err != nil {
		return nil, MalformedPacket
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.config.Now()
	key := cacheKey{peer, packet[1]}
	switch {
	case b.stale(r, now):
		return nil, StaleEvent
	case b.faults.Silent:
		return nil, Ignored
	}
	if answer, ok := b.answers.find(key, now); ok {
		return answer, Duplicate
	}
	cause := b.ordered()
	if cause == OK {
		cause = b.obey(r, now)
	}
	answer := b.answer(r, cause)
	b.answers.remember(key, answer, now)
	return answer, Handled
}

// authentic checks everything that can be checked without looking at a session.
func (b *BNG) authentic(datagram []byte, peer netip.AddrPort) ([]byte, Note) {
	allowed := func(p netip.Prefix) bool { return p.Contains(peer.Addr()) }
	if b.config.Allowed != nil && !slices.ContainsFunc(b.config.Allowed, allowed) {
		return nil, ForbiddenSource
	}
	packet, err := radiusx.Trim(datagram)
	switch {
	case err != nil:
		return nil, MalformedPacket
	case packet[0] != codeDisconnect && packet[0] != codeCoA:
		return nil, UnexpectedCode
	case !radius.IsAuthenticRequest(packet, b.config.Secret.Bytes()):
		return nil, WrongAuthenticator
	}
	if !b.behaviour.checksAuthenticity {
		return packet, Handled
	}
	var zero [radiusx.AuthenticatorLength]byte
	switch radiusx.CheckMessageAuthenticator(packet, b.config.Secret.Bytes(), zero[:]) {
	case radiusx.MessageAuthenticatorBad:
		return nil, WrongMAuth
	case radiusx.MessageAuthenticatorAbsent:
		if b.config.RequireMessageAuthenticator {
			return nil, WrongMAuth
		}
	}
	return packet, Handled
}

// stale reports whether Event-Timestamp forbids the request (RFC 5176 section 6.3).
func (b *BNG) stale(r *request, now time.Time) bool {
	switch {
	case !b.behaviour.checksAuthenticity:
		return false
	case r.event.IsZero():
		return b.config.RequireEventTimestamp
	}
	return now.Sub(r.event).Abs() > b.config.EventWindow
}

// takeApart sorts the attributes of a packet.
func (b *BNG) takeApart(packet []byte) (*request, error) {
	attrs, err := radius.ParseAttributes(packet[radiusx.HeaderLength:])
	if err != nil {
		return nil, fmt.Errorf("read request: %w", err)
	}
	r := &request{packet: packet}
	rest := attrs[:0:0]
	for _, a := range attrs {
		switch {
		case a.Type == attrState || a.Type == attrProxyState:
			r.echo = append(append(r.echo, byte(a.Type), byte(len(a.Attribute)+2)), a.Attribute...)
		case a.Type == attrEventTime && len(a.Attribute) == 4:
			r.event = time.Unix(int64(binary.BigEndian.Uint32(a.Attribute)), 0)
		case a.Type == attrMAuth:
			r.signed = true
		default:
			rest = append(rest, a)
		}
	}
	for _, a := range b.config.Dictionary.Decode(rest) {
		r.sort(a, b.behaviour)
	}
	return r, nil
}

func (r *request) sort(a radiusx.Attribute, b *behaviour) {
	switch {
	case a.Name == "NAS-IP-Address" || a.Name == "NAS-Identifier" || a.Name == "NAS-IPv6-Address":
		r.nas = append(r.nas, a)
	case slices.Contains(b.identifiers, a.Name):
		r.names = append(r.names, a)
	default:
		r.changes = append(r.changes, a)
	}
}

// obey does what an authentic request asks for; the caller holds b.mu.
func (b *BNG) obey(r *request, now time.Time) ErrorCause {
	if b.behaviour.checksNAS && !b.isMe(r.nas) {
		return NASMismatch
	}
	s, cause := b.match(r.names)
	if cause != OK {
		return cause
	}
	if r.packet[0] == codeDisconnect {
		return b.disconnect(s, r, now)
	}
	return b.change(s, r, now)
}

// isMe reports whether no NAS attribute names another.
func (b *BNG) isMe(nas []radiusx.Attribute) bool {
	for _, a := range nas {
		if a.Name == "NAS-Identifier" && a.Value != b.config.Name ||
			a.Name != "NAS-Identifier" && a.Value != b.config.NASIP.String() {
			return false
		}
	}
	return true
}

// inDisconnect are the attributes beside identifiers that RFC 5176 section 3.6
// lets a Disconnect-Request carry; vendors' attributes are another.
var inDisconnect = []string{"Reply-Message", "Class", "Acct-Terminate-Cause"}

func (b *BNG) disconnect(s *session, r *request, now time.Time) ErrorCause {
	for _, a := range r.changes {
		def, _ := b.config.Dictionary.Lookup(a.Name)
		if !b.behaviour.ignoresUnknown && def.Vendor == 0 && !slices.Contains(inDisconnect, a.Name) {
			return UnsupportedAttribute
		}
	}
	if b.faults.AckIgnore {
		return OK
	}
	if _, err := b.close(s, causeAdminReset); err != nil {
		s.note(now, err.Error())
	}
	return OK
}

// change works a CoA out on a copy of the session's state and takes it over.
func (b *BNG) change(s *session, r *request, now time.Time) ErrorCause {
	c := &changing{session: s, state: s.state.clone(), known: b.profiles}
	cause := b.apply(c, r.changes)
	if cause != OK {
		s.note(now, "refused a change: "+cause.String())
		if b.behaviour.atomic {
			return cause
		}
	}
	if b.faults.AckIgnore || c.state.Equal(s.state) {
		return cause
	}
	s.state = c.state
	s.note(now, "changed to: "+s.state.String())
	reports, err := b.reportServices(s, now)
	if err != nil {
		s.note(now, err.Error())
	}
	b.queue(reports)
	return cause
}

// apply works the attributes off in the make's order, up to the first refusal.
func (b *BNG) apply(c *changing, attrs []radiusx.Attribute) ErrorCause {
	for _, a := range b.behaviour.order(attrs) {
		name := a.Name
		if name == b.config.RedirectAttribute {
			name = redirectKey
		}
		change, known := b.behaviour.changes[name]
		switch {
		case !known && b.behaviour.ignoresUnknown:
		case !known:
			return UnsupportedAttribute
		default:
			if cause := change(c, a.Value); cause != OK {
				return cause
			}
		}
	}
	return OK
}

// answer makes the ACK, or the NAK with its cause.
func (b *BNG) answer(r *request, cause ErrorCause) []byte {
	code := r.packet[0] + 1
	if cause != OK {
		code++
	}
	packet := []byte{code, r.packet[1], 0, 0}
	packet = append(packet, make([]byte, radiusx.AuthenticatorLength)...)
	if r.signed && b.behaviour.checksAuthenticity {
		packet = radiusx.AppendMessageAuthenticator(packet)
	}
	if cause > OK {
		packet = binary.BigEndian.AppendUint32(append(packet, 101, 6), uint32(cause))
	}
	if b.behaviour.echoesProxyState {
		packet = append(packet, r.echo...)
	}
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	return b.sign(packet, r.packet[4:radiusx.HeaderLength])
}

// sign fills the authenticators of an answer.
func (b *BNG) sign(packet, requestAuthenticator []byte) []byte {
	secret := b.config.Secret.Bytes()
	if b.faults.BadAuthenticator {
		secret = append([]byte("not "), secret...)
	}
	radiusx.SignMessageAuthenticator(packet, secret, requestAuthenticator)
	hash := md5.New() //nolint:gosec // RFC 5176 section 2.3 fixes MD5
	hash.Write(packet[:4])
	hash.Write(requestAuthenticator)
	hash.Write(packet[radiusx.HeaderLength:])
	hash.Write(secret)
	hash.Sum(packet[:4])
	return packet
}
