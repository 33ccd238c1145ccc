package journal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// A fault is the place where a segment stops being readable.
type fault struct {
	off    int64
	seq    uint64 // expected there
	reason string
	cut    bool // the file ends before the record does
	// torn: a crash while writing could look like this. Without it, what is
	// there was written on purpose and is wrong.
	torn bool
}

func (f *fault) Error() string { return f.reason }

// A scanner reads one segment from its header to limit. It trusts nothing in
// it: any octets lead to records, io.EOF, a *fault, or an error of reading.
type scanner struct {
	header
	src   io.ReaderAt
	limit int64
	in    *bufio.Reader
	head  []byte // fixed part and key of the record being read

	// The place after the last complete batch, or within the batch being read.
	off   int64
	seq   uint64
	prev  digest
	group uint64
}

const readAhead = 256 << 10 // octets; a multiple of 8

func newScanner(src io.ReaderAt, limit int64) (*scanner, error) {
	b := make([]byte, headerSize)
	if limit < headerSize {
		return nil, &fault{reason: "segment header is cut short", cut: true, torn: true}
	}
	if _, err := src.ReadAt(b, 0); err != nil {
		return nil, fmt.Errorf("read segment header: %w", err)
	}
	h, reason := parseHeader(b)
	if reason != "" {
		return nil, &fault{reason: reason}
	}
	if limit < h.bodyStart() {
		return nil, &fault{seq: h.first, reason: "checkpoint is cut short", cut: true, torn: true}
	}
	return &scanner{
		header: h, src: src, limit: limit,
		in:   bufio.NewReaderSize(io.NewSectionReader(src, headerSize, limit-headerSize), int(min(limit, readAhead))),
		head: make([]byte, fixedSize+MaxKey),
		off:  headerSize, seq: h.first, prev: h.prev, group: h.first,
	}, nil
}

// batch returns the records of the next batch, io.EOF after the last. On any
// error the scanner's place is the end of the batch before.
func (s *scanner) batch() ([]frame, error) {
	off, seq, prev, group := s.off, s.seq, s.prev, s.group
	var frames []frame
	for {
		f, err := s.next()
		if err == nil && len(frames) > 0 && f.left+1 != frames[len(frames)-1].left {
			err = s.fault("batch does not count down", false)
		}
		if errors.Is(err, io.EOF) && len(frames) > 0 {
			err = &fault{off: s.off, seq: s.seq, reason: "batch is cut short", cut: true, torn: true}
		}
		if err != nil {
			s.off, s.seq, s.prev, s.group = off, seq, prev, group
			return nil, err
		}
		frames = append(frames, f)
		s.off, s.seq, s.prev, s.group = f.end, f.Seq+1, f.sum, f.group
		if f.left == 0 {
			return frames, nil
		}
	}
}

func (s *scanner) fault(reason string, torn bool) error {
	return &fault{off: s.off, seq: s.seq, reason: reason, torn: torn}
}

// next reads and checks one record; it does not move the place.
func (s *scanner) next() (frame, error) {
	if s.off == s.limit {
		return frame{}, io.EOF
	}
	f, err := s.readHead()
	if err != nil {
		return f, err
	}
	f.off, f.body = s.off, s.off+int64(fixedSize+len(f.Key))
	f.end = s.off + int64(recordSize(len(f.Key), f.size))
	if reason := s.misplacement(&f); reason != "" {
		return f, s.fault(reason, false)
	}
	return f, s.readBody(&f)
}

func (s *scanner) readHead() (frame, error) {
	if err := s.read(s.head[:fixedSize]); err != nil {
		return frame{}, err
	}
	end, reason := headEnd(s.head, s.mark)
	if reason != "" {
		return frame{}, s.fault(reason, true)
	}
	if err := s.read(s.head[fixedSize:end]); err != nil {
		return frame{}, err
	}
	f, reason := parseHead(s.head[:end])
	if reason != "" {
		return f, s.fault(reason, true)
	}
	return f, nil
}

// misplacement says why f, good in itself, cannot be here.
func (s *scanner) misplacement(f *frame) string {
	switch {
	case f.Seq != s.seq:
		return fmt.Sprintf("record says it is %d", f.Seq)
	case f.prev != s.prev:
		return "digest of the record before does not match"
	case f.group < s.group || f.group > f.Seq:
		return fmt.Sprintf("group %d is impossible here", f.group)
	case f.Checkpoint != (s.off < s.bodyStart()) || f.Checkpoint && f.end > s.bodyStart():
		return "checkpoint does not end where the header says"
	}
	return ""
}

func (s *scanner) readBody(f *frame) error {
	body := make([]byte, f.end-f.body)
	if err := s.read(body); err != nil {
		return err
	}
	used := saltSize + f.size
	if !allZero(body[used:]) {
		return s.fault("padding is not zero", true)
	}
	if !f.Erased && payloadDigest(body[:saltSize], body[saltSize:used]) != f.payload {
		// An erasure may have come between reading the head and the body.
		erased, err := s.erasedMeanwhile(f)
		if err != nil {
			return err
		}
		if !erased {
			return s.fault("payload does not match its digest", true)
		}
		f.Erased = true
	}
	if f.Erased {
		f.unwiped = !allZero(body[:used])
		return nil
	}
	f.Payload = body[saltSize:used:used]
	return nil
}

func (s *scanner) erasedMeanwhile(f *frame) (bool, error) {
	state := make([]byte, len(stateErased))
	if _, err := s.src.ReadAt(state, f.off+stateOffset); err != nil {
		return false, fmt.Errorf("read record %d again: %w", f.Seq, err)
	}
	return string(state) == stateErased, nil
}

// read fills b, or returns the fault of a file that is too short.
func (s *scanner) read(b []byte) error {
	_, err := io.ReadFull(s.in, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &fault{off: s.off, seq: s.seq, reason: "record is cut short", cut: true, torn: true}
	}
	if err != nil {
		return fmt.Errorf("read record %d: %w", s.seq, err)
	}
	return nil
}

// syncedLater searches behind a fault for a good record that was written when
// the one at fault had already been synced.
func (s *scanner) syncedLater(at *fault) (bool, error) {
	window := make([]byte, min(s.limit-at.off+markSize, readAhead))
	for base := at.off; base < s.limit; base += int64(len(window)) {
		n, err := readSome(s.src, window[:min(int64(len(window)), s.limit-base)], base)
		if err != nil {
			return false, fmt.Errorf("search for later records: %w", err)
		}
		for i := 0; i+markSize <= n; i += 8 {
			if !bytes.Equal(window[i:i+markSize], s.mark[:]) {
				continue
			}
			group, err := s.groupAt(base + int64(i))
			if err != nil {
				return false, err
			}
			if group > at.seq {
				return true, nil
			}
		}
	}
	return false, nil
}

// groupAt returns the group of the record at off, 0 if no good one is there.
func (s *scanner) groupAt(off int64) (uint64, error) {
	n, err := readSome(s.src, s.head[:min(int64(len(s.head)), s.limit-off)], off)
	if err != nil {
		return 0, fmt.Errorf("search for later records: %w", err)
	}
	if n < fixedSize {
		return 0, nil
	}
	end, reason := headEnd(s.head, s.mark)
	if reason != "" || end > n {
		return 0, nil
	}
	f, reason := parseHead(s.head[:end])
	if reason != "" {
		return 0, nil
	}
	return f.group, nil
}

// readSome is ReadAt for a file that may be shorter than it was.
func readSome(src io.ReaderAt, b []byte, off int64) (int, error) {
	n, err := src.ReadAt(b, off)
	if err == io.EOF {
		err = nil
	}
	return n, err
}

func allZero(b []byte) bool {
	for len(b) >= len(zeros) {
		if !bytes.Equal(b[:len(zeros)], zeros[:]) {
			return false
		}
		b = b[len(zeros):]
	}
	return bytes.Equal(b, zeros[:len(b)])
}

var zeros [4096]byte
