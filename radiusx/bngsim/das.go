package bngsim

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
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
	answer, note := b.process(datagram, p.peer, func(late []byte) { b.emit(late, p) })
	b.seen(Packet{Local: p.local, Peer: p.peer, Datagram: datagram, Note: note})
	if answer != nil {
		b.emit(answer, p)
	}
}

// request is a request that passed all checks, taken apart.
type request struct {
	packet  []byte
	signed  bool                // it has a Message-Authenticator, so the answer has
	proxied bool                // it has a Proxy-State
	names   []radiusx.Attribute // identify the session
	nas     []radiusx.Attribute // identify the NAS
	changes []radiusx.Attribute // everything else
	echo    []byte              // State and Proxy-State, encoded, in order
	event   time.Time           // Event-Timestamp, zero without
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
	r, err := b.takeApart(packet)
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

// ignores says why an authentic request is not looked at; Handled if it is. The
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

// carryOut does what a request asks for, once more later where the make is known
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
	for _, s := range found {
		if b.behaviour.dropsBusy && now.Before(s.busyUntil) {
			return Busy
		}
		s.busyUntil = now.Add(b.behaviour.takes)
	}
	b.answers.remember(key, nil, now)
	held := r.clone()
	b.after(b.behaviour.takes, func() func() {
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

// clone returns a request that outlives the datagram.
func (r *request) clone() *request {
	c := *r
	c.packet = slices.Clone(r.packet)
	return &c
}

// authentic checks everything that can be checked without looking at a session;
// the caller holds b.mu.
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
		return b.config.RequireEventTimestamp || b.behaviour.needsTimestamp
	}
	return now.Sub(r.event).Abs() > b.config.EventWindow
}

// takeApart sorts the attributes of a packet; the caller holds b.mu.
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
			r.proxied = r.proxied || a.Type == attrProxyState
			r.echo = append(append(r.echo, byte(a.Type), byte(len(a.Attribute)+2)), a.Attribute...)
		case a.Type == attrEventTime && len(a.Attribute) == 4:
			r.event = time.Unix(int64(binary.BigEndian.Uint32(a.Attribute)), 0)
		case a.Type == attrMAuth:
			r.signed = true
		default:
			rest = append(rest, a)
		}
	}
	for _, a := range b.words.Decode(rest) {
		r.sort(b.words.read(a), b.behaviour)
	}
	return r, nil
}

func (r *request) sort(a radiusx.Attribute, b *behaviour) {
	switch {
	case a.Name == "NAS-IP-Address" || a.Name == "NAS-Identifier" || a.Name == "NAS-IPv6-Address":
		r.nas = append(r.nas, a)
	case a.Name == "Cisco-Account-Info" && slices.Contains(b.identifiers, a.Name) && strings.HasPrefix(a.Value, "S"):
		r.names = append(r.names, radiusx.Attribute{Name: "Framed-IP-Address", Value: accountAddress(a.Value)})
	case slices.Contains(b.identifiers, a.Name):
		r.names = append(r.names, a)
	default:
		r.changes = append(r.changes, a)
	}
}

// obey does what an authentic request asks for; the caller holds b.mu.
func (b *BNG) obey(r *request, now time.Time) outcome {
	switch how := b.behaviour; {
	case r.packet[0] == codeCoA && how.coa != OK:
		return outcome{cause: how.coa}
	case r.proxied && how.refusesProxyState, how.onlyAttributes != nil && r.hasOther(how.onlyAttributes):
		return outcome{cause: UnsupportedAttribute}
	case how.needsNAS && len(r.nas) == 0:
		return outcome{cause: MissingAttribute}
	case how.checksNAS && !b.isMe(r.nas):
		return outcome{cause: NASMismatch}
	}
	found, cause := b.match(r.names)
	out := outcome{cause: cause}
	for _, s := range found {
		if r.packet[0] == codeDisconnect {
			out.cause = b.disconnect(s, r, now)
		} else {
			out = b.change(s, r, now)
		}
		if out.cause != OK {
			break
		}
	}
	return out
}

// hasOther reports whether the request has an attribute that is not among those,
// Proxy-State being one.
func (r *request) hasOther(those []string) bool {
	other := func(a radiusx.Attribute) bool { return !slices.Contains(those, a.Name) }
	return r.proxied || slices.ContainsFunc(r.names, other) || r.packet[0] == codeDisconnect && slices.ContainsFunc(r.changes, other)
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
		def, _ := b.words.Lookup(a.Name)
		if !b.behaviour.ignoresUnknown && def.Vendor == 0 && !slices.Contains(inDisconnect, a.Name) {
			return UnsupportedAttribute
		}
	}
	if b.faults.AckIgnore || b.behaviour.acksOnly {
		return OK
	}
	if after := b.behaviour.endsAfter; after > 0 {
		b.after(after, func() func() { b.terminate(s); return nil })
		return OK
	}
	b.terminate(s)
	return OK
}

// terminate ends a session that may have ended by itself; the caller holds b.mu.
func (b *BNG) terminate(s *session) {
	if b.sessions[s.id] != s {
		return
	}
	if _, err := b.close(s, causeAdminReset); err != nil {
		s.note(b.config.Now(), err.Error())
	}
}

// change works a CoA out on a copy of the session's state and takes it over.
func (b *BNG) change(s *session, r *request, now time.Time) outcome {
	if b.behaviour.acksOnly {
		return outcome{}
	}
	c := &changing{session: s, state: s.state.clone(), known: b.profiles, unknown: b.behaviour.unknownName}
	cause := b.apply(c, r.changes)
	out := outcome{cause, c.says}
	if cause != OK {
		s.note(now, "refused a change: "+cause.String())
		if b.behaviour.atomic {
			return out
		}
	}
	if !b.faults.AckIgnore && !c.state.Equal(s.state) {
		b.adopt(s, c, now)
	}
	if c.reports {
		reports, err := b.reportInterim(s, now)
		b.send(s, reports, err)
	}
	return out
}

// adopt gives a session its new state, and perhaps a new id with it; the caller
// holds b.mu.
func (b *BNG) adopt(s *session, c *changing, now time.Time) {
	renumbers := b.behaviour.renumbers || c.renumbers
	if renumbers {
		reports, err := b.reportStop(s, causeUnavailable, now)
		b.send(s, reports, err)
		b.renumber(s, now)
	}
	letIn := s.state.Portal && !c.state.Portal
	if letIn {
		s.started = now
	}
	s.state = c.state
	s.note(now, "changed to: "+s.state.String())
	report := b.reportServices
	if renumbers || letIn {
		report = b.reportStart
	}
	reports, err := report(s, now)
	b.send(s, reports, err)
}

// renumber gives a session another id; what accounting knew of it has ended. The
// caller holds b.mu.
func (b *BNG) renumber(s *session, now time.Time) {
	delete(b.sessions, s.id)
	s.number = b.nextNumber()
	s.id, s.started, s.services, s.numbered = b.behaviour.sessionID(s.number), now, nil, 0
	b.sessions[s.id] = s
	s.note(now, "is session "+s.id+" from now on")
}

// send queues the records of a session; the caller holds b.mu.
func (b *BNG) send(s *session, reports []*report, err error) {
	if err != nil {
		s.note(b.config.Now(), err.Error())
	}
	b.queue(reports)
}

// apply works the attributes off in the make's order, up to the first refusal.
func (b *BNG) apply(c *changing, attrs []radiusx.Attribute) ErrorCause {
	if b.behaviour.together != nil {
		var cause ErrorCause
		if attrs, cause = b.behaviour.together(c, attrs); cause != OK {
			return cause
		}
	}
	for _, a := range b.behaviour.order(attrs) {
		change, known := b.behaviour.changes[b.config.meaning(a.Name)]
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
