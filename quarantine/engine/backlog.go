package engine

import (
	"sync"

	"cordon/quarantine"
)

// backlog counts what waits, by source, and holds each source to its share
// ([quarantine.Share]).
type backlog struct {
	most   int
	listed func(source string) bool

	mu       sync.Mutex // guards what follows
	by       map[string]int
	all      int
	unlisted int
}

func newBacklog(most int, listed func(source string) bool) *backlog {
	return &backlog{most: most, listed: listed, by: map[string]int{}}
}

// reserve reserves a place for the source; false if its share has no room. release frees
// it.
func (b *backlog) reserve(source string) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.shareOf(source).Room() {
		return false
	}
	b.count(source, 1)
	return true
}

// add counts what was accepted before a restart, room or not.
func (b *backlog) add(source string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count(source, 1)
}

func (b *backlog) release(source string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.count(source, -1)
}

// count changes the numbers by n. b.mu is held.
func (b *backlog) count(source string, n int) {
	b.all += n
	if !b.listed(source) {
		b.unlisted += n
	}
	if b.by[source] += n; b.by[source] == 0 {
		delete(b.by, source)
	}
}

func (b *backlog) share(source string) quarantine.Share {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.shareOf(source)
}

// shareOf is share with b.mu held.
func (b *backlog) shareOf(source string) quarantine.Share {
	s := quarantine.Share{Source: b.by[source], All: b.all, Most: b.most, Listed: b.listed(source)}
	if !s.Listed {
		s.Unlisted = b.unlisted
	}
	return s
}

// fullest returns how many wait, and the highest pressure that any source has.
func (b *backlog) fullest() (all int, pressure float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for source := range b.by {
		pressure = max(pressure, b.shareOf(source).Pressure())
	}
	return b.all, pressure
}
