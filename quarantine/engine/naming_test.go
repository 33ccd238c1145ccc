package engine

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
)

// A NAT's accounting gives a block to alice's inside address; then somebody whom no
// record names takes that address.
func TestANATsRecordsLeadToWhoeverHeldTheInsideAddress(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		inside, public := netip.MustParseAddr("100.64.0.9"), netip.MustParseAddr("203.0.113.5")
		space := quarantine.AddressSpace{Name: "east", Prefixes: []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10")},
			BNGs: []string{"bng1", "nat1"}}
		began := time.Now()
		framed := quarantine.Address{Prefix: netip.PrefixFrom(inside, 32), Kind: quarantine.FramedIP, Space: "east"}
		start := func(bng, id, subscriber string, addresses ...quarantine.Address) quarantine.SessionEvent {
			return quarantine.SessionEvent{
				Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: bng, ID: id}, Subscriber: subscriber,
				At: time.Now(), StartedAt: time.Now(), Addresses: addresses,
			}
		}
		nat := start("nat1", "LSN44", "", quarantine.Address{
			Prefix: netip.PrefixFrom(public, 32), Kind: quarantine.NATPortBlock, Ports: quarantine.PortRange{Lo: 1024, Hi: 2047},
		}, framed)
		nat.Via = quarantine.Place{Addr: inside, Space: "east"}
		w.record(start("bng1", "s1", "alice", framed))
		w.record(nat)
		e := w.startWith(w.memory, "a", func(c *Config) { c.Addresses = quarantine.AddressPlan{Spaces: []quarantine.AddressSpace{space}} })
		time.Sleep(time.Minute)
		who := func() (string, error) {
			return e.Resolve(t.Context(), quarantine.Target{IP: public, Port: 1500})
		}
		if got, err := who(); got != "alice" {
			t.Errorf("%q, %v; want alice", got, err)
		}
		var refused *quarantine.CommandError
		if got, err := e.Resolve(t.Context(), quarantine.Target{Session: nat.Key}); !errors.As(err, &refused) {
			t.Errorf("the NAT's own session is %q, %v", got, err)
		}
		w.record(start("bng1", "s2", "", framed))
		time.Sleep(time.Minute)
		var unnamed *quarantine.AmbiguousError
		if got, err := who(); !errors.As(err, &unnamed) || !strings.Contains(err.Error(), "gave no usable name") || len(unnamed.Candidates) == 0 {
			t.Errorf("%q, %v, although nobody can name who holds the address behind", got, err)
		}
		v := botnet(public)
		v.Port, v.ObservedAt = 1500, time.Now()
		id := w.accept(e, v)
		time.Sleep(5 * time.Second)
		status, err := w.memory.Verdict(t.Context(), id)
		if err != nil || status.State != quarantine.VerdictUnknown || !strings.Contains(status.Reason, "gave no usable name") {
			t.Errorf("%s since %s: %s, %v", status.State, began, status.Reason, err)
		}
	})
}

// Right before a datagram leaves, the session is bob's.
func TestASessionThatAnotherNameLoggedInToIsNotRestricted(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		key := quarantine.SessionKey{BNG: "bng1", ID: "s1"}
		began := time.Now()
		w.record(quarantine.SessionEvent{Kind: quarantine.SessionStarted, Key: key, Subscriber: "alice", At: began, StartedAt: began})
		e := w.startWith(w.memory, "a", func(*Config) {})
		time.Sleep(time.Minute)
		record, err := w.memory.Session(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		w.record(quarantine.SessionEvent{Kind: quarantine.SessionRenewed, Key: key, Subscriber: "bob", At: time.Now(), StartedAt: began})
		c := &quarantine.Case{ID: "c1", Subscriber: "alice", State: quarantine.Restricting, Profile: "garden",
			Mode: quarantine.ModeEnforce, Generation: 1}
		if err := e.maySend(c, &quarantine.Order{Case: "c1", Session: record, To: "garden",
			Generation: 1}); deferredBy(err) != quarantine.CheckSession {
			t.Errorf("%v, want it deferred by %s", err, quarantine.CheckSession)
		}
		if s, err := w.memory.Session(t.Context(), key); err != nil || s.Subscriber != "bob" {
			t.Errorf("%+v, %v", s, err)
		}
	})
}
