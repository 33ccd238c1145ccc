package journal

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"
)

// Bounds of a record and of a batch.
const (
	MaxKey     = 255      // octets of Entry.Key
	MaxPayload = 1 << 20  // octets of Entry.Payload
	MaxBatch   = 16 << 20 // octets on disk of all entries of one Append
)

// Kind is a caller's sort of record, 1 to 255; 0 is invalid. The journal gives the
// values no meaning.
type Kind uint8

// An Entry is what a caller appends.
type Entry struct {
	Kind Kind
	// Key names what the record is about (a verdict id, a case id), at most
	// MaxKey octets. It is never erased: no personal data.
	Key string
	// Payload is at most MaxPayload octets. The caller leaves it unchanged
	// until the append has returned.
	Payload []byte
	// Reserved entries may use the space that is kept back for them when the
	// disk is full. Only for small records whose loss would harm a subscriber.
	Reserved bool
	// Tag comes back in the Record that Config.Committed gets. It is not written.
	Tag any
}

// A Record is an entry as the journal holds it.
type Record struct {
	Seq     uint64    // 1 for the first record of a journal, then without gaps
	Time    time.Time // when it was written, UTC
	Kind    Kind
	Key     string
	Payload []byte // nil when Erased
	// Checkpoint: it restates, at the start of a segment, what an earlier record said.
	Checkpoint bool
	Reserved   bool
	Erased     bool
	Tag        any // the entry's, for Config.Committed; nil for every other reader
}

type digest [sha256.Size]byte

const (
	fixedSize = 120 // octets of a record before its key
	saltSize  = 16
	markSize  = 8

	flagCheckpoint = 1
	flagReserved   = 2

	// Octets 8 to 15: outside checksum and chain, because erasure changes
	// them. Eight octets that differ in most bits: no small damage turns one
	// into the other. Aligned, so that no crash can leave half of them.
	stateLive   = "LIVE    "
	stateErased = "ERASED  "
	stateOffset = 8
	sealStart   = 20 // checksum and digest run from here to the end of the key
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func aligned(n int) int { return (n + 7) &^ 7 }

// recordSize is the number of octets on disk.
func recordSize(key, payload int) int {
	return aligned(fixedSize + key + saltSize + payload)
}

// A sealed entry is ready to be placed into the chain: the part of the work
// that does not depend on its place, done by the appending goroutine.
type sealed struct {
	Entry
	salt [saltSize]byte
	sum  digest // of salt and payload
}

func sealAll(entries []Entry) (out []sealed, octets int, err error) {
	if len(entries) == 0 {
		return nil, 0, fmt.Errorf("%w: no entries", ErrInvalid)
	}
	out = make([]sealed, len(entries))
	for i, e := range entries {
		if err := e.validate(); err != nil {
			return nil, 0, fmt.Errorf("entry %d: %w", i, err)
		}
		out[i] = e.seal()
		octets += recordSize(len(e.Key), len(e.Payload))
	}
	return out, octets, nil
}

func (e Entry) validate() error {
	switch {
	case e.Kind == 0:
		return fmt.Errorf("%w: kind 0", ErrInvalid)
	case len(e.Key) > MaxKey:
		return fmt.Errorf("%w: key of %d octets, at most %d", ErrInvalid, len(e.Key), MaxKey)
	case len(e.Payload) > MaxPayload:
		return fmt.Errorf("%w: payload of %d octets, at most %d", ErrInvalid, len(e.Payload), MaxPayload)
	}
	return nil
}

func (e Entry) seal() sealed {
	s := sealed{Entry: e}
	rand.Read(s.salt[:]) // never fails: it ends the process instead
	s.sum = payloadDigest(s.salt[:], e.Payload)
	return s
}

func payloadDigest(salt, payload []byte) (d digest) {
	h := sha256.New()
	h.Write(salt)
	h.Write(payload)
	h.Sum(d[:0])
	return d
}

// A place is what a record's position in the journal adds to its entry.
type place struct {
	mark  [markSize]byte
	seq   uint64
	group uint64 // see the package documentation
	left  uint32 // records of the same batch that follow
	time  time.Time
	prev  digest
	flags byte
}

// appendRecord appends s at p to buf, whose length must be a multiple of 8,
// and returns the record's digest.
func appendRecord(buf []byte, s *sealed, p *place) ([]byte, digest) {
	le := binary.LittleEndian
	start := len(buf)
	buf = append(buf, p.mark[:]...)
	buf = append(buf, stateLive...)
	buf = le.AppendUint32(buf, 0) // checksum, below
	buf = le.AppendUint32(buf, uint32(len(s.Payload)))
	buf = le.AppendUint32(buf, p.left)
	buf = append(buf, byte(s.Kind), p.flags, byte(len(s.Key)), ^byte(len(s.Key)))
	buf = le.AppendUint64(buf, p.seq)
	buf = le.AppendUint64(buf, p.group)
	buf = le.AppendUint64(buf, uint64(p.time.UnixNano()))
	buf = append(buf, p.prev[:]...)
	buf = append(buf, s.sum[:]...)
	buf = append(buf, s.Key...)
	covered := buf[start+sealStart:]
	le.PutUint32(buf[start+16:], crc32.Checksum(covered, castagnoli))
	sum := digest(sha256.Sum256(covered))
	buf = append(buf, s.salt[:]...)
	buf = append(buf, s.Payload...)
	for len(buf)%8 != 0 {
		buf = append(buf, 0)
	}
	return buf, sum
}

// record is s as a reader will see it at p.
func (s *sealed) record(p *place) Record {
	return Record{
		Seq: p.seq, Time: p.time, Kind: s.Kind, Key: s.Key, Payload: s.Payload,
		Checkpoint: p.flags&flagCheckpoint != 0, Reserved: p.flags&flagReserved != 0, Tag: s.Tag,
	}
}

// A frame is a record as found in a segment.
type frame struct {
	Record
	off     int64 // of the record in its segment
	end     int64 // of the octet after it
	body    int64 // of its salt
	left    uint32
	group   uint64
	prev    digest
	payload digest
	sum     digest
	size    int  // octets of the payload
	unwiped bool // marked as erased, but the payload is not all zero
}

// headEnd returns where the key of a record ends, of which b holds at least
// fixedSize octets. The reason is empty if a record starts here.
func headEnd(b []byte, mark [markSize]byte) (end int, reason string) {
	if !bytes.Equal(b[:markSize], mark[:]) {
		return 0, "no record starts here"
	}
	// Before the checksum, which cannot be read without it.
	if b[30] != ^b[31] {
		return 0, "key length does not match its complement"
	}
	return fixedSize + int(b[30]), ""
}

// parseHead reads a record's fixed part and key, b from headEnd. The reason is
// empty if all is well.
func parseHead(b []byte) (f frame, reason string) {
	le := binary.LittleEndian
	end := len(b)
	if crc32.Checksum(b[sealStart:end], castagnoli) != le.Uint32(b[16:]) {
		return f, "checksum does not match"
	}
	f.size = int(le.Uint32(b[20:]))
	f.left = le.Uint32(b[24:])
	f.Kind = Kind(b[28])
	f.Checkpoint = b[29]&flagCheckpoint != 0
	f.Reserved = b[29]&flagReserved != 0
	f.Seq = le.Uint64(b[32:])
	f.group = le.Uint64(b[40:])
	f.Time = time.Unix(0, int64(le.Uint64(b[48:]))).UTC()
	copy(f.prev[:], b[56:])
	copy(f.payload[:], b[88:])
	f.Key = string(b[fixedSize:end])
	f.sum = sha256.Sum256(b[sealStart:end])
	switch state := string(b[stateOffset : stateOffset+len(stateLive)]); {
	case state == stateErased:
		f.Erased = true
	case state != stateLive:
		return f, "neither live nor erased"
	}
	if f.size > MaxPayload || f.Kind == 0 || b[29]&^(flagCheckpoint|flagReserved) != 0 {
		return f, "field out of range"
	}
	return f, ""
}
