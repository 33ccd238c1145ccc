package coa

import (
	"sync"
	"time"
)

// timers wakes exchanges when their next transmission or their end is due: one
// heap and one goroutine for all of them. It sends nothing itself, so nothing
// that a socket does can make it late.
type timers struct {
	mu    sync.Mutex  // guards what follows, and at and index of every inFlight
	heap  []*inFlight // by at, earliest first
	sleep time.Time   // when run wakes by itself; zero: not before earlier

	earlier chan struct{} // capacity 1: an earlier time came
}

func newTimers() *timers { return &timers{earlier: make(chan struct{}, 1)} }

// unscheduled is the index of a request that is not in the heap.
const unscheduled = -1

// run signals requests until done is closed.
func (t *timers) run(done <-chan struct{}) {
	alarm := time.NewTimer(0)
	defer alarm.Stop()
	for {
		select {
		case <-done:
			return
		case <-t.earlier:
		case <-alarm.C:
		}
		if wait, some := t.fire(time.Now()); some {
			alarm.Reset(wait)
		}
	}
}

// fire signals every request due at now and returns the time until the next one,
// if there is one.
func (t *timers) fire(now time.Time) (wait time.Duration, some bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for len(t.heap) > 0 && !t.heap[0].at.After(now) {
		f := t.heap[0]
		t.removeAt(0)
		f.signal()
	}
	if len(t.heap) == 0 {
		t.sleep = time.Time{}
		return 0, false
	}
	t.sleep = t.heap[0].at
	return t.sleep.Sub(now), true
}

// schedule has f woken at that time; f is not scheduled.
func (t *timers) schedule(f *inFlight, at time.Time) {
	t.mu.Lock()
	f.at, f.index = at, len(t.heap)
	t.heap = append(t.heap, f)
	t.up(f.index)
	// A sleep that ends too early costs one pass; so run is woken only by what
	// comes before it, which under load is nearly never.
	earlier := t.sleep.IsZero() || at.Before(t.sleep)
	if earlier {
		t.sleep = at
	}
	t.mu.Unlock()
	if earlier {
		select {
		case t.earlier <- struct{}{}:
		default:
		}
	}
}

// remove takes f out, if it is scheduled.
func (t *timers) remove(f *inFlight) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.index != unscheduled {
		t.removeAt(f.index)
	}
}

func (t *timers) removeAt(i int) {
	last := len(t.heap) - 1
	t.heap[i].index = unscheduled
	if i != last {
		t.heap[i] = t.heap[last]
		t.heap[i].index = i
	}
	t.heap[last] = nil
	t.heap = t.heap[:last]
	if i != last {
		t.down(i)
		t.up(i)
	}
}

func (t *timers) up(i int) {
	for i > 0 {
		parent := (i - 1) / 2
		if !t.heap[i].at.Before(t.heap[parent].at) {
			return
		}
		t.swap(i, parent)
		i = parent
	}
}

func (t *timers) down(i int) {
	for {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < len(t.heap); child++ {
			if t.heap[child].at.Before(t.heap[least].at) {
				least = child
			}
		}
		if least == i {
			return
		}
		t.swap(i, least)
		i = least
	}
}

func (t *timers) swap(i, j int) {
	t.heap[i], t.heap[j] = t.heap[j], t.heap[i]
	t.heap[i].index, t.heap[j].index = i, j
}
