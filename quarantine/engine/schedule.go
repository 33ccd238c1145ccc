package engine

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// schedule hands ids out when they are due, each to one goroutine. Sources take turns: however
// many ids of one are due, the first of another is next but one.
type schedule struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	pushed  uint64
	later   scheduleHeap
	due     map[string][]scheduled // by source, in the order in which they became due; none is empty
	turn    []string               // the sources of due, the next one first
	changed chan struct{}          // closed and replaced when there may be something sooner
}

type scheduled struct {
	id     string
	source string
	at     time.Time
	serial uint64 // breaks ties: first come, first served
}

func newSchedule(now func() time.Time) *schedule {
	return &schedule{now: now, due: map[string][]scheduled{}, changed: make(chan struct{})}
}

// push queues an id of the source for at.
func (s *schedule) push(id, source string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pushed++
	heap.Push(&s.later, scheduled{id, source, at, s.pushed})
	if s.later[0].id == id {
		s.signal()
	}
}

// signal wakes all goroutines that wait. s.mu is held.
func (s *schedule) signal() {
	close(s.changed)
	s.changed = make(chan struct{})
}

// hasten makes those of ids that are queued for later due at.
func (s *schedule) hasten(ids map[string]bool, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.later {
		if e := &s.later[i]; ids[e.id] && e.at.After(at) {
			e.at = at
		}
	}
	heap.Init(&s.later)
	s.signal()
}

// next waits for the first id that is due; false if ctx ended first.
func (s *schedule) next(ctx context.Context) (string, bool) {
	for {
		id, wait, changed := s.head()
		if id != "" {
			return id, true
		}
		if !waitFor(ctx, wait, changed) {
			return "", false
		}
	}
}

// head removes an id that is due, of the source whose turn it is; else it returns how long to wait
// (0 = until changed).
func (s *schedule) head() (id string, wait time.Duration, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait = s.moveDue()
	if len(s.turn) == 0 {
		return "", wait, s.changed
	}
	source := s.turn[0]
	s.turn = s.turn[1:]
	queue := s.due[source]
	if len(queue) == 1 {
		delete(s.due, source)
	} else {
		s.due[source], s.turn = queue[1:], append(s.turn, source)
	}
	return queue[0].id, 0, nil
}

// moveDue moves what is due to its source's queue, and returns the time until the next (0: there is
// none). s.mu is held.
func (s *schedule) moveDue() (wait time.Duration) {
	now := s.now()
	for len(s.later) > 0 {
		if wait := s.later[0].at.Sub(now); wait > 0 {
			return wait
		}
		e := heap.Pop(&s.later).(scheduled)
		if len(s.due[e.source]) == 0 {
			s.turn = append(s.turn, e.source)
		}
		s.due[e.source] = append(s.due[e.source], e)
	}
	return 0
}

func waitFor(ctx context.Context, d time.Duration, changed <-chan struct{}) bool {
	var expired <-chan time.Time
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		expired = timer.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-changed:
	case <-expired:
	}
	return true
}

// scheduleHeap implements container/heap.Interface, earliest first.
type scheduleHeap []scheduled

func (h scheduleHeap) Len() int { return len(h) }
func (h scheduleHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].serial < h[j].serial
	}
	return h[i].at.Before(h[j].at)
}
func (h scheduleHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *scheduleHeap) Push(x any)   { *h = append(*h, x.(scheduled)) }
func (h *scheduleHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
