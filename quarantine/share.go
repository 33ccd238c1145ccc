package quarantine

import "time"

// MaxPending is how many accepted verdicts may wait for their decision on one
// instance.
const MaxPending = 200_000

// Share is what one source has of the queue of undecided verdicts. The bound on it
// falls with the room that is left, after Choudhury and Hahne, "Dynamic queue length
// thresholds for shared-memory packet switches" (IEEE/ACM Transactions on Networking
// 6(2), 1998): a source alone gets a quarter of the queue, k of them that flood get
// 1/(3+k) of it each, and the rest stays free for all others.
type Share struct {
	Source   int  // verdicts of the source that wait
	Unlisted int  // verdicts of all sources together that are not listed, if this one is not
	All      int  // verdicts of all sources
	Most     int  // room of the queue
	Listed   bool // a configured source, or one that a token is bound to
}

// Room reports whether one more verdict of the source has a place. Sources that are
// not listed never have more than half of the queue together, however many names
// are invented.
func (s Share) Room() bool {
	if 3*s.Source >= s.Most-s.All {
		return false
	}
	return s.Listed || s.Source < s.Most/2-s.Unlisted
}

// Pressure is how full the source's quarter of the queue is, or the whole queue if
// that is fuller: 0 to 1.
func (s Share) Pressure() float64 {
	if s.Most <= 0 {
		return 0
	}
	most := float64(s.Most)
	p := max(float64(s.All)/most, 4*float64(s.Source)/most)
	if !s.Listed {
		p = max(p, 2*float64(s.Unlisted)/most)
	}
	return min(p, 1)
}

// How long an address that nobody holds is asked for again while verdicts pile up.
const (
	pressureBegins = 0.5             // of a share: up to here, for the whole time
	pressureFull   = 0.9             // from here on, for unknownLeast alone
	unknownLeast   = 2 * time.Minute // covers accounting that is merely late
)

// UnknownRetry is for how long after its arrival a verdict about an address that
// nobody is known to have held is looked up again: retryFor, and at higher pressure
// less, down to 2 minutes (or to retryFor, if that is shorter).
func UnknownRetry(retryFor time.Duration, pressure float64) time.Duration {
	if retryFor <= unknownLeast || pressure <= pressureBegins {
		return retryFor
	}
	left := max(0, (pressureFull-pressure)/(pressureFull-pressureBegins))
	return unknownLeast + time.Duration(left*float64(retryFor-unknownLeast))
}
