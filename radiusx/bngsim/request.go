package bngsim

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

// Attributes that are about the request itself.
const (
	attrState      = 24
	attrProxyState = 33
	attrEventTime  = 55
	attrMAuth      = 80
)

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

// decode sorts the attributes of a packet; the caller holds b.mu.
func (b *BNG) decode(packet []byte) (*request, error) {
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

// hasOther reports whether the request has an attribute that is not among those,
// Proxy-State being one.
func (r *request) hasOther(those []string) bool {
	other := func(a radiusx.Attribute) bool { return !slices.Contains(those, a.Name) }
	return r.proxied || slices.ContainsFunc(r.names, other) || r.packet[0] == codeDisconnect && slices.ContainsFunc(r.changes, other)
}
