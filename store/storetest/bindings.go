package storetest

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"cordon/quarantine"
)

// bindings returns all that was ever said about an address, in a fixed order.
func bindings(t *testing.T, s Ports, a quarantine.Address) []quarantine.Binding {
	t.Helper()
	return bindingsAt(t, s, a.Prefix.Addr(), noon.Add(-1000*time.Hour), noon.Add(1000*time.Hour))
}

func bindingsAt(t *testing.T, s Ports, addr netip.Addr, from, to time.Time) []quarantine.Binding {
	t.Helper()
	found, err := s.Bindings(t.Context(), quarantine.Place{Addr: addr}, from, to)
	must(t, err)
	slices.SortFunc(found, func(a, b quarantine.Binding) int {
		return cmp.Or(
			a.From.Compare(b.From), cmp.Compare(a.Session.String(), b.Session.String()), a.RenewedAt.Compare(b.RenewedAt),
			a.To.Compare(b.To), cmp.Compare(a.Prefix.String(), b.Prefix.String()), cmp.Compare(a.Kind, b.Kind),
			cmp.Compare(a.Subscriber, b.Subscriber),
			cmp.Compare(fmt.Sprint(a.Ignored), fmt.Sprint(b.Ignored)), a.Began.Compare(b.Began), a.FromBy.Compare(b.FromBy),
			cmp.Compare(a.Ports.Lo, b.Ports.Lo), cmp.Compare(a.Ports.Hi, b.Ports.Hi), cmp.Compare(a.Via.String(), b.Via.String()),
			cmp.Compare(fmt.Sprint(a.Inferred, a.StartSeen), fmt.Sprint(b.Inferred, b.StartSeen)),
		)
	})
	return found
}

// Bindings tests quarantine.BindingFinder.
func Bindings(t *testing.T, open Open) {
	bindingsInSpaces(t, open)
	returningBindings(t, open)
	unnamedHolders(t, open)
	forgottenBindings(t, open)
	bindingsOfSessions(t, open)
	bindingsOfPrefixes(t, open)
	bindingsOfReplacedSessions(t, open)
}

func bindingsInSpaces(t *testing.T, open Open) {
	t.Run("an address space holds its own", func(t *testing.T) {
		s := start(t, open)
		shared := address("100.64.0.9/32", quarantine.FramedIP)
		for i, space := range []string{"east", "west", ""} {
			a := shared
			a.Space = space
			record(t, s, event(quarantine.SessionStarted, fmt.Sprint(i), "alice@"+space, noon, a))
		}
		for _, space := range []string{"east", "west", ""} {
			held, err := s.Bindings(t.Context(), quarantine.Place{Addr: shared.Prefix.Addr(), Space: space}, noon, noon)
			must(t, err)
			if len(held) != 1 || held[0].Subscriber != "alice@"+space || held[0].Space != space {
				t.Errorf("in space %q: %+v", space, held)
			}
		}
		held, err := s.Bindings(t.Context(), quarantine.Place{Addr: shared.Prefix.Addr(), Space: "north"}, noon, noon)
		must(t, err)
		if len(held) != 0 {
			t.Errorf("in a space that nobody has: %+v", held)
		}
	})

	t.Run("port blocks are kept apart, and end", func(t *testing.T) {
		s := start(t, open)
		block := address("203.0.113.5/32", quarantine.NATPortBlock)
		one, two := block, block
		one.Ports, two.Ports = quarantine.PortRange{Lo: 1024, Hi: 2047}, quarantine.PortRange{Lo: 2048, Hi: 3071}
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon, one, two))
		freed := event(quarantine.SessionRenewed, "1", "alice", minute(5))
		freed.Freed = []quarantine.Address{two}
		record(t, s, freed)
		held := bindingsAt(t, s, block.Prefix.Addr(), noon, minute(10))
		if len(held) != 2 || held[0].Ports == held[1].Ports {
			t.Fatalf("held %+v", held)
		}
		for _, b := range held {
			if b.To.IsZero() != (b.Ports == one.Ports) || b.Kind != quarantine.NATPortBlock {
				t.Errorf("%s: until %s, %s", b.Ports, b.To, b.Kind)
			}
		}
		if live := session(t, s, "1"); len(live.Addresses) != 2 || live.Addresses[1].Ports != two.Ports ||
			!live.Addresses[1].Until.Equal(minute(5)) {
			t.Errorf("the session holds %+v", live.Addresses)
		}
	})
}

func returningBindings(t *testing.T, open Open) {
	t.Run("an address and a block that come back begin anew", func(t *testing.T) {
		s := start(t, open)
		one := portBlock(1024, 2047)
		freed := event(quarantine.SessionRenewed, "1", "alice", minute(5), v4(2))
		freed.Freed = []quarantine.Address{one}
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon, v4(1), one), freed)
		record(t, s, event(quarantine.SessionRenewed, "1", "alice", minute(10), v4(1), one), freed)
		record(t, s, event(quarantine.SessionRenewed, "1", "alice", minute(9), v4(1), one)) // late
		for _, a := range []quarantine.Address{v4(1), one} {
			got := bindings(t, s, a)
			if len(got) != 2 || !got[0].From.Equal(noon) || !got[0].To.Equal(minute(5)) || !got[1].From.Equal(minute(9)) ||
				!got[1].To.IsZero() || !got[1].Began.Equal(minute(10)) {
				t.Errorf("%s: %+v", a.Prefix, got)
			}
		}
	})
}

func unnamedHolders(t *testing.T, open Open) {
	t.Run("an unnamed holder is one, and is named by a later record", func(t *testing.T) {
		s := start(t, open)
		record(t, s, event(quarantine.SessionStarted, "1", "", noon, v4(1)))
		if got := bindings(t, s, v4(1)); len(got) != 1 || got[0].Subscriber != "" || got[0].Via.IsValid() {
			t.Fatalf("got %+v", got)
		}
		record(t, s, event(quarantine.SessionRenewed, "1", "bob", minute(5), v4(1)))
		if got := bindings(t, s, v4(1)); len(got) != 1 || got[0].Subscriber != "bob" || !got[0].From.Equal(noon) {
			t.Fatalf("named: %+v", got)
		}
	})

	t.Run("a log-in under another name within a session divides it", func(t *testing.T) {
		s := start(t, open)
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon, v4(1)),
			event(quarantine.SessionRenewed, "1", "alice", minute(5), v4(1)))
		record(t, s, event(quarantine.SessionRenewed, "1", "bob", minute(10), v4(1)))
		got := bindings(t, s, v4(1))
		if len(got) != 2 || got[0].Subscriber != "alice" || !got[0].To.Equal(minute(10)) || !got[0].RenewedAt.Equal(minute(5)) ||
			got[1].Subscriber != "bob" || !got[1].From.Equal(minute(10)) || !got[1].To.IsZero() {
			t.Fatalf("got %+v", got)
		}
		record(t, s, event(quarantine.SessionEnded, "1", "alice", minute(15))) // whatever name it bears
		if last := session(t, s, "1"); last.Live() || last.Subscriber != "bob" {
			t.Errorf("%+v", last)
		}
		if n := renamed(s); n != 2 {
			t.Errorf("%d records counted, want 2", n)
		}
	})

	t.Run("what is uncertain of a beginning is kept", func(t *testing.T) {
		s := start(t, open)
		ev := event(quarantine.SessionStarted, "1", "alice", noon, v4(1))
		ev.Latest = minute(5)
		record(t, s, ev)
		if got := bindings(t, s, v4(1)); len(got) != 1 || !got[0].From.Equal(noon) || !got[0].FromBy.Equal(minute(5)) {
			t.Fatalf("got %+v", got)
		}
		record(t, s, event(quarantine.SessionRenewed, "1", "alice", minute(2), v4(1)))
		if got := bindings(t, s, v4(1)); len(got) != 1 || !got[0].FromBy.Equal(minute(2)) {
			t.Fatalf("after a record within that time: %+v", got)
		}
	})

	t.Run("a NAT's accounting leads to the address behind it", func(t *testing.T) {
		s := start(t, open)
		ev := event(quarantine.SessionStarted, "1", "", noon, portBlock(1024, 2047), v4(1))
		ev.Via = quarantine.Place{Addr: netip.MustParseAddr("100.64.0.9"), Space: "east"}
		record(t, s, ev)
		if got := bindings(t, s, portBlock(1024, 2047)); len(got) != 1 || got[0].Via != ev.Via || got[0].Subscriber != "" {
			t.Errorf("the block: %+v", got)
		}
		if got := bindings(t, s, v4(1)); len(got) != 0 {
			t.Errorf("its Framed-IP-Address: %+v", got)
		}
	})
}

func forgottenBindings(t *testing.T, open Open) {
	t.Run("what a session forgets is kept as it was", func(t *testing.T) {
		s := start(t, open)
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon))
		const blocks = 100
		for n := range blocks {
			b := portBlock(uint16(1024+n), uint16(1024+n))
			freed := event(quarantine.SessionRenewed, "1", "alice", minute(2*n+1))
			freed.Freed = []quarantine.Address{b}
			record(t, s, event(quarantine.SessionRenewed, "1", "alice", minute(2*n), b), freed)
		}
		got := bindings(t, s, portBlock(1024, 1024))
		if len(got) != blocks || !got[0].To.Equal(minute(1)) || !got[blocks-1].To.Equal(minute(2*blocks-1)) {
			t.Errorf("%d bindings: %+v", len(got), got)
		}
		if n := len(session(t, s, "1").Addresses); n == blocks || n == 0 {
			t.Errorf("the session remembers %d", n)
		}
	})

	t.Run("what a translator's log reports is kept, and ends", func(t *testing.T) {
		s := start(t, open)
		block := address("203.0.113.5/32", quarantine.NATPortBlock)
		block.Ports = quarantine.PortRange{Lo: 1024, Hi: 2047}
		pushed := quarantine.Binding{
			Address: block, Session: quarantine.SessionKey{BNG: "log:cgn1", ID: "100.64.0.9@east"}, From: noon, RenewedAt: noon,
			Via: quarantine.Place{Addr: netip.MustParseAddr("100.64.0.9"), Space: "east"},
		}
		ended := pushed
		ended.To, ended.RenewedAt = minute(5), minute(5)
		for _, b := range []quarantine.Binding{pushed, pushed, ended, ended} {
			must(t, s.RecordBindings(t.Context(), []quarantine.Binding{b})[0])
		}
		equal(t, "pushed", bindingsAt(t, s, block.Prefix.Addr(), noon, minute(10)), []quarantine.Binding{ended})
	})
}

func bindingsOfSessions(t *testing.T, open Open) {
	t.Run("a binding has all of its session", func(t *testing.T) {
		s := start(t, open)
		renewed := event(quarantine.SessionRenewed, "1", "alice, {c}", minute(10), v4(1))
		renewed.Ignored = true
		record(t, s, event(quarantine.SessionStarted, "1", "alice, {c}", noon, v4(1)), renewed)
		want := quarantine.Binding{
			Address: v4(1), Session: renewed.Key, Subscriber: "alice, {c}", From: noon, RenewedAt: minute(10), StartSeen: true, Ignored: true,
		}
		equal(t, "bindings", bindings(t, s, v4(1)), []quarantine.Binding{want})
		record(t, s, event(quarantine.SessionEnded, "1", "alice, {c}", minute(12)))
		want.To, want.RenewedAt, want.Listed = minute(12), minute(12), minute(10)
		equal(t, "bindings after Stop", bindings(t, s, v4(1)), []quarantine.Binding{want})
	})

	t.Run("a record that lists an address no more, and one that lists it again", func(t *testing.T) {
		s, prefix := start(t, open), address("2001:db8:7::/56", quarantine.DelegatedIPv6Prefix)
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon, v4(1), prefix),
			event(quarantine.SessionRenewed, "1", "alice", minute(10), v4(1), prefix))
		record(t, s, event(quarantine.SessionRenewed, "1", "alice", minute(20), v4(1)),
			event(quarantine.SessionRenewed, "1", "alice", minute(30), v4(1)))
		want := quarantine.Binding{
			Address: prefix, Session: quarantine.SessionKey{BNG: "bng1", ID: "1"}, Subscriber: "alice",
			From: noon, RenewedAt: minute(30), Listed: minute(10), StartSeen: true,
		}
		equal(t, "left out", bindings(t, s, prefix), []quarantine.Binding{want})
		record(t, s, event(quarantine.SessionRenewed, "1", "alice", minute(40), v4(1), prefix))
		want.RenewedAt, want.Listed = minute(40), time.Time{}
		equal(t, "listed again", bindings(t, s, prefix), []quarantine.Binding{want})
	})

	t.Run("one address, one holder after the other", func(t *testing.T) {
		s := start(t, open)
		record(t, s,
			event(quarantine.SessionStarted, "1", "alice", noon, v4(1)), event(quarantine.SessionEnded, "1", "alice", minute(10), v4(1)),
			event(quarantine.SessionStarted, "2", "bob", minute(20), v4(1)), event(quarantine.SessionStarted, "3", "carol", minute(0), v4(2)),
		)
		for _, at := range []struct {
			from, to int
			want     []string
		}{
			{-5, -1, nil}, {-5, 0, []string{"alice"}}, {5, 5, []string{"alice"}}, {10, 15, []string{"alice"}}, {11, 19, nil},
			{20, 20, []string{"bob"}}, {500, 500, []string{"bob"}}, {9, 21, []string{"alice", "bob"}},
		} {
			var got []string
			for _, b := range bindingsAt(t, s, v4(1).Prefix.Addr(), minute(at.from), minute(at.to)) {
				got = append(got, b.Subscriber)
			}
			if !slices.Equal(got, at.want) {
				t.Errorf("from minute %d to %d: %v, want %v", at.from, at.to, got, at.want)
			}
		}
	})
}

func bindingsOfPrefixes(t *testing.T, open Open) {
	t.Run("an IPv6 address is found in prefixes of every length", func(t *testing.T) {
		s := start(t, open)
		record(t, s,
			event(quarantine.SessionStarted, "1", "alice", noon, address("2001:db8:0:1::/64", quarantine.FramedIPv6Prefix)),
			event(quarantine.SessionStarted, "2", "bob", minute(1), address("2001:db8::/56", quarantine.DelegatedIPv6Prefix)),
			event(quarantine.SessionStarted, "3", "carol", minute(2), address("2001:db8:0:1::5/128", quarantine.FramedIPv6Address)),
			event(quarantine.SessionStarted, "4", "dave", minute(3), address("2001:db8:0:100::/59", quarantine.DelegatedIPv6Prefix)),
		)
		for addr, want := range map[string][]string{
			"2001:db8:0:1::5":    {"alice", "bob", "carol"},
			"2001:db8:0:1::6":    {"alice", "bob"},
			"2001:db8:0:ff::1":   {"bob"},
			"2001:db8:0:11f::1":  {"dave"},
			"2001:db8:0:120::1":  nil,
			"2001:db9::":         nil,
			"192.0.2.1":          nil,
			"::ffff:192.0.2.200": nil,
		} {
			var got []string
			for _, b := range bindingsAt(t, s, netip.MustParseAddr(addr), noon, minute(9)) {
				got = append(got, b.Subscriber)
				if !b.Prefix.Contains(netip.MustParseAddr(addr)) {
					t.Errorf("%s found in %s", addr, b.Prefix)
				}
			}
			if !slices.Equal(got, want) {
				t.Errorf("%s: %v, want %v", addr, got, want)
			}
		}
	})

	t.Run("an IPv4 address is the same when it is written as IPv6", func(t *testing.T) {
		s := start(t, open)
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon, v4(1)))
		if got := bindingsAt(t, s, netip.MustParseAddr("::ffff:192.0.2.1"), noon, minute(1)); len(got) != 1 {
			t.Fatalf("got %v", got)
		}
	})
}

func bindingsOfReplacedSessions(t *testing.T, open Open) {
	t.Run("a replaced session's bindings are closed", func(t *testing.T) {
		s := start(t, open)
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon, v4(1)))
		record(t, s, event(quarantine.SessionStarted, "1", "bob", minute(30), v4(2)))
		got := bindings(t, s, v4(1))
		if len(got) != 1 || got[0].Subscriber != "alice" || !got[0].To.Equal(minute(30)) {
			t.Fatalf("got %+v", got)
		}
	})

	t.Run("two subscribers under one key at one moment stay two", func(t *testing.T) {
		s := start(t, open)
		inferred := event(quarantine.SessionRenewed, "1", "alice", minute(1), v4(1))
		record(t, s, inferred, event(quarantine.SessionStarted, "1", "alice", minute(1).Add(-2*time.Second), v4(1)))
		record(t, s, event(quarantine.SessionStarted, "1", "bob", minute(1), v4(1)))
		got := bindings(t, s, v4(1))
		if len(got) != 2 || got[0].Subscriber != "alice" || got[0].To.IsZero() || got[1].Subscriber != "bob" {
			t.Fatalf("got %+v", got)
		}
	})

	t.Run("a binding carries its BNG's last restart", func(t *testing.T) {
		s := start(t, open)
		record(t, s,
			event(quarantine.SessionStarted, "1", "alice", noon, v4(1)),
			quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: "bng1"}, At: minute(5)},
			quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: "bng2"}, At: minute(6)},
		)
		if got := bindings(t, s, v4(1)); len(got) != 1 || !got[0].ResetAt.Equal(minute(5)) {
			t.Fatalf("got %+v", got)
		}
	})
}
