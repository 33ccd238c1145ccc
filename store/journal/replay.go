package journal

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Replay calls fn with the durable records from sequence number from on, oldest
// first, checkpoints included; if from has expired it starts with the oldest
// there is. It checks what it reads: a *DamageError means that the disk has
// changed since Open. It ends with the last record that was durable when it
// was called, when ctx ends, or with fn's first error, returned as it is.
// Appending goes on meanwhile. A Record may be kept.
func (j *Journal) Replay(ctx context.Context, from uint64, fn func(Record) error) error {
	segs, files, err := j.snapshot(from)
	if err != nil {
		return err
	}
	defer closeAll(files)
	var w walk
	for i := range segs {
		_, err := w.segment(files[i], &segs[i], segs[i].end, false, func(f frame) error {
			if f.Seq < from {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			return fn(f.Record)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// snapshot opens for reading the segments that hold records from from on. An
// open file can expire without being lost to its reader.
func (j *Journal) snapshot(from uint64) ([]segment, []*os.File, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closing {
		return nil, nil, ErrClosed
	}
	var segs []segment
	for _, s := range j.segments {
		if s.next > from {
			segs = append(segs, s)
		}
	}
	files, err := openAll(segs)
	return segs, files, err
}

// Report is what Verify found in a directory.
type Report struct {
	ID         string
	Segments   int
	Octets     int64  // of segments, without the tail
	Records    uint64 // erased ones included
	Checkpoint uint64
	Erased     uint64
	First      uint64 // sequence number; 0 if there is no record
	Last       uint64
	Oldest     time.Time
	Newest     time.Time
	// Anchor is the digest before First and Head that of Last, hexadecimal
	// SHA-256. Note them elsewhere: a journal cut short or written
	// anew has no record with a noted Head.
	Anchor string
	Head   string
	// Tail is an unfinished append: of a crash, or of a process at work now.
	Tail Recovery
}

// Verify checks every record of the journal in dir and the chain between them.
// It changes nothing and needs no lock. Damage is a *DamageError, with the
// report on what comes before it. While a process is at work there on a full
// disk, a write that it truncates can look like damage: verify again.
func Verify(dir string) (Report, error) {
	var r Report
	w, err := walkDir(dir, &r, func(f frame) error {
		r.add(&f)
		return nil
	})
	if err != nil {
		return r, err
	}
	id, ok, err := readID(dir)
	if err != nil {
		return r, err
	}
	if w.next != 0 && (!ok || id != w.id) {
		return r, &DamageError{Segment: idName, Reason: "segments belong to journal " + w.id.String()}
	}
	r.ID = id.String()
	return r, nil
}

func (r *Report) add(f *frame) {
	if r.Records == 0 {
		r.First, r.Oldest = f.Seq, f.Time
		r.Anchor = fmt.Sprintf("%x", f.prev)
	}
	r.Records++
	if f.Checkpoint {
		r.Checkpoint++
	}
	if f.Erased {
		r.Erased++
	}
	r.Last, r.Newest = f.Seq, f.Time
	r.Head = fmt.Sprintf("%x", f.sum)
}

// Inspect calls fn with every good record of the journal in dir up to an unfinished
// append. It changes nothing and needs no lock; a process at work there may
// add records unseen. Damage is a *DamageError, after the records before it;
// fn's first error ends it and is returned as it is.
func Inspect(dir string, fn func(Record) error) error {
	_, err := walkDir(dir, &Report{}, func(f frame) error { return fn(f.Record) })
	return err
}

// walkDir walks through a directory without its lock and counts segments.
func walkDir(dir string, r *Report, fn func(frame) error) (walk, error) {
	var w walk
	segs, files, err := listOpen(dir)
	if err != nil {
		return w, err
	}
	defer closeAll(files)
	if len(segs) == 0 {
		return w, fmt.Errorf("no journal in %s: %w", dir, fs.ErrNotExist)
	}
	for i := range segs {
		info, err := files[i].Stat()
		if err != nil {
			return w, fmt.Errorf("inspect %s: %w", filepath.Base(segs[i].path), err)
		}
		r.Tail, err = w.segment(files[i], &segs[i], info.Size(), i == len(segs)-1, fn)
		r.Segments++
		r.Octets += segs[i].end
		if err != nil {
			return w, err
		}
	}
	return w, nil
}
