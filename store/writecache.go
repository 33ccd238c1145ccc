package store

import (
	"encoding/binary"
	"hash/maphash"
	"sync"
	"time"

	"cordon/quarantine"
)

// Most accounting says that a session still stands. What is stored of it is then
// changed in one place, the head of its record, where look-ups read it. All else
// (the rest of the record, bindings, index entries) is written again only where it
// changed, where this instance has not written it yet, and now and then, so that it
// does not expire.
const (
	cacheFor  = 12 * time.Hour // for one to two times as long what was written is not written again
	cacheMost = 4 << 20        // sessions known in that time; more begin the next one early
)

// cachedSession is what this instance has written of a session, and what a record
// of accounting may say without adding to it.
type cachedSession struct {
	mark    uint64 // of what bindings and index say
	renewal uint64 // digest of an event that only renews the session; 0: none is known
	started int64  // StartedAt, ms
	version uint64 // of the record of which renewal is true
}

// writeCache remembers sessions by digests of their keys, which a hash has made: two with
// one digest differ in mark and renewal.
type writeCache struct {
	seed maphash.Seed

	mu          sync.Mutex // guards what follows
	now, before map[uint64]cachedSession
	shared      map[string]int64 // since when addresses are shared, ms, by key
	ending      map[string]bool  // keys that were given their end
	rotatedAt   time.Time
	epoch       uint64 // rises when everything is forgotten
}

func newWriteCache() *writeCache {
	return &writeCache{seed: maphash.MakeSeed(), now: map[uint64]cachedSession{}, before: map[uint64]cachedSession{},
		shared: map[string]int64{}, ending: map[string]bool{}}
}

// currentEpoch returns the epoch of what is about to be written.
func (k *writeCache) currentEpoch() (epoch uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.epoch
}

// get returns what was written of the session lately; the zero value if nothing
// is known to have been.
func (k *writeCache) get(key uint64, at time.Time) cachedSession {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rotate(at)
	if s, ok := k.now[key]; ok {
		return s
	}
	return k.before[key]
}

// put notes what was written of the session: all of it, or the record alone, which
// does not change when the rest is to be written again. It notes nothing if all was
// forgotten since epoch: Redis may have lost it already.
func (k *writeCache) put(key uint64, s cachedSession, all bool, epoch uint64, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rotate(at)
	_, late := k.now[key]
	_, early := k.before[key]
	switch {
	case k.epoch != epoch:
	case all || late:
		k.now[key] = s
	case early:
		k.before[key] = s
	}
}

// forget has everything written again: Redis may have lost it.
func (k *writeCache) forget() {
	k.mu.Lock()
	defer k.mu.Unlock()
	clear(k.now)
	clear(k.before)
	clear(k.shared)
	clear(k.ending)
	k.epoch++
}

// rotate lets go of what is too old. k.mu is held.
func (k *writeCache) rotate(at time.Time) {
	if at.Sub(k.rotatedAt).Abs() < cacheFor && len(k.now) < cacheMost {
		return
	}
	k.before, k.now, k.rotatedAt = k.now, map[uint64]cachedSession{}, at
	clear(k.shared)
	clear(k.ending)
}

// wroteShared reports whether it was written that the address of a key was shared at
// a moment, or before.
func (k *writeCache) wroteShared(key string, moment, at time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rotate(at)
	since, ok := k.shared[key]
	return ok && since <= moment.UnixMilli()
}

// noteShared notes that it was written, unless all was forgotten since epoch.
func (k *writeCache) noteShared(key string, moment time.Time, epoch uint64, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rotate(at)
	if k.epoch == epoch && len(k.shared) < cacheMost {
		k.shared[key] = moment.UnixMilli()
	}
}

// renews reports whether the event, whose digest is given, only renews the session
// (see [quarantine.OnlyRenews]).
func (s *cachedSession) renews(ev *quarantine.SessionEvent, digest uint64) bool {
	return s.renewal != 0 && s.renewal == digest && ev.Kind == quarantine.SessionRenewed && ev.Latest.IsZero() &&
		(ev.StartedAt.IsZero() || ev.StartedAt.Sub(time.UnixMilli(s.started)).Abs() <= quarantine.ClockSlack)
}

// wroteEnd reports whether the key was given its end lately.
func (k *writeCache) wroteEnd(key string, at time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rotate(at)
	return k.ending[key]
}

// noteEnd notes that it was, unless all was forgotten since epoch.
func (k *writeCache) noteEnd(key string, epoch uint64, at time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.rotate(at)
	if k.epoch == epoch {
		k.ending[key] = true
	}
}

// digest makes a number of what is written to it, after SetSeed.
type digest struct{ maphash.Hash }

func (d *digest) text(s string) {
	d.number(uint64(len(s)))
	_, _ = d.WriteString(s) // a hash takes everything
}

func (d *digest) number(n uint64) {
	var octets [8]byte
	binary.LittleEndian.PutUint64(octets[:], n)
	_, _ = d.Write(octets[:]) // as above
}

func (d *digest) flags(set ...bool) {
	var bits uint64
	for i, is := range set {
		if is {
			bits |= 1 << i
		}
	}
	d.number(bits)
}

func (d *digest) moment(t time.Time) { d.number(uint64(t.UnixMilli())) }

func (d *digest) address(a *quarantine.Address) {
	octets := a.Prefix.Addr().As16()
	_, _ = d.Write(octets[:]) // as above
	d.number(uint64(a.Prefix.Bits())<<32 | uint64(a.Prefix.Addr().BitLen()))
	d.text(string(a.Kind))
	d.text(a.Space)
	d.number(uint64(a.Ports.Lo)<<16 | uint64(a.Ports.Hi))
}

func (d *digest) claimant(c quarantine.Claimant) {
	d.text(c.Subscriber)
	d.text(formatPlace(c.Via))
}

// session makes a number of a session's key.
func (k *writeCache) session(key quarantine.SessionKey) uint64 {
	var d digest
	d.SetSeed(k.seed)
	d.text(key.BNG)
	d.text(key.ID)
	return d.Sum64()
}

// mark stands for everything about a session that bindings and index say, but
// for when it was seen last.
func (k *writeCache) mark(r *record) uint64 {
	var d digest
	d.SetSeed(k.seed)
	d.text(r.BNG)
	d.text(r.ID)
	d.claimant(r.Claimant())
	d.flags(r.StartSeen, r.Ignored, r.Imported, r.Guessed)
	d.moment(r.began)
	d.moment(r.StartedAt)
	d.moment(r.StartedBy)
	d.moment(r.EndedAt)
	for i := range r.Addresses {
		a := &r.Addresses[i]
		d.address(a)
		d.moment(a.Since)
		d.moment(a.SinceBy)
		d.moment(a.Until)
		d.moment(a.Shown)
		d.moment(a.Began)
		d.flags(a.Inferred)
		d.claimant(a.Of)
	}
	for i := range r.replaced {
		d.number(k.mark(&r.replaced[i]))
	}
	return d.Sum64()
}

// renewal stands for everything that an event says, but for what kind it is of,
// when it was and when the session began.
func (k *writeCache) renewal(ev *quarantine.SessionEvent) uint64 {
	var d digest
	d.SetSeed(k.seed)
	d.text(ev.Key.BNG)
	d.text(ev.Key.ID)
	d.claimant(quarantine.Claimant{Subscriber: ev.Subscriber, Via: ev.Via})
	d.text(ev.Member)
	d.flags(ev.Ignored, ev.Imported, ev.Fallback)
	d.number(uint64(len(ev.Only)))
	for _, kind := range ev.Only {
		d.text(string(kind))
	}
	for _, list := range [][]quarantine.Address{ev.Addresses, ev.Freed} {
		d.number(uint64(len(list)))
		for i := range list {
			d.address(&list[i])
		}
	}
	for _, list := range [][]quarantine.Attribute{ev.Attributes, ev.Observed} {
		d.number(uint64(len(list)))
		for i := range list {
			d.text(list[i].Name)
			d.text(list[i].Value)
		}
	}
	return d.Sum64()
}
