package store

import (
	"context"
	"errors"
	"net/netip"
	"strconv"
	"time"

	"cordon/quarantine"

	"github.com/redis/go-redis/v9"
)

// The port blocks of an address lie in hashes of their own, one for each slice of
// its ports: who held a port is then found without reading who held the others. A
// block that touches more than wideSlices of them lies in one for wide ones, which is
// always read.
const (
	slicePorts = 1024
	slicesAll  = 1 << 16 / slicePorts
	wideSlices = 4
	wide       = "w"
)

// slicesOf lists the slices in which a block of ports lies.
func slicesOf(ports quarantine.PortRange) []string {
	first, last := int(ports.Lo)/slicePorts, int(ports.Hi)/slicePorts
	if last-first >= wideSlices {
		return []string{wide}
	}
	list := make([]string, 0, wideSlices)
	for slice := first; slice <= last; slice++ {
		list = append(list, strconv.Itoa(slice))
	}
	return list
}

// portBlockCalls writes a port block to its slices, and that its address is shared.
func (s *Store) portBlockCalls(b *quarantine.Binding, args []any) []*call {
	var calls []*call
	for _, slice := range slicesOf(b.Ports) {
		calls = append(calls, &call{script: bindingScript, keys: []string{s.keys.portBlocks(b.Prefix, b.Space, slice)}, args: args})
	}
	key := s.keys.shared(b.Prefix, b.Space)
	if now := s.cfg.Now(); !s.written.wroteShared(key, b.From, now) {
		epoch := s.written.currentEpoch()
		calls = append(calls, &call{
			script: sharedScript, keys: []string{key}, args: []any{ms(b.From), ttl(s.cfg.Idle)},
			then: func() { s.written.noteShared(key, b.From, epoch, now) },
		})
	}
	return calls
}

// mark is since when an address is shared.
type mark struct {
	prefix netip.Prefix
	get    *redis.StringCmd
}

// readMarks has it read in this round whether the place is shared.
func (l *lookUp) readMarks() []mark {
	marks := make([]mark, len(l.shared))
	for i, prefix := range l.shared {
		marks[i] = mark{prefix, l.pipe.Get(context.Background(), l.store.keys.shared(prefix, l.at.Space))}
	}
	return marks
}

// since returns since when the address is shared. A mark that cannot be read is one
// from the beginning of time: it is there.
func (m *mark) since(s *Store) (t time.Time, shared bool) {
	text, err := m.get.Result()
	if errors.Is(err, redis.Nil) {
		return time.Time{}, false
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil || !plausible(n) {
		s.unreadable.Add(1)
		n = 1
	}
	return fromMilli(n), true
}

// readSlices has all port blocks of a prefix read.
func (l *lookUp) readSlices(prefix netip.Prefix) {
	for slice := range slicesAll {
		l.readSlice(prefix, strconv.Itoa(slice))
	}
	l.readSlice(prefix, wide)
}

func (l *lookUp) readSlice(prefix netip.Prefix, slice string) {
	l.read(l.store.keys.portBlocks(prefix, l.at.Space, slice), prefix, 0)
}

// decodeSlice takes in the port blocks of a slice.
func (l *lookUp) decodeSlice(prefix netip.Prefix, entries map[string]string) {
	for field, value := range entries {
		if id := prefix.String() + " " + field; field != counted && !l.seen[id] {
			l.seen[id] = true
			l.decode(prefix, field, value)
		}
	}
}

// counted is the field in which a script counts the others.
const counted = "o"

// PortBindings implements quarantine.PortFinder: it reads the slice of the port, and
// those that a block reaches which may have been in force at the moment, for who was
// given some of its ports later shows that it is over. Where all ports of the address
// may have been somebody's, anybody's block shows that.
func (s *Store) PortBindings(
	ctx context.Context, at quarantine.Place, port uint16, from, to, until time.Time,
) ([]quarantine.Binding, error) {
	l, err := s.lookUp(ctx, at)
	if l == nil || err != nil {
		return nil, err
	}
	marks := l.readMarks()
	l.readBlocks()
	if port != 0 {
		for _, prefix := range l.shared {
			l.readSlice(prefix, strconv.Itoa(int(port)/slicePorts))
			l.readSlice(prefix, wide)
		}
	}
	if err := l.exec(ctx); err != nil {
		return nil, err
	}
	var shared []quarantine.Binding
	for _, m := range marks {
		since, is := m.since(s)
		switch {
		case !is || since.After(until):
		case port == 0:
			shared = append(shared, quarantine.SharedSince(since, m.prefix, l.at.Space))
		default:
			l.readRivals(m.prefix, port, from, to)
		}
	}
	if err := l.exec(ctx); err != nil {
		return nil, err
	}
	found, err := s.complete(ctx, l.inForce(time.Time{}, until))
	return append(found, shared...), err
}

// readRivals has the slices read in which something may show that who may have held
// the port at some time between from and to held it no more.
func (l *lookUp) readRivals(prefix netip.Prefix, port uint16, from, to time.Time) {
	for i := range l.found {
		b := &l.found[i].Binding
		switch {
		case !touches(b, from, to) || !b.Ports.Has(port):
		case b.Ports.All():
			l.readSlices(prefix)
			return
		default:
			for slice := int(b.Ports.Lo) / slicePorts; slice <= int(b.Ports.Hi)/slicePorts; slice++ {
				l.readSlice(prefix, strconv.Itoa(slice))
			}
		}
	}
}
