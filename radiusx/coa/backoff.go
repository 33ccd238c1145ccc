package coa

import "time"

// Retransmission parameters of RFC 5080 section 2.2.1.
const (
	initialTimeout   = 2 * time.Second  // IRT
	maxTimeout       = 16 * time.Second // MRT
	maxTransmissions = 5                // MRC
	maxJitter        = 0.1              // RAND is chosen from -maxJitter to +maxJitter
)

// nextTimeout returns how long to wait after a transmission, given how long was
// waited after the one before (0: this was the first) and a random number from
// 0 to 1.
func nextTimeout(previous time.Duration, random float64) time.Duration {
	jitter := maxJitter * (2*random - 1)
	if previous == 0 {
		return scale(initialTimeout, 1+jitter)
	}
	if next := scale(previous, 2+jitter); next <= maxTimeout {
		return next
	}
	return scale(maxTimeout, 1+jitter)
}

func scale(d time.Duration, by float64) time.Duration { return time.Duration(float64(d) * by) }
