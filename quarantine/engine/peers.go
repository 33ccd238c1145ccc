package engine

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"cordon/quarantine"
)

// instancesFresh is for how long a read of the registry is used.
const instancesFresh = 250 * time.Millisecond

// peers is what this instance knows of the others and their watermarks: what the registry has,
// and what it remembers of those that the registry has lost.
type peers struct {
	port       quarantine.InstanceRegistry
	self       string // this instance's id; its own accounting is asked for directly
	selfName   string
	now        func() time.Time
	keep       time.Duration // retention of departed ones
	resumed    func() (time.Time, bool)
	turn       chan struct{} // capacity 1; whoever has put something in owns read and gapsOf
	read       peerView
	latest     atomic.Pointer[peerView]  // the last without an error
	acquainted atomic.Bool               // the registry was read after this instance was published
	gapsOf     map[string]quarantine.Gap // of those that are, or were, silent
	mu         sync.Mutex                // guards what follows
	known      map[string]quarantine.Instance
	// registry is what the registry had at the last read, by id: when the instance was
	// published; nil: not read yet.
	registry map[string]time.Time
}

// peerView is what is known of the peers at one moment; an error too: a store that does not
// answer is not asked by each intaker in turn.
type peerView struct {
	peers []quarantine.Instance // sorted by name and id

	selfName string
	gaps     []quarantine.Gap // accounting that silent or lost peers may hide
	now      time.Time        // by the store's clock
	resumed  time.Time        // since when this instance is published without a break, by the store's clock
	cutOff   bool             // it is not: no peer counts as silent
	err      error
	at       time.Time // when it was read, by this host's clock; zero: never
}

func newPeers(
	port quarantine.InstanceRegistry, self, selfName string, keep time.Duration, now func() time.Time, resumed func() (time.Time, bool),
) *peers {
	return &peers{
		port: port, self: self, selfName: selfName, now: now, keep: keep, resumed: resumed, turn: make(chan struct{}, 1),
		gapsOf: map[string]quarantine.Gap{}, known: map[string]quarantine.Instance{},
	}
}

// current returns what the registry has, not older than instancesFresh. All intakers ask the
// same; one of them reads.
func (s *peers) current(ctx context.Context) (peerView, error) {
	return s.since(ctx, instancesFresh)
}

// since is current with another bound; 0: the registry is read.
func (s *peers) since(ctx context.Context, fresh time.Duration) (peerView, error) {
	select {
	case s.turn <- struct{}{}:
	case <-ctx.Done():
		return peerView{}, ctx.Err()
	}
	defer func() { <-s.turn }()
	if s.read.at.IsZero() || s.now().Sub(s.read.at) >= fresh {
		read := s.load(ctx)
		if ctx.Err() != nil {
			return peerView{}, ctx.Err() // the caller's own cancellation says nothing to the others
		}
		s.read = read
		if read.err == nil {
			s.latest.Store(&read)
		}
	}
	if s.read.err != nil {
		return peerView{}, fmt.Errorf("read the watermarks of other instances: %w", s.read.err)
	}
	return s.read, nil
}

// last returns what was read last, moved on to the present time. The store is not asked.
func (s *peers) last() peerView {
	read := s.latest.Load()
	if read == nil {
		return peerView{cutOff: true, selfName: s.selfName}
	}
	now := *read
	_, publishing := s.resumed()
	now.now, now.cutOff = now.now.Add(s.now().Sub(now.at)), !publishing
	return now
}

// load reads the registry. The caller holds turn.
func (s *peers) load(ctx context.Context) peerView {
	all, now, err := s.port.Instances(ctx)
	if err != nil {
		return peerView{err: err, at: s.now()}
	}
	resumed, publishing := s.resumed()
	if !resumed.IsZero() {
		s.acquainted.Store(true)
	}
	read := peerView{peers: s.merge(all, now), now: now, resumed: resumed, cutOff: !publishing, at: s.now(), selfName: s.selfName}
	for i := range read.peers {
		s.noteGap(&read.peers[i], &read)
	}
	maps.DeleteFunc(s.gapsOf, func(id string, _ quarantine.Gap) bool { return !read.knows(id) })
	read.gaps = slices.Collect(maps.Values(s.gapsOf))
	return read
}

// merge merges what the registry has into what is known, and returns all known peers. One that
// the registry lost is as it was last known.
func (s *peers) merge(all []quarantine.Instance, now time.Time) []quarantine.Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.registry
	s.registry = map[string]time.Time{}
	var others []quarantine.Instance
	for _, i := range all {
		s.registry[i.ID] = i.SpokeAt
		if i.ID == s.self {
			continue
		}
		spoke, seen := before[i.ID]
		i = s.merged(i, seen && i.SpokeAt.After(spoke))
		if _, remembered := s.known[i.ID]; !remembered {
			others = append(others, i)
		}
	}
	maps.DeleteFunc(s.known, func(_ string, i quarantine.Instance) bool {
		return i.Departure != nil && now.Sub(i.Departure.At) > s.keep
	})
	for id, i := range s.known {
		if _, registered := s.registry[id]; !registered && i.Departure == nil {
			i.AloneSince = now // it may have been publishing until now, unseen
		}
		others = append(others, i)
	}
	slices.SortFunc(others, func(a, b quarantine.Instance) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.ID, b.ID))
	})
	return others
}

// merged remembers a peer that others may have to wait for, and returns what counts of it. One
// that publishes, as two reads show, is as it says: what is remembered is older, although it may
// be later by a clock that was set back since. The caller holds mu.
func (s *peers) merged(i quarantine.Instance, speaks bool) quarantine.Instance {
	before, known := s.known[i.ID]
	if known && !speaks {
		i = before.Merge(i)
	}
	if known || i.Accounting {
		s.known[i.ID] = i
	}
	return i
}

// noteGap notes the gap that the peer may hide, or that it hides none any more. The gap of its
// silence stays until its watermark has passed it: who asked for completeness before it came
// back did not wait for it. The caller holds turn.
func (s *peers) noteGap(i *quarantine.Instance, read *peerView) {
	held, doubted := s.gapsOf[i.ID]
	speaks := i.Departure == nil && i.Spoke(read.now)
	switch {
	case i.Hides() && (i.Silent(read.now, read.silenceFrom()) || i.Departure != nil):
		s.gapsOf[i.ID] = i.Gap()
		return
	case doubted && i.Departure == nil && !speaks:
		return // it was this instance that was cut off
	}
	held.To = earlier(held.To, i.SpokeAt)
	if doubted && speaks && i.Complete.Before(held.To) {
		s.gapsOf[i.ID] = held
		return
	}
	delete(s.gapsOf, i.ID)
}

// silenceFrom is from when the silence of peers counts.
func (v *peerView) silenceFrom() time.Time {
	if v.cutOff {
		return v.now
	}
	return v.resumed
}

func (v *peerView) knows(id string) bool {
	return slices.ContainsFunc(v.peers, func(i quarantine.Instance) bool { return i.ID == id })
}

// waiting is how a moment waits for a peer.
type waiting struct {
	how      quarantine.Await
	instance quarantine.Instance
}

// awaits returns what a moment waits for: of several peers, the one for which it may wait
// longest.
func (v *peerView) awaits(moment time.Time) waiting {
	var longest waiting
	for _, i := range v.peers {
		if how := i.Awaits(moment, v.now, v.silenceFrom()); how > longest.how {
			longest = waiting{how, i}
		}
	}
	return longest
}

// missing returns the peers that the registry has lost.
func (s *peers) missing() (lost []quarantine.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for id, i := range s.known {
		if _, registered := s.registry[id]; s.registry != nil && !registered {
			lost = append(lost, i)
		}
	}
	return lost
}

// all returns the peers that others may have to wait for, as they are known without the
// store.
func (s *peers) all() []quarantine.Instance {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Values(s.known))
}

// add notes an instance from the journal, or from a command.
func (s *peers) add(i quarantine.Instance) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i.ID != s.self {
		s.merged(i, false)
	}
}
