package engine

import (
	"net/netip"
	"testing"
	"time"

	"cordon/quarantine"
)

// cgnWorld has alice and bob behind a translator, each with the same private
// address in a space of its own, and port blocks of one public address.
func cgnWorld(w *world) (private netip.Addr, public netip.Addr, change func(*Config)) {
	private, public = netip.MustParseAddr("100.64.0.9"), netip.MustParseAddr("203.0.113.5")
	spaces := []quarantine.AddressSpace{
		{Name: "east", Prefixes: []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10")}, BNGs: []string{"e1"}, Sources: []string{"probe-east"}},
		{Name: "west", Prefixes: []netip.Prefix{netip.MustParsePrefix("100.64.0.0/10")}, BNGs: []string{"w1"}, Sources: []string{"probe-west"}},
	}
	for i, name := range []string{"alice", "bob"} {
		w.record(quarantine.SessionEvent{
			Kind: quarantine.SessionStarted, Key: quarantine.SessionKey{BNG: []string{"e1", "w1"}[i], ID: "1"},
			Subscriber: name, At: time.Now(), StartedAt: time.Now(),
			Addresses: []quarantine.Address{{Prefix: netip.PrefixFrom(private, 32), Kind: quarantine.FramedIP, Space: spaces[i].Name}},
		})
		block := quarantine.PortRange{Lo: uint16(1024 * (i + 1)), Hi: uint16(1024*(i+2) - 1)}
		w.memory.RecordBindings(w.t.Context(), []quarantine.Binding{{
			Address: quarantine.Address{Prefix: netip.PrefixFrom(public, 32), Kind: quarantine.NATPortBlock, Ports: block},
			Session: quarantine.SessionKey{BNG: "log:cgn", ID: name}, From: time.Now(), RenewedAt: time.Now(),
			Via: quarantine.Place{Addr: private, Space: spaces[i].Name},
		}})
	}
	return private, public, func(c *Config) {
		c.Addresses = quarantine.AddressPlan{Spaces: spaces, Infrastructure: []netip.Prefix{netip.MustParsePrefix("192.0.2.53/32")}}
	}
}

func TestAPortOfASharedAddressLeadsThroughTheTranslatorToItsSubscriber(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		private, public, change := cgnWorld(w)
		e := w.startWith(w.memory, "a", change)
		time.Sleep(3 * time.Second)
		for name, c := range map[string]struct {
			source     string
			ip         netip.Addr
			port       uint16
			state      quarantine.VerdictState
			attributed string
		}{
			"alice's port":            {"feed", public, 1500, quarantine.VerdictActed, "alice"},
			"bob's port":              {"feed", public, 2048, quarantine.VerdictActed, "bob"},
			"nobody's port":           {"feed", public, 9000, quarantine.VerdictUnknown, ""},
			"no port":                 {"feed", public, 0, quarantine.VerdictAmbiguous, ""},
			"seen before it, in east": {"probe-east", private, 0, quarantine.VerdictActed, "alice"},
			"seen before it, in west": {"probe-west", private, 4000, quarantine.VerdictActed, "bob"},
			"nobody knows where":      {"feed", private, 0, quarantine.VerdictUnknown, ""},
			"our own":                 {"feed", netip.MustParseAddr("192.0.2.53"), 53, quarantine.VerdictRecorded, ""},
		} {
			v := botnet(c.ip)
			v.Source, v.Port = c.source, c.port
			id := w.accept(e, v)
			time.Sleep(5 * time.Second)
			status, err := w.memory.Verdict(t.Context(), id)
			if err != nil || status.State != c.state || status.Attributed != c.attributed {
				t.Errorf("%s: %s of %q (%s), %v; want %s of %q", name, status.State, status.Attributed, status.Reason, err, c.state, c.attributed)
			}
		}
	})
}

func TestAPersonPointsAtASharedAddressWithItsPortOrSpace(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		private, public, change := cgnWorld(w)
		e := w.startWith(w.memory, "a", change)
		time.Sleep(3 * time.Second)
		for want, target := range map[string]quarantine.Target{
			"alice": {IP: public, Port: 1500}, "bob": {IP: private, Space: "west"}, "": {IP: private}, " ": {IP: public},
		} {
			got, err := e.Resolve(t.Context(), target)
			if known := len(want) > 1; known != (err == nil) || known && got != want {
				t.Errorf("%+v: %q, %v; want %q", target, got, err, want)
			}
		}
	})
}
