package quarantine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

func sessionOf(bng, id, multi string) Session {
	s := Session{SessionKey: SessionKey{bng, id}, Subscriber: "alice"}
	if multi != "" {
		s.Attributes = []Attribute{{"NAS-Port", "7"}, {multiSessionID, multi}}
	}
	return s
}

func TestSessionsOfOneLineCountOnce(t *testing.T) {
	for _, test := range []struct {
		name     string
		sessions []Session
		want     int
	}{
		{"none", nil, 0},
		{"one", []Session{sessionOf("bng1", "1", "")}, 1},
		{"two without a link", []Session{sessionOf("bng1", "1", ""), sessionOf("bng1", "2", "")}, 2},
		{"host and queue instance", []Session{sessionOf("bng1", "1", "m"), sessionOf("bng1", "2", "m")}, 1},
		{"the same link on another BNG", []Session{sessionOf("bng1", "1", "m"), sessionOf("bng2", "1", "m")}, 2},
		{"two lines of two modes", []Session{sessionOf("bng1", "1", "m"), sessionOf("bng1", "2", "n"),
			sessionOf("bng1", "3", "m"), sessionOf("bng1", "4", "n")}, 2},
		{"one with a link, one without", []Session{sessionOf("bng1", "1", "m"), sessionOf("bng1", "2", "")}, 2},
	} {
		if got := Lines(test.sessions); got != test.want {
			t.Errorf("%s: %d lines, want %d", test.name, got, test.want)
		}
	}
}

func TestLinesDependOnNoOrder(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	for range 500 {
		var sessions []Session
		for i := range random.IntN(8) {
			sessions = append(sessions, sessionOf(fmt.Sprint("bng", random.IntN(2)), fmt.Sprint(i), []string{"", "m", "n"}[random.IntN(3)]))
		}
		want := Lines(sessions)
		random.Shuffle(len(sessions), func(i, j int) { sessions[i], sessions[j] = sessions[j], sessions[i] })
		if got := Lines(sessions); got != want || got > len(sessions) {
			t.Fatalf("seed %d: %d lines in one order, %d in another: %+v", seed, want, got, sessions)
		}
	}
}

// reloginOf is a case with one restricted session, to which others log in.
func reloginOf(t *testing.T, sessions ...Session) *Case {
	t.Helper()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	c := &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: now, ExpiresAt: now.Add(24 * time.Hour), Generation: 1}
	c.move(Restricting, now, "", "opened")
	for i := range sessions {
		sessions[i].StartedAt = now.Add(time.Duration(i) * time.Second)
		sessions[i].SeenAt = sessions[i].StartedAt
		snapshot := Snapshot{Now: now.Add(time.Duration(i) * time.Minute), Sessions: sessions[:i+1], MaxSessions: 2}
		for _, o := range c.Plan(snapshot) {
			c.Dispatch(&o, snapshot.Now)
			c.Observe(o, Outcome{Kind: OutcomeAcked}, snapshot.Now)
		}
	}
	return c
}

func TestAnotherModeOfALineThatIsRestrictedIsNoRelogin(t *testing.T) {
	c := reloginOf(t, sessionOf("bng1", "1", "m"), sessionOf("bng1", "2", "m"), sessionOf("bng1", "3", "m"),
		sessionOf("bng1", "4", "m"), sessionOf("bng1", "5", "m"))
	if c.State == CaseHeld || len(c.Relogins) != 0 || len(c.Sessions) != 5 {
		t.Errorf("case is %s %v with %d re-logins and %d sessions; want all five attached as one line", c.State,
			c.Hold, len(c.Relogins), len(c.Sessions))
	}
}

func TestSessionsWithoutALinkAreStillTooMany(t *testing.T) {
	c := reloginOf(t, sessionOf("bng1", "1", ""), sessionOf("bng1", "2", ""), sessionOf("bng1", "3", ""))
	if c.State != CaseHeld || c.Hold.Kind != HoldMaxSessions {
		t.Errorf("case is %s %v, want held: max_sessions", c.State, c.Hold)
	}
}
