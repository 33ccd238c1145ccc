package coa

import (
	"fmt"
	"net/netip"
	"time"
)

// Kind is the outcome of an exchange.
type Kind int

// The outcomes. The zero value is the one that claims nothing.
const (
	// Unanswered: no valid reply came. The BNG may have done what
	// it was asked or not; that is unknown until it has been asked again or
	// seen otherwise. It is neither success nor failure. A wrong
	// secret, a filter on the way and a dead BNG look the same.
	Unanswered Kind = iota
	// ACK: the BNG says that it did it. Many platforms say so of what they ignored:
	// this verifies nothing.
	ACK
	// NAK: the BNG says that it did not; see [Dispose].
	NAK
)

// kinds is the one table of Kind: the words of logs and metrics.
var kinds = [...]string{
	Unanswered: "unanswered",
	ACK:        "ack",
	NAK:        "nak",
}

// String returns the word for k in logs and metric labels.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kinds) {
		return fmt.Sprintf("Kind(%d)", int(k))
	}
	return kinds[k]
}

// Result is what came of an exchange. Beside an error of [Client.Do] its Kind
// means nothing, but Transmissions, Request and the addresses are true: with
// Transmissions > 0 the BNG may have received the request.
type Result struct {
	Kind       Kind
	ErrorCause uint32 // attribute 101 of the answer, 0 if it has none: a NAK need not, an ACK may (201)

	// Transmissions is how often the request was sent by the socket, at most 5.
	// It is 0 beside an error, and where the socket accepted nothing all the while
	// ([Hint] says so).
	Transmissions int
	// RTT is from the first transmission to the answer; a round trip only if
	// there was one transmission. 0 if unanswered.
	RTT time.Duration

	Request, Reply []byte // whole packets, Reply without padding and nil if unanswered; must not be changed
	Local, Peer    netip.AddrPort
	Identifier     byte

	// Discarded counts datagrams from the peer's address that carried this
	// exchange's identifier and were not its answer, LastDiscard is why the last
	// one was not. Unanswered with BadAuthenticator is how a wrong secret looks.
	Discarded   int
	LastDiscard Discard

	// Skew is how far the BNG's clock is ahead of ours, in whole seconds, from
	// the Event-Timestamp of its last genuine answer, accepted or not; 0 if there was
	// none. Unanswered with ClockSkew is how a BNG with a wrong clock
	// looks.
	Skew time.Duration
	// Stamped: there was one: Skew 0 is a clock like ours then.
	Stamped bool

	// Hint is the last that came besides replies: an error of the local
	// socket while sending, such as "network is unreachable", or an ICMP error
	// about a datagram of this exchange, such as syscall.ECONNREFUSED for a port
	// that nobody has open (on Linux only). Nil as a rule. Anybody can forge ICMP,
	// so it decided nothing.
	Hint error
}
