package coa

import "time"

// restWindow is how long a BNG may remember a request as a duplicate, and so
// how long an identifier rests (RFC 5176 section 6.3: 300 s by default).
const restWindow = 300 * time.Second

const identifiersPerPort = 256

// slot is one identifier of one port: the port's index in its pool, then the
// identifier.
type slot uint16

func (s slot) port() int        { return int(s >> 8) }
func (s slot) identifier() byte { return byte(s) }

// rotation hands out the slots of one peer, the longest-rested first, and never
// one that is in use. BNGs recognise duplicates by source address, port and
// identifier, so the rotations of different peers are independent: a slot may
// be in use towards many of them.
//
// It is arithmetic only: no lock, no clock. peer.mu guards it.
type rotation struct {
	ports     int  // the pool's size
	firstPort int  // where this peer begins, so that peers spread over the ports
	firstID   byte // where this peer begins on each port, so that a restart does not repeat
	fresh     int  // slots handed out for the first time, 0..ports*256
	resting   []rest
	head      int // resting[head:] are resting, in the order of since
}

type rest struct {
	slot  slot
	since time.Time
}

// reuse says how long the acquired slot had rested.
type reuse int

const (
	unused      reuse = iota // never used towards this peer
	rested                   // for restWindow or longer
	reusedEarly              // shorter: the pool has no more ports
)

// acquire returns a slot and leaves it in use until [rotation.release]. open is
// called before a slot is used for the first time and makes sure that its port
// is there; where it cannot, the longest-rested slot is reused, and only if
// there is none is open's error returned.
func (r *rotation) acquire(now time.Time, open func(port int) error) (slot, reuse, error) {
	some := r.head < len(r.resting)
	if some && now.Sub(r.resting[r.head].since) >= restWindow {
		return r.pop(), rested, nil
	}
	err := ErrNoIdentifier
	if r.fresh < r.ports*identifiersPerPort {
		s := r.slot(r.fresh)
		if err = open(s.port()); err == nil {
			r.fresh++
			return s, unused, nil
		}
	}
	if some {
		return r.pop(), reusedEarly, nil
	}
	return 0, unused, err
}

// release lets a slot rest from now on.
func (r *rotation) release(s slot, now time.Time) {
	r.resting = append(r.resting, rest{s, now})
}

// slot returns the n-th slot of this peer: port by port.
func (r *rotation) slot(n int) slot {
	port := (r.firstPort + n/identifiersPerPort) % r.ports
	return slot(port<<8) | slot(r.firstID+byte(n))
}

func (r *rotation) pop() slot {
	s := r.resting[r.head].slot
	r.head++
	if r.head*2 >= len(r.resting) { // so the queue never holds more than twice what rests
		r.resting = r.resting[:copy(r.resting, r.resting[r.head:])]
		r.head = 0
	}
	return s
}
