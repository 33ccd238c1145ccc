package radiusx

import (
	"crypto/md5" //nolint:gosec // RFC 2865 section 3 and RFC 3579 section 3.2 fix MD5
	"crypto/subtle"
	"encoding"
	"fmt"
	"hash"
	"sync"
)

// Key is a shared secret made ready for the sums of RADIUS: HMAC-MD5 begins
// with two blocks that depend on the secret alone (RFC 2104 section 4), and a
// Key has them behind it. It does not change, so any number of goroutines may
// use one; like [Secret] it prints as "<secret>".
type Key struct {
	secret       []byte
	inner, outer []byte // states of MD5 after the padded secret
}

// NewKey returns the key of a secret, which must not be changed afterwards.
func NewKey(secret []byte) *Key {
	padded := make([]byte, md5.BlockSize)
	if len(secret) > md5.BlockSize {
		sum := md5.Sum(secret) //nolint:gosec // RFC 2104 section 2 hashes a long key
		copy(padded, sum[:])
	} else {
		copy(padded, secret)
	}
	return &Key{secret: secret, inner: stateAfter(padded, 0x36), outer: stateAfter(padded, 0x5c)}
}

// stateAfter is the state of MD5 after one block, each octet of it xored.
func stateAfter(block []byte, with byte) []byte {
	xored := make([]byte, len(block))
	for i := range block {
		xored[i] = block[i] ^ with
	}
	s := newScratch()
	s.md5.Write(xored)
	state, err := s.md5.(encoding.BinaryMarshaler).MarshalBinary()
	if err != nil {
		panic("crypto/md5 does not marshal its state: " + err.Error()) // it has no reason to
	}
	return state
}

// Is reports whether k is the key of that secret.
func (k *Key) Is(secret []byte) bool { return subtle.ConstantTimeCompare(k.secret, secret) == 1 }

// Format prints "<secret>" whatever the verb.
func (k Key) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(masked)) }

// SignMessageAuthenticator is the function of that name with the secret of k.
func (k *Key) SignMessageAuthenticator(packet, authenticator []byte) bool {
	at, n := findMessageAuthenticator(packet)
	if n != 1 {
		return false
	}
	s := borrow()
	defer s.giveBack()
	copy(packet[at:at+AuthenticatorLength], s.messageAuthenticator(k, packet, authenticator, at))
	return true
}

// CheckMessageAuthenticator is the function of that name with the secret of k.
func (k *Key) CheckMessageAuthenticator(packet, authenticator []byte) MessageAuthenticator {
	at, n := findMessageAuthenticator(packet)
	switch {
	case n == 0:
		return MessageAuthenticatorAbsent
	case n > 1:
		return MessageAuthenticatorBad
	}
	s := borrow()
	defer s.giveBack()
	if subtle.ConstantTimeCompare(s.messageAuthenticator(k, packet, authenticator, at), packet[at:at+AuthenticatorLength]) != 1 {
		return MessageAuthenticatorBad
	}
	return MessageAuthenticatorValid
}

// SignRequest fills the Request Authenticator of a CoA-, Disconnect- or
// Accounting-Request: MD5 over the packet, with zeros in its place, and the
// secret (RFC 2866 section 3, RFC 5176 section 2.3).
func (k *Key) SignRequest(packet []byte) {
	k.sumWith(packet, zeros[:], packet[authenticatorOffset:HeaderLength])
}

// CheckRequest reports, in constant time, whether the Request Authenticator of a
// CoA-, Disconnect- or Accounting-Request is right.
func (k *Key) CheckRequest(packet []byte) bool { return k.CheckResponse(packet, zeros[:]) }

// SignResponse fills the Response Authenticator of an answer to a request with
// that authenticator (RFC 2865 section 3).
func (k *Key) SignResponse(packet, requestAuthenticator []byte) {
	k.sumWith(packet, requestAuthenticator, packet[authenticatorOffset:HeaderLength])
}

// CheckResponse reports, in constant time, whether the Response Authenticator
// of an answer is right.
func (k *Key) CheckResponse(packet, requestAuthenticator []byte) bool {
	s := borrow()
	defer s.giveBack()
	return subtle.ConstantTimeCompare(s.authenticator(k, packet, requestAuthenticator), packet[authenticatorOffset:HeaderLength]) == 1
}

func (k *Key) sumWith(packet, authenticator, into []byte) {
	s := borrow()
	defer s.giveBack()
	copy(into, s.authenticator(k, packet, authenticator))
}

// zeros stands in for an authenticator that is not made yet.
var zeros [AuthenticatorLength]byte

// scratch is what one sum needs; it is lent out, so that sums allocate nothing.
type scratch struct {
	md5 hash.Hash
	sum [md5.Size]byte
}

var scratches = sync.Pool{New: func() any { return newScratch() }}

func newScratch() *scratch { return &scratch{md5: md5.New()} } //nolint:gosec // RFC 2865 section 3 fixes MD5

func borrow() *scratch       { return scratches.Get().(*scratch) }
func (s *scratch) giveBack() { scratches.Put(s) }

// resume continues from a state of stateAfter.
func (s *scratch) resume(state []byte) {
	if err := s.md5.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
		panic("crypto/md5 does not know its own state: " + err.Error()) // it made that state
	}
}

// authenticator is MD5 over packet, with that authenticator in its place, and
// the secret. The result is valid until s is used again.
func (s *scratch) authenticator(k *Key, packet, authenticator []byte) []byte {
	s.md5.Reset()
	s.md5.Write(packet[:authenticatorOffset])
	s.md5.Write(authenticator)
	s.md5.Write(packet[HeaderLength:])
	s.md5.Write(k.secret)
	return s.md5.Sum(s.sum[:0])
}

// messageAuthenticator is HMAC-MD5 over packet with that authenticator in its
// place and zeros at the offset of the attribute's value. The result is valid
// until s is used again.
func (s *scratch) messageAuthenticator(k *Key, packet, authenticator []byte, at int) []byte {
	s.resume(k.inner)
	s.md5.Write(packet[:authenticatorOffset])
	s.md5.Write(authenticator)
	s.md5.Write(packet[HeaderLength:at])
	s.md5.Write(zeros[:])
	s.md5.Write(packet[at+AuthenticatorLength:])
	inner := s.md5.Sum(s.sum[:0])
	s.resume(k.outer)
	s.md5.Write(inner)
	return s.md5.Sum(s.sum[:0])
}
