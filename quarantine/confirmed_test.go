package quarantine

import (
	"net/netip"
	"testing"
	"time"
)

func ipv4(text string) Address { return Address{Prefix: netip.MustParsePrefix(text), Kind: FramedIP} }

func delegated(text string) Address {
	return Address{Prefix: netip.MustParsePrefix(text), Kind: DelegatedIPv6Prefix}
}

func ports(lo, hi uint16) Address {
	return Address{Prefix: netip.MustParsePrefix("203.0.113.1/32"), Kind: NATPortBlock, Ports: PortRange{lo, hi}}
}

// recordAt is a record of one session at a second, naming addresses.
func recordAt(kind SessionEventKind, second int, addresses ...Address) SessionEvent {
	return SessionEvent{Kind: kind, Key: SessionKey{"b1", "1"}, Subscriber: "alice", At: at(second), StartedAt: at(0), Addresses: addresses}
}

func TestWhatASessionGaveUpIsConfirmedOnlyUpToTheLastRecordThatListedIt(t *testing.T) {
	const start, interim, stop = SessionStarted, SessionRenewed, SessionEnded
	x, y := ipv4("192.0.2.1/32"), ipv4("192.0.2.2/32")
	private := ipv4("100.64.0.1/32")
	private.Space = "cgn"
	p, q := delegated("2001:db8:1::/56"), delegated("2001:db8:2::/56")
	first, second := ports(1024, 2047), ports(2048, 3071)
	freed := recordAt(interim, 200)
	freed.Freed = []Address{first}
	cases := []struct {
		name      string
		records   []SessionEvent
		address   Address
		confirmed int // the last second that its binding confirms
		not       int // a second that it does not confirm
	}{
		{"another IPv4 address", []SessionEvent{recordAt(start, 0, x), recordAt(interim, 100, x), recordAt(interim, 200, y)}, x, 100, 101},
		{"one of another space", []SessionEvent{recordAt(start, 0, private), recordAt(interim, 200, y)}, private, 0, 1},
		{"another prefix", []SessionEvent{recordAt(start, 0, p), recordAt(interim, 200, q)}, p, 0, 1},
		{"an Interim in between named neither", []SessionEvent{recordAt(start, 0, p), recordAt(interim, 100, x), recordAt(interim, 200, q)},
			p, 0, 1},
		{"reported in the wrong order", []SessionEvent{recordAt(interim, 200, q), recordAt(start, 0, p)}, p, 0, 1},
		{"one in between came late", []SessionEvent{recordAt(start, 0, x), recordAt(interim, 200, y), recordAt(interim, 100, x)}, x, 100, 101},
		{"a block given back", []SessionEvent{recordAt(start, 0, first), freed}, first, 200, 201},
		{"a block given back before it was reported", []SessionEvent{recordAt(start, 0), freed, recordAt(interim, 100, first)}, first, 200, 201},
		{"a block that the Stop leaves out", []SessionEvent{recordAt(start, 0, first), recordAt(interim, 100, second),
			recordAt(stop, 200, second)}, first, 0, 1},
		{"a Stop that names no blocks", []SessionEvent{recordAt(start, 0, first), recordAt(stop, 200)}, first, 200, 201},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var s *Session
			for _, ev := range c.records {
				next := ApplyEvent(s, ev, time.Time{}, func(Attribute) bool { return false }).Session
				s = &next
			}
			for _, moment := range []int{c.confirmed, c.not} {
				got := WhoHeld(s.Bindings(), nil, c.address.Ports.Lo, at(moment), 0)
				for _, b := range got.Bindings {
					if b.Prefix == c.address.Prefix && b.Ports == c.address.Ports && b.confirmedUntil(at(moment)) != (moment == c.confirmed) {
						t.Errorf("second %d: %+v", moment, b)
					}
				}
				held := len(Held(s.Bindings(), at(moment), at(moment))) > 0
				if moment == c.confirmed && !held {
					t.Errorf("second %d: %v does not count as held", moment, c.address.Prefix)
				}
			}
		})
	}
}

func TestALaterAllocationOfAPortBlockShowsThatItsEndIsMissing(t *testing.T) {
	block := func(subscriber string, from, to, renewed int) Binding {
		b := held(subscriber, "b1", subscriber, from, to, renewed)
		b.Kind, b.Ports, b.Inferred = NATPortBlock, PortRange{1024, 2047}, true
		return b
	}
	both := []Binding{block("alice", 0, -1, 900), block("bob", 300, 400, 400)}
	for second, want := range map[int]AttributionResult{200: Unknown, 350: Attributed, 500: Unknown} {
		if got := WhoHeld(both, nil, 1100, at(second), time.Second); got.Result != want || got.Subscriber == "alice" {
			t.Errorf("second %d: %v %q, want %v", second, got.Result, got.Subscriber, want)
		}
	}
}

// The second had the prefix from its Start on, it seemed, until the Stop of the
// reported that it had it in between.
func TestAnInferredBeginningProvesNothingBeforeAnotherHolder(t *testing.T) {
	late := held("alice", "b1", "2", 0, 800, 800)
	late.Inferred = true
	between := held("bob", "b1", "3", 200, 300, 300)
	for moment, want := range map[int]AttributionResult{100: Unknown, 150: Unknown, 250: Ambiguous, 301: Ambiguous,
		310: Attributed, 700: Attributed} {
		if got := WhoHeld([]Binding{late, between}, nil, 0, at(moment), 2*time.Second); got.Result != want ||
			got.Result == Attributed && got.Subscriber != "alice" {
			t.Errorf("at %d: %v %q, want %v", moment, got.Result, got.Subscriber, want)
		}
	}
	if got := WhoHeld([]Binding{late}, nil, 0, at(100), 2*time.Second); got.Result != Attributed {
		t.Errorf("without the other: %v", got.Result)
	}
}

// A BNG dies with its sessions on it, and another one gives the same pool out: no
// record ends what the first one gave.
func TestAnAddressThatAnotherBNGAssignedLaterIsNoLongerConfirmed(t *testing.T) {
	pushed := func(subscriber, pipeline string, from, to int) Binding {
		b := held(subscriber, pipeline, subscriber, from, to, from)
		b.Kind, b.Ports = NATPortBlock, PortRange{1024, 2047}
		return b
	}
	for name, both := range map[string][]Binding{
		"sessions":            {held("alice", "b1", "1", 0, -1, 0), held("bob", "b2", "2", 300, 400, 400)},
		"translators' logs":   {pushed("alice", "log:a", 0, -1), pushed("bob", "log:b", 300, 400)},
		"it is shared by now": {held("alice", "b1", "1", 0, -1, 0), pushed("bob", "log:b", 300, 400)},
	} {
		t.Run(name, func(t *testing.T) {
			for second, want := range map[int]AttributionResult{350: Ambiguous, 500: Unknown} {
				if got := WhoHeld(both, nil, 1100, at(second), time.Second); got.Result != want {
					t.Errorf("second %d: %v %q, want %v", second, got.Result, got.Subscriber, want)
				}
			}
			if got := WhoHeld(both[:1], nil, 1100, at(500), time.Second); got.Result != Attributed {
				t.Errorf("with nobody else: %v", got.Result)
			}
		})
	}
	renewed := []Binding{held("alice", "b1", "1", 0, -1, 900), held("bob", "b2", "2", 300, 400, 400)}
	if got := WhoHeld(renewed, nil, 0, at(500), time.Second); got.Subscriber != "alice" {
		t.Errorf("one that is renewed after the other: %+v", got)
	}
}
