package store

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"
)

// A renewal seldom changes more than when a session was seen last, and that
// stands in the session's own record, where look-ups read it. Bindings and index
// entries are written again only where they changed, where this instance has
// not written them yet, and now and then, so that they do not expire.
const (
	writtenFor  = 12 * time.Hour // for one to two times as long what was written is not written again
	writtenMost = 4 << 20        // sessions remembered in that time; more begin the next one early
)

// written remembers what was stored about sessions besides their records.
type written struct {
	seed maphash.Seed

	mu          sync.Mutex // guards what follows
	now, before map[uint64]struct{}
	turned      time.Time
}

func newWritten() *written {
	return &written{seed: maphash.MakeSeed(), now: map[uint64]struct{}{}, before: map[uint64]struct{}{}}
}

// has reports whether that was written lately.
func (w *written) has(mark uint64, at time.Time) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn(at)
	_, now := w.now[mark]
	_, before := w.before[mark]
	return now || before
}

// put notes that it has been written.
func (w *written) put(mark uint64, at time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.turn(at)
	w.now[mark] = struct{}{}
}

// forget has everything written again: Redis may have lost it.
func (w *written) forget() {
	w.mu.Lock()
	defer w.mu.Unlock()
	clear(w.now)
	clear(w.before)
}

// turn lets go of what is too old. w.mu is held.
func (w *written) turn(at time.Time) {
	if at.Sub(w.turned).Abs() < writtenFor && len(w.now) < writtenMost {
		return
	}
	w.before, w.now, w.turned = w.now, map[uint64]struct{}{}, at
}

// mark stands for everything about a session that bindings and index say, but
// for when it was seen last.
func (w *written) mark(r *record) uint64 {
	var h maphash.Hash
	h.SetSeed(w.seed)
	text := func(s string) { _, _ = h.WriteString(s); _ = h.WriteByte(0) } // a hash takes everything
	number := func(n uint64) { _, _ = h.Write(binary.LittleEndian.AppendUint64(nil, n)) }
	moment := func(t time.Time) { number(uint64(t.UnixMilli())) }
	text(r.BNG)
	text(r.ID)
	text(r.Subscriber)
	text(flags(r.StartSeen, r.Ignored) + letter(r.Imported, "m") + letter(r.Guessed, "g"))
	moment(r.began)
	moment(r.StartedAt)
	moment(r.EndedAt)
	for i := range r.Addresses {
		a := &r.Addresses[i]
		prefix(&h, a.Prefix)
		text(string(a.Kind))
		text(a.Space)
		number(uint64(a.Ports.Lo)<<16 | uint64(a.Ports.Hi))
		moment(a.Since)
		moment(a.Until)
		moment(a.Shown)
		text(letter(a.Inferred, "n"))
	}
	return h.Sum64()
}

func prefix(h *maphash.Hash, p netip.Prefix) {
	octets := p.Addr().As16()
	_, _ = h.Write(octets[:]) // as above
	_ = h.WriteByte(byte(p.Bits()))
	_ = h.WriteByte(byte(p.Addr().BitLen()))
}
