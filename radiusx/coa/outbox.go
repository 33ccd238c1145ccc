package coa

import (
	"errors"
	"runtime"
	"slices"
	"sync"

	"cordon/radiusx/mmsg"
)

// outbox sends the datagrams of one socket from one goroutine, so that those
// of many exchanges share a system call. Nobody waits for it except an exchange
// that ends while its datagram is inside of that call; a socket that accepts
// nothing is waited for with the datagrams in the queue, where their exchanges
// can withdraw them.
type outbox struct {
	writer   batchWriter
	counters *counters
	ring     chan struct{} // capacity 1: there is something to send

	mu    sync.Mutex // guards what follows, and transmissions and place of the port's requests
	queue []*inFlight
	left  sync.Cond // on mu: requests are no longer leaving
}

// batchWriter is a socket that sends many datagrams at once.
type batchWriter interface {
	// write hands the requests of the batch to the kernel in their order, without
	// waiting. It returns how many were taken, and unless all were, why the next
	// one was not: [mmsg.ErrFull], or what is wrong with it.
	write(batch []*inFlight) (int, error)
	// WaitReady returns when the kernel has room again, or why it never will.
	WaitReady() error
}

// place is where the datagram of a request is.
type place uint8

const (
	outside place = iota // not in the outbox
	queued               // can be withdrawn
	leaving              // inside of a system call that does not wait
)

// batchSize is the most datagrams of one system call. More of them save little
// and leave a responder idle until the last one has come.
const batchSize = 16

func newOutbox(w batchWriter, n *counters) *outbox {
	o := &outbox{writer: w, counters: n, ring: make(chan struct{}, 1)}
	o.left.L = &o.mu
	return o
}

// send implements sender. A datagram that still waits from the time before is
// not sent twice.
func (o *outbox) send(f *inFlight) {
	o.mu.Lock()
	if f.place != outside {
		o.mu.Unlock()
		return
	}
	f.place = queued
	o.queue = append(o.queue, f)
	first := len(o.queue) == 1
	o.mu.Unlock()
	if first {
		select {
		case o.ring <- struct{}{}:
		default: // it knows already
		}
	}
}

// withdraw implements sender.
func (o *outbox) withdraw(f *inFlight, answered bool) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	for f.place == leaving && !(answered && f.transmissions == 1) {
		o.left.Wait()
	}
	if f.place == queued {
		o.queue = slices.DeleteFunc(o.queue, func(q *inFlight) bool { return q == f })
	}
	f.place = outside
	return f.transmissions
}

// run is the goroutine of the outbox, until done is closed.
func (o *outbox) run(done <-chan struct{}) {
	var batch [batchSize]*inFlight
	for {
		select {
		case <-o.ring:
		case <-done:
			return
		}
		runtime.Gosched() // those that are about to send may add theirs
		for o.flush(batch[:0]) {
		}
	}
}

// flush sends what fits into one batch; false if there was nothing. Its memory
// is that of batch.
func (o *outbox) flush(batch []*inFlight) bool {
	batch = o.dequeue(batch)
	some := len(batch) > 0
	for len(batch) > 0 {
		n, err := o.writer.write(batch)
		switch {
		case errors.Is(err, mmsg.ErrFull):
			o.requeue(batch[n:])
			o.finish(batch[:n], nil)
			return o.writer.WaitReady() == nil
		case err != nil:
			o.finish(batch[n:n+1], err)
			o.finish(batch[:n], nil)
			n++
		default:
			o.finish(batch[:n], nil)
		}
		batch = batch[n:]
	}
	return some
}

// dequeue moves requests from the queue into batch, up to its capacity.
func (o *outbox) dequeue(batch []*inFlight) []*inFlight {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := min(len(o.queue), cap(batch))
	batch = append(batch, o.queue[:n]...)
	for _, f := range batch {
		f.place = leaving
		f.transmissions++
	}
	o.queue = slices.Delete(o.queue, 0, n)
	return batch
}

// requeue returns what did not leave to the head of the queue, but for what has
// been withdrawn meanwhile.
func (o *outbox) requeue(batch []*inFlight) {
	o.mu.Lock()
	defer o.mu.Unlock()
	batch = slices.DeleteFunc(batch, func(f *inFlight) bool { return f.place != leaving })
	for _, f := range batch {
		f.place = queued
		f.transmissions--
	}
	o.queue = slices.Insert(o.queue, 0, batch...)
	o.left.Broadcast()
}

// finish notes that the kernel has a batch, or that err kept it from it.
func (o *outbox) finish(batch []*inFlight, err error) {
	if len(batch) == 0 {
		return
	}
	if err != nil {
		o.counters.writeErrors.Add(uint64(len(batch)))
		for _, f := range batch {
			f.bng.hint(f, err)
		}
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range batch {
		f.place = outside
		o.counters.transmitted(f.transmissions)
	}
	o.left.Broadcast()
}
