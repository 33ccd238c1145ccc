package acct

import (
	"net/netip"
	"sync"
	"time"
)

// Complaint is something of no use that a peer sent, for a person to look after.
type Complaint struct {
	Reason string     // a counter's label
	Peer   netip.Addr // who sent it; anybody can forge the address of what was not authentic
	Times  uint64     // since it was told last
}

// How often, and of how many, people are told.
const (
	complainAgain = time.Hour // the same of the same peer
	maxComplaints = 1000      // reasons and peers remembered; more are counted only
	maxTold       = 20        // of one call of Due
)

// Complaints remembers what peers sent that is of no use, by reason and peer, so
// that each is told once, and again after an hour if it goes on. What is beyond
// its bounds is not remembered; the counters still have it. The zero value is
// ready, its methods may be called from any goroutine.
type Complaints struct {
	mu    sync.Mutex // guards what follows
	known map[complaintKey]*complaint
}

type complaintKey struct {
	reason string
	peer   netip.Addr
}

type complaint struct {
	times uint64    // not told yet
	told  time.Time // zero: never
	last  time.Time
}

// Note adds one.
func (c *Complaints) Note(reason string, peer netip.Addr, now time.Time) {
	key := complaintKey{reason, peer.Unmap().WithZone("")}
	c.mu.Lock()
	defer c.mu.Unlock()
	known := c.known[key]
	if known == nil {
		if len(c.known) >= maxComplaints {
			return
		}
		if c.known == nil {
			c.known = map[complaintKey]*complaint{}
		}
		known = &complaint{}
		c.known[key] = known
	}
	known.times, known.last = known.times+1, now
}

// Due returns those that are to be told now, in no order, and forgets those
// that have not come again.
func (c *Complaints) Due(now time.Time) []Complaint {
	c.mu.Lock()
	defer c.mu.Unlock()
	var due []Complaint
	for key, known := range c.known {
		switch {
		case now.Sub(known.last) >= complainAgain && known.times == 0:
			delete(c.known, key)
		case known.times > 0 && len(due) < maxTold && now.Sub(known.told) >= complainAgain:
			due = append(due, Complaint{key.reason, key.peer, known.times})
			known.times, known.told = 0, now
		}
	}
	return due
}
