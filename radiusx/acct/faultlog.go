package acct

import (
	"net/netip"
	"sync"
	"time"
)

// Fault is one thing that is wrong with a datagram.
type Fault struct {
	Reason string     // a counter's label
	Peer   netip.Addr // who sent it; anybody can forge the address of what was not authentic
	NAS    string     // as the record names its NAS; empty: the datagram is not authentic
	BNG    string     // the configured BNG that it claims to be about; empty: none
}

// FaultReport is a fault that is to be logged.
type FaultReport struct {
	Fault
	Times uint64 // since it was logged last
}

// FaultCount is how often a fault came in records that claim to be about a
// configured BNG; BNG is empty for all others.
type FaultCount struct {
	Reason, BNG string
	Times       uint64 // since the start
}

// How often, and of how many, faults are logged.
const (
	logInterval   = time.Hour // the same of the same peer and NAS
	maxFaults     = 1000      // faults remembered; more are counted only
	maxForged     = 500       // of them, those of datagrams that are not authentic
	maxPeerFaults = 200       // of one peer; the NASes of more are counted together
	maxReports    = 20        // of one call of Due
)

// otherNASes stands for the names of NASes beyond maxPeerFaults.
const otherNASes = "(others)"

// FaultLog remembers what peers sent that is wrong, by reason, peer and NAS, so
// that each is logged once, and again after an hour if it goes on. What is beyond
// its bounds is not remembered; the counts still have it. The zero value is ready,
// its methods may be called from any goroutine.
type FaultLog struct {
	mu     sync.Mutex // guards what follows
	known  map[Fault]*faultState
	forged int                // how many of known name no NAS
	peers  map[netip.Addr]int // how many of known are a peer's
	counts map[[2]string]uint64
}

type faultState struct {
	times  uint64    // not logged yet
	logged time.Time // zero: never
	last   time.Time
}

// Note adds one fault, so many times.
func (c *FaultLog) Note(f Fault, times int, now time.Time) {
	f.Peer = f.Peer.Unmap().WithZone("")
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known, c.peers, c.counts = map[Fault]*faultState{}, map[netip.Addr]int{}, map[[2]string]uint64{}
	}
	if f.NAS != "" {
		c.counts[[2]string{f.Reason, f.BNG}] += uint64(times)
	}
	known := c.known[f]
	if known == nil && c.peers[f.Peer] >= maxPeerFaults {
		f.NAS, f.BNG = otherNASes, ""
		known = c.known[f]
	}
	if known == nil {
		if known = c.remember(f); known == nil {
			return
		}
	}
	known.times, known.last = known.times+uint64(times), now
}

// remember makes room for a fault; nil if there is none.
func (c *FaultLog) remember(f Fault) *faultState {
	forged := f.NAS == ""
	if len(c.known) >= maxFaults || forged && c.forged >= maxForged {
		return nil
	}
	if forged {
		c.forged++
	}
	known := &faultState{}
	c.known[f] = known
	c.peers[f.Peer]++
	return known
}

// Due returns those that are to be logged now, in no order, and forgets those
// that have not come again.
func (c *FaultLog) Due(now time.Time) []FaultReport {
	c.mu.Lock()
	defer c.mu.Unlock()
	var due []FaultReport
	for fault, known := range c.known {
		switch {
		case now.Sub(known.last) >= logInterval && known.times == 0:
			c.forget(fault)
		case known.times > 0 && len(due) < maxReports && now.Sub(known.logged) >= logInterval:
			due = append(due, FaultReport{fault, known.times})
			known.times, known.logged = 0, now
		}
	}
	return due
}

func (c *FaultLog) forget(f Fault) {
	delete(c.known, f)
	if f.NAS == "" {
		c.forged--
	}
	if c.peers[f.Peer]--; c.peers[f.Peer] <= 0 {
		delete(c.peers, f.Peer)
	}
}

// Counts returns how often each fault of authentic records came, by BNG: as many
// as there are reasons and configured BNGs at most.
func (c *FaultLog) Counts() []FaultCount {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := make([]FaultCount, 0, len(c.counts))
	for key, times := range c.counts {
		counts = append(counts, FaultCount{key[0], key[1], times})
	}
	return counts
}
