package quarantine

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// under is a record about session b1/42 that bears a name, "" for none.
func under(subscriber string, kind SessionEventKind, seconds int, addresses ...Address) SessionEvent {
	return SessionEvent{Kind: kind, Key: SessionKey{"b1", "42"}, Subscriber: subscriber, At: at(seconds), Addresses: addresses}
}

func begun(ev SessionEvent, seconds int) SessionEvent {
	ev.StartedAt = at(seconds)
	return ev
}

// hearing plays records of one key, and returns every binding that was ever stated,
// as a store keeps them, and how many records bore another name.
func hearing(events ...SessionEvent) (s *Session, all []Binding, renamed int) {
	for _, ev := range events {
		if ev.Kind == SessionStarted {
			ev.StartedAt = ev.At
		}
		change := ApplyEvent(s, ev, time.Time{}, nothingRestricted)
		if change.Replaced != nil {
			all = append(all, change.Replaced.Bindings()...)
		}
		if change.Changed {
			s = &change.Session
		}
		if change.Renamed {
			renamed++
		}
		all = append(all, change.Forgotten...)
	}
	return s, append(all, s.Bindings()...), renamed
}

func TestASessionIsWhatItsKeyAndStartSayWhateverNameARecordBears(t *testing.T) {
	start := under("alice@isp", SessionStarted, 0, ip4(7))
	interim := under("alice@isp", SessionRenewed, 300, ip4(7))
	for name, c := range map[string]struct {
		events  []SessionEvent
		live    bool
		of      string
		renamed int
		want    map[int]string
	}{
		"a Stop that spells the name otherwise": {
			[]SessionEvent{start, interim, begun(under("ALICE@isp", SessionEnded, 600), 0)}, false, "alice@isp", 1,
			map[int]string{200: "alice@isp", 400: "unknown", 700: "unknown"},
		},
		"a Stop a second of rounding off": {
			[]SessionEvent{start, interim, begun(under("ALICE@isp", SessionEnded, 600), 1)}, false, "alice@isp", 1,
			map[int]string{200: "alice@isp", 599: "unknown", 700: "unknown"},
		},
		"a Stop without a name": {
			[]SessionEvent{start, interim, under("", SessionEnded, 600)}, false, "alice@isp", 0,
			map[int]string{200: "alice@isp", 500: "alice@isp", 700: "unknown"},
		},
		"an Interim-Update without a name": {
			[]SessionEvent{start, under("", SessionRenewed, 600, ip4(7))}, true, "alice@isp", 0,
			map[int]string{500: "alice@isp", 700: "alice@isp"},
		},
		"a Stop of an earlier session under the key": {
			[]SessionEvent{start, begun(under("bob", SessionEnded, 100), -500)}, true, "alice@isp", 0,
			map[int]string{50: "alice@isp", 500: "alice@isp"},
		},
		"a Stop of a later one, whose Start is lost": {
			[]SessionEvent{start, interim, begun(under("bob", SessionEnded, 900, ip4(7)), 500)}, false, "bob", 0,
			map[int]string{200: "alice@isp", 400: "unknown", 700: "bob"},
		},
		"another name since": {
			[]SessionEvent{start, interim, under("bob", SessionRenewed, 600, ip4(7)), under("bob", SessionRenewed, 900, ip4(7))}, true, "bob", 1,
			map[int]string{200: "alice@isp", 400: "unknown", 610: "bob", 1000: "bob"},
		},
		"another name since, and then it is hers again": {
			[]SessionEvent{start, under("bob", SessionRenewed, 600, ip4(7)), under("alice@isp", SessionRenewed, 900, ip4(7))}, true, "alice@isp", 2,
			map[int]string{300: "unknown", 700: "unknown", 910: "alice@isp"},
		},
		"the other name is known first": {
			[]SessionEvent{begun(under("bob", SessionRenewed, 600, ip4(7)), 0), start, interim}, true, "bob", 1,
			map[int]string{200: "alice@isp", 400: "unknown", 610: "bob"},
		},
		"a log-in under another name that names no address": {
			[]SessionEvent{start, interim, under("bob", SessionRenewed, 600)}, true, "bob", 1,
			map[int]string{200: "alice@isp", 400: "unknown", 700: "unknown"},
		},
		"another subscriber's Start under the key": {
			[]SessionEvent{start, interim, under("bob", SessionStarted, 600, ip4(7))}, true, "bob", 0,
			map[int]string{200: "alice@isp", 400: "unknown", 610: "bob"},
		},
		"a name after the end": {
			[]SessionEvent{start, under("alice@isp", SessionEnded, 300, ip4(7)), under("bob", SessionRenewed, 600, ip4(7))}, true, "bob", 0,
			map[int]string{200: "alice@isp", 400: "unknown", 610: "bob"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s, all, renamed := hearing(c.events...)
			if s.Live() != c.live || s.Subscriber != c.of || renamed != c.renamed {
				t.Errorf("live %t, %s's, renamed %d times; want %t, %s, %d", s.Live(), s.Subscriber, renamed, c.live, c.of, c.renamed)
			}
			for second, want := range c.want {
				if got := attributed(all, 0, second); got != want {
					t.Errorf("at %d: %s, want %s", second, got, want)
				}
			}
			again := *s
			for _, ev := range c.events {
				if ev.Kind == SessionStarted {
					ev.StartedAt = ev.At
				}
				if change := ApplyEvent(&again, ev, time.Time{}, nothingRestricted); change.Changed && change.Session.Subscriber != s.Subscriber {
					t.Errorf("the record at %s once more makes it %s's", ev.At, change.Session.Subscriber)
				}
			}
		})
	}
}

// alice's Stop is lost, and the next holder's records bear no usable name.
func TestWhoeverTookTheAddressTheEarlierHolderHasItNoMore(t *testing.T) {
	alice := of("alice", "A", holding(SessionStarted, 0, ip4(7)), holding(SessionRenewed, 300, ip4(7)))
	for name, c := range map[string]struct {
		events []SessionEvent
		want   map[int]string
	}{
		"nameless": {
			[]SessionEvent{under("", SessionStarted, 600, ip4(7))},
			map[int]string{200: "alice", 400: "unknown", 700: "unknown", 5000: "unknown"},
		},
		"named later": {
			[]SessionEvent{under("", SessionStarted, 600, ip4(7)), under("bob", SessionRenewed, 900, ip4(7))},
			map[int]string{200: "alice", 400: "unknown", 700: "bob", 5000: "bob"},
		},
		"nameless, and over": {
			[]SessionEvent{under("", SessionStarted, 600, ip4(7)), under("", SessionEnded, 900, ip4(7))},
			map[int]string{200: "alice", 700: "unknown", 5000: "unknown"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, all, _ := hearing(c.events...)
			for second, want := range c.want {
				if got := attributed(append(alice.Bindings(), all...), 0, second); got != want {
					t.Errorf("at %d: %s, want %s", second, got, want)
				}
			}
		})
	}
}

func TestTwoWhoMayHaveHeldItAreAmbiguousNamedOrNot(t *testing.T) {
	nameless := func(bng, id string) Binding { b := held("", bng, id, 0, -1, 100); return b }
	alice := held("alice", "b3", "3", 0, -1, 100)
	for name, c := range map[string]struct {
		bindings []Binding
		want     AttributionResult
		reason   string
	}{
		"one without a name":           {[]Binding{nameless("b1", "1")}, Unknown, "gave no usable name"},
		"one of a session, twice":      {[]Binding{nameless("b1", "1"), nameless("b1", "1")}, Unknown, "gave no usable name"},
		"two without names":            {[]Binding{nameless("b1", "1"), nameless("b2", "2")}, Ambiguous, "more than one"},
		"one with a name, one without": {[]Binding{alice, nameless("b1", "1")}, Ambiguous, "more than one"},
	} {
		t.Run(name, func(t *testing.T) {
			got := WhoHeld(c.bindings, nil, 0, at(50), 2*time.Second)
			if got.Result != c.want || got.Subscriber != "" || !strings.Contains(got.Reason, c.reason) {
				t.Errorf("%v %q %q", got.Result, got.Subscriber, got.Reason)
			}
		})
	}
	one := nameless("b1", "1")
	if h := one.Holder(); h.Subscriber != "" || h.KnownBy != "Start, unnamed" {
		t.Errorf("shown as %+v", h)
	}
}

// What was kept of alice's for her BNG must not be sent about bob.
func TestALogInUnderAnotherNameKeepsNothingOfTheOneBefore(t *testing.T) {
	start := under("alice", SessionStarted, 0, ip4(7))
	start.Attributes = []Attribute{{"User-Name", "alice"}, {"Filter-Id", "GOLD"}}
	start.Observed = []Attribute{{"Filter-Id", "GOLD"}}
	bob := under("bob", SessionRenewed, 600, ip4(7))
	bob.Attributes = []Attribute{{"User-Name", "bob"}}
	late := under("alice", SessionRenewed, 300, ip4(7))
	late.Attributes = start.Attributes
	s, _, _ := hearing(start, bob, late)
	if !slices.Equal(s.Attributes, bob.Attributes) || len(s.Observed) != 0 {
		t.Errorf("%v, shown %v", s.Attributes, s.Observed)
	}
}

func TestASessionThatIsAnotherSubscribersNowIsReleasedAndNotRestricted(t *testing.T) {
	mine := Session{SessionKey: SessionKey{"b1", "42"}, Subscriber: "alice", StartedAt: at(0), SeenAt: at(0), StartSeen: true}
	bobs := mine
	bobs.Subscriber, bobs.Renamed, bobs.SeenAt = "bob", at(600), at(600)
	for name, held := range map[string]bool{"of a case that wants": false, "of a held one": true} {
		t.Run(name, func(t *testing.T) {
			c := &Case{ID: "c", Subscriber: "alice", State: Restricting, Profile: "garden", ExpiresAt: at(100_000), OpenedAt: at(0), Generation: 1}
			orders := c.Plan(Snapshot{Now: at(1), Sessions: []Session{mine}, MaxSessions: 4})
			if len(orders) != 1 || orders[0].To != "garden" {
				t.Fatalf("orders %+v", orders)
			}
			orders[0].Undo = "undo"
			c.Dispatch(&orders[0], at(1))
			c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, at(2))
			if held {
				c.holdNow(&Hold{HoldMaxSessions, "x"}, at(3))
			}
			orders = c.Plan(Snapshot{Now: at(601), Sessions: []Session{bobs}, MaxSessions: 4})
			if len(orders) != 1 || orders[0].To != "" || len(orders[0].From) != 1 || orders[0].Session.Subscriber != "bob" {
				t.Fatalf("orders %+v, want that what is in force of the case is taken back from bob", orders)
			}
			if next := c.NextDue(at(601)); next.After(at(602)) {
				t.Errorf("looked at again at %s", next)
			}
			c.Dispatch(&orders[0], at(601))
			c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, at(602))
			for second := range 3 {
				if orders = c.Plan(Snapshot{Now: at(700 + second), Sessions: []Session{bobs}, MaxSessions: 4}); len(orders) != 0 {
					t.Fatalf("orders %+v", orders)
				}
			}
			if e := c.Sessions[0]; e.Enforcement != Gone || !held && c.State != Waiting {
				t.Errorf("%s %s, case %s", e.Enforcement, e.Reason, c.State)
			}
		})
	}
	c := &Case{ID: "c", Subscriber: "alice", State: Restricting, Profile: "garden", ExpiresAt: at(100_000), OpenedAt: at(0), Generation: 1}
	c.Plan(Snapshot{Now: at(1), Sessions: []Session{mine}, MaxSessions: 4})
	c.Plan(Snapshot{Now: at(601), Sessions: []Session{bobs}, MaxSessions: 4})
	back := mine
	back.Renamed, back.SeenAt = at(900), at(900)
	if orders := c.Plan(Snapshot{Now: at(901), Sessions: []Session{back}, MaxSessions: 4}); len(orders) != 1 || orders[0].To != "garden" {
		t.Errorf("hers again: %+v", orders)
	}
}

// The BNG restarted, and gave the id to somebody else at once.
func TestAnIDThatIsSomebodyElsesAtOnceIsNotAskedForAnything(t *testing.T) {
	mine := Session{SessionKey: SessionKey{"b1", "42"}, Subscriber: "alice", StartedAt: at(0), SeenAt: at(0), StartSeen: true}
	c := &Case{ID: "c", Subscriber: "alice", State: Restricting, Profile: "garden", ExpiresAt: at(100_000), OpenedAt: at(0), Generation: 1}
	orders := c.Plan(Snapshot{Now: at(1), Sessions: []Session{mine}, MaxSessions: 4})
	c.Dispatch(&orders[0], at(1))
	c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, at(1))
	change := ApplyEvent(&mine, under("bob", SessionStarted, 2, ip4(8)), at(1), nothingRestricted)
	if change.Replaced == nil {
		t.Fatalf("%+v", change)
	}
	if orders = c.Plan(Snapshot{Now: at(2), Sessions: []Session{change.Session}, MaxSessions: 4}); len(orders) != 0 {
		t.Errorf("orders %+v", orders)
	}
	if e := c.Sessions[0]; e.Enforcement != Gone || e.Session.Subscriber != "alice" {
		t.Errorf("%s of %s: %s", e.Enforcement, e.Session.Subscriber, e.Reason)
	}
}
