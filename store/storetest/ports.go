package storetest

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"cordon/quarantine"
)

// PortBlocks tests quarantine.PortFinder.
func PortBlocks(t *testing.T, open Open) {
	address := func(host byte) netip.Prefix { return netip.PrefixFrom(netip.AddrFrom4([4]byte{203, 0, 113, host}), 32) }
	block := func(host byte, lo, hi uint16, subscriber string, from time.Time) quarantine.Binding {
		return quarantine.Binding{
			Address: quarantine.Address{Prefix: address(host), Kind: quarantine.NATPortBlock, Ports: quarantine.PortRange{Lo: lo, Hi: hi}},
			Session: quarantine.SessionKey{BNG: "log:cgn1", ID: subscriber}, Subscriber: subscriber, From: from, RenewedAt: from,
		}
	}
	holders := func(found []quarantine.Binding) (names []string) {
		for _, b := range found {
			names = append(names, b.Subscriber)
		}
		slices.Sort(names)
		return names
	}
	begin := func(t *testing.T) Ports {
		s := start(t, open)
		for _, err := range s.RecordBindings(t.Context(), []quarantine.Binding{
			block(5, 1000, 3100, "alice", noon),                     // three slices of 1,024 ports
			block(5, 3000, 3200, "bob", noon.Add(time.Hour)),        // overlaps alice's in the last of them
			block(5, 4096, 4200, "carol", noon),                     // overlaps nobody's
			block(5, 20000, 60000, "dave", noon),                    // wide
			block(5, 50000, 50001, "erin", noon.Add(time.Hour)),     // within it
			block(6, 1000, 3100, "frank", noon.Add(10*time.Minute)), // another address
			block(5, 1, 65535, "grace", noon.Add(-1000*time.Hour)),  // before what is asked about
		}) {
			must(t, err)
		}
		return s
	}
	at := quarantine.Place{Addr: address(5).Addr()}

	t.Run("a block is found by all its ports, with those that overlap it", func(t *testing.T) {
		s := begin(t)
		ended := block(5, 1, 65535, "grace", noon.Add(-1000*time.Hour))
		ended.To, ended.RenewedAt = noon.Add(-900*time.Hour), noon.Add(-900*time.Hour)
		must(t, s.RecordBindings(t.Context(), []quarantine.Binding{ended})[0])
		for port, want := range map[uint16][]string{
			1: nil, 1000: {"alice", "bob"}, 2048: {"alice", "bob"}, 3150: {"alice", "bob"}, 3201: nil, 4100: {"carol"},
			30000: {"dave", "erin"}, 50000: {"dave", "erin"}, 60001: nil,
		} {
			found, err := s.BindingsOfPort(t.Context(), at, port, noon.Add(-time.Minute), noon.Add(2*time.Hour))
			must(t, err)
			equal(t, "holders of a port", holders(found), want)
		}
	})

	t.Run("what is held without ports is found by any port", func(t *testing.T) {
		s := begin(t)
		record(t, s, event(quarantine.SessionStarted, "1", "heidi", noon, quarantine.Address{Prefix: address(6), Kind: quarantine.FramedIP}))
		found, err := s.BindingsOfPort(t.Context(), quarantine.Place{Addr: address(6).Addr()}, 9, noon, noon)
		must(t, err)
		equal(t, "holders", holders(found), []string{"heidi"})
	})

	t.Run("an address is shared while anybody has a block", func(t *testing.T) {
		s := begin(t)
		for _, c := range []struct {
			host   byte
			moment time.Duration
			shared bool
		}{{6, 9 * time.Minute, false}, {6, 10 * time.Minute, true}, {6, time.Hour, true}, {5, 0, true}, {7, 0, false}} {
			shared, err := s.Shared(t.Context(), quarantine.Place{Addr: address(c.host).Addr()}, noon.Add(c.moment), noon.Add(c.moment))
			must(t, err)
			equal(t, "shared", shared, c.shared)
		}
	})
}
