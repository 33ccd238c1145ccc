package quarantine

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"slices"
)

// digest stands for a verdict's id. Two verdicts of one tally have the same with a
// probability of one in a thousand million; one of them is not counted then.
type digest [5]byte

func digestOf(id string) (d digest) {
	whole := sha256.Sum256([]byte(id))
	copy(d[:], whole[:])
	return d
}

// mark is one verdict as a tally keeps it.
type mark struct {
	at         int64 // when it was observed, ns since 1970
	source     int   // 1..: place in Tally.Sources; 0: not kept
	confidence int64 // parts per million; 0: none, or not asked for
	id         digest
}

func (m mark) compare(other mark) int {
	return cmp.Or(cmp.Compare(m.at, other.at), bytes.Compare(m.id[:], other.id[:]))
}

// marks are verdicts, oldest first. As text they are base64 of, for each, the
// nanoseconds since the one before (since 1970 for the first), source and
// confidence as varints and the digest: some 18 characters each.
type marks []mark

var errMarks = errors.New("invalid marks of a tally")

// MarshalText implements encoding.TextMarshaler.
func (l marks) MarshalText() ([]byte, error) {
	var octets []byte
	last := int64(0)
	for _, m := range l {
		octets = binary.AppendVarint(octets, m.at-last)
		octets = binary.AppendUvarint(octets, uint64(m.source))
		octets = binary.AppendUvarint(octets, uint64(m.confidence))
		octets = append(octets, m.id[:]...)
		last = m.at
	}
	return base64.RawStdEncoding.AppendEncode(nil, octets), nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *marks) UnmarshalText(text []byte) error {
	octets, err := base64.RawStdEncoding.AppendDecode(nil, text)
	if err != nil {
		return errMarks
	}
	*l = nil
	for r := bytes.NewReader(octets); r.Len() > 0; {
		m, err := readMark(r)
		if err != nil {
			return errMarks
		}
		if len(*l) > 0 {
			m.at += (*l)[len(*l)-1].at
		}
		*l = append(*l, m)
	}
	return nil
}

func readMark(r *bytes.Reader) (m mark, err error) {
	var faults [4]error
	m.at, faults[0] = binary.ReadVarint(r)
	source, fault := binary.ReadUvarint(r)
	confidence, fault2 := binary.ReadUvarint(r)
	m.source, m.confidence, faults[1], faults[2] = int(source), int64(confidence), fault, fault2
	if n, err := r.Read(m.id[:]); err != nil || n < len(m.id) {
		faults[3] = errMarks
	}
	return m, errors.Join(faults[:]...)
}

// Equal reports whether the marks are the same, in the same order.
func (l marks) Equal(other marks) bool { return slices.Equal(l, other) }
