package bngsim

import (
	"crypto/md5" //nolint:gosec // RFC 5176 section 2.3 fixes MD5
	"encoding/binary"
	"slices"
	"time"

	"cordon/radiusx"
)

// answer makes the ACK, or the NAK with its cause, as the platform writes it; the
// caller holds b.mu.
func (b *BNG) answer(r *request, out outcome, now time.Time) []byte {
	how := b.behaviour
	packet := make([]byte, radiusx.HeaderLength, 64)
	packet[0], packet[1] = how.code(r.packet[0], out.cause), r.packet[1]
	if how.wrongID {
		packet[1]++
	}
	if how.signs == signsAlways || r.signed && how.checksAuthenticity && how.signs != signsNever {
		packet = radiusx.AppendMessageAuthenticator(packet)
	}
	if cause := how.cause(out.cause); cause > OK {
		packet = binary.BigEndian.AppendUint32(append(packet, 101, 6), uint32(cause))
	}
	if how.skew != 0 {
		packet = binary.BigEndian.AppendUint32(append(packet, attrEventTime, 6), uint32(now.Add(how.skew).Unix()))
	}
	packet = b.say(packet, out.says)
	if how.echoesProxyState {
		packet = append(packet, r.echo...)
	}
	binary.BigEndian.PutUint16(packet[2:], uint16(len(packet)))
	packet = b.sign(packet, r.packet[4:radiusx.HeaderLength])
	return append(packet, make([]byte, how.pads)...)
}

// code is the request's and one for an ACK, two for a NAK.
func (b *behaviour) code(request byte, cause ErrorCause) byte {
	if b.swapsCode {
		request = codeDisconnect + codeCoA - request
	}
	if cause != OK {
		return request + 2
	}
	return request + 1
}

// cause is the Error-Cause of an answer; OK or less for none.
func (b *behaviour) cause(cause ErrorCause) ErrorCause {
	switch {
	case cause == OK:
		return b.ackCause
	case b.namesNoCause:
		return Unexplained
	}
	return cause
}

// say appends attributes; what has no encoding is left out.
func (b *BNG) say(packet []byte, says []radiusx.Attribute) []byte {
	for _, a := range says {
		encoded, err := b.words.Encode(nil, b.words.spell(a))
		if err != nil {
			continue
		}
		for _, avp := range encoded {
			packet = append(append(packet, byte(avp.Type), byte(len(avp.Attribute)+2)), avp.Attribute...)
		}
	}
	return packet
}

// sign fills the authenticators of an answer.
func (b *BNG) sign(packet, requestAuthenticator []byte) []byte {
	secret := b.config.Secret.Bytes()
	if b.faults.BadAuthenticator {
		secret = append([]byte("not "), secret...)
	}
	hmacSecret := secret
	if b.behaviour.signs == signsWrongly {
		hmacSecret = slices.Concat([]byte("not "), secret)
	}
	radiusx.SignMessageAuthenticator(packet, hmacSecret, requestAuthenticator)
	hash := md5.New() //nolint:gosec // RFC 5176 section 2.3 fixes MD5
	hash.Write(packet[:4])
	hash.Write(requestAuthenticator)
	hash.Write(packet[radiusx.HeaderLength:])
	hash.Write(secret)
	hash.Sum(packet[:4])
	return packet
}
