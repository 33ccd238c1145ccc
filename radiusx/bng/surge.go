package bng

import (
	"math"
	"sync"
	"time"
)

// When so many lines log in at once that a BNG has better things to do than to
// restrict some of them: after a restart, or after an outage behind it.
const (
	surgeWindow = 10  // seconds over which Starts are counted
	surgeFloor  = 5.0 // Starts a second; fewer are no surge on any BNG
	surgeTimes  = 5.0 // times the usual
	surgeMemory = 600 // seconds over which the usual is averaged
	surgeLeast  = 0.1 // of the rate is left to restrictions in any surge
)

// surge counts the Starts of a BNG and tells how much of its rate restrictions
// get. Releases keep all of it. What is usual is learnt from nothing after each
// start of the process, so that for some minutes surgeFloor alone counts.
type surge struct {
	mu      sync.Mutex // guards what follows
	second  int64      // that the newest count is of
	counts  [surgeWindow]int
	usual   float64 // Starts a second
	started bool
}

// start notes one Start.
func (s *surge) start(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(now)
	s.counts[s.second%surgeWindow]++
}

// share is how much of the rate restrictions get, surgeLeast to 1.
func (s *surge) share(now time.Time) float64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.advance(now)
	sum := 0
	for _, n := range s.counts {
		sum += n
	}
	recent, most := float64(sum)/surgeWindow, s.most()
	if recent <= most {
		return 1
	}
	return max(surgeLeast, most/recent)
}

// most is how many Starts a second are no surge. s.mu is held.
func (s *surge) most() float64 { return max(surgeFloor, surgeTimes*s.usual) }

// advance brings the counts up to now. A surge counts into what is usual as
// little more than its beginning. s.mu is held.
func (s *surge) advance(now time.Time) {
	second := now.Unix()
	if !s.started {
		s.second, s.started = second, true
	}
	for n := 0; s.second < second; n++ {
		if n > surgeWindow { // nothing but seconds without a Start is left
			s.usual *= math.Pow(1-1.0/surgeMemory, float64(second-s.second))
			s.second = second
			return
		}
		counted := min(float64(s.counts[s.second%surgeWindow]), s.most())
		s.usual += (counted - s.usual) / surgeMemory
		s.second++
		s.counts[s.second%surgeWindow] = 0
	}
}
