package bench

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"cordon/radiusx"
)

// steps of a session's life.
const steps = 10

// recordEvery lies between the events of a line.
const recordEvery = 10 * time.Minute

// line is a subscriber's line, whose sessions follow each other.
type line struct {
	number  int
	step    int       // of the session's life: 0 Start, the last Stop, Interim-Updates between
	session int       // how many came before
	at      time.Time // of the event before
	octets  []byte    // its packet: what changes lies where the offsets say
}

// Where in a packet the values lie that change from one record to the next.
const (
	atStatus      = radiusx.HeaderLength + 2
	atEvent       = atStatus + 6
	atSessionTime = atEvent + 6
	atInput       = atSessionTime + 6
	atOutput      = atInput + 6
	atSession     = atOutput + 4 + 2 + 8 // behind the line's number
)

// newLine returns a line whose first record is about that step of a session's
// life and happens after began.
func newLine(n, step int, began time.Time, dual bool) *line {
	b := make([]byte, radiusx.HeaderLength, 256)
	b[0] = 4
	number := func(kind byte, n uint32) { b = binary.BigEndian.AppendUint32(append(b, kind, 6), n) }
	text := func(kind byte, format string, args ...any) {
		at := len(b)
		b = append(b, kind, 0)
		b = fmt.Appendf(b, format, args...)
		b[at+1] = byte(len(b) - at)
	}
	for _, kind := range []byte{40, 55, 46, 42, 43} { // Acct-Status-Type to Acct-Output-Octets, at the offsets
		number(kind, 0)
	}
	text(44, "%08x%04x", n, 0)
	text(1, "user%07d@isp.example", n)
	number(4, 127<<24|1)
	number(8, 100<<24|uint32(64<<16+n))
	text(31, "02:00:00:%02x:%02x:%02x", byte(n>>16), byte(n>>8), byte(n))
	text(87, "ge-1/0/0.%d:%d", n%4000, n%1000)
	if dual {
		b = append(b, 97, 20, 0, 64, 0x20, 0x01, 0x0d, 0xb8, 0, byte(n>>16), byte(n>>8), byte(n), 0, 0, 0, 0, 0, 0, 0, 0)
		b = append(b, 123, 20, 0, 56, 0x20, 0x01, 0x0d, 0xb9, byte(n>>16), byte(n>>8), byte(n), 0, 0, 0, 0, 0, 0, 0, 0, 0)
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
	return &line{number: n, step: step, at: began, octets: b}
}

// packet returns the line's next record; it is valid until the next call.
func (l *line) packet(identifier byte, key *radiusx.Key) []byte {
	status := byte(3) // Interim-Update
	switch l.step {
	case 0:
		status = 1
	case steps - 1:
		status = 2
	}
	l.at = l.at.Add(recordEvery)
	b := l.octets
	b[1] = identifier
	binary.BigEndian.PutUint32(b[atStatus:], uint32(status))
	binary.BigEndian.PutUint32(b[atEvent:], uint32(l.at.Unix()))
	binary.BigEndian.PutUint32(b[atSessionTime:], uint32(l.step)*uint32(recordEvery/time.Second))
	binary.BigEndian.PutUint32(b[atInput:], uint32(l.step)*100_000)
	binary.BigEndian.PutUint32(b[atOutput:], uint32(l.step)*1_000_000)
	hex.Encode(b[atSession:], binary.BigEndian.AppendUint16(nil, uint16(l.session)))
	key.SignRequest(b)
	if l.step++; l.step == steps {
		l.step, l.session = 0, l.session+1
	}
	return b
}
