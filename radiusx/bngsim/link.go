package bngsim

import (
	"math/rand/v2"
	"time"
)

// Link is how one direction of a path treats datagrams. The zero Link is
// perfect. Jitter reorders.
type Link struct {
	Lose   float64       // probability that a datagram vanishes, 0..1
	Double float64       // probability that it arrives twice, 0..1
	Delay  time.Duration // every copy takes this long
	Jitter time.Duration // and up to this much more, evenly spread
}

// copies returns the delay of each copy of a datagram that arrives.
func (l Link) copies(random *rand.Rand) []time.Duration {
	if l == (Link{}) {
		return []time.Duration{0}
	}
	if l.Lose > 0 && random.Float64() < l.Lose {
		return nil
	}
	n := 1
	if l.Double > 0 && random.Float64() < l.Double {
		n = 2
	}
	delays := make([]time.Duration, n)
	for i := range delays {
		delays[i] = l.Delay
		if l.Jitter > 0 {
			delays[i] += time.Duration(random.Int64N(int64(l.Jitter)))
		}
	}
	return delays
}
