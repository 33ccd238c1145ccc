package quarantine

import (
	"slices"
	"testing"
	"time"
)

// about is a record of a session of the BNG b1.
func about(id, subscriber string, kind SessionEventKind, second int, addresses ...Address) SessionEvent {
	return SessionEvent{Kind: kind, Key: SessionKey{"b1", id}, Subscriber: subscriber, At: at(second), Addresses: addresses}
}

// until makes the time of a record uncertain: it was then at the latest.
func until(ev SessionEvent, second int) SessionEvent {
	ev.Latest = at(second)
	return ev
}

// only makes a record say that it lists all addresses of some kinds.
func only(ev SessionEvent, kinds ...AddressKind) SessionEvent {
	ev.Only = kinds
	return ev
}

func free(ev SessionEvent, blocks ...Address) SessionEvent {
	ev.Freed = blocks
	return ev
}

// elsewhere makes a record one of another BNG.
func elsewhere(ev SessionEvent) SessionEvent {
	ev.Key.BNG = "b2"
	return ev
}

func restart(second int) SessionEvent {
	return SessionEvent{Kind: BNGReset, Key: SessionKey{BNG: "b1"}, At: at(second)}
}

// heardOf plays records of a BNG, and returns every binding that was ever stated, as a
// store keeps them.
func heardOf(records ...SessionEvent) (all []Binding) {
	sessions := map[SessionKey]*Session{}
	var restarted time.Time
	for _, ev := range records {
		if ev.Kind == BNGReset {
			restarted = later(restarted, ev.At)
			continue
		}
		if ev.Kind == SessionStarted {
			ev.StartedAt = ev.At
		}
		change := ApplyEvent(sessions[ev.Key], ev, restarted, nothingRestricted)
		if change.Replaced != nil {
			all = append(all, change.Replaced.Bindings()...)
		}
		if change.Changed {
			sessions[ev.Key] = &change.Session
		}
		all = append(all, change.Forgotten...)
	}
	for _, s := range sessions {
		all = append(all, s.Bindings()...)
	}
	for i := range all {
		all[i].ResetAt = restarted
	}
	return all
}

// Each of these once named a subscriber who did not have the address.
func TestWhatRecordsDoNotProveNobodyIsNamedFor(t *testing.T) {
	const start, interim, stop = SessionStarted, SessionRenewed, SessionEnded
	x, y := ip4(7), ip4(8)
	p, part := delegated("2001:db8:1::/56"), delegated("2001:db8:1:2::/64")
	block := portBlock(1024, 2047)

	for name, c := range map[string]struct {
		records []SessionEvent
		asked   Address
		want    map[int]string
	}{
		"a newer holder whose beginning is uncertain may have been the older one": {
			[]SessionEvent{about("A", "alice", start, 0, x), about("A", "alice", interim, 300, x), until(about("B", "bob", start, 200, x), 400)},
			x, map[int]string{350: "ambiguous", 500: "ambiguous"},
		},
		"a session renewed in the second of a restart may be over": {
			[]SessionEvent{about("A", "alice", start, 0, x), about("A", "alice", interim, 300, x), restart(300)},
			x, map[int]string{200: "alice", 310: "unknown"},
		},
		"of two records of one second that contradict each other none was first": {
			[]SessionEvent{about("A", "alice", start, 0, y), about("A", "alice", interim, 300, y), about("A", "alice", interim, 300, x)},
			x, map[int]string{310: "unknown"},
		},
		"nor of the other one": {
			[]SessionEvent{about("A", "alice", start, 0, y), about("A", "alice", interim, 300, x), about("A", "alice", interim, 300, y)},
			x, map[int]string{310: "unknown"},
		},
		"a block given back and listed in one second": {
			[]SessionEvent{
				about("A", "alice", start, 0, block), about("A", "alice", interim, 300, block),
				free(about("A", "alice", interim, 300), block), about("A", "alice", interim, 900, block), about("A", "alice", stop, 950, block),
			},
			block, map[int]string{200: "alice", 600: "unknown", 910: "alice"},
		},
		"two names in one second": {
			[]SessionEvent{about("A", "alice", start, 0, x), about("A", "bob", interim, 300, x), about("A", "alice", interim, 300, x)},
			x, map[int]string{310: "ambiguous"},
		},
		"a record of an uncertain time that contradicts a later one may be later still": {
			[]SessionEvent{about("A", "alice", start, 0), about("A", "alice", interim, 300, y), until(about("A", "alice", interim, 290, x), 310)},
			x, map[int]string{400: "unknown"},
		},
		"two records of uncertain times that overlap": {
			[]SessionEvent{about("A", "alice", start, 0), until(about("A", "alice", interim, 290, y), 310),
				until(about("A", "alice", interim, 300, x), 320)},
			x, map[int]string{400: "unknown"},
		},
		"the Stop leaves out a prefix and lists the address": {
			[]SessionEvent{about("A", "alice", start, 0, x, p), about("A", "alice", interim, 300, x), about("A", "alice", stop, 600, x)},
			p, map[int]string{400: "unknown"},
		},
		"a Stop under another name after records that name nobody": {
			[]SessionEvent{begun(about("A", "alice", start, 0, x), 0), begun(about("A", "", interim, 300, x), 0),
				begun(about("A", "bob", stop, 600, x), 0)},
			x, map[int]string{200: "unknown"},
		},
		"a late record of an earlier session does not name one without a name": {
			[]SessionEvent{about("A", "", start, 300, x), until(about("A", "bob", interim, 100, x), 500)},
			x, map[int]string{310: "ambiguous", 600: "ambiguous"},
		},
		"somebody else held the prefix, and gave it up, while no record listed it": {
			[]SessionEvent{
				about("A", "alice", start, 0, x, p), about("A", "alice", interim, 300, x),
				about("B", "bob", start, 100, y, p), about("B", "bob", stop, 200, y, p),
			},
			p, map[int]string{150: "ambiguous", 250: "unknown"},
		},
		"so it is if the session has ended": {
			[]SessionEvent{
				about("A", "alice", start, 0, x, p), about("A", "alice", interim, 300, x), about("A", "alice", stop, 600),
				about("B", "bob", start, 100, y, p), about("B", "bob", stop, 200, y, p),
			},
			p, map[int]string{250: "unknown"},
		},
		"a block came back to a session that had it before, and no record says that it went": {
			[]SessionEvent{
				about("A", "alice", start, 0, block), about("B", "bob", start, 100, block), about("A", "alice", interim, 300, block),
			},
			block, map[int]string{200: "ambiguous", 400: "ambiguous"},
		},
		"a Start that comes again, dated by another clock, after the session was somebody else's": {
			[]SessionEvent{about("A", "alice", start, 0, x), about("A", "bob", interim, 300, x), about("A", "alice", start, 1, x)},
			x, map[int]string{310: "bob"},
		},
		"the Stop of another session does not make this one begin earlier": {
			[]SessionEvent{about("A", "bob", stop, 900, x), until(about("A", "alice", stop, 100, y), 2000)},
			x, map[int]string{500: "unknown"},
		},
		"a record without a name or a start, of another address": {
			[]SessionEvent{about("A", "alice", start, 0, x), about("A", "", interim, 600, y)},
			y, map[int]string{610: "unknown"},
		},
		"a Stop without a start after a restart": {
			[]SessionEvent{about("A", "alice", start, 0, x), restart(300), about("A", "alice", stop, 900, x)},
			x, map[int]string{600: "unknown"},
		},
		"a session goes on after its end": {
			[]SessionEvent{
				about("A", "alice", start, 0, x), about("A", "alice", stop, 300, x), about("A", "alice", interim, 600, x),
				about("B", "bob", start, 700, x),
			},
			x, map[int]string{650: "unknown", 699: "ambiguous"},
		},
		"records of uncertain times, taken for an earlier session's, may be this one's": {
			[]SessionEvent{
				about("A", "carol", start, 0, y), until(begun(about("A", "alice", interim, 100, x), 90), 500),
				begun(about("A", "bob", interim, 600, x), 450),
			},
			x, map[int]string{480: "unknown"},
		},
		"an address from a record of an uncertain time does not count from the Start for others": {
			[]SessionEvent{
				about("A", "alice", start, 0, x, p), about("A", "alice", interim, 90, x, p),
				about("B", "bob", start, 100, y), until(begun(about("B", "bob", interim, 50, y, p), 100), 300),
			},
			p, map[int]string{110: "ambiguous"},
		},
		"what a platform that lists everything lists first in mid-session was not there from the beginning": {
			[]SessionEvent{
				about("A", "alice", start, 0, x), only(begun(about("B", "bob", interim, 300, x), 100), FramedIP),
			},
			x, map[int]string{200: "unknown", 310: "bob"},
		},
		"what another one held for nobody knows how long proves nothing of the time after": {
			[]SessionEvent{
				until(about("A", "alice", start, 50, y, p), 150), about("A", "alice", stop, 200, y, p),
				about("B", "bob", start, 100, x), begun(about("B", "bob", interim, 600, x, p), 100),
			},
			p, map[int]string{400: "unknown"},
		},
		"a name that begins later is not that of a session without one": {
			[]SessionEvent{about("A", "", start, 0, x), begun(about("A", "", interim, 300, x), 0), begun(about("A", "bob", stop, 900, y), 600)},
			x, map[int]string{200: "unknown"},
		},
		"a record of an uncertain time may begin a session that is not known": {
			[]SessionEvent{
				about("A", "carol", start, 0, y), about("A", "carol", stop, 50, y), until(begun(about("A", "alice", interim, -500, x), -600), 300),
				about("B", "bob", start, 900, x),
			},
			x, map[int]string{400: "unknown", 899: "ambiguous", 910: "bob"},
		},
		"a session that began as its BNG came back": {
			[]SessionEvent{about("A", "alice", start, 298, x), restart(300), about("B", "bob", start, 310, x)},
			x, map[int]string{309: "ambiguous", 320: "bob"},
		},
		"the Start of another session in the second of the last record": {
			[]SessionEvent{
				about("A", "alice", start, 0, x), about("A", "alice", interim, 300, x),
				about("B", "bob", start, 300, x), about("B", "bob", stop, 350, x),
			},
			x, map[int]string{200: "alice", 400: "unknown"},
		},
		"which of two records of uncertain times left the address out last": {
			[]SessionEvent{
				until(begun(about("A", "alice", interim, 290, x), 100), 310), until(begun(about("A", "alice", interim, 295, y), 100), 315),
				begun(about("A", "alice", stop, 500, y), 100), begun(about("B", "bob", interim, 600, x), 350), about("B", "bob", stop, 700, x),
			},
			x, map[int]string{360: "ambiguous", 550: "unknown", 650: "bob"},
		},
		"so it is if they are three": {
			[]SessionEvent{
				until(about("A", "alice", start, 300, x), 310), until(about("A", "alice", interim, 305, y), 315),
				until(about("A", "alice", interim, 320, x), 330), about("B", "bob", start, 331, y),
			},
			y, map[int]string{329: "ambiguous"},
		},
		"of three records of uncertain times the one that came last need not be the latest": {
			[]SessionEvent{
				until(about("A", "alice", start, 140, ip4(10)), 240), until(begun(about("A", "alice", interim, 238, ip4(9)), 148), 338),
				until(begun(about("A", "alice", interim, 255, y), 145), 355), until(begun(about("A", "alice", interim, 305, x), 205), 405),
			},
			x, map[int]string{478: "unknown"},
		},
		"which of two names came last, one of them at a time that is not certain": {
			[]SessionEvent{
				about("A", "alice", start, 0, y), about("A", "bob", interim, 300, x), until(about("A", "alice", interim, 300, x), 310),
			},
			x, map[int]string{330: "unknown"},
		},
		"a Stop in the second of a restart does not give a name to a session of long ago": {
			[]SessionEvent{about("A", "", start, 0, x), about("A", "", interim, 300, x), restart(900), about("A", "bob", stop, 900, y)},
			x, map[int]string{200: "unknown"},
		},
		"a Start that may be of before or after the session that is known": {
			[]SessionEvent{about("A", "bob", interim, 300, x), about("A", "bob", stop, 320, x), until(about("A", "alice", start, 200, x), 900)},
			x, map[int]string{299: "ambiguous", 500: "unknown"},
		},
		"a session whose id was used again was over when its BNG restarted": {
			[]SessionEvent{
				about("A", "alice", start, 0, x), about("A", "alice", interim, 300, x), restart(600),
				about("B", "bob", start, 610, x), about("B", "bob", stop, 700, x), about("A", "carol", start, 800, y),
			},
			x, map[int]string{200: "alice", 650: "bob"},
		},
		"two sessions of a BNG that were listed with one address in turn": {
			[]SessionEvent{
				about("A", "alice", start, 0, x), about("B", "bob", start, 100, x), about("A", "alice", interim, 300, x),
				about("B", "bob", interim, 600, x), about("B", "bob", stop, 900, x),
			},
			x, map[int]string{200: "ambiguous", 500: "ambiguous", 950: "unknown"},
		},
		"two BNGs that had one address at a time, of which one was heard of last": {
			[]SessionEvent{
				about("A", "alice", start, 0, x), elsewhere(about("B", "bob", start, 100, x)), about("A", "alice", interim, 300, x),
				elsewhere(about("B", "bob", interim, 600, x)), elsewhere(about("B", "bob", stop, 900, x)),
			},
			x, map[int]string{500: "ambiguous", 950: "unknown"},
		},
		"a part of a prefix was given to another, who gave it up": {
			[]SessionEvent{about("A", "alice", start, 0, x, p), about("A", "alice", interim, 60, x, p),
				about("B", "bob", start, 100, y, part), about("B", "bob", stop, 900, y, part)},
			part, map[int]string{50: "alice", 500: "ambiguous", 950: "unknown"},
		},
		"a prefix was given to another of which somebody had a part": {
			[]SessionEvent{about("A", "alice", start, 0, x, part), about("A", "alice", interim, 60, x, part),
				about("B", "bob", start, 100, y, p), about("B", "bob", stop, 900, y, p)},
			part, map[int]string{50: "alice", 500: "ambiguous", 950: "unknown"},
		},
		"a part of a prefix that another session of the same subscriber had": {
			[]SessionEvent{about("A", "alice", start, 0, x, p), about("A2", "alice", start, 100, part), about("A2", "alice", stop, 900, part)},
			part, map[int]string{50: "alice", 500: "alice", 950: "alice"},
		},
		"unless it may have been itself, under another name": {
			[]SessionEvent{about("A", "alice", start, 590, x), restart(600), about("A", "carol", interim, 650, x),
				about("A", "carol", stop, 700, x)},
			x, map[int]string{648: "ambiguous", 680: "carol"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			all := slices.DeleteFunc(heardOf(c.records...), func(b Binding) bool { return !b.Prefix.Contains(c.asked.Prefix.Addr()) })
			for second, want := range c.want {
				if got := attributed(all, c.asked.Ports.Lo, second); got != want {
					t.Errorf("at %d: %s, want %s", second, got, want)
				}
			}
		})
	}
}
