package store

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// Bindings implements quarantine.BindingFinder: it looks in the block of every
// prefix length in use, and where an address is shared in all slices of its ports.
// Entries that do not decode are counted and passed over.
func (s *Store) Bindings(ctx context.Context, at quarantine.Place, from, to time.Time) ([]quarantine.Binding, error) {
	l, err := s.lookUp(ctx, at)
	if l == nil || err != nil {
		return nil, err
	}
	marks := l.readMarks()
	l.readBlocks()
	if err := l.exec(ctx); err != nil {
		return nil, err
	}
	for _, m := range marks {
		if _, shared := m.since(s); shared {
			l.readSlices(m.prefix)
		}
	}
	if err := l.exec(ctx); err != nil {
		return nil, err
	}
	return s.complete(ctx, l.inForce(from, to))
}

// foundBinding is a binding and when its session began as first seen.
type foundBinding struct {
	quarantine.Binding
	began time.Time
}

// lookUp finds the bindings of a place.
type lookUp struct {
	store    *Store
	at       quarantine.Place
	prefixes []netip.Prefix // over the place, of all lengths in use in its space
	shared   []netip.Prefix // likewise, of those that port blocks have
	pipe     redis.Pipeliner
	reads    []*reading // of the round under way
	done     map[string]bool
	found    []foundBinding
	seen     map[string]bool // fields of slices, for a block may be in several
}

// reading is a hash of bindings that is read.
type reading struct {
	prefix netip.Prefix
	digit  byte // of the prefix in its block; 0: a slice of its ports
	answer *redis.MapStringStringCmd
}

// lookUp begins to look up a place; nil if it is none.
func (s *Store) lookUp(ctx context.Context, at quarantine.Place) (*lookUp, error) {
	at.Addr = at.Addr.Unmap().WithZone("")
	if !at.IsValid() {
		return nil, nil
	}
	l := &lookUp{store: s, at: at, pipe: s.client.Pipeline(), done: map[string]bool{}, seen: map[string]bool{}}
	lengths, err := s.client.SMembers(ctx, s.keys.lengths()).Result()
	if err != nil {
		return nil, l.failed(err)
	}
	for bits := at.Addr.BitLen(); bits >= 0; bits-- {
		text, prefix := formatLength(at, bits), netip.PrefixFrom(at.Addr, bits).Masked()
		if slices.Contains(lengths, text) {
			l.prefixes = append(l.prefixes, prefix)
		}
		if slices.Contains(lengths, blockLength+text) {
			l.shared = append(l.shared, prefix)
		}
	}
	return l, nil
}

func (l *lookUp) failed(err error) error { return fmt.Errorf("find bindings of %s: %w", l.at, err) }

// read has a hash read in this round, if it was not before.
func (l *lookUp) read(key string, prefix netip.Prefix, digit byte) {
	if l.done[key] {
		return
	}
	l.done[key] = true
	l.reads = append(l.reads, &reading{prefix, digit, l.pipe.HGetAll(context.Background(), key)})
}

// readBlocks has the blocks of all prefixes over the place read.
func (l *lookUp) readBlocks() {
	for _, prefix := range l.prefixes {
		block, digit := blockOf(prefix)
		l.read(l.store.keys.bindings(quarantine.Place{Addr: block, Space: l.at.Space}, prefix.Bits()), prefix, digit)
	}
}

// exec reads what was asked for.
func (l *lookUp) exec(ctx context.Context) error {
	if l.pipe.Len() == 0 {
		return nil
	}
	_, _ = l.pipe.Exec(ctx) // each command carries its own error
	reads := l.reads
	l.reads = nil
	for _, r := range reads {
		entries, err := r.answer.Result()
		switch {
		case redis.HasErrorPrefix(err, "WRONGTYPE"):
			l.store.unreadable.Add(1)
		case err != nil:
			return l.failed(err)
		case r.digit == 0:
			l.decodeSlice(r.prefix, entries)
		default:
			l.decodeBlock(r, entries)
		}
	}
	return nil
}

// decodeBlock picks the bindings of a prefix from its block. Port blocks that an
// earlier build kept there are passed over: their ends are written elsewhere.
func (l *lookUp) decodeBlock(r *reading, entries map[string]string) {
	port := kindLetters[quarantine.NATPortBlock]
	for field, value := range entries {
		if field != "" && field[0] == r.digit && (len(field) == 1 || field[1] != port) {
			l.decode(r.prefix, field[1:], value)
		}
	}
}

func (l *lookUp) decode(prefix netip.Prefix, field, value string) {
	b, err := decodeBinding(prefix, field, value)
	if err != nil {
		l.store.unreadable.Add(1)
		return
	}
	b.Space = l.at.Space
	l.found = append(l.found, b)
}

// inForce returns what was found that was in force at some time between from and to.
func (l *lookUp) inForce(from, to time.Time) []foundBinding {
	return slices.DeleteFunc(l.found, func(b foundBinding) bool { return !touches(&b.Binding, from, to) })
}

func touches(b *quarantine.Binding, from, to time.Time) bool {
	return !b.From.After(to) && (b.To.IsZero() || !b.To.Before(from))
}

// complete adds what stands elsewhere: each BNG's last announced restart, and
// when the session of an open binding was seen last.
func (s *Store) complete(ctx context.Context, found []foundBinding) ([]quarantine.Binding, error) {
	if len(found) == 0 {
		return nil, nil
	}
	p := s.client.Pipeline()
	keys := make([]quarantine.SessionKey, len(found))
	seen := make([]*redis.StringCmd, len(found))
	for i, f := range found {
		keys[i] = f.Session
		if f.To.IsZero() {
			seen[i] = p.Get(ctx, s.keys.session(f.Session))
		}
	}
	asked := s.askResets(ctx, p, bngsOf(keys))
	_, _ = p.Exec(ctx) // each command carries its own error
	bindings := make([]quarantine.Binding, len(found))
	for i, f := range found {
		at, err := asked[f.Session.BNG].Result()
		resetAt, err := s.restart(f.Session.BNG, at, err)
		if err != nil {
			return nil, err
		}
		f.ResetAt, f.Interim = resetAt, s.cfg.Interim(f.Session.BNG)
		if seen[i] != nil {
			if err := s.renew(&f, seen[i]); err != nil {
				return nil, err
			}
		}
		bindings[i] = f.Binding
	}
	return bindings, nil
}

// renew reads from its session's record when a binding was renewed last: an
// Interim-Update that changes nothing else is written there only. A record lists
// all that its session holds, so one that does not list the binding, or lists it as
// ended, shows that it is over. So does the record of a later session under the key, or
// of the same one where an earlier record is lost.
func (s *Store) renew(f *foundBinding, get *redis.StringCmd) error {
	text, err := get.Result()
	switch {
	case errors.Is(err, redis.Nil), redis.HasErrorPrefix(err, "WRONGTYPE"):
		return nil
	case err != nil:
		return fmt.Errorf("read session %s: %w", f.Session, err)
	}
	r, unreadable := decodeRecord(f.Session, text)
	if unreadable != nil {
		s.unreadable.Add(1)
		return nil //nolint:nilerr // another program's value says nothing about the binding
	}
	if r.began.Before(f.began) {
		return nil
	}
	own := statement{f.Binding, f.began, 0}
	for _, b := range r.Bindings() {
		if listed := (statement{b, r.began, 0}); listed.interval() == own.interval() {
			if f.To = b.To; !b.To.IsZero() || b.RenewedAt.After(f.RenewedAt) {
				f.RenewedAt, f.Listed = b.RenewedAt, b.Listed
			}
			return nil
		}
	}
	f.To = r.SeenAt
	if f.From.After(f.To) {
		f.To = f.From
	}
	return nil
}
