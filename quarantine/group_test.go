package quarantine

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
)

// A record in mid-session that has only the next best name changes nobody's.
func TestAFallbackNamesOnlyASessionThatIsNotKnown(t *testing.T) {
	weak := func(kind SessionEventKind, subscriber string, seconds, sessionTime int) SessionEvent {
		ev := event(kind, subscriber, seconds, sessionTime)
		ev.Fallback = true
		return ev
	}
	for _, test := range []struct {
		about  string
		events []SessionEvent
		want   string
		ended  bool
		others int
	}{
		{"after a Start by the first", []SessionEvent{event(SessionStarted, "alice", 0, 0), weak(SessionRenewed, "line", 60, 60)},
			"alice", false, 0},
		{"without a session time", []SessionEvent{event(SessionStarted, "alice", 0, 0), weak(SessionRenewed, "line", 60, 0)}, "alice", false, 0},
		{"a Stop", []SessionEvent{event(SessionStarted, "alice", 0, 0), weak(SessionEnded, "line", 60, 60)}, "alice", true, 0},
		{"no Start was seen", []SessionEvent{weak(SessionRenewed, "line", 60, 60), weak(SessionRenewed, "line", 120, 120)}, "line", false, 0},
		{"the next session under the id", []SessionEvent{
			event(SessionStarted, "alice", 0, 0), event(SessionEnded, "alice", 60, 60), weak(SessionRenewed, "line", 600, 60),
		}, "line", false, 1},
	} {
		got, replaced := fold(test.events)
		if got.Subscriber != test.want || got.Live() == test.ended || len(replaced) != test.others {
			t.Errorf("%s: %+v, %d others", test.about, got, len(replaced))
		}
	}
}

func TestAnAttributeThatIsReportedEmptyReplacesNone(t *testing.T) {
	named := func(value string, seconds int) SessionEvent {
		ev := event(SessionRenewed, "alice", seconds, seconds)
		ev.Attributes = []Attribute{{"User-Name", value}}
		return ev
	}
	for _, events := range [][]SessionEvent{{named("a@isp", 60), named("", 120)}, {named("", 60), named("a@isp", 120)}} {
		if got, _ := fold(events); got.Attribute("User-Name") != "a@isp" {
			t.Errorf("User-Name %q", got.Attribute("User-Name"))
		}
	}
}

func TestASessionIsOnItsBNGAndInItsGroup(t *testing.T) {
	pair := Session{SessionKey: SessionKey{"pair", "1"}, Member: "sr-b"}
	alone := Session{SessionKey: SessionKey{"bng1", "1"}}
	for _, test := range []struct {
		s    *Session
		bng  string
		want bool
	}{{&pair, "pair", true}, {&pair, "sr-b", true}, {&pair, "sr-a", false}, {&pair, "", false}, {&alone, "bng1", true}, {&alone, "", false}} {
		if got := test.s.On(test.bng); got != test.want {
			t.Errorf("%s of %q on %q: %t", test.s.SessionKey, test.s.Member, test.bng, got)
		}
	}
	exempt := []Exemption{{BNG: "sr-b", Reason: "being replaced"}}
	if _, is := Exempt(exempt, "alice", netip.Addr{}, []Session{pair}); !is {
		t.Error("the member's exemption does not hold for its session")
	}
	pair.Member = "sr-a"
	if _, is := Exempt(exempt, "alice", netip.Addr{}, []Session{pair}); is {
		t.Error("the other member's exemption holds")
	}
}

// switched is a case whose one session was on one member and is on the other now.
func switched(enforcement Enforcement, wanted string, state CaseState) (*Case, Session, time.Time) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := Session{SessionKey: SessionKey{"pair", "1"}, Member: "sr-a", Subscriber: "alice", StartedAt: now.Add(-time.Hour),
		SeenAt: now.Add(-time.Minute), StartSeen: true}
	c := &Case{ID: "c1", Subscriber: "alice", State: state, Profile: "garden", ExpiresAt: now.Add(time.Hour), Sessions: []SessionEnforcement{{
		Session: s, Wanted: wanted, Enforcement: enforcement, Applied: []AppliedProfile{{Profile: "garden"}}, Confirmed: true,
		Attempts: 1, NextAt: now.Add(30 * time.Minute), GoneSince: now.Add(-time.Minute),
	}}}
	s.Member, s.SeenAt = "sr-b", now
	return c, s, now
}

func TestARestrictionIsAskedForAgainWhereTheSessionMovedTo(t *testing.T) {
	c, s, now := switched(Acked, "garden", Restricted)
	orders := c.Plan(Snapshot{Now: now, Sessions: []Session{s}, MaxSessions: 4})
	if len(orders) != 1 || orders[0].To != "garden" || orders[0].Session.Member != "sr-b" || orders[0].Confirmed {
		t.Fatalf("orders %+v", orders)
	}
	if e := c.Sessions[0]; !strings.Contains(e.Reason, "moved to sr-b") || len(c.Sessions) != 1 || c.State != Restricting {
		t.Errorf("%s %+v", c.State, c.Sessions)
	}
	c.Dispatch(&orders[0], now)
	c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, now)
	if again := c.Plan(Snapshot{Now: now.Add(time.Second), Sessions: []Session{s}, MaxSessions: 4}); len(again) > 0 || c.State != Restricted {
		t.Errorf("%s, and again %+v", c.State, again)
	}
}

func TestAReleaseGoesAtOnceToWhereTheSessionMovedTo(t *testing.T) {
	c, s, now := switched(Unanswered, "", Releasing)
	orders := c.Plan(Snapshot{Now: now, Sessions: []Session{s}, MaxSessions: 4})
	if len(orders) != 1 || orders[0].Restricts() || orders[0].Session.Member != "sr-b" {
		t.Fatalf("orders %+v", orders)
	}
	if !c.Sessions[0].GoneSince.IsZero() {
		t.Error("what one member did not find counts for the other")
	}
}

func TestASessionThatStayedIsNotAskedForAgain(t *testing.T) {
	c, s, now := switched(Acked, "garden", Restricted)
	for _, member := range []string{"sr-a", ""} {
		s.Member = member
		if orders := c.Plan(Snapshot{Now: now, Sessions: []Session{s}, MaxSessions: 4}); len(orders) > 0 {
			t.Errorf("member %q: %+v", member, orders)
		}
	}
}

// renumbered is the case of switched whose line has another session on the other
// member now; the older one ended nowhere.
func renumbered(enforcement Enforcement, wanted string, state CaseState) (*Case, Snapshot) {
	c, s, now := switched(enforcement, wanted, state)
	c.Sessions[0].Session.Addresses = []Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: FramedIP}}
	old := c.Sessions[0].Session
	s.ID, s.Addresses, s.StartedAt = "2", old.Addresses, now.Add(-time.Second)
	return c, Snapshot{Now: now, Sessions: []Session{old, s}, MaxSessions: 4}
}

func TestACaseFollowsALineThatTheOtherMemberNumberedAnew(t *testing.T) {
	for _, test := range []struct {
		about   string
		wanted  string
		state   CaseState
		closes  CaseState // after the order is acked
		release bool
	}{
		{"restricted", "garden", Restricted, Restricted, false},
		{"releasing: what is in force may have come along", "", Releasing, Closed, true},
	} {
		c, in := renumbered(Acked, test.wanted, test.state)
		if test.release {
			c.Sessions[0].Enforcement = Unanswered
		}
		orders := c.Plan(in)
		if len(orders) != 1 || orders[0].Session.ID != "2" || orders[0].Restricts() == test.release ||
			len(orders[0].From) != 1 || orders[0].Confirmed {
			t.Errorf("%s: orders %+v", test.about, orders)
			continue
		}
		if c.Sessions[0].Enforcement != Gone || len(c.Relogins) > 0 {
			t.Errorf("%s: %+v, relogins %v", test.about, c.Sessions[0], c.Relogins)
		}
		c.Dispatch(&orders[0], in.Now)
		c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, in.Now)
		in.Now = in.Now.Add(time.Second)
		if again := c.Plan(in); len(again) > 0 || c.State != test.closes {
			t.Errorf("%s: %s, and again %+v", test.about, c.State, again)
		}
	}
}

func TestTwoSessionsOfALineThatAreNoSwitchOverBothStay(t *testing.T) {
	for about, change := range map[string]func(old, newer *Session){
		"on one member":             func(_, newer *Session) { newer.Member = "sr-a" },
		"the older one spoke since": func(old, newer *Session) { old.SeenAt = newer.SeenAt },
		"another address": func(_, newer *Session) {
			newer.Addresses = []Address{{Prefix: netip.MustParsePrefix("198.51.100.8/32"), Kind: FramedIP}}
		},
		"an address that it gave up": func(_, newer *Session) {
			newer.Addresses = []Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: FramedIP, Until: newer.SeenAt}}
		},
		"no member is known": func(_, newer *Session) { newer.Member = "" },
		"another subscriber": func(_, newer *Session) { newer.Subscriber = "bob" },
	} {
		c, in := renumbered(Acked, "garden", Restricted)
		change(&in.Sessions[0], &in.Sessions[1])
		c.Plan(in)
		if c.Sessions[0].Enforcement == Gone {
			t.Errorf("%s: the older one ended: %s", about, c.Sessions[0].Reason)
		}
	}
}

// The BNG was restarted, said nothing of it, and counts its sessions anew; the
// newcomer's Interim-Updates do not have what the first one's key is made of.
func TestAFallbackDoesNotGiveALaterSessionToTheFirstOnesHolder(t *testing.T) {
	const circuit = "bng1/eth 0/1"
	first := ApplyEvent(nil, event(SessionStarted, circuit, 0, 0), time.Time{}, nothingRestricted).Session
	for _, test := range []struct {
		about       string
		sessionTime int
		want        string
	}{
		{"began long after the last record", 3600, "bob"},
		{"is as old as the first one", 36_000, circuit},
		{"is, by a clock that is a little slow", 35_980, circuit},
		{"does not report it", 0, circuit},
	} {
		ev := event(SessionRenewed, "bob", 36_000, test.sessionTime)
		ev.Fallback = true
		if got := ApplyEvent(&first, ev, time.Time{}, nothingRestricted).Session.Subscriber; got != test.want {
			t.Errorf("%s: %q, want %q", test.about, got, test.want)
		}
	}
}

// The BNG was restarted and counts its sessions anew. The newcomer's records have
// neither what the first one's key is made of nor the session's time.
func TestAFallbackWithoutAStartGivesNoAddressToTheFirstOnesHolder(t *testing.T) {
	const start, interim, stop = SessionStarted, SessionRenewed, SessionEnded
	const circuit = "bng1/eth 0/1"
	x, y := ip4(7), ip4(8)
	weak := func(ev SessionEvent) SessionEvent {
		ev.Fallback = true
		return ev
	}
	first := []SessionEvent{about("A", circuit, start, 0, x), about("A", circuit, interim, 300, x)}
	for name, test := range map[string]struct {
		then  []SessionEvent
		asked Address
		want  string
	}{
		"it says nothing of a restart": {[]SessionEvent{weak(about("A", "bob", interim, 600, y))}, y, "unknown"},
		"it announced the restart":     {[]SessionEvent{restart(400), weak(about("A", "bob", interim, 600, y))}, y, "unknown"},
		"it announced it, at a time not certain": {[]SessionEvent{restart(400), weak(until(about("A", "bob", interim, 600, y), 605))},
			y, "unknown"},
		"the newcomer has the same address": {[]SessionEvent{restart(400), weak(about("A", "bob", interim, 600, x))}, x, "unknown"},
		"the newcomer's record says when he began": {[]SessionEvent{restart(400), weak(begun(about("A", "bob", interim, 600, y), 500))},
			y, "bob"},
		"it does so after one that says nothing": {[]SessionEvent{
			weak(about("A", "bob", interim, 520)), weak(begun(about("A", "bob", interim, 600, y), 500)),
		}, y, "bob"},
		"it ends": {[]SessionEvent{weak(about("A", "bob", stop, 650, x))}, x, "unknown"},
		"it is the first one's record, and he is he": {[]SessionEvent{weak(about("A", "bob", interim, 600, x))}, x, circuit},
	} {
		all := slices.DeleteFunc(heardOf(append(slices.Clone(first), test.then...)...),
			func(b Binding) bool { return b.Prefix != test.asked.Prefix })
		if got := attributed(all, 0, 610); got != test.want {
			t.Errorf("%s: %s, want %s", name, got, test.want)
		}
	}
}
