package journal

import (
	"context"
	"fmt"
)

// A request is one call's work for run.
type request struct {
	entries  []sealed // none: begin a new segment
	octets   int
	reserved bool // every entry is

	done  chan struct{} // closed by run, which sets the following before
	first uint64
	err   error
}

// Append writes entries as one batch, in this order, with successive sequence
// numbers, and returns the first of them once they are on stable storage. All
// of a batch is in the journal or none of it, whatever crashes. A batch is at most
// MaxBatch octets on disk (a record takes about 140 besides key and payload).
//
// ErrInvalid, ErrFull, ErrClosed: not written. ErrStopped, or ctx ended while
// waiting: unknown; the batch may be found after the next Open. Concurrent
// calls share a sync.
func (j *Journal) Append(ctx context.Context, entries ...Entry) (first uint64, err error) {
	wait, err := j.AppendAsync(ctx, entries...)
	if err != nil {
		return 0, err
	}
	return wait(ctx)
}

// AppendAsync puts a batch into the queue and returns; wait returns what
// Append would have. Batches are written in the order in which AppendAsync
// returned. It blocks, until ctx ends, while MaxBatch octets are waiting. Only
// wait says whether the records are durable. It may be called more than once
// or not at all.
func (j *Journal) AppendAsync(ctx context.Context, entries ...Entry) (wait func(context.Context) (uint64, error), err error) {
	batch, octets, err := sealAll(entries)
	if err != nil {
		return nil, err
	}
	if octets > MaxBatch {
		return nil, fmt.Errorf("%w: batch of %d octets, at most %d", ErrInvalid, octets, MaxBatch)
	}
	r := &request{entries: batch, octets: octets, reserved: true, done: make(chan struct{})}
	for _, e := range entries {
		r.reserved = r.reserved && e.Reserved
	}
	if err := j.enqueue(ctx, r); err != nil {
		return nil, err
	}
	return r.wait, nil
}

// enqueue waits for room.
func (j *Journal) enqueue(ctx context.Context, r *request) error {
	for {
		room, err := j.tryEnqueue(r)
		if err != nil || room == nil {
			return err
		}
		select {
		case <-room:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// tryEnqueue returns, if the queue has no room, what is closed when it does.
func (j *Journal) tryEnqueue(r *request) (room <-chan struct{}, err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err := j.refusal(); err != nil {
		return nil, err
	}
	if len(j.queue) > 0 && j.queued+r.octets > MaxBatch {
		return j.room, nil
	}
	j.queue = append(j.queue, r)
	j.queued += r.octets
	j.nudge()
	return nil, nil
}

func (j *Journal) nudge() {
	select {
	case j.wake <- struct{}{}:
	default: // run has not looked yet
	}
}

func (r *request) wait(ctx context.Context) (uint64, error) {
	select {
	case <-r.done:
		return r.first, r.err
	case <-ctx.Done():
	}
	select {
	case <-r.done: // both had happened: the answer is worth more
		return r.first, r.err
	default:
		return 0, ctx.Err()
	}
}

func (r *request) answer(first uint64, err error) {
	r.first, r.err = first, err
	close(r.done)
}
