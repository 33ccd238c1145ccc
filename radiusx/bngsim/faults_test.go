package bngsim

import (
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"layeh.com/radius"
)

const restrict = "User-Name=alice@isp, Filter-Id=GARDEN"

func TestEachFaultBites(t *testing.T) {
	for _, test := range []struct {
		name   string
		faults Faults
		want   string
		filter string
	}{
		{"none", Faults{}, "ACK", "GARDEN"},
		{"requests are lost", Faults{In: Link{Lose: 1}}, "silence", ""},
		{"answers are lost", Faults{Out: Link{Lose: 1}}, "silence", "GARDEN"},
		{"ACK without effect", Faults{AckIgnore: true}, "ACK", ""},
		{"refusal", Faults{NAK: ResourcesUnavailable}, "NAK Resources-Unavailable", ""},
		{"refusal without cause", Faults{NAK: Unexplained}, "NAK", ""},
		{"silence", Faults{Silent: true}, "silence", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, FilterID, nil)
				defer l.stop()
				s := l.login(alice())
				l.bng.SetFaults(test.faults)
				if l.bng.Faults() != test.faults {
					t.Error("faults were not kept")
				}
				if got := verdict(l.ask(coa(t, 1, restrict))); got != test.want {
					t.Errorf("answered %s, want %s", got, test.want)
				}
				if got := l.now(s.ID).FilterID; got != test.filter {
					t.Errorf("filter %q, want %q", got, test.filter)
				}
				l.bng.SetFaults(Faults{})
				if got := verdict(l.ask(coa(t, 2, restrict))); got != "ACK" {
					t.Errorf("after the fault: %s", got)
				}
			})
		})
	}
}

func TestACKWithoutEffectAlsoKeepsADisconnectedSession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, FilterID, nil)
		defer l.stop()
		s := l.login(alice())
		l.bng.SetFaults(Faults{AckIgnore: true})
		if got := verdict(l.ask(disconnect(t, 1, "User-Name=alice@isp"))); got != "ACK" {
			t.Errorf("answered %s", got)
		}
		l.now(s.ID)
	})
}

func TestABadAuthenticatorIsTheOnlyThingWrongWithTheAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, FilterID, nil)
		defer l.stop()
		l.login(alice())
		l.bng.SetFaults(Faults{BadAuthenticator: true})
		request := coa(t, 1, restrict)
		l.send(request)
		answer := l.receive()
		if verdict(answer) != "ACK" || radius.IsAuthenticResponse(answer, request, []byte(testSecret)) {
			t.Errorf("answer %x", answer)
		}
	})
}

func TestOnlyTheNextNRequestsAreRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, FilterID, nil)
		defer l.stop()
		l.login(alice())
		l.bng.NAKNext(2, SessionNotFound)
		var got []string
		for i := range byte(3) {
			got = append(got, verdict(l.ask(coa(t, i, restrict))))
			got = append(got, verdict(l.ask(coa(t, i, restrict)))) // a duplicate does not count
		}
		want := []string{"NAK Session-Context-Not-Found", "NAK Session-Context-Not-Found", "NAK Session-Context-Not-Found",
			"NAK Session-Context-Not-Found", "ACK", "ACK"}
		if !slices.Equal(got, want) {
			t.Errorf("answers %q", got)
		}
	})
}

func TestDelayAndDoubleOnTheWayOut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, FilterID, nil)
		defer l.stop()
		l.login(alice())
		l.bng.SetFaults(Faults{Out: Link{Delay: 7 * time.Second, Double: 1}})
		begin := time.Now()
		first := l.ask(coa(t, 1, restrict))
		if took := time.Since(begin); took != 7*time.Second {
			t.Errorf("answered after %v", took)
		}
		if second := l.receive(); string(first) != string(second) || first == nil {
			t.Errorf("answers %x and %x", first, second)
		}
	})
}

// A request that the path holds back arrives after the one that undid it: what
// a restore that is asserted once more is for.
func TestALateDuplicateOfARequestIsObeyedByGearWithoutAMemory(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, AccelPPP, nil)
		defer l.stop()
		subscriber := alice()
		subscriber.IPoE = true
		s := l.login(subscriber)
		l.bng.SetFaults(Faults{In: Link{Double: 1, Jitter: 20 * time.Second}})
		l.send(coa(t, 1, "User-Name=alice@isp, L4-Redirect=1"))
		l.receive()
		l.bng.SetFaults(Faults{})
		if got := verdict(l.ask(coa(t, 2, "User-Name=alice@isp, L4-Redirect=0"))); got != "ACK" {
			t.Fatal(got)
		}
		time.Sleep(30 * time.Second)
		history := l.now(s.ID).History
		if !l.now(s.ID).Redirect {
			t.Errorf("the late duplicate had no effect: %v", history)
		}
	})
}

func TestTheSameSeedLosesTheSameDatagrams(t *testing.T) {
	pattern := func(seed uint64) (got []string) {
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t, FilterID, func(c *Config) { c.Seed = seed })
			defer l.stop()
			l.login(alice())
			l.bng.SetFaults(Faults{In: Link{Lose: 0.3}, Out: Link{Lose: 0.3}})
			for i := range byte(40) {
				got = append(got, verdict(l.ask(coa(t, i, restrict))))
			}
		})
		return got
	}
	if first := pattern(7); !slices.Equal(first, pattern(7)) || slices.Equal(first, pattern(8)) {
		t.Error("faults do not follow the seed")
	}
}

func TestPacketsTellWhatBecameOfEachDatagram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var hooked []Packet
		l := newLab(t, FilterID, func(c *Config) {
			c.KeepPackets = 3
			c.OnPacket = func(p Packet) { hooked = append(hooked, p) }
		})
		l.login(alice())
		request := coa(t, 1, restrict)
		answer := l.ask(request)
		l.ask(request)
		l.bng.SetFaults(Faults{In: Link{Lose: 1}})
		l.ask(coa(t, 2, restrict))
		l.stop()
		var notes []string
		for _, p := range hooked {
			notes = append(notes, fmt.Sprintf("%v %d %s", p.Sent, p.Datagram[0], p.Note))
		}
		want := []string{"false 43 ", "true 44 ", "false 43 " + string(Duplicate), "true 44 ", "false 43 " + string(Lost)}
		if !slices.Equal(notes, want) {
			t.Errorf("datagrams %q, want %q", notes, want)
		}
		if string(hooked[0].Datagram) != string(request) || string(hooked[1].Datagram) != string(answer) ||
			hooked[0].Local != dasAddr || hooked[1].Peer != hooked[0].Peer {
			t.Errorf("first datagrams: %+v", hooked[:2])
		}
		kept := l.bng.Packets()
		if len(kept) != 3 || kept[2].Note != Lost || string(kept[0].Datagram) != string(hooked[2].Datagram) {
			t.Errorf("kept %d datagrams, last %q", len(kept), kept[len(kept)-1].Note)
		}
	})
}
