package journal

import (
	"fmt"
	"time"
)

// A tail is the end of the newest segment, where run writes.
type tail struct {
	file file
	header
	next uint64 // sequence number
	prev digest // of the record before it
	end  int64  // octets
}

// run appends until Close has been called and the queue is empty.
func (j *Journal) run() {
	defer close(j.done)
	for range j.wake {
		if j.cfg.SyncDelay > 0 {
			time.Sleep(j.cfg.SyncDelay)
		}
		requests, closing := j.drainQueue()
		j.process(requests)
		if closing {
			return
		}
	}
}

// drainQueue empties the queue. Once closing is true nothing enters it any more.
func (j *Journal) drainQueue() (requests []*request, closing bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	requests, j.queue, j.queued = j.queue, nil, 0
	close(j.room)
	j.room = make(chan struct{})
	return requests, j.closing
}

// process commits what was queued, as one group, and rotates if that is due.
func (j *Journal) process(requests []*request) {
	var batches, rotations []*request
	octets, ordinary := 0, false
	for _, r := range requests {
		if len(r.entries) == 0 {
			rotations = append(rotations, r)
		} else {
			batches = append(batches, r)
		}
		octets += r.octets
		ordinary = ordinary || !r.reserved
	}
	if ordinary || len(requests) == 0 { // none: Writable or Expire asks for a check of the space
		j.leaveFull()
	}
	if len(rotations) > 0 || len(batches) > 0 && j.tail.outgrown(octets, j.cfg.SegmentBytes) {
		err := j.rotate()
		for _, r := range rotations {
			r.answer(0, err)
		}
	}
	j.commit(batches)
}

// state returns why nothing, and why nothing ordinary, may be written.
func (j *Journal) state() (stopped, full error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.stopped, j.full
}

// commit writes batches as one group, syncs it and acknowledges. If the disk is full,
// batches that may use the reserve are written and the others are refused.
func (j *Journal) commit(batches []*request) {
	for {
		stopped, full := j.state()
		if stopped != nil {
			answerAll(batches, stopped)
			return
		}
		if full != nil {
			batches = refuseOrdinary(batches, full)
		}
		if len(batches) == 0 {
			return
		}
		g := j.encode(batches)
		err := writeAll(j.tail.file, g.octets, j.tail.end)
		if isFull(err) {
			batches = j.makeRoom(err, batches)
			continue
		}
		if err == nil {
			err = j.tail.file.Sync()
		}
		if err != nil {
			_ = j.stop(fmt.Errorf("append: %w", err))
			continue
		}
		j.publish(g, batches)
		return
	}
}

func answerAll(batches []*request, err error) {
	for _, b := range batches {
		b.answer(0, err)
	}
}

// refuseOrdinary answers the batches that may not use the reserve and returns
// the others.
func refuseOrdinary(batches []*request, full error) []*request {
	var rest []*request
	for _, b := range batches {
		if b.reserved {
			rest = append(rest, b)
		} else {
			b.answer(0, full)
		}
	}
	return rest
}

// A group is what one write and one sync make durable.
type group struct {
	octets  []byte
	firsts  []uint64 // of each batch
	records []Record // only with Config.Committed
	next    uint64
	prev    digest
	time    time.Time
}

func (j *Journal) encode(batches []*request) *group {
	g := &group{octets: j.buf[:0], next: j.tail.next, prev: j.tail.prev, time: j.cfg.Now().UTC()}
	for _, b := range batches {
		g.firsts = append(g.firsts, g.next)
		for i := range b.entries {
			p := place{
				mark: j.tail.mark, seq: g.next, group: j.tail.next,
				left: uint32(len(b.entries) - 1 - i), time: g.time, prev: g.prev,
			}
			if b.entries[i].Reserved {
				p.flags = flagReserved
			}
			g.octets, g.prev = appendRecord(g.octets, &b.entries[i], &p)
			g.next++
			if j.cfg.Committed != nil {
				g.records = append(g.records, b.entries[i].record(&p))
			}
		}
	}
	j.buf = g.octets
	return g
}

// publish makes a synced group part of the journal and acknowledges it.
func (j *Journal) publish(g *group, batches []*request) {
	j.tail.next, j.tail.prev = g.next, g.prev
	j.tail.end += int64(len(g.octets))
	j.mu.Lock()
	last := &j.segments[len(j.segments)-1]
	last.next, last.end = j.tail.next, j.tail.end
	last.noteTime(g.time)
	j.mu.Unlock()
	if j.cfg.Committed != nil {
		j.cfg.Committed(g.records)
	}
	for i, b := range batches {
		b.answer(g.firsts[i], nil)
	}
}

// stop ends all appending for good. A failed sync must not be tried again: the
// kernel may have dropped the pages and report success the second time.
// It returns the error that every call gets from now on.
func (j *Journal) stop(cause error) error {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.stopped == nil {
		j.stopped = fmt.Errorf("%w: %w", ErrStopped, cause)
	}
	return j.stopped
}
