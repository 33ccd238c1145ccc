package journal

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
)

// Recovery says what Open, Verify or Inspect found after the last complete
// batch: what a crash left of an append that was never acknowledged. The zero
// value means nothing.
type Recovery struct {
	Segment string // file name
	Offset  int64  // where the good part ends, octets
	Octets  int64  // behind it; Open dropped them
	Seq     uint64 // first sequence number concerned; it is assigned again
	Reason  string
	// Cut: the file simply ended too early, what a crash usually leaves. Not
	// Cut: octets are there and wrong. That is a write that reached the disk
	// in part, or damage to the last sync group, which then had perhaps been
	// acknowledged: a person should know.
	Cut bool
}

// A walk goes through the segments of one journal in order and checks what can only
// be seen between them.
type walk struct {
	header        // of the last segment entered
	next   uint64 // 0 before the first segment
	last   digest // of the last record before next
}

// segment checks seg, read from src up to limit, calls fn with each record and
// fills in what seg knows of its content. Only the last segment may end in a
// torn tail, which is returned.
func (w *walk) segment(src io.ReaderAt, seg *segment, limit int64, last bool, fn func(frame) error) (Recovery, error) {
	s, err := newScanner(src, limit)
	if err == nil {
		err = w.enter(s, seg)
	}
	if err != nil {
		return w.headless(seg, limit, last, err)
	}
	err = s.each(func(f frame) error {
		seg.noteTime(f.Time)
		return fn(f)
	})
	seg.next, seg.end = s.seq, s.off
	w.next, w.last = s.seq, s.prev
	if at, ok := errors.AsType[*fault](err); ok {
		return s.classify(at, seg, last)
	}
	return Recovery{}, err
}

func (w *walk) enter(s *scanner, seg *segment) error {
	switch {
	case s.first != seg.first:
		return &fault{reason: fmt.Sprintf("header says it starts with record %d", s.first)}
	case w.next == 0: // nothing to compare with
	case s.id != w.id:
		return &fault{reason: "belongs to journal " + s.id.String()}
	case s.first != w.next:
		return &fault{seq: w.next, reason: fmt.Sprintf("records %d to %d are missing", w.next, s.first-1)}
	case s.header.prev != w.last:
		return &fault{reason: "digest of the segment before does not match"}
	}
	w.header = s.header
	seg.newest = s.created
	return nil
}

// headless judges a segment without a usable header. One that is shorter than when it
// was created holds nothing, and the segment before it is appended to in its place; the
// very first one is created again.
func (w *walk) headless(seg *segment, limit int64, last bool, err error) (Recovery, error) {
	at, ok := errors.AsType[*fault](err)
	if !ok {
		return Recovery{}, err
	}
	if at.seq == 0 {
		at.seq = seg.first
	}
	continues := seg.first == w.next || w.next == 0 && seg.first == 1
	if !at.torn || !last || !continues {
		return Recovery{}, at.damage(seg)
	}
	seg.next = seg.first
	return Recovery{Segment: filepath.Base(seg.path), Octets: limit, Seq: seg.first, Reason: at.reason, Cut: true}, nil
}

func (f *fault) damage(seg *segment) error {
	return &DamageError{Segment: filepath.Base(seg.path), Offset: f.off, Seq: f.seq, Reason: f.reason}
}

func (s *scanner) each(fn func(frame) error) error {
	for {
		frames, err := s.batch()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range frames {
			if err := fn(f); err != nil {
				return err
			}
		}
	}
}

// classify distinguishes a torn tail from damage.
func (s *scanner) classify(at *fault, seg *segment, last bool) (Recovery, error) {
	if !last || !at.torn || at.off < s.bodyStart() {
		return Recovery{}, at.damage(seg)
	}
	synced, err := s.syncedLater(at)
	if err != nil {
		return Recovery{}, err
	}
	if synced {
		return Recovery{}, at.damage(seg)
	}
	return Recovery{
		Segment: filepath.Base(seg.path), Offset: s.off, Octets: s.limit - s.off,
		Seq: s.seq, Reason: at.reason, Cut: at.cut,
	}, nil
}
