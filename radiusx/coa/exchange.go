package coa

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
)

// Errors of [Client.Do] besides those of the context and of Exchange.Sending.
var (
	// ErrRequest is wrapped where an [Exchange] cannot become a packet. Nothing
	// was sent, and trying again without a change is pointless.
	ErrRequest = errors.New("request cannot be sent")
	// ErrClosed is what Do returns once [Client.Close] was called. The Result
	// beside it says whether the BNG may have received the request.
	ErrClosed = errors.New("CoA client is closed")
	// ErrNoIdentifier means that every identifier of every port is waiting for
	// an answer of that BNG: far too much in flight. Nothing was sent.
	ErrNoIdentifier = errors.New("no free identifier towards this peer")
)

// DefaultTimeout is the MRD of RFC 5080 section 2.2.1.
const DefaultTimeout = 30 * time.Second

// Attribute types that the client writes or reads itself.
const (
	eventTimestamp       = 55  // RFC 2869 section 5.3
	messageAuthenticator = 80  // RFC 3579 section 3.2
	errorCause           = 101 // RFC 5176 section 3.5
)

// MessageAuthenticatorMode says what is done about that attribute (RFC 5176
// section 3.4) with one BNG.
type MessageAuthenticatorMode int

// The modes. In each of them an answer with a wrong Message-Authenticator is
// discarded.
const (
	MessageAuthenticatorSend         MessageAuthenticatorMode = iota // sent; an answer need not have one
	MessageAuthenticatorOmit                                         // not sent: for gear that drops such requests (osvbng)
	MessageAuthenticatorRequireReply                                 // sent; an answer without one is discarded
)

// modes is the one table of MessageAuthenticatorMode: the words of the
// configuration.
var modes = [...]string{
	MessageAuthenticatorSend:         "send",
	MessageAuthenticatorOmit:         "omit",
	MessageAuthenticatorRequireReply: "require-reply",
}

// String returns the word for m in the configuration.
func (m MessageAuthenticatorMode) String() string {
	if m < 0 || int(m) >= len(modes) {
		return fmt.Sprintf("MessageAuthenticatorMode(%d)", int(m))
	}
	return modes[m]
}

// UnmarshalText reads the word for a mode: send, omit or require-reply.
func (m *MessageAuthenticatorMode) UnmarshalText(text []byte) error {
	i := slices.Index(modes[:], string(text))
	if i < 0 {
		return fmt.Errorf("unknown message authenticator mode %q: must be one of %s", text, strings.Join(modes[:], ", "))
	}
	*m = MessageAuthenticatorMode(i)
	return nil
}

// Exchange is one request to one BNG.
type Exchange struct {
	Peer   netip.AddrPort // the BNG's address and CoA or Disconnect port; answers count from there only
	Secret radiusx.Secret // shared with that BNG; must not be empty
	Code   radius.Code    // CoA-Request (43) or Disconnect-Request (40)

	// Attributes in the order in which they are sent; the values are encoded.
	// At least one, none of them empty (some gear treats an empty identifier as
	// a wildcard), and neither Event-Timestamp nor Message-Authenticator:
	// the client adds these, in this order, at the end.
	Attributes radius.Attributes

	MessageAuthenticator MessageAuthenticatorMode

	// OmitEventTimestamp leaves attribute 55 out, for gear that cannot read it.
	// Otherwise it is the time at which the exchange began, also in
	// retransmissions (RFC 5176 section 6.3).
	OmitEventTimestamp bool

	// CheckEventTimestamp discards an answer whose Event-Timestamp lies more
	// than 300 s from our clock, as RFC 5176 section 6.3 asks for, and counts it
	// as [ClockSkew]. Off by default: a BNG with a wrong clock would look unresponsive.
	// An answer without the attribute is accepted either way.
	CheckEventTimestamp bool

	// Timeout is how long to wait for an answer, from the first transmission:
	// 10 s for a restriction, 30 s for a restore. 0 means [DefaultTimeout].
	// After five transmissions it ends sooner than a longer timeout would.
	Timeout time.Duration

	// Sending, if not nil, is called once, before the first transmission, in the
	// goroutine of Do: the place to record what is about to be sent. If it
	// returns an error, nothing is sent and Do returns that error, wrapped.
	Sending func(Datagram) error

	// Repeating, if not nil, is asked before each retransmission, in the goroutine
	// of Do; it must not block. If it returns an error, nothing more is sent and Do
	// returns that error, wrapped, with the Result of what has left: the BNG may have
	// received that.
	Repeating func() error
}

// Datagram is a request as it leaves, for the journal.
type Datagram struct {
	Octets      []byte         // the whole packet; must not be changed
	Local, Peer netip.AddrPort // Local's address is unspecified if the client was given no source
	Identifier  byte
}

// validate finds what can be found without an identifier.
func (x *Exchange) validate() error {
	switch {
	case x.Code != radius.CodeCoARequest && x.Code != radius.CodeDisconnectRequest:
		return fmt.Errorf("%w: invalid code %v: must be CoA-Request or Disconnect-Request", ErrRequest, x.Code)
	case x.Secret.IsZero():
		return fmt.Errorf("%w: no secret", ErrRequest)
	case x.Timeout < 0:
		return fmt.Errorf("%w: timeout %v must not be negative", ErrRequest, x.Timeout)
	case x.MessageAuthenticator < 0 || int(x.MessageAuthenticator) >= len(modes):
		return fmt.Errorf("%w: unknown %v", ErrRequest, x.MessageAuthenticator)
	}
	if err := validatePeer(x.Peer); err != nil {
		return err
	}
	return validateAttributes(x.Attributes)
}

func validatePeer(peer netip.AddrPort) error {
	addr := peer.Addr()
	if !peer.IsValid() || peer.Port() == 0 || addr.IsUnspecified() || addr.IsMulticast() || addr == limitedBroadcast {
		return fmt.Errorf("%w: invalid peer %v: must be the address and port of one host", ErrRequest, peer)
	}
	return nil
}

var limitedBroadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func validateAttributes(attributes radius.Attributes) error {
	if len(attributes) == 0 {
		return fmt.Errorf("%w: no attributes: a session must be named", ErrRequest)
	}
	for _, a := range attributes {
		switch {
		case a == nil || a.Type < 1 || a.Type > 255:
			return fmt.Errorf("%w: attribute type must be from 1 to 255", ErrRequest)
		case a.Type == eventTimestamp || a.Type == messageAuthenticator:
			return fmt.Errorf("%w: attribute %d is written by the client itself", ErrRequest, a.Type)
		case len(a.Attribute) == 0:
			return fmt.Errorf("%w: attribute %d is empty", ErrRequest, a.Type)
		case len(a.Attribute) > maxValueLength:
			return fmt.Errorf("%w: attribute %d has %d octets: must be at most %d", ErrRequest, a.Type, len(a.Attribute), maxValueLength)
		}
	}
	return nil
}

// maxValueLength is what the one-octet Length of an attribute leaves to its
// value (RFC 2865 section 5).
const maxValueLength = 253
