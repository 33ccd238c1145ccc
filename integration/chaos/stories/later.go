package stories

import (
	"slices"
	"time"
)

// duty is what will happen at a moment, if the story lasts so long.
type duty struct {
	at time.Time
	do func()
}

// later has something happen after d, in the story's own goroutine.
func (w *World) later(d time.Duration, do func()) {
	w.duties = append(w.duties, duty{time.Now().Add(d), do})
	slices.SortStableFunc(w.duties, func(a, b duty) int { return a.at.Compare(b.at) })
}

// pass lets d go by, with what falls due in it.
func (w *World) pass(d time.Duration) {
	until := time.Now().Add(d)
	for len(w.duties) > 0 && !w.duties[0].at.After(until) {
		next := w.duties[0]
		w.duties = w.duties[1:]
		time.Sleep(time.Until(next.at))
		next.do()
	}
	time.Sleep(time.Until(until))
}
