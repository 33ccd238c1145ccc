package churn

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"cordon/quarantine"
)

// bng is a BNG, with its translator if it has one.
type bng struct {
	sim        *simulation
	name       string
	number     int
	space      string // of its IPv4 addresses; "": public ones
	probe      string // the source that sees those
	interim    int64  // ms between Interim-Updates; 0: none
	configured bool   // the operator said how often
	times      bool   // reports the session time
	repeats    bool   // reports the IPv6 addresses in every record
	blocks     blockReporting
	skew       int64 // its clock, ms
	logSkew    int64 // its translator's

	silentFrom, silentTo int64 // what it reports then is relayed late
	catchUp              int64

	resets   []reset
	down     bool
	nextID   int
	sessions []*session
	free     map[Class][]resource // by what they are for

	defects // none in a world without faults
}

// reset is an Accounting-On or -Off.
type reset struct {
	happened int64
	report   *report
}

// blockReporting is how port blocks are reported.
type blockReporting uint8

const (
	noBlocks blockReporting = iota
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
func (b *bng) fill() {
	b.free = map[Class][]resource{}
	add := func(c Class, at resource) { b.free[c] = append(b.free[c], at) }
	for i := range poolSize {
		v4 := netip.AddrFrom4([4]byte{192, 0, byte(b.number), byte(i)})
		if b.space != "" {
			v4 = netip.AddrFrom4([4]byte{100, 64, 0, byte(i)}) // the same behind every translator
		}
		add(b.ipv4(), resource{prefix: netip.PrefixFrom(v4, 32), space: b.space})
		add(IPv6Prefix, resource{prefix: b.v6(0x10, i, 64)})
		add(IPv6Delegated, resource{prefix: b.v6(0x20, i, 56)})
		add(IPv6Address, resource{prefix: b.v6(0x30, i, 128)})
	}
	if b.blocks == noBlocks {
		return
	}
	for i := range publicAddresses * 8 {
		public := netip.AddrFrom4([4]byte{203, 0, 113, byte(b.number*publicAddresses + i/8)})
		lo := uint16(1024 + i%8*blockPorts)
		add(b.shared(), resource{prefix: netip.PrefixFrom(public, 32), ports: quarantine.PortRange{Lo: lo, Hi: lo + blockPorts - 1}})
	}
}

// ipv4 is what its IPv4 addresses are.
func (b *bng) ipv4() Class {
	if b.space != "" {
		return Private
	}
	return IPv4
}

// shared is what its port blocks are.
func (b *bng) shared() Class {
	switch b.blocks {
	case byLog:
		return BlockByLog
	case byNAT:
		return BlockByNAT
	}
	return BlockByRADIUS
}

// v6 is the i-th IPv6 prefix of one of the BNG's pools.
func (b *bng) v6(pool byte, i, bits int) netip.Prefix {
	a := [16]byte{0x20, 0x01, 0x0d, 0xb8, byte(b.number), pool}
	if bits == 56 {
		a[6] = byte(i)
	} else {
		binary.BigEndian.PutUint16(a[6:], uint16(i))
	}
	return netip.PrefixFrom(netip.AddrFrom16(a), bits)
}

// assign gives a resource of a pool, any that is free, or false.
func (b *bng) assign(l *session, c Class, kind quarantine.AddressKind, from int64) *holding {
	pool := b.free[c]
	if len(pool) == 0 {
		return nil
	}
	n := b.sim.rng.IntN(len(pool))
	if b.sim.fault(Returns, 40) {
		n = l.back(pool)
	}
	h := &holding{resource: pool[n], kind: kind, class: c, subscriber: l.subscriber, session: l, from: from,
		to: never, arrived: never, endArrived: never}
	pool[n] = pool[len(pool)-1]
	b.free[c] = pool[:len(pool)-1]
	if len(l.former) > 0 {
		h.passedOn, h.before = true, l.claim(h)
	}
	b.sim.world.holdings[h.resource] = append(b.sim.world.holdings[h.resource], h)
	return h
}

// unassign puts a resource back.
func (b *bng) unassign(h *holding) {
	h.to = b.sim.now
	h.session.past = append(h.session.past, h)
	b.free[h.class] = append(b.free[h.class], h.resource)
}

// logIn begins a session, and has the next one follow.
func (b *bng) logIn() {
	s := b.sim
	s.after(s.within(500, 14_500), b.logIn)
	if b.down || len(b.free[b.ipv4()]) == 0 {
		return
	}
	b.nextID++
	l := &session{
		bng: b, id: fmt.Sprintf("%08x", b.nextID), from: s.now, to: never, reported: map[*holding]bool{},
		subscriber: fmt.Sprintf("sub%d@bng%d", s.rng.IntN(subscribers), b.number),
	}
	l.unnamed = s.fault(Names, 3)
	l.v4 = b.assign(l, b.ipv4(), quarantine.FramedIP, s.now)
	b.sessions = append(b.sessions, l)
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
	b.sendRecord(l, quarantine.SessionStarted, nil)
	if !early {
		s.after(s.within(0, 20_000), func() { l.live(l.dualStack) })
	}
	l.future()
}

// future plans what becomes of the session.
func (l *session) future() {
	s := l.bng.sim
	lasts := s.within(10_000, 120_000)
	if s.chance(25) {
		lasts = s.within(60_000, 900_000)
	}
	s.after(lasts, func() { l.live(l.end) })
	if l.bng.interim > 0 {
		s.after(l.bng.interim, l.interim)
	}
	if s.chance(8) {
		s.after(s.within(5_000, lasts), func() { l.live(l.renumber) })
	}
	if l.bng.blocks != noBlocks && l.bng.blocks != byNAT && s.chance(50) {
		s.after(s.within(3_000, lasts), func() { l.live(l.swapBlock) })
	}
	l.scheduleFaults(lasts)
}

// live does something if the session has not ended.
func (l *session) live(do func()) {
	if l.to == never {
		do()
	}
}

func (l *session) interim() {
	l.live(func() {
		l.bng.sendRecord(l, quarantine.SessionRenewed, nil)
		l.bng.sim.after(l.bng.interim, l.interim)
	})
}

// dualStack gives the session IPv6.
func (l *session) dualStack() {
	b, now := l.bng, l.bng.sim.now
	add := func(h *holding) {
		if h != nil {
			l.v6 = append(l.v6, h)
		}
	}
	switch b.sim.rng.IntN(4) {
	case 0:
	case 1:
		add(b.assign(l, IPv6Address, quarantine.FramedIPv6Address, now))
	default:
		add(b.assign(l, IPv6Prefix, quarantine.FramedIPv6Prefix, now))
		add(b.assign(l, IPv6Delegated, quarantine.DelegatedIPv6Prefix, now))
	}
}

// renumber gives the session another address or prefix instead of one it has; it
// is reported at once, if that record is not lost.
func (l *session) renumber() {
	b := l.bng
	switch {
	case len(l.v6) > 0 && b.sim.chance(50):
		n := b.sim.rng.IntN(len(l.v6))
		old := l.v6[n]
		if h := b.assign(l, old.class, old.kind, b.sim.now); h != nil {
			b.unassign(old)
			l.v6[n] = h
		}
	case b.blocks == noBlocks:
		if h := b.assign(l, b.ipv4(), quarantine.FramedIP, b.sim.now); h != nil {
			if l.v4 != nil {
				b.unassign(l.v4)
			}
			l.v4 = h
		}
	}
	b.sendRecord(l, quarantine.SessionRenewed, nil)
}

// end ends the session in order.
func (l *session) end() {
	l.close()
	l.bng.sendRecord(l, quarantine.SessionEnded, nil)
}

// close ends the session without a record.
func (l *session) close() {
	b := l.bng
	l.to = b.sim.now
	b.untranslate(l)
	for _, h := range l.all() {
		b.unassign(h)
	}
	for i := range b.sessions {
		if b.sessions[i] == l {
			b.sessions[i] = b.sessions[len(b.sessions)-1]
			b.sessions = b.sessions[:len(b.sessions)-1]
			return
		}
	}
}

// all is what the session has.
func (l *session) all() []*holding {
	var list []*holding
	if l.v4 != nil { // released
		list = append(list, l.v4)
	}
	return append(append(list, l.v6...), l.blocks...)
}

// restart restarts the BNG: its sessions are over, its identifiers begin anew. Some
// BNGs say so before, most after, some repeatedly and some never.
func (b *bng) restart() {
	s := b.sim
	if b.down {
		return
	}
	orderly := s.chance(30)
	b.down = true
	b.dropMappings()
	for len(b.sessions) > 0 {
		l := b.sessions[0]
		if orderly && s.chance(70) {
			l.end()
			continue
		}
		l.close()
	}
	if orderly {
		b.sendReset()
	}
	s.after(s.within(3_000, 40_000), func() {
		b.down, b.nextID = false, 0
		if s.chance(85) {
			for again := range s.rng.IntN(3) + 1 {
				s.after(int64(again)*s.within(0, 8_000), b.sendReset)
			}
		}
	})
}
