package bng

import (
	"cmp"
	"hash/maphash"
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"sync"
	"time"

	"cordon/radiusx/acct"
)

// Discovered is a NAS that sends accounting and is no configured BNG.
type Discovered struct {
	NAS      acct.NAS   // the names it gives itself; any may be missing
	Own      acct.NAS   // those of them that no other NAS has: by which it could be known
	Sender   netip.Addr // who sent its last record: itself, or a relay
	Relay    bool       // the sender is a relay
	Records  uint64     // since FirstSeen
	Sessions int        // different Acct-Session-Ids, within a few percent up to 30,000
	First    time.Time  // when a record of it came first, and last
	Last     time.Time
}

// maxDiscovered bounds how many are remembered; the one that was quiet longest
// goes first.
const maxDiscovered = 1000

// unknownNASes are the NASes of accounting that the configuration does not know.
// Its methods may be called from any goroutine.
type unknownNASes struct {
	seed maphash.Seed
	mu   sync.Mutex // guards what follows
	by   map[unknownSourceKey]*unknownSource
}

// unknownSourceKey identifies one: by its names, and where no address is among
// them that is its own, by its sender too.
type unknownSourceKey struct {
	nas    acct.NAS
	sender netip.Addr
}

type unknownSource struct {
	Discovered
	key      unknownSourceKey
	sessions sketch
}

func newUnknownNASes() *unknownNASes {
	return &unknownNASes{seed: maphash.MakeSeed(), by: map[unknownSourceKey]*unknownSource{}}
}

// note takes a record in.
func (s *unknownNASes) note(r *acct.Record) {
	key := unknownSourceKey{nas: r.NAS}
	if own := distinctiveNames(r.NAS); !own.IP.IsValid() && !own.IPv6.IsValid() {
		key.sender = r.From.Addr().Unmap()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	known := s.by[key]
	if known == nil {
		if len(s.by) >= maxDiscovered {
			s.forget()
		}
		known = &unknownSource{Discovered: Discovered{NAS: r.NAS, First: r.Arrived}, key: key}
		s.by[key] = known
	}
	known.Sender, known.Relay, known.Last = r.From.Addr().Unmap(), r.Client.Relay, r.Arrived
	known.Records++
	if r.SessionID != "" {
		known.sessions.add(s.hash(r.SessionID))
	}
}

func (s *unknownNASes) hash(id string) uint64 { return maphash.String(s.seed, id) }

// forget makes room for one.
func (s *unknownNASes) forget() {
	var quietest *unknownSource
	for _, one := range s.by {
		if quietest == nil || one.Last.Before(quietest.Last) {
			quietest = one
		}
	}
	delete(s.by, quietest.key)
}

// list returns them, the one with most records first.
func (s *unknownNASes) list(fleet *Fleet) []Discovered {
	s.mu.Lock()
	defer s.mu.Unlock()
	called := map[string]int{} // how many have an identifier
	for _, one := range s.by {
		called[one.NAS.Identifier]++
	}
	list := make([]Discovered, 0, len(s.by))
	for _, one := range s.by {
		d := one.Discovered
		d.Sessions, d.Own = one.sessions.count(), distinctiveNames(d.NAS)
		if called[d.NAS.Identifier] > 1 || fleet.calls(d.NAS.Identifier) {
			d.Own.Identifier = ""
		}
		list = append(list, d)
	}
	slices.SortFunc(list, func(a, b Discovered) int {
		return cmp.Or(cmp.Compare(b.Records, a.Records), cmp.Compare(a.NAS.String(), b.NAS.String()), a.Sender.Compare(b.Sender))
	})
	return list
}

// calls reports whether a configured BNG has that identifier.
func (f *Fleet) calls(identifier string) bool {
	return f.shared[identifier] || f.nas[NAS{Identifier: identifier}] != nil
}

// sketch counts different things in a kilooctet, whatever their number: each
// sets one of 8,192 bits, and how many are left tells how many things there were
// (linear counting, Whang et al. 1990).
type sketch [128]uint64

func (s *sketch) add(hash uint64) {
	bit := hash % (64 * uint64(len(s)))
	s[bit/64] |= 1 << (bit % 64)
}

func (s *sketch) count() int {
	all, unset := float64(64*len(s)), 0
	for _, word := range s {
		unset += 64 - bits.OnesCount64(word)
	}
	return int(math.Round(all * math.Log(all/float64(max(unset, 1)))))
}
