package coa

import (
	"encoding/binary"
	"fmt"
	"time"

	"cordon/radiusx"
)

// encode makes the packet that is sent, and sent again, for x, which is valid.
// The Message-Authenticator is made over a zero authenticator before the
// Request Authenticator is made over all of it (RFC 5176 section 3.4).
func encode(x *Exchange, key *radiusx.Key, identifier byte, now time.Time) ([]byte, error) {
	size := radiusx.HeaderLength + 6 + 18 // with Event-Timestamp and Message-Authenticator
	for _, a := range x.Attributes {
		size += 2 + len(a.Attribute)
	}
	packet := make([]byte, radiusx.HeaderLength, size)
	packet[0], packet[1] = byte(x.Code), identifier
	for _, a := range x.Attributes {
		packet = append(packet, byte(a.Type), byte(2+len(a.Attribute)))
		packet = append(packet, a.Attribute...)
	}
	if !x.OmitEventTimestamp {
		packet = append(packet, eventTimestamp, 6)
		packet = binary.BigEndian.AppendUint32(packet, uint32(now.Unix()))
	}
	if x.MessageAuthenticator != MessageAuthenticatorOmit {
		packet = radiusx.AppendMessageAuthenticator(packet)
	}
	if len(packet) > radiusx.MaxPacketLength {
		return nil, fmt.Errorf("%w: %d octets, the most is %d (RFC 2865 section 3)", ErrRequest, len(packet), radiusx.MaxPacketLength)
	}
	binary.BigEndian.PutUint16(packet[2:4], uint16(len(packet)))
	if x.MessageAuthenticator != MessageAuthenticatorOmit {
		key.SignMessageAuthenticator(packet, packet[4:radiusx.HeaderLength]) // still zero
	}
	key.SignRequest(packet)
	return packet, nil
}
