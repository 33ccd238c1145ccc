package quarantine

import (
	"testing"
	"time"
)

var noonOfClock = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// tried returns a case with one session whose release or restriction was answered.
func tried(wanted string, kind OutcomeKind, at time.Time) *Case {
	s := Session{SessionKey: SessionKey{BNG: "bng1", ID: "1"}, Subscriber: "alice", StartedAt: noonOfClock.Add(-time.Hour),
		SeenAt: noonOfClock}
	c := &Case{ID: "c-1", Subscriber: "alice", State: Restricting, Profile: "garden", ExpiresAt: noonOfClock.Add(72 * time.Hour)}
	if wanted == "" {
		c.State = Releasing
	}
	c.Sessions = []SessionEnforcement{{Session: s, Wanted: wanted, Enforcement: Pending, Applied: []AppliedProfile{{Profile: "garden"}}}}
	orders := c.Plan(Snapshot{Now: at, Sessions: []Session{s}, MaxSessions: 4})
	for _, o := range orders {
		c.Dispatch(&o, at)
		c.Observe(o, Outcome{Kind: kind}, at)
	}
	return c
}

func TestATryMadeWhileTheClockWasAheadIsRepeatedAsSoonAsAnyOther(t *testing.T) {
	for _, ahead := range []time.Duration{0, time.Minute, time.Hour, 24 * time.Hour, 10 * 365 * 24 * time.Hour} {
		for _, wanted := range []string{"", "garden"} {
			for _, kind := range []OutcomeKind{OutcomeRefused, OutcomeUnanswered, OutcomePartial, OutcomeSessionGone, OutcomeNotSent} {
				want := tried(wanted, kind, noonOfClock)
				c := tried(wanted, kind, noonOfClock.Add(ahead))
				if len(c.Plan(Snapshot{Now: noonOfClock, Sessions: []Session{c.Sessions[0].Session}, MaxSessions: 4})) > 0 && kind != OutcomeNotSent {
					t.Errorf("%s ahead, wanted %q, %s: its pause is cut short", ahead, wanted, kind)
				}
				if pause := want.Sessions[0].NextAt.Sub(noonOfClock); c.Sessions[0].NextAt.After(noonOfClock.Add(pause)) {
					t.Errorf("%s ahead, wanted %q, %s: next try %s after now, else %s", ahead, wanted, kind, c.Sessions[0].NextAt.Sub(noonOfClock), pause)
				}
				if next := c.NextDue(noonOfClock); next.After(noonOfClock.Add(IdleInterval)) {
					t.Errorf("%s ahead, wanted %q, %s: next look in %s", ahead, wanted, kind, next.Sub(noonOfClock))
				}
			}
		}
	}
}

func TestEveryTimeOfASessionIsBoundedByTheLongestPauseOfItsKind(t *testing.T) {
	far := noonOfClock.Add(30 * 24 * time.Hour)
	e := SessionEnforcement{UpdatedAt: noonOfClock, NextAt: far, AssertAt: far, VerifyAt: far, NotBefore: far, GoneSince: far}
	e.correctTimes(noonOfClock)
	for name, at := range map[string]time.Time{"NextAt": e.NextAt, "AssertAt": e.AssertAt, "ProveAt": e.VerifyAt,
		"NotBefore": e.NotBefore, "GoneSince": e.GoneSince} {
		if !at.Equal(noonOfClock) {
			t.Errorf("%s is %s", name, at)
		}
	}
	within := SessionEnforcement{UpdatedAt: noonOfClock, NextAt: noonOfClock.Add(time.Hour),
		AssertAt: noonOfClock.Add(70 * time.Second), VerifyAt: noonOfClock.Add(time.Minute)}
	before := within
	within.correctTimes(noonOfClock)
	if !within.NextAt.Equal(before.NextAt) || !within.AssertAt.Equal(before.AssertAt) || !within.VerifyAt.Equal(before.VerifyAt) {
		t.Errorf("changed: %+v", within)
	}
	maintained := SessionEnforcement{Enforcement: Pending, UpdatedAt: noonOfClock, Deferrals: 1,
		NotBefore: noonOfClock.Add(48 * time.Hour), NextAt: noonOfClock.Add(48 * time.Hour)}
	maintained.correctTimes(noonOfClock)
	if !maintained.NextAt.Equal(noonOfClock.Add(48 * time.Hour)) {
		t.Errorf("maintenance is cut short: %+v", maintained)
	}
	crowded := SessionEnforcement{Enforcement: Pending, UpdatedAt: noonOfClock.Add(-time.Hour), Deferrals: 1,
		NextAt: noonOfClock.Add(10 * time.Minute)}
	crowded.correctTimes(noonOfClock)
	if !crowded.NextAt.Equal(noonOfClock) {
		t.Errorf("deferred for seconds, by a clock that was ahead: %+v", crowded)
	}
}
