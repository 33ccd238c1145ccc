package quarantine

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

// anyEvent is an event of few subscribers, addresses and values, so that they meet.
func anyEvent(rng *rand.Rand, second int) SessionEvent {
	ev := SessionEvent{
		Kind: []SessionEventKind{SessionStarted, SessionRenewed, SessionRenewed, SessionRenewed, SessionEnded, ServiceSeen}[rng.IntN(6)],
		Key:  SessionKey{"b1", "42"}, Subscriber: []string{"alice", "alice", "alice", "bob", ""}[rng.IntN(5)], At: at(second),
		Ignored: rng.IntN(9) == 0, Imported: rng.IntN(5) == 0,
	}
	if rng.IntN(3) > 0 {
		ev.StartedAt = at(rng.IntN(second + 1))
	}
	if ev.Kind == SessionStarted {
		ev.StartedAt = ev.At
	}
	for i := range rng.IntN(3) {
		a := Address{Prefix: netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(rng.IntN(3))}), 32),
			Kind: []AddressKind{FramedIP, FramedIPv6Address}[i%2]}
		if rng.IntN(3) == 0 {
			a.Kind, a.Ports = NATPortBlock, PortRange{uint16(1024 * (1 + rng.IntN(2))), 4096}
		}
		ev.Addresses = append(ev.Addresses, a)
	}
	if rng.IntN(6) == 0 {
		ev.Freed = []Address{{Prefix: netip.MustParsePrefix("192.0.2.1/32"), Kind: NATPortBlock, Ports: PortRange{1024, 4096}}}
	}
	switch rng.IntN(9) {
	case 0:
		ev.Only = []AddressKind{FramedIP}
	case 1:
		ev.Only = []AddressKind{FramedIPv6Address, NATPortBlock}
	case 2:
		ev.Latest = ev.At.Add(time.Duration(rng.IntN(300)) * time.Second)
	case 3:
		ev.Member = "b2"
	case 4:
		ev.Subscriber, ev.Via = "", Place{Addr: netip.MustParseAddr("100.64.0.9")}
	}
	for _, name := range []string{"Class", "NAS-Port-Id"} {
		if rng.IntN(2) == 0 {
			ev.Attributes = append(ev.Attributes, Attribute{name, []string{"x", "y"}[rng.IntN(2)]})
		}
	}
	for rng.IntN(3) == 0 {
		ev.Observed = append(ev.Observed, Attribute{"Filter-Id", []string{"PLAN", "GARDEN"}[rng.IntN(2)]})
	}
	return ev
}

func TestAnEventThatOnlyRenewsDoesSoAtAnyLaterMoment(t *testing.T) {
	only, other := 0, 0
	for seed := range uint64(20_000) {
		rng := rand.New(rand.NewPCG(seed, 15))
		var s *Session
		var last SessionEvent
		for second := range 1 + rng.IntN(6) {
			last = anyEvent(rng, 100*second)
			if change := ApplyEvent(s, last, time.Time{}, nothingRestricted); change.Changed {
				s = &change.Session
			}
		}
		if s == nil || !OnlyRenews(s, last, nothingRestricted) {
			other++
			continue
		}
		only++
		again := last
		again.Kind, again.Latest, again.At = SessionRenewed, time.Time{}, s.SeenAt.Add(time.Duration(rng.IntN(5_000))*time.Second)
		if again.StartedAt = (time.Time{}); rng.IntN(2) == 0 {
			again.StartedAt = s.StartedAt.Add(time.Duration(rng.IntN(7)-3) * time.Second)
		}
		restart := []time.Time{{}, s.SeenAt.Add(time.Second), again.At}[rng.IntN(3)]
		got, want := ApplyEvent(s, again, restart, nothingRestricted), s.Renewed(again.At)
		if got.Replaced != nil || len(got.Forgotten) > 0 || got.Renamed || !equalSession(&got.Session, &want) {
			t.Fatalf("seed %d: %+v\nof %+v\nmakes %+v\nwant %+v", seed, again, *s, got.Session, want)
		}
	}
	if only < 1000 || other < 1000 {
		t.Fatalf("%d events only renewed, %d did not: the test does not test", only, other)
	}
}
