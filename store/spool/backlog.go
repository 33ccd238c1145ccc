package spool

import "time"

// backlog is what is in the spool: how much, and from which moment on. It is filled
// and emptied in the order of the journal.
type backlog struct {
	first   uint64 // sequence number to go on with; all below it was drained
	last    uint64 // of the newest record; 0: there never was one
	events  int
	minimum []moment // earliest first: each is older than everything behind it
}

// moment is the earliest event time of the records up to seq that come after
// those of the moment before it.
type moment struct {
	seq uint64
	at  time.Time
}

func (b *backlog) empty() bool { return b.last < b.first || b.last == 0 }

// add notes a record.
func (b *backlog) add(seq uint64, at time.Time, events int) {
	if b.empty() {
		b.first = seq
	}
	b.last = seq
	b.events += events
	for len(b.minimum) > 0 && !b.minimum[len(b.minimum)-1].at.Before(at) {
		b.minimum = b.minimum[:len(b.minimum)-1]
	}
	b.minimum = append(b.minimum, moment{seq, at})
}

// done removes the records up to seq, which held so many events.
func (b *backlog) done(seq uint64, events int) {
	b.first = seq + 1
	b.events -= events
	for len(b.minimum) > 0 && b.minimum[0].seq <= seq {
		b.minimum = b.minimum[1:]
	}
}

func (b *backlog) oldest() (time.Time, bool) {
	if len(b.minimum) == 0 {
		return time.Time{}, false
	}
	return b.minimum[0].at, true
}
