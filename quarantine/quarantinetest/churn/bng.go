package churn

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"cordon/quarantine"
)

// box is a BNG, with its translator if it has one.
type box struct {
	sim        *simulation
	name       string
	number     int
	space      string // of its IPv4 addresses; "": public ones
	probe      string // the source that sees those
	interim    int64  // ms between Interim-Updates; 0: none
	configured bool   // the operator said how often
	times      bool   // tells the session time
	repeats    bool   // tells the IPv6 addresses in every record
	blocks     blockTelling
	skew       int64 // its clock, ms
	logSkew    int64 // its translator's

	silentFrom, silentTo int64 // what it tells then is relayed late
	catchUp              int64

	resets []reset
	down   bool
	nextID int
	lines  []*line
	free   map[Class][]spot // by what they are for

	troubles // none in a world without faults
}

// reset is an Accounting-On or -Off.
type reset struct {
	happened int64
	report   *report
}

// blockTelling is how port blocks are told of.
type blockTelling uint8

const (
	noBlocks blockTelling = iota
	byRADIUS
	byLog
	byNAT // in accounting of the translator's own, which knows inside addresses only
)

// Sizes of a BNG.
const (
	poolSize    = 24
	subscribers = 500
	blockPorts  = 2048

	publicAddresses = 4 // of a translator, eight blocks each
)

func prefixes(texts ...string) []netip.Prefix {
	var list []netip.Prefix
	for _, text := range texts {
		list = append(list, netip.MustParsePrefix(text))
	}
	return list
}

// fill gives the BNG its pools.
func (b *box) fill() {
	b.free = map[Class][]spot{}
	add := func(c Class, at spot) { b.free[c] = append(b.free[c], at) }
	for i := range poolSize {
		v4 := netip.AddrFrom4([4]byte{192, 0, byte(b.number), byte(i)})
		if b.space != "" {
			v4 = netip.AddrFrom4([4]byte{100, 64, 0, byte(i)}) // the same behind every translator
		}
		add(b.ipv4(), spot{prefix: netip.PrefixFrom(v4, 32), space: b.space})
		add(IPv6Prefix, spot{prefix: b.v6(0x10, i, 64)})
		add(IPv6Delegated, spot{prefix: b.v6(0x20, i, 56)})
		add(IPv6Address, spot{prefix: b.v6(0x30, i, 128)})
	}
	if b.blocks == noBlocks {
		return
	}
	for i := range publicAddresses * 8 {
		public := netip.AddrFrom4([4]byte{203, 0, 113, byte(b.number*publicAddresses + i/8)})
		lo := uint16(1024 + i%8*blockPorts)
		add(b.shared(), spot{prefix: netip.PrefixFrom(public, 32), ports: quarantine.PortRange{Lo: lo, Hi: lo + blockPorts - 1}})
	}
}

// ipv4 is what its IPv4 addresses are.
func (b *box) ipv4() Class {
	if b.space != "" {
		return Private
	}
	return IPv4
}

// shared is what its port blocks are.
func (b *box) shared() Class {
	switch b.blocks {
	case byLog:
		return BlockByLog
	case byNAT:
		return BlockByNAT
	}
	return BlockByRADIUS
}

// v6 is the i-th IPv6 prefix of one of the BNG's pools.
func (b *box) v6(pool byte, i, bits int) netip.Prefix {
	a := [16]byte{0x20, 0x01, 0x0d, 0xb8, byte(b.number), pool}
	if bits == 56 {
		a[6] = byte(i)
	} else {
		binary.BigEndian.PutUint16(a[6:], uint16(i))
	}
	return netip.PrefixFrom(netip.AddrFrom16(a), bits)
}

// take gives a spot of a pool, any that is free, or false.
func (b *box) take(l *line, c Class, kind quarantine.AddressKind, from int64) *hold {
	pool := b.free[c]
	if len(pool) == 0 {
		return nil
	}
	n := b.sim.rng.IntN(len(pool))
	if b.sim.fault(Returns, 40) {
		n = l.back(pool)
	}
	h := &hold{spot: pool[n], kind: kind, class: c, subscriber: l.subscriber, line: l, from: from, to: never, heard: never, ended: never}
	pool[n] = pool[len(pool)-1]
	b.free[c] = pool[:len(pool)-1]
	if len(l.former) > 0 {
		h.passedOn, h.before = true, l.claim(h)
	}
	b.sim.world.holds[h.spot] = append(b.sim.world.holds[h.spot], h)
	return h
}

// give puts a spot back.
func (b *box) give(h *hold) {
	h.to = b.sim.now
	h.line.past = append(h.line.past, h)
	b.free[h.class] = append(b.free[h.class], h.spot)
}

// logIn begins a session, and has the next one follow.
func (b *box) logIn() {
	s := b.sim
	s.after(s.within(500, 14_500), b.logIn)
	if b.down || len(b.free[b.ipv4()]) == 0 {
		return
	}
	b.nextID++
	l := &line{
		box: b, id: fmt.Sprintf("%08x", b.nextID), from: s.now, to: never, told: map[*hold]bool{},
		subscriber: fmt.Sprintf("sub%d@bng%d", s.rng.IntN(subscribers), b.number),
	}
	l.nameless = s.fault(Names, 3)
	l.v4 = b.take(l, b.ipv4(), quarantine.FramedIP, s.now)
	b.lines = append(b.lines, l)
	early := s.chance(60)
	if early {
		l.dualStack()
	}
	switch b.blocks {
	case byLog, byRADIUS:
		l.block()
	case byNAT:
		b.translate(l)
	}
	b.tell(l, quarantine.SessionStarted, nil)
	if !early {
		s.after(s.within(0, 20_000), func() { l.live(l.dualStack) })
	}
	l.future()
}

// future plans what becomes of the session.
func (l *line) future() {
	s := l.box.sim
	lasts := s.within(10_000, 120_000)
	if s.chance(25) {
		lasts = s.within(60_000, 900_000)
	}
	s.after(lasts, func() { l.live(l.end) })
	if l.box.interim > 0 {
		s.after(l.box.interim, l.interim)
	}
	if s.chance(8) {
		s.after(s.within(5_000, lasts), func() { l.live(l.renumber) })
	}
	if l.box.blocks != noBlocks && l.box.blocks != byNAT && s.chance(50) {
		s.after(s.within(3_000, lasts), func() { l.live(l.swapBlock) })
	}
	l.unsettle(lasts)
}

// live does something if the session has not ended.
func (l *line) live(do func()) {
	if l.to == never {
		do()
	}
}

func (l *line) interim() {
	l.live(func() {
		l.box.tell(l, quarantine.SessionRenewed, nil)
		l.box.sim.after(l.box.interim, l.interim)
	})
}

// dualStack gives the session IPv6.
func (l *line) dualStack() {
	b, now := l.box, l.box.sim.now
	add := func(h *hold) {
		if h != nil {
			l.v6 = append(l.v6, h)
		}
	}
	switch b.sim.rng.IntN(4) {
	case 0:
	case 1:
		add(b.take(l, IPv6Address, quarantine.FramedIPv6Address, now))
	default:
		add(b.take(l, IPv6Prefix, quarantine.FramedIPv6Prefix, now))
		add(b.take(l, IPv6Delegated, quarantine.DelegatedIPv6Prefix, now))
	}
}

// renumber gives the session another address or prefix instead of one it has; it
// is told of at once, if that record is not lost.
func (l *line) renumber() {
	b := l.box
	switch {
	case len(l.v6) > 0 && b.sim.chance(50):
		n := b.sim.rng.IntN(len(l.v6))
		old := l.v6[n]
		if h := b.take(l, old.class, old.kind, b.sim.now); h != nil {
			b.give(old)
			l.v6[n] = h
		}
	case b.blocks == noBlocks:
		if h := b.take(l, b.ipv4(), quarantine.FramedIP, b.sim.now); h != nil {
			if l.v4 != nil {
				b.give(l.v4)
			}
			l.v4 = h
		}
	}
	b.tell(l, quarantine.SessionRenewed, nil)
}

// end ends the session in order.
func (l *line) end() {
	l.close()
	l.box.tell(l, quarantine.SessionEnded, nil)
}

// close ends the session without a word.
func (l *line) close() {
	b := l.box
	l.to = b.sim.now
	b.untranslate(l)
	for _, h := range l.all() {
		b.give(h)
	}
	for i := range b.lines {
		if b.lines[i] == l {
			b.lines[i] = b.lines[len(b.lines)-1]
			b.lines = b.lines[:len(b.lines)-1]
			return
		}
	}
}

// all is what the session has.
func (l *line) all() []*hold {
	var list []*hold
	if l.v4 != nil { // released
		list = append(list, l.v4)
	}
	return append(append(list, l.v6...), l.blocks...)
}

// fail restarts the BNG: its sessions are over, its identifiers begin anew. Some
// BNGs say so before, most after, some repeatedly and some never.
func (b *box) fail() {
	s := b.sim
	if b.down {
		return
	}
	orderly := s.chance(30)
	b.down = true
	b.dropMappings()
	for len(b.lines) > 0 {
		l := b.lines[0]
		if orderly && s.chance(70) {
			l.end()
			continue
		}
		l.close()
	}
	if orderly {
		b.tellReset()
	}
	s.after(s.within(3_000, 40_000), func() {
		b.down, b.nextID = false, 0
		if s.chance(85) {
			for again := range s.rng.IntN(3) + 1 {
				s.after(int64(again)*s.within(0, 8_000), b.tellReset)
			}
		}
	})
}
