package engine

import (
	"container/heap"
	"context"
	"sync"
	"time"
)

// schedule hands ids out when their time has come, each to one taker.
type schedule struct {
	now func() time.Time

	mu      sync.Mutex // guards what follows
	entries entryHeap
	changed chan struct{} // closed and replaced when the head may have changed
}

type scheduled struct {
	id string
	at time.Time
}

func newSchedule(now func() time.Time) *schedule {
	return &schedule{now: now, changed: make(chan struct{})}
}

// push puts id in line for at.
func (s *schedule) push(id string, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	heap.Push(&s.entries, scheduled{id, at})
	if s.entries[0].id == id {
		close(s.changed)
		s.changed = make(chan struct{})
	}
}

// hasten puts those of ids that are in line for later in line for at.
func (s *schedule) hasten(ids map[string]bool, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.entries {
		if e := &s.entries[i]; ids[e.id] && e.at.After(at) {
			e.at = at
		}
	}
	heap.Init(&s.entries)
	close(s.changed)
	s.changed = make(chan struct{})
}

// next waits for the first id whose time has come; false if ctx ended first.
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

// head takes the first id if it is due; else it tells how long to wait
// (0 = until changed).
func (s *schedule) head() (id string, wait time.Duration, changed <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.entries) == 0 {
		return "", 0, s.changed
	}
	if wait := s.entries[0].at.Sub(s.now()); wait > 0 {
		return "", wait, s.changed
	}
	return heap.Pop(&s.entries).(scheduled).id, 0, nil
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

// entryHeap implements container/heap.Interface, earliest first.
type entryHeap []scheduled

func (h entryHeap) Len() int           { return len(h) }
func (h entryHeap) Less(i, j int) bool { return h[i].at.Before(h[j].at) }
func (h entryHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *entryHeap) Push(x any)        { *h = append(*h, x.(scheduled)) }
func (h *entryHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}
