package radiusx

import (
	"errors"
	"fmt"
)

// Offsets and sizes of the RADIUS header and of the Message-Authenticator
// attribute (RFC 2865 section 3, RFC 3579 section 3.2), in octets.
const (
	HeaderLength           = 20
	MaxPacketLength        = 4096
	AuthenticatorLength    = 16
	authenticatorOffset    = 4
	messageAuthenticator   = 80
	messageAuthenticatorSz = 18
)

// MessageAuthenticator is the state of that attribute in a received packet.
type MessageAuthenticator int

// What CheckMessageAuthenticator found.
const (
	MessageAuthenticatorAbsent MessageAuthenticator = iota // none there: the caller's policy decides
	MessageAuthenticatorValid                              // there and right
	MessageAuthenticatorBad                                // there and wrong: discard the packet silently
)

// ErrMalformed is what a packet fails with whose lengths do not add up.
var ErrMalformed = errors.New("malformed RADIUS packet")

// Trim checks the RADIUS header of a received datagram and cuts octets beyond
// the Length field off, which RFC 2865 section 3 calls padding. The result
// shares the datagram's memory. Attribute lengths are checked too, so that
// later readers need not.
func Trim(datagram []byte) ([]byte, error) {
	if len(datagram) < HeaderLength {
		return nil, fmt.Errorf("%w: %d octets, a header has %d", ErrMalformed, len(datagram), HeaderLength)
	}
	length := int(datagram[2])<<8 | int(datagram[3])
	if length < HeaderLength || length > MaxPacketLength {
		return nil, fmt.Errorf("%w: Length %d outside %d..%d", ErrMalformed, length, HeaderLength, MaxPacketLength)
	}
	if length > len(datagram) {
		return nil, fmt.Errorf("%w: Length %d, only %d octets arrived", ErrMalformed, length, len(datagram))
	}
	packet := datagram[:length]
	for at := HeaderLength; at < length; {
		if at+2 > length || packet[at+1] < 2 || at+int(packet[at+1]) > length {
			return nil, fmt.Errorf("%w: attribute at octet %d overruns the packet", ErrMalformed, at)
		}
		at += int(packet[at+1])
	}
	return packet, nil
}

// AppendMessageAuthenticator appends an all-zero Message-Authenticator to an
// encoded packet and corrects its Length. Fill it with
// [SignMessageAuthenticator] before the packet's own authenticator is made.
func AppendMessageAuthenticator(packet []byte) []byte {
	packet = append(packet, messageAuthenticator, messageAuthenticatorSz)
	packet = append(packet, make([]byte, AuthenticatorLength)...)
	packet[2], packet[3] = byte(len(packet)>>8), byte(len(packet))
	return packet
}

// SignMessageAuthenticator fills the Message-Authenticator of packet, if there
// is one, as HMAC-MD5 over the packet with the Authenticator field set to
// authenticator: sixteen zero octets for CoA-, Disconnect- and
// Accounting-Requests, the request's authenticator for their answers
// (RFC 5176 section 3.4). Only the attribute's own octets change. Where many
// packets share a secret, a [Key] is faster.
func SignMessageAuthenticator(packet, secret, authenticator []byte) bool {
	return NewKey(secret).SignMessageAuthenticator(packet, authenticator)
}

// CheckMessageAuthenticator says whether packet (trimmed, see [Trim]) carries a
// right Message-Authenticator; authenticator as in [SignMessageAuthenticator].
// More than one such attribute, or one of another size, is bad.
func CheckMessageAuthenticator(packet, secret, authenticator []byte) MessageAuthenticator {
	return NewKey(secret).CheckMessageAuthenticator(packet, authenticator)
}

// findMessageAuthenticator returns the offset of the attribute's value and how
// many there are; one of a wrong size counts as two, so that it is never right.
func findMessageAuthenticator(packet []byte) (at, n int) {
	for i := HeaderLength; i+2 <= len(packet); i += int(packet[i+1]) {
		size := int(packet[i+1])
		if size < 2 || i+size > len(packet) {
			return 0, 2
		}
		if packet[i] != messageAuthenticator {
			continue
		}
		if size != messageAuthenticatorSz {
			return 0, 2
		}
		at, n = i+2, n+1
	}
	return at, n
}
