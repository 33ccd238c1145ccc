package radiusx

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"layeh.com/radius"
)

// Direction is radclient's first word about a packet.
type Direction string

// Both directions, as seen from this program.
const (
	Sent     Direction = "Sent"
	Received Direction = "Received"
)

// Format returns one attribute as radclient prints it, which is also what
// radclient reads: strings and dates quoted, integers by value name where there
// is one, everything else bare.
//
//	User-Name = "alice"
//	ERX-Service-Activate:1 = "GARDEN"
//	Error-Cause = Session-Context-Not-Found
func (d *Dictionary) Format(a Attribute) string {
	def, ok := d.lookup(a.Name)
	if !ok {
		return a.String()
	}
	a.Name = def.Name
	value := a.Value
	if raw, err := def.encodeValue(value); err == nil { // by value name, in lower case, masked
		if text, ok := def.decodeValue(raw); ok {
			value = text
		}
	}
	if def.Type == TypeString || def.Type == TypeDate {
		value = quote(value)
	}
	return a.Label() + " = " + value
}

// Input returns attrs as radclient's input text: one attribute a line.
func (d *Dictionary) Input(attrs []Attribute) string {
	var b strings.Builder
	for _, a := range attrs {
		b.WriteString(d.Format(a))
		b.WriteByte('\n')
	}
	return b.String()
}

// Text writes a packet in radclient's wording: a line of code, identifier,
// addresses and length, then one indented attribute a line. datagram is the
// packet as it was on the wire; its authenticators are not checked. One
// that is malformed is an error ([ErrMalformed]) and nothing is written.
//
//	Sent CoA-Request Id 136 from 127.0.0.1:5000 to 127.0.0.1:3799 length 33
//		User-Name = "alice"
func (d *Dictionary) Text(w io.Writer, direction Direction, from, to netip.AddrPort, datagram []byte) error {
	packet, err := Trim(datagram)
	if err != nil {
		return err
	}
	attrs, err := radius.ParseAttributes(packet[HeaderLength:])
	if err != nil {
		return fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s Id %d from %s to %s length %d\n",
		direction, radius.Code(packet[0]), packet[1], from, to, len(packet))
	for _, a := range d.Decode(attrs) {
		b.WriteString("\t" + d.Format(a) + "\n")
	}
	_, err = io.WriteString(w, b.String())
	return err
}
