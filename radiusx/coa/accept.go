package coa

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

// Discard says why a datagram is not a reply. Such a datagram
// changes nothing: the exchange, if any, goes on.
type Discard int

// The reasons, in the order in which they are looked for.
const (
	NotDiscarded                Discard = iota // it was accepted, or there was none
	Malformed                                  // lengths do not add up, or shorter than a header
	UnsolicitedSender                          // from an address that was never asked anything
	NotPending                                 // no exchange waits with that identifier: a late or doubled answer
	WrongPort                                  // from the right address but another port than was asked
	WrongCode                                  // not an answer to this kind of request
	BadAuthenticator                           // Response Authenticator wrong: another secret, a forgery or damage
	BadMessageAuthenticator                    // Message-Authenticator there and wrong, or there twice
	MissingMessageAuthenticator                // not there, although the exchange requires it
	ClockSkew                                  // genuine, but its Event-Timestamp is stale and the exchange checks that
	discardCount
)

// discards is the one table of Discard: the words of logs and metrics.
var discards = [discardCount]string{
	NotDiscarded:                "none",
	Malformed:                   "malformed",
	UnsolicitedSender:           "unsolicited-sender",
	NotPending:                  "not-pending",
	WrongPort:                   "wrong-port",
	WrongCode:                   "wrong-code",
	BadAuthenticator:            "bad-authenticator",
	BadMessageAuthenticator:     "bad-message-authenticator",
	MissingMessageAuthenticator: "missing-message-authenticator",
	ClockSkew:                   "clock-skew",
}

// String returns the word for d in logs and metric labels.
func (d Discard) String() string {
	if d < 0 || d >= discardCount {
		return fmt.Sprintf("Discard(%d)", int(d))
	}
	return discards[d]
}

// request is what an answer is held against. It does not change while the
// exchange lasts, so the reader needs no lock to use it.
type request struct {
	peer                        netip.AddrPort
	code                        radius.Code
	octets                      []byte // as sent
	key                         *radiusx.Key
	requireMessageAuthenticator bool
	checkEventTimestamp         bool
}

// accept returns the packet in datagram, without padding and sharing its
// memory, and NotDiscarded, if it answers q; otherwise nil and the first reason
// why it does not. The caller has matched the identifier to q by looking q up,
// and holds the answer's time against its clock ([question.stale]).
func (q *request) accept(datagram []byte, from netip.AddrPort) ([]byte, Discard) {
	if from != q.peer {
		return nil, WrongPort
	}
	packet, err := radiusx.Trim(datagram)
	if err != nil {
		return nil, Malformed
	}
	if packet[1] != q.octets[1] {
		return nil, NotPending
	}
	if _, ok := kindOf(q.code, radius.Code(packet[0])); !ok {
		return nil, WrongCode
	}
	if !q.key.CheckResponse(packet, q.authenticator()) {
		return nil, BadAuthenticator
	}
	switch q.key.CheckMessageAuthenticator(packet, q.authenticator()) {
	case radiusx.MessageAuthenticatorBad:
		return nil, BadMessageAuthenticator
	case radiusx.MessageAuthenticatorAbsent:
		if q.requireMessageAuthenticator {
			return nil, MissingMessageAuthenticator
		}
	}
	return packet, NotDiscarded
}

func (q *request) authenticator() []byte { return q.octets[4:radiusx.HeaderLength] }

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

// replayWindow is how far the Event-Timestamp of an answer may lie from our
// clock, where that is checked (RFC 5176 section 6.3: 300 s by default).
const replayWindow = 300 * time.Second

// stale reports whether q refuses an answer whose sender's clock is ahead of
// ours by skew.
func (q *request) stale(skew time.Duration) bool {
	return q.checkEventTimestamp && skew.Abs() > replayWindow
}

// skewOf returns how far the Event-Timestamp of a trimmed packet is ahead of
// now, in whole seconds because it has no finer ones; 0 if it has none.
func skewOf(packet []byte, now func() time.Time) time.Duration {
	stamp, ok := integerOf(packet, eventTimestamp)
	if !ok {
		return 0
	}
	return time.Duration(int64(stamp)-now().Unix()) * time.Second
}

// errorCauseOf returns the first well-formed Error-Cause of a trimmed packet,
// or 0.
func errorCauseOf(packet []byte) uint32 {
	cause, _ := integerOf(packet, errorCause)
	return cause
}

// integerOf returns the first well-formed integer attribute of that type.
func integerOf(packet []byte, attribute byte) (value uint32, ok bool) {
	for at := radiusx.HeaderLength; at < len(packet); at += int(packet[at+1]) {
		if packet[at] == attribute && packet[at+1] == 6 {
			return binary.BigEndian.Uint32(packet[at+2:]), true
		}
	}
	return 0, false
}
