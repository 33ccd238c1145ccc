package journal

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	headerSize    = 104
	headerMagic   = "CORDONJL"
	formatVersion = 1
	segmentSuffix = ".log"
	seqDigits     = 20 // of the largest uint64
)

// A header begins a segment; the package documentation has its layout.
type header struct {
	id         journalID
	mark       [markSize]byte
	first      uint64
	created    time.Time
	checkpoint int64 // octets
	prev       digest
}

// bodyStart is where appended records begin, in octets: behind header and checkpoint.
func (h *header) bodyStart() int64 { return headerSize + h.checkpoint }

func (h *header) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, headerSize)
	copy(b, headerMagic)
	le.PutUint32(b[8:], formatVersion)
	copy(b[16:], h.id[:])
	copy(b[32:], h.mark[:])
	le.PutUint64(b[40:], h.first)
	le.PutUint64(b[48:], uint64(h.created.UnixNano()))
	le.PutUint64(b[56:], uint64(h.checkpoint))
	copy(b[64:], h.prev[:])
	le.PutUint32(b[100:], crc32.Checksum(b[:100], castagnoli))
	return b
}

// parseHeader reads headerSize octets. The reason is empty if all is well.
func parseHeader(b []byte) (h header, reason string) {
	le := binary.LittleEndian
	switch {
	case string(b[:8]) != headerMagic:
		return h, "not a journal segment"
	case crc32.Checksum(b[:100], castagnoli) != le.Uint32(b[100:]):
		return h, "checksum of the segment header does not match"
	case le.Uint32(b[8:]) != formatVersion:
		return h, fmt.Sprintf("format version %d is unknown", le.Uint32(b[8:]))
	}
	copy(h.id[:], b[16:])
	copy(h.mark[:], b[32:])
	h.first = le.Uint64(b[40:])
	h.created = time.Unix(0, int64(le.Uint64(b[48:]))).UTC()
	h.checkpoint = int64(le.Uint64(b[56:]))
	copy(h.prev[:], b[64:])
	if h.checkpoint < 0 || h.checkpoint%8 != 0 || h.first == 0 {
		return h, "segment header out of range"
	}
	return h, ""
}

// A segment is what the running journal knows of one file.
type segment struct {
	path   string
	first  uint64    // sequence number in its name and header
	next   uint64    // after its last durable record
	end    int64     // of its last durable record, octets
	newest time.Time // latest stamp in it; clocks step back, so not always the last
}

func (s *segment) noteTime(t time.Time) {
	if t.After(s.newest) {
		s.newest = t
	}
}

func segmentName(first uint64) string {
	return fmt.Sprintf("%0*d%s", seqDigits, first, segmentSuffix)
}

// segmentFirst returns false if name is not a segment's.
func segmentFirst(name string) (uint64, bool) {
	digits, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(digits) != seqDigits {
		return 0, false
	}
	first, err := strconv.ParseUint(digits, 10, 64)
	return first, err == nil && first > 0
}

// listSegments returns the segments of dir, oldest first, by name alone.
func listSegments(dir string) ([]segment, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("list segments: %w", err)
	}
	var segs []segment
	for _, e := range entries {
		if first, ok := segmentFirst(e.Name()); ok {
			segs = append(segs, segment{path: filepath.Join(dir, e.Name()), first: first})
		}
	}
	slices.SortFunc(segs, func(a, b segment) int { return strings.Compare(a.path, b.path) })
	return segs, nil
}

// openAll opens every segment for reading, so that none can expire under a
// reader. On error none stays open.
func openAll(segs []segment) ([]*os.File, error) {
	files := make([]*os.File, 0, len(segs))
	for _, s := range segs {
		f, err := os.Open(s.path)
		if err != nil {
			closeAll(files)
			return nil, fmt.Errorf("open segment: %w", err)
		}
		files = append(files, f)
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close() // only read from: nothing can be lost
	}
}

// listOpen lists and opens the segments of a directory that another process
// may be expiring segments from.
func listOpen(dir string) ([]segment, []*os.File, error) {
	for {
		segs, err := listSegments(dir)
		if err != nil {
			return nil, nil, err
		}
		files, err := openAll(segs)
		if errors.Is(err, fs.ErrNotExist) {
			continue // expired since it was listed; every retry has fewer
		}
		return segs, files, err
	}
}
