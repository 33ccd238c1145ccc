package engine

import (
	"container/heap"
	"slices"
	"time"

	"cordon/quarantine"
)

// ledgerKey is the key of a restriction in the ledger.
type ledgerKey struct{ caseID, session string } // session: its identity

// timetable is when what is outstanding is over, so that not all of it has to be searched each
// second. The ledger's mutex guards it.
type timetable struct {
	ends    endHeap                 // by themselves; outdated entries are skipped
	most    int                     // as many entries are kept before the table is rebuilt
	expired map[ledgerKey]time.Time // those that may be over: when their release is to be sent (again)
}

// inProgress marks a release that was handed out and has not ended.
var inProgress = time.Unix(1<<40, 0)

// leastEntries is how many entries a timetable has at least before it is rebuilt.
const leastEntries = 4096

func newTimetable() timetable {
	return timetable{most: leastEntries, expired: map[ledgerKey]time.Time{}}
}

// ending is one entry of a timetable.
type ending struct {
	ledgerKey
	at time.Time
}

// schedule adds the expiry of a restriction; the zero time: it has none. l.mu is held.
func (l *ledger) schedule(p ledgerKey, at time.Time) {
	if at.IsZero() {
		return
	}
	t := &l.ends
	heap.Push(&t.ends, ending{p, at})
	if len(t.ends) <= t.most {
		return
	}
	t.ends = t.ends[:0]
	for caseID, of := range l.outstanding {
		for session, o := range of {
			if at := o.end(); !at.IsZero() {
				t.ends = append(t.ends, ending{ledgerKey{caseID, session}, at})
			}
		}
	}
	heap.Init(&t.ends)
	t.most = max(leastEntries, 2*len(t.ends))
}

// end is when the restriction expires, or its release is to be asserted; zero: never.
func (o *outstanding) end() time.Time {
	if !o.AssertAt.IsZero() {
		return o.AssertAt
	}
	return o.ExpiresAt
}

func (o *outstanding) over(now time.Time, released bool) bool {
	if !o.AssertAt.IsZero() {
		return quarantine.AssertDue(o.AssertAt, now)
	}
	return released || o.closed || (!o.ExpiresAt.IsZero() && !now.Before(o.ExpiresAt))
}

// released returns the cases that people have released and whose release the store does not have
// yet. l.mu is held.
func (l *ledger) released() map[string]bool {
	released := map[string]bool{}
	for _, c := range l.commands {
		if c.ends() {
			released[c.Case] = true
		}
	}
	return released
}

// overdueRelease is a release that is to be sent from the journal.
type overdueRelease struct {
	ending
	bng      string
	released bool // by a person
}

// overdue hands out the outstanding restrictions that are over by now: expired, of a case that a
// person released, or released and to be asserted once more. With lostOnly, only those whose case
// the store has lost. Each is handed out once until startRelease refuses it or releaseTried is
// called, and then again when it is due.
func (l *ledger) overdue(now time.Time, lostOnly bool) []overdueRelease {
	l.mu.Lock()
	defer l.mu.Unlock()
	released := l.released()
	l.expire(now, released)
	var list []overdueRelease
	for p, next := range l.ends.expired {
		if next.After(now) {
			continue
		}
		o, there := l.outstanding[p.caseID][p.session]
		switch {
		case !there || !o.over(now, released[p.caseID]):
			delete(l.ends.expired, p)
		case (!lostOnly || o.lost) && !l.givenUp(&o):
			l.ends.expired[p] = inProgress
			list = append(list, overdueRelease{ending{p, o.end()}, o.Session.BNG, released[p.caseID]})
		}
	}
	slices.SortFunc(list, func(a, b overdueRelease) int { return a.at.Compare(b.at) })
	return list
}

// expire marks what is over by now. l.mu is held.
func (l *ledger) expire(now time.Time, released map[string]bool) {
	t := &l.ends
	for len(t.ends) > 0 && !t.ends[0].at.After(now) {
		l.markExpired(heap.Pop(&t.ends).(ending).ledgerKey)
	}
	for caseID := range released {
		for session := range l.outstanding[caseID] {
			l.markExpired(ledgerKey{caseID, session})
		}
	}
}

// markExpired marks a restriction that may be over. l.mu is held.
func (l *ledger) markExpired(p ledgerKey) {
	if _, known := l.ends.expired[p]; !known {
		l.ends.expired[p] = time.Time{}
	}
}

// startRelease returns the current state of what was handed out, or false if its release is not
// to be sent (any more).
func (l *ledger) startRelease(w overdueRelease, now time.Time, lostOnly bool) (outstanding, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	o, there := l.outstanding[w.caseID][w.session]
	switch {
	case !there || !o.over(now, w.released):
		delete(l.ends.expired, w.ledgerKey)
		return outstanding{}, false
	case lostOnly && !o.lost, l.givenUp(&o):
		l.ends.expired[w.ledgerKey] = time.Time{} // the store has its case, which is released there
		return outstanding{}, false
	}
	return o, true
}

// releaseTried sets when the release that was handed out is sent again, should it be overdue
// then.
func (l *ledger) releaseTried(p ledgerKey, again time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, there := l.outstanding[p.caseID][p.session]; !there {
		delete(l.ends.expired, p)
		return
	}
	l.ends.expired[p] = again
}

// endHeap implements container/heap.Interface, earliest first.
type endHeap []ending

func (h endHeap) Len() int           { return len(h) }
func (h endHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h endHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *endHeap) Push(x any)        { *h = append(*h, x.(ending)) }
func (h *endHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

// LateAfter is for how long a release may be overdue before it counts as late.
const LateAfter = 15 * time.Minute

// LateReleases counts the sessions that should have been released LateAfter ago, as far as this
// host's journal knows: the BNG is unresponsive, refuses, or keeps saying that it does not know a
// session of which no record says that it ended.
func (e *Engine) LateReleases() (n int) {
	l, then := e.ledger, e.Now().Add(-LateAfter)
	l.mu.Lock()
	defer l.mu.Unlock()
	released := map[string]bool{}
	for _, c := range l.commands {
		if c.ends() && !c.At.After(then) {
			released[c.Case] = true
		}
	}
	for _, of := range l.outstanding {
		for _, o := range of {
			if o.AssertAt.IsZero() && o.over(then, released[o.Case]) {
				n++
			}
		}
	}
	return n
}
