package quarantine

import (
	"net/netip"
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
		{"after a Start by the first", []SessionEvent{event(SessionStarted, "alice", 0, 0), weak(SessionRenewed, "line", 60, 60)}, "alice", false, 0},
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

func TestAnAttributeThatIsToldEmptyReplacesNone(t *testing.T) {
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
	s := Session{SessionKey: SessionKey{"pair", "1"}, Member: "sr-a", Subscriber: "alice", StartedAt: now.Add(-time.Hour), SeenAt: now.Add(-time.Minute), StartSeen: true}
	c := &Case{ID: "c1", Subscriber: "alice", State: state, Profile: "garden", ExpiresAt: now.Add(time.Hour), Sessions: []SessionEnforcement{{
		Session: s, Wanted: wanted, Enforcement: enforcement, Applied: []Applied{{Profile: "garden"}}, Confirmed: true,
		Attempts: 1, NextAt: now.Add(30 * time.Minute), GoneSince: now.Add(-time.Minute),
	}}}
	s.Member, s.SeenAt = "sr-b", now
	return c, s, now
}

func TestARestrictionIsAskedForAgainWhereTheSessionMovedTo(t *testing.T) {
	c, s, now := switched(Acked, "garden", Restricted)
	orders := c.Plan(Look{Now: now, Sessions: []Session{s}, MaxSessions: 4})
	if len(orders) != 1 || orders[0].To != "garden" || orders[0].Session.Member != "sr-b" || orders[0].Confirmed {
		t.Fatalf("orders %+v", orders)
	}
	if e := c.Sessions[0]; !strings.Contains(e.Reason, "moved to sr-b") || len(c.Sessions) != 1 || c.State != Restricting {
		t.Errorf("%s %+v", c.State, c.Sessions)
	}
	c.Dispatch(&orders[0], now)
	c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, now)
	if again := c.Plan(Look{Now: now.Add(time.Second), Sessions: []Session{s}, MaxSessions: 4}); len(again) > 0 || c.State != Restricted {
		t.Errorf("%s, and again %+v", c.State, again)
	}
}

func TestAReleaseGoesAtOnceToWhereTheSessionMovedTo(t *testing.T) {
	c, s, now := switched(Unanswered, "", Releasing)
	orders := c.Plan(Look{Now: now, Sessions: []Session{s}, MaxSessions: 4})
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
		if orders := c.Plan(Look{Now: now, Sessions: []Session{s}, MaxSessions: 4}); len(orders) > 0 {
			t.Errorf("member %q: %+v", member, orders)
		}
	}
}
