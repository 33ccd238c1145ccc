package journal

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// Rotate begins a new segment now, with what Config.Checkpoint returns, so that the
// ones before it can expire. A segment holding nothing but its checkpoint is kept. Batches queued at the same moment go into the new one.
func (j *Journal) Rotate(ctx context.Context) error {
	r := &request{reserved: true, done: make(chan struct{})}
	if err := j.enqueue(ctx, r); err != nil {
		return err
	}
	_, err := r.wait(ctx)
	return err
}

// outgrown says whether octets more should go into a new segment.
func (t *tail) outgrown(octets int, limit int64) bool {
	return t.end > t.bodyStart() && t.end+int64(octets) > max(limit, 2*t.bodyStart())
}

// rotate makes a new segment the tail. On a full disk the old one stays, for
// the reserved records that are still to come.
func (j *Journal) rotate() error {
	if stopped, full := j.state(); stopped != nil || full != nil {
		return errors.Join(stopped, full)
	}
	if j.tail.end == j.tail.bodyStart() {
		return nil
	}
	checkpoint, err := j.checkpoint()
	if err != nil {
		return j.stop(err)
	}
	t, seg, err := j.writeSegment(j.tail.next, j.tail.prev, checkpoint)
	if isFull(err) {
		return j.setFull(err)
	}
	if err == nil {
		// From here on the old segment must not grow: the new one may be there.
		err = j.nameSegment(t, seg)
	}
	if err != nil {
		return j.stop(err)
	}
	_ = j.tail.file.Close() // synced, nothing can be lost
	j.tail = t
	j.mu.Lock()
	defer j.mu.Unlock()
	j.segments = append(j.segments, seg)
	return nil
}

// checkpoint returns what Config.Checkpoint wants written. An entry that breaks the
// bounds stops the journal: in a segment without it, it would expire unnoticed.
func (j *Journal) checkpoint() ([]sealed, error) {
	if j.cfg.Checkpoint == nil {
		return nil, nil
	}
	entries := j.cfg.Checkpoint()
	if len(entries) == 0 {
		return nil, nil
	}
	checkpoint, _, err := sealAll(entries)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return checkpoint, nil
}

// writeSegment writes and syncs a segment with its checkpoint under a temporary name.
func (j *Journal) writeSegment(first uint64, prev digest, checkpoint []sealed) (tail, segment, error) {
	h := header{id: j.id, first: first, created: j.cfg.Now().UTC(), prev: prev}
	rand.Read(h.mark[:])
	records, last := h.encodeCheckpoint(checkpoint)
	path := filepath.Join(j.cfg.Dir, segmentName(first))
	f, err := j.cfg.disk.Open(path + tmpSuffix)
	if err != nil {
		return tail{}, segment{}, fmt.Errorf("create segment: %w", err)
	}
	err = writeAll(f, append(h.encode(), records...), 0)
	if err == nil {
		err = f.Sync()
	}
	if err != nil {
		_ = f.Close()
		_ = os.Remove(path + tmpSuffix) // Open removes what stays
		return tail{}, segment{}, fmt.Errorf("create segment: %w", err)
	}
	next := first + uint64(len(checkpoint))
	t := tail{file: f, header: h, next: next, prev: last, end: h.bodyStart()}
	return t, segment{path: path, first: first, next: next, end: h.bodyStart(), newest: h.created}, nil
}

// nameSegment makes what writeSegment wrote part of the journal, for good once
// it returns nil. It closes the file otherwise.
func (j *Journal) nameSegment(t tail, seg segment) error {
	err := os.Rename(seg.path+tmpSuffix, seg.path)
	if err == nil {
		err = j.cfg.disk.SyncDir(j.cfg.Dir)
	}
	if err != nil {
		_ = t.file.Close()
		return fmt.Errorf("name segment: %w", err)
	}
	return nil
}

// encodeCheckpoint encodes the records of a checkpoint, each a batch of its own as the
// segment exists whole or not at all, and notes their size in the header.
func (h *header) encodeCheckpoint(checkpoint []sealed) (octets []byte, last digest) {
	last = h.prev
	for i := range checkpoint {
		p := place{
			mark: h.mark, seq: h.first + uint64(i), group: h.first,
			time: h.created, prev: last, flags: flagCheckpoint,
		}
		if checkpoint[i].Reserved {
			p.flags |= flagReserved
		}
		octets, last = appendRecord(octets, &checkpoint[i], &p)
	}
	h.checkpoint = int64(len(octets))
	return octets, last
}

// Expire removes, oldest first, the segments whose records all have a sequence
// number below before, and returns how many. The open segment stays. What
// is left still verifies: each segment's header holds the digest before it.
//
// With Config.Checkpoint every segment starts with all that is outstanding, and any
// older one may go. Without it the caller has to know.
func (j *Journal) Expire(before uint64) (removed int, err error) {
	return j.expire(func(s *segment) bool { return s.next <= before })
}

// ExpireOlder is Expire for the segments whose newest record is older than t.
func (j *Journal) ExpireOlder(t time.Time) (removed int, err error) {
	return j.expire(func(s *segment) bool { return s.newest.Before(t) })
}

func (j *Journal) expire(old func(*segment) bool) (removed int, err error) {
	j.maintenance.Lock()
	defer j.maintenance.Unlock()
	for {
		path, err := j.unlist(old)
		if err != nil {
			return removed, err
		}
		if path == "" {
			return removed, nil
		}
		err = os.Remove(path)
		if err == nil {
			// One by one, so that a crash in between leaves no gap.
			err = j.cfg.disk.SyncDir(j.cfg.Dir)
		}
		if err != nil {
			return removed, fmt.Errorf("expire segment: %w", err)
		}
		removed++
		j.nudge() // there may be space again
	}
}

// unlist takes the oldest segment off the list if it is old and not the open
// one, else returns "".
func (j *Journal) unlist(old func(*segment) bool) (path string, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closing {
		return "", ErrClosed
	}
	if len(j.segments) < 2 || !old(&j.segments[0]) {
		return "", nil
	}
	path = j.segments[0].path
	j.segments = j.segments[1:]
	return path, nil
}
