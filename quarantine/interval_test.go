package quarantine

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"
)

// of plays records of one session in their order.
func of(subscriber, id string, events ...SessionEvent) Session {
	var s *Session
	for _, ev := range events {
		ev.Key, ev.Subscriber = SessionKey{"b1", id}, subscriber
		if ev.Kind == SessionStarted {
			ev.StartedAt = ev.At
		}
		if change := ApplyEvent(s, ev, time.Time{}, nothingRestricted); change.Changed {
			s = &change.Session
		}
	}
	return *s
}

func freeing(seconds int, blocks ...Address) SessionEvent {
	return SessionEvent{Kind: SessionRenewed, At: at(seconds), Freed: blocks}
}

// attributed is what is attributed of a place at a second, give or take two.
func attributed(bindings []Binding, port uint16, second int) string {
	got := WhoHeld(bindings, nil, port, at(second), 2*time.Second)
	switch got.Result {
	case Attributed:
		return got.claim()
	case Ambiguous:
		return "ambiguous"
	case Doubtful:
		return "doubtful"
	}
	return "unknown"
}

func (a *Attribution) claim() string {
	if a.Via.IsValid() {
		return "via " + a.Via.String()
	}
	return a.Subscriber
}

// A CGN gives alice a block, then bob, and then her again.
func TestAPortBlockThatComesBackIsHers(t *testing.T) {
	block := portBlock(1024, 2047)
	start := holding(SessionStarted, 0)
	alice := of("alice", "A", start, holding(SessionRenewed, 100, block), freeing(200, block), holding(SessionRenewed, 1000, block))
	for name, c := range map[string]struct {
		bob  []SessionEvent
		want map[int]string
	}{
		"bob's end is known": {
			[]SessionEvent{start, holding(SessionRenewed, 300, block), freeing(900, block)},
			map[int]string{150: "alice", 250: "unknown", 600: "bob", 950: "unknown", 1010: "alice", 5000: "alice"},
		},
		"bob's end is lost": {
			[]SessionEvent{start, holding(SessionRenewed, 300, block)},
			map[int]string{150: "alice", 600: "unknown", 950: "unknown", 1010: "alice", 5000: "alice"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			bob := of("bob", "B", c.bob...)
			all := append(alice.Bindings(), bob.Bindings()...)
			for second, want := range c.want {
				if got := attributed(all, 1500, second); got != want {
					t.Errorf("at %d: %s, want %s", second, got, want)
				}
			}
		})
	}
}

func TestAnAddressThatComesBackIsHers(t *testing.T) {
	alice := of("alice", "A", holding(SessionStarted, 0, ip4(7)), holding(SessionRenewed, 300, ip4(8)),
		holding(SessionRenewed, 3000, ip4(7)), holding(SessionRenewed, 3600, ip4(7)), holding(SessionRenewed, 4800, ip4(7)))
	bob := of("bob", "B", holding(SessionStarted, 600, ip4(7)))
	all := slices.DeleteFunc(append(alice.Bindings(), bob.Bindings()...), func(b Binding) bool { return b.Prefix != ip4(7).Prefix })
	for second, want := range map[int]string{100: "unknown", 700: "unknown", 2900: "unknown", 3005: "alice", 4500: "alice", 9000: "alice"} {
		if got := attributed(all, 0, second); got != want {
			t.Errorf("at %d: %s, want %s", second, got, want)
		}
	}
	if ended := of("alice", "A", holding(SessionStarted, 0, ip4(7)), holding(SessionRenewed, 200, ip4(7)),
		holding(SessionRenewed, 300, ip4(8))); attributed(ended.Bindings()[:1], 0, 100) != "alice" {
		t.Errorf("before it was given up: %+v", ended.Bindings())
	}
}

// What identifies an interval does not move with its beginning.
func TestALateRecordMovesTheBeginningOfAnIntervalNotItsIdentity(t *testing.T) {
	block := portBlock(1024, 2047)
	s := of("alice", "A", holding(SessionStarted, 0), holding(SessionRenewed, 100, block), freeing(200, block),
		holding(SessionRenewed, 1000, block), holding(SessionRenewed, 900, block))
	if a := s.Addresses; len(a) != 2 || !a[1].Since.Equal(at(900)) || !a[1].Began.Equal(at(1000)) || !a[0].Until.Equal(at(200)) {
		t.Errorf("%+v", a)
	}
}

func TestALateFreeEndsTheIntervalItIsOf(t *testing.T) {
	block := portBlock(1024, 2047)
	start := holding(SessionStarted, 0)
	for name, c := range map[string]struct {
		events []SessionEvent
		want   []string
	}{
		"of the one before": {
			[]SessionEvent{start, holding(SessionRenewed, 100, block), holding(SessionRenewed, 1000, block), freeing(500, block)},
			[]string{"203.0.113.51024-2047 16m40s-… inferred", "203.0.113.51024-2047 1m40s-8m20s inferred"},
		},
		"of one that began late": {
			[]SessionEvent{start, holding(SessionRenewed, 1000, block), holding(SessionRenewed, 100, block), freeing(500, block)},
			[]string{"203.0.113.51024-2047 16m40s-… inferred", "203.0.113.51024-2047 1m40s-8m20s inferred"},
		},
		"before the record that gave it": {
			[]SessionEvent{start, freeing(500, block), holding(SessionRenewed, 1000, block), holding(SessionRenewed, 100, block)},
			[]string{"203.0.113.51024-2047 16m40s-… inferred", "203.0.113.51024-2047 1m40s-8m20s inferred"},
		},
		"doubled": {
			[]SessionEvent{start, holding(SessionRenewed, 100, block), freeing(500, block), holding(SessionRenewed, 1000, block),
				freeing(500, block), holding(SessionRenewed, 100, block)},
			[]string{"203.0.113.51024-2047 16m40s-… inferred", "203.0.113.51024-2047 1m40s-8m20s inferred"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := spans(of("alice", "A", c.events...)); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// A session's history is bounded, whatever its translator does; and what is
// forgotten does not come back.
func TestASessionForgetsIntervalsThatEndedLongAgo(t *testing.T) {
	var s *Session
	forgotten := map[time.Time]Binding{}
	play := func(ev SessionEvent) SessionChange {
		ev.Key, ev.Subscriber = SessionKey{"b1", "A"}, "alice"
		change := ApplyEvent(s, ev, time.Time{}, nothingRestricted)
		if change.Changed {
			s = &change.Session
		}
		for _, b := range change.Forgotten {
			forgotten[b.From] = b
		}
		return change
	}
	block := func(i int) Address { return portBlock(uint16(1024+16*(i%1000)), uint16(1039+16*(i%1000))) }
	start := holding(SessionStarted, 0)
	start.StartedAt = start.At
	play(start)
	const blocks = 2000
	for i := range blocks {
		play(holding(SessionRenewed, 10*i+1, block(i)))
		play(freeing(10*i+6, block(i)))
		if len(s.Addresses) > maxEnded+1 {
			t.Fatalf("after %d blocks the session remembers %d intervals", i, len(s.Addresses))
		}
	}
	if len(forgotten) != blocks-maxEnded {
		t.Errorf("%d intervals were handed over, want %d", len(forgotten), blocks-maxEnded)
	}
	for from, b := range forgotten {
		if want := from.Add(5 * time.Second); !b.To.Equal(want) || b.RenewedAt.Before(b.To) || !b.Began.Equal(from) {
			t.Fatalf("forgotten: %+v, want an end at %s that is proved", b, want)
		}
	}
	change := play(holding(SessionRenewed, 11, block(1))) // doubled, hours late
	if change.Changed || len(change.Forgotten) != 1 || !change.Forgotten[0].To.Equal(at(11)) || forgotten[at(11)].Began.Equal(at(11)) {
		t.Errorf("a late record of a forgotten interval: %+v", change)
	}
	if again := play(holding(SessionRenewed, 11, block(1))); again.Changed {
		t.Error("and once more")
	}
}

// alice's address is bob's by now, and only one late record says that it was alice's
// in between.
func TestALateRecordOfAForgottenTimeShowsThatWhoeverHeldItBeforeHoldsItNoMore(t *testing.T) {
	block := portBlock(1024, 2047)
	events := []SessionEvent{holding(SessionStarted, 0)}
	for i := range 2 * maxEnded {
		other := portBlock(uint16(3000+i), uint16(3000+i))
		events = append(events, holding(SessionRenewed, 1000+10*i, other), freeing(1005+10*i, other))
	}
	alice := of("alice", "A", events...)
	late := holding(SessionRenewed, 500, block)
	late.Key, late.Subscriber = SessionKey{"b1", "A"}, "alice"
	change := ApplyEvent(&alice, late, time.Time{}, nothingRestricted)
	bob := of("bob", "B", holding(SessionStarted, 0), holding(SessionRenewed, 100, block))
	for second, want := range map[int]string{300: "bob", 600: "bob"} {
		if got := attributed(bob.Bindings(), 1500, second); got != want {
			t.Errorf("without the record, at %d: %s, want %s", second, got, want)
		}
	}
	for _, second := range []int{300, 600, 5000} {
		if got := attributed(append(bob.Bindings(), change.Forgotten...), 1500, second); got == "bob" {
			t.Errorf("with it, at %d: %s", second, got)
		}
	}
}

func TestOfAKindThatARecordReportsInFullASessionHoldsNothingElse(t *testing.T) {
	pd := v6("2001:db8:7::/56", DelegatedIPv6Prefix)
	only := func(seconds int, kinds []AddressKind, addresses ...Address) SessionEvent {
		ev := holding(SessionRenewed, seconds, addresses...)
		ev.Only = kinds
		return ev
	}
	v4, all := []AddressKind{FramedIP}, []AddressKind{FramedIP, DelegatedIPv6Prefix}
	start := holding(SessionStarted, 0, ip4(7), pd)
	for name, c := range map[string]struct {
		events []SessionEvent
		want   []string
	}{
		"it says that IPv4 was released": {
			[]SessionEvent{start, holding(SessionRenewed, 300, ip4(7), pd), only(600, v4, pd)},
			[]string{"198.51.100.7 0s-10m0s", "2001:db8:7:: 0s-…"},
		},
		"its platform lists all addresses": {
			[]SessionEvent{start, only(300, all, ip4(7), pd), only(600, all, ip4(7))},
			[]string{"198.51.100.7 0s-…", "2001:db8:7:: 0s-10m0s"},
		},
		"late, and a newer record confirms the address": {
			[]SessionEvent{start, holding(SessionRenewed, 900, ip4(7), pd), only(600, v4, pd)},
			[]string{"198.51.100.7 0s-10m0s", "198.51.100.7 15m0s-… inferred", "2001:db8:7:: 0s-…"},
		},
		"and it comes back": {
			[]SessionEvent{start, only(600, v4, pd), holding(SessionRenewed, 900, ip4(7))},
			[]string{"198.51.100.7 0s-10m0s", "198.51.100.7 15m0s-… inferred", "2001:db8:7:: 0s-…"},
		},
		"port blocks too": {
			[]SessionEvent{holding(SessionStarted, 0, portBlock(1024, 2047), portBlock(2048, 3071)),
				only(600, []AddressKind{NATPortBlock}, portBlock(2048, 3071))},
			[]string{"203.0.113.51024-2047 0s-10m0s", "203.0.113.52048-3071 0s-…"},
		},
		"what it was not said to have at first it has since it is said": {
			[]SessionEvent{only(300, v4), holding(SessionRenewed, 600, ip4(7))},
			[]string{"198.51.100.7 10m0s-… inferred"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got := spans(of("alice", "A", c.events...)); !slices.Equal(got, c.want) {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// alice gives her IPv4 address back in mid-session, and bob gets it.
func TestUntilARecordSaysThatAnAddressWasReleasedNobodyIsNamed(t *testing.T) {
	pd := v6("2001:db8:7::/56", DelegatedIPv6Prefix)
	events := []SessionEvent{holding(SessionStarted, 0, ip4(7), pd), holding(SessionRenewed, 300, ip4(7), pd),
		holding(SessionRenewed, 900, pd)}
	bob := of("bob", "B", holding(SessionStarted, 600, ip4(7)))
	reported := func(alice Session, second int) string {
		all := slices.DeleteFunc(append(alice.Bindings(), bob.Bindings()...), func(b Binding) bool { return b.Prefix != ip4(7).Prefix })
		return attributed(all, 0, second)
	}
	if got := reported(of("alice", "A", events...), 700); got != "ambiguous" {
		t.Errorf("before: %s, want ambiguous", got)
	}
	events[2].Only = []AddressKind{FramedIP}
	for second, want := range map[int]string{200: "alice", 400: "unknown", 700: "ambiguous", 1000: "bob"} {
		if got := reported(of("alice", "A", events...), second); got != want {
			t.Errorf("at %d: %s, want %s", second, got, want)
		}
	}
}

func TestOfAnUncertainTimeNothingIsProvedButWhatHoldsForAllOfIt(t *testing.T) {
	uncertain := func(kind SessionEventKind, from, to int, addresses ...Address) SessionEvent {
		ev := holding(kind, from, addresses...)
		ev.Latest = at(to)
		return ev
	}
	block := portBlock(1024, 2047)
	freed := freeing(500, block)
	freed.Latest = at(800)
	for name, c := range map[string]struct {
		events []SessionEvent
		port   uint16
		want   map[int]string
	}{
		"a Start": {
			[]SessionEvent{uncertain(SessionStarted, 100, 400, ip4(7))}, 0,
			map[int]string{90: "unknown", 200: "unknown", 398: "unknown", 410: "alice", 5000: "alice"},
		},
		"a Start, and a record within that time": {
			[]SessionEvent{uncertain(SessionStarted, 100, 400, ip4(7)), holding(SessionRenewed, 200, ip4(7))}, 0,
			map[int]string{150: "unknown", 210: "alice", 300: "alice"},
		},
		"a Stop": {
			[]SessionEvent{holding(SessionStarted, 0, ip4(7)), holding(SessionRenewed, 300, ip4(7)), uncertain(SessionEnded, 500, 800, ip4(7))}, 0,
			map[int]string{200: "alice", 310: "unknown", 600: "unknown", 900: "unknown"},
		},
		"an Interim-Update with another address": {
			[]SessionEvent{holding(SessionStarted, 0, ip4(7)), uncertain(SessionRenewed, 300, 600, ip4(8))}, 0,
			map[int]string{10: "unknown", 400: "unknown", 700: "unknown"},
		},
		"a block given back": {
			[]SessionEvent{holding(SessionStarted, 0, block), freed}, 1500,
			map[int]string{10: "alice", 600: "unknown", 900: "unknown"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := of("alice", "A", c.events...)
			mine := slices.DeleteFunc(s.Bindings(), func(b Binding) bool { return b.Prefix == ip4(8).Prefix })
			for second, want := range c.want {
				if got := attributed(mine, c.port, second); got != want {
					t.Errorf("at %d: %s, want %s", second, got, want)
				}
			}
		})
	}
}

// While it is not certain when alice began, whoever held the address before is a
// candidate with her.
func TestAnUncertainBeginningEndsTheHolderBeforeOnlyWhenItIsOver(t *testing.T) {
	start := holding(SessionStarted, 1000, ip4(7))
	start.Latest = at(2000)
	alice, bob := of("alice", "A", start), of("bob", "B", holding(SessionStarted, 0, ip4(7)))
	all := append(alice.Bindings(), bob.Bindings()...)
	for second, want := range map[int]string{500: "unknown", 1500: "ambiguous", 2100: "alice"} {
		if got := attributed(all, 0, second); got != want {
			t.Errorf("at %d: %s, want %s", second, got, want)
		}
	}
	if h := all[0].Holder(); !h.From.Equal(at(1000)) || !h.FromBy.Equal(at(2000)) || h.KnownBy != "Start, its time is uncertain" {
		t.Errorf("shown as %+v", h)
	}
}

func TestANATHoldsPortBlocksForWhoeverHeldTheAddressBehindIt(t *testing.T) {
	inside := Place{Addr: netip.MustParseAddr("100.64.0.9"), Space: "east"}
	ev := holding(SessionStarted, 0, portBlock(1024, 2047),
		Address{Prefix: netip.MustParsePrefix("100.64.0.9/32"), Kind: FramedIP, Space: "east"})
	ev.Via = inside
	s := of("", "LSN44", ev)
	if b := s.Bindings(); len(b) != 1 || b[0].Via != inside || b[0].Subscriber != "" || b[0].Kind != NATPortBlock {
		t.Fatalf("bindings %+v", b)
	}
	if got := attributed(s.Bindings(), 1500, 100); got != "via "+inside.String() {
		t.Errorf("%s", got)
	}
}

func TestTheMemberThatSpokeLastIsTheSessions(t *testing.T) {
	by := func(seconds int, member string) SessionEvent {
		ev := holding(SessionRenewed, seconds, ip4(7))
		ev.Member = member
		return ev
	}
	s := of("alice", "A", by(0, "bng-a"), by(600, "bng-b"), by(300, "bng-a"))
	if s.Member != "bng-b" || len(s.Addresses) != 1 || !s.Live() {
		t.Errorf("%+v", s)
	}
}

func TestASessionHoldsBoundedlyManyBlocksAtATime(t *testing.T) {
	ev := holding(SessionStarted, 0)
	for i := range maxOpen + 100 {
		ev.Addresses = append(ev.Addresses, portBlock(uint16(1024+i), uint16(1024+i)))
	}
	if s := of("alice", "A", ev); len(s.Addresses) > maxOpen+maxEnded {
		t.Errorf("%d", len(s.Addresses))
	}
}

// heldAmongAll is Held as it reads: each binding beside every other.
func heldAmongAll(bindings []Binding, from, to time.Time) []string {
	var held []string
	for i := range bindings {
		if bindings[i].From.After(to) || !bindings[i].To.IsZero() && bindings[i].To.Before(from) {
			continue
		}
		b := bindings[i]
		for j := range bindings {
			other := &bindings[j]
			if other.last().After(b.From) && other.last().Before(earliest(b.To, b.RenewedAt)) {
				b.contestWith(other)
			}
			if !other.begunBy().IsZero() {
				b.contestWithUnsure(other)
			}
		}
		if b.To.IsZero() || b.Kind == NATPortBlock || b.OpenEnd {
			ended := b.To
			if b.To.IsZero() {
				b.fade()
			}
			for j := range bindings {
				b.yield(&bindings[j], ended, to)
				if ended.IsZero() && b.lostTo(&bindings[j]) {
					b.loosen(b.listed())
				}
			}
			if b.Kind == NATPortBlock && !b.ConfirmedTo.IsZero() && b.RenewedAt.After(b.From) {
				b.RenewedAt, b.ConfirmedTo = b.From, b.From
			}
			if b.Kind == NATPortBlock && b.Listed.After(b.From) {
				b.loosen(b.Listed)
			}
		} else {
			for j := range bindings {
				if b.leftTo(&bindings[j]) {
					b.loosen(b.listed())
				}
			}
		}
		if b.To.IsZero() || !b.To.Before(from) {
			held = append(held, fmt.Sprint(b.Session, b.Ports, b.Subscriber, b.From, b.To, b.RenewedAt, b.ConfirmedTo, b.Meanwhile))
		}
	}
	slices.Sort(held)
	return held
}
