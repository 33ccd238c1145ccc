package coa

import (
	"crypto/md5" //nolint:gosec // RFC 2865 section 3 fixes MD5 for the Response Authenticator
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash"
	"net/netip"

	"layeh.com/radius"

	"cordon/radiusx"
)

// Discard says why a datagram was not taken for an answer. Such a datagram
// changes nothing: the exchange, if any, goes on.
type Discard int

// The reasons, in the order in which they are looked for.
const (
	NotDiscarded                Discard = iota // it was accepted, or there was none
	Malformed                                  // lengths do not add up, or shorter than a header
	Stranger                                   // from an address that was never asked anything
	NotPending                                 // no exchange waits with that identifier: a late or doubled answer
	WrongPort                                  // from the right address but another port than was asked
	WrongCode                                  // not an answer to this kind of request
	BadAuthenticator                           // Response Authenticator wrong: another secret, a forgery or damage
	BadMessageAuthenticator                    // Message-Authenticator there and wrong, or there twice
	MissingMessageAuthenticator                // not there, although the exchange requires it
	discardCount
)

// discards is the one table of Discard: the words of logs and metrics.
var discards = [discardCount]string{
	NotDiscarded:                "none",
	Malformed:                   "malformed",
	Stranger:                    "stranger",
	NotPending:                  "not-pending",
	WrongPort:                   "wrong-port",
	WrongCode:                   "wrong-code",
	BadAuthenticator:            "bad-authenticator",
	BadMessageAuthenticator:     "bad-message-authenticator",
	MissingMessageAuthenticator: "missing-message-authenticator",
}

// String returns the word for d in logs and metric labels.
func (d Discard) String() string {
	if d < 0 || d >= discardCount {
		return fmt.Sprintf("Discard(%d)", int(d))
	}
	return discards[d]
}

// question is what an answer is held against. It does not change while the
// exchange lasts, so the reader needs no lock to use it.
type question struct {
	peer                        netip.AddrPort
	code                        radius.Code
	request                     []byte // as sent
	secret                      []byte
	requireMessageAuthenticator bool
}

// judge decides whether a datagram answers a question. It belongs to one
// goroutine: the hash is reused from datagram to datagram.
type judge struct {
	md5 hash.Hash
	sum [md5.Size]byte
}

func newJudge() *judge { return &judge{md5: md5.New()} } //nolint:gosec // RFC 5176 section 2.3 fixes MD5

// accept returns the packet in datagram, without padding and sharing its
// memory, and NotDiscarded, if it answers q; otherwise nil and the first reason
// why it does not. The caller has matched the identifier to q by looking q up.
func (j *judge) accept(q *question, datagram []byte, from netip.AddrPort) ([]byte, Discard) {
	if from != q.peer {
		return nil, WrongPort
	}
	packet, err := radiusx.Trim(datagram)
	if err != nil {
		return nil, Malformed
	}
	if packet[1] != q.request[1] {
		return nil, NotPending
	}
	if _, ok := kindOf(q.code, radius.Code(packet[0])); !ok {
		return nil, WrongCode
	}
	if !j.authentic(q, packet) {
		return nil, BadAuthenticator
	}
	switch radiusx.CheckMessageAuthenticator(packet, q.secret, q.authenticator()) {
	case radiusx.MessageAuthenticatorBad:
		return nil, BadMessageAuthenticator
	case radiusx.MessageAuthenticatorAbsent:
		if q.requireMessageAuthenticator {
			return nil, MissingMessageAuthenticator
		}
	}
	return packet, NotDiscarded
}

// authentic checks the Response Authenticator of a trimmed packet (RFC 2865
// section 3) in constant time.
func (j *judge) authentic(q *question, packet []byte) bool {
	j.md5.Reset()
	j.md5.Write(packet[:4])
	j.md5.Write(q.authenticator())
	j.md5.Write(packet[radiusx.HeaderLength:])
	j.md5.Write(q.secret)
	return subtle.ConstantTimeCompare(j.md5.Sum(j.sum[:0]), packet[4:radiusx.HeaderLength]) == 1
}

func (q *question) authenticator() []byte { return q.request[4:radiusx.HeaderLength] }

// kindOf says what an answer of that code means to a request of that code; ok
// is false if it is no answer to it (RFC 5176 section 2).
func kindOf(request, answer radius.Code) (kind Kind, ok bool) {
	switch {
	case request == radius.CodeCoARequest && answer == radius.CodeCoAACK,
		request == radius.CodeDisconnectRequest && answer == radius.CodeDisconnectACK:
		return ACK, true
	case request == radius.CodeCoARequest && answer == radius.CodeCoANAK,
		request == radius.CodeDisconnectRequest && answer == radius.CodeDisconnectNAK:
		return NAK, true
	}
	return Unanswered, false
}

// errorCauseOf returns the first well-formed Error-Cause of a trimmed packet,
// or 0.
func errorCauseOf(packet []byte) uint32 {
	for at := radiusx.HeaderLength; at < len(packet); at += int(packet[at+1]) {
		if packet[at] == errorCause && packet[at+1] == 6 {
			return binary.BigEndian.Uint32(packet[at+2:])
		}
	}
	return 0
}
