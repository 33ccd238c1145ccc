package quarantine

import (
	"encoding/json"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"
)

func nothingRestricted(Attribute) bool { return false }

func event(kind SessionEventKind, subscriber string, seconds, sessionTime int) SessionEvent {
	ev := SessionEvent{
		Kind: kind, Key: SessionKey{"b1", "42"}, Subscriber: subscriber, At: at(seconds),
		Addresses:  []Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: FramedIP}},
		Attributes: []Attribute{{"Filter-Id", "PLAN"}},
	}
	if kind == SessionStarted {
		ev.StartedAt = ev.At
	} else if sessionTime > 0 {
		ev.StartedAt = ev.At.Add(-time.Duration(sessionTime) * time.Second)
	}
	return ev
}

// fold applies events one after the other to one key and keeps what was
// replaced, as a store does.
func fold(events []SessionEvent) (current *Session, replaced []Session) {
	for _, ev := range events {
		change := ApplyEvent(current, ev, time.Time{}, nothingRestricted)
		if change.Replaced != nil {
			replaced = append(replaced, *change.Replaced)
		}
		if change.Changed {
			s := change.Session
			current = &s
		}
	}
	return current, replaced
}

func TestTheOrderInWhichRecordsArriveDoesNotMatter(t *testing.T) {
	story := []SessionEvent{
		event(SessionStarted, "alice", 0, 0), event(SessionRenewed, "alice", 60, 60),
		event(SessionRenewed, "alice", 120, 120), event(SessionEnded, "alice", 150, 150),
	}
	for seed := range uint64(2000) {
		rng := rand.New(rand.NewPCG(seed, 3))
		events := append([]SessionEvent(nil), story...)
		for range rng.IntN(4) {
			events = append(events, story[rng.IntN(len(story))]) // doubles
		}
		rng.Shuffle(len(events), func(i, j int) { events[i], events[j] = events[j], events[i] })
		got, replaced := fold(events)
		if len(replaced) > 0 {
			t.Fatalf("seed %d: one session was taken for several", seed)
		}
		if !got.StartedAt.Equal(at(0)) || !got.EndedAt.Equal(at(150)) || !got.StartSeen {
			t.Fatalf("seed %d: %s to %s, start seen %t", seed, got.StartedAt, got.EndedAt, got.StartSeen)
		}
		if len(got.Addresses) != 1 {
			t.Fatalf("seed %d: %d addresses, want 1", seed, len(got.Addresses))
		}
	}
}

func TestALateStopDoesNotEndANewerSessionWithTheSameID(t *testing.T) {
	got, replaced := fold([]SessionEvent{
		event(SessionStarted, "alice", 0, 0), event(SessionStarted, "bob", 100, 0), event(SessionEnded, "alice", 90, 90),
	})
	if got.Subscriber != "bob" || !got.Live() {
		t.Errorf("the late Stop left %s, live %t; want bob, live", got.Subscriber, got.Live())
	}
	if len(replaced) != 1 || replaced[0].Subscriber != "alice" || replaced[0].Live() {
		t.Errorf("replaced %+v, want alice's, ended", replaced)
	}
}

func TestTheSameSubscriberReusingAnIDIsAnotherSession(t *testing.T) {
	got, replaced := fold([]SessionEvent{
		event(SessionStarted, "alice", 0, 0), event(SessionRenewed, "alice", 60, 60), event(SessionStarted, "alice", 600, 0),
	})
	if !got.StartedAt.Equal(at(600)) || len(replaced) != 1 || !replaced[0].EndedAt.Equal(at(600)) {
		t.Errorf("current since %s, replaced %+v", got.StartedAt, replaced)
	}
}

func TestAnInterimBeforeItsStartInfersTheBeginning(t *testing.T) {
	got, _ := fold([]SessionEvent{event(SessionRenewed, "alice", 60, 60)})
	if !got.StartedAt.Equal(at(0)) || got.StartSeen {
		t.Errorf("started %s, seen %t; want inferred from the session time", got.StartedAt, got.StartSeen)
	}
	got, replaced := fold([]SessionEvent{event(SessionRenewed, "alice", 60, 60), event(SessionStarted, "alice", 1, 0)})
	if !got.StartedAt.Equal(at(1)) || !got.StartSeen || len(replaced) != 0 {
		t.Errorf("started %s, seen %t, %d replaced", got.StartedAt, got.StartSeen, len(replaced))
	}
}

func TestAnEndedSessionIsNotRevivedByALateInterim(t *testing.T) {
	got, _ := fold([]SessionEvent{
		event(SessionStarted, "alice", 0, 0), event(SessionEnded, "alice", 100, 100), event(SessionRenewed, "alice", 90, 90),
		event(SessionRenewed, "alice", 101, 101),
	})
	if got.Live() || !got.EndedAt.Equal(at(100)) {
		t.Errorf("live %t, ended %s", got.Live(), got.EndedAt)
	}
}

func TestARestrictedNameIsNeverTakenForWhatTheSubscriberShouldHave(t *testing.T) {
	restricted := func(a Attribute) bool { return a.Value == "GARDEN" }
	first := ApplyEvent(nil, event(SessionStarted, "alice", 0, 0), time.Time{}, restricted).Session
	interim := event(SessionRenewed, "alice", 60, 60)
	interim.Attributes = []Attribute{{"Filter-Id", "GARDEN"}}
	second := ApplyEvent(&first, interim, time.Time{}, restricted).Session
	if got := second.Attribute("Filter-Id"); got != "PLAN" {
		t.Errorf("Filter-Id %q after an Interim of the garden, want PLAN", got)
	}
	interim.Attributes = []Attribute{{"Filter-Id", "PLAN2"}}
	interim.At = at(120)
	interim.StartedAt = at(0)
	third := ApplyEvent(&second, interim, time.Time{}, restricted).Session
	if got := third.Attribute("Filter-Id"); got != "PLAN2" {
		t.Errorf("Filter-Id %q after the plan changed, want PLAN2", got)
	}
}

func TestAStartThatComesAfterAnInterimWithoutSessionTimeIsThatSessions(t *testing.T) {
	got, replaced := fold([]SessionEvent{
		event(SessionRenewed, "alice", 90, 0), event(SessionRenewed, "alice", 60, 0), event(SessionStarted, "alice", 0, 0),
	})
	if !got.StartedAt.Equal(at(0)) || !got.StartSeen || got.Guessed || len(replaced) != 0 {
		t.Errorf("started %s, seen %t, guessed %t, %d replaced", got.StartedAt, got.StartSeen, got.Guessed, len(replaced))
	}
	before := Session{SessionKey: got.SessionKey, Subscriber: "alice", StartedAt: at(90), Guessed: true}
	if !SameSession(&before, got) || !SameSession(got, &before) {
		t.Error("the record before its Start came is taken for another session")
	}
	if later := (Session{SessionKey: got.SessionKey, Subscriber: "alice", StartedAt: at(200)}); SameSession(&before, &later) {
		t.Error("a session that began later is taken for the same")
	}
}

func inJSON(s *Session) string {
	text, err := json.Marshal(s)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// Whatever is known of a session, an event that was applied changes nothing when it
// comes again.
func TestAnEventAppliedTwiceChangesNothing(t *testing.T) {
	applied := 0
	for seed := range uint64(20_000) {
		rng := rand.New(rand.NewPCG(seed, 21))
		var s *Session
		for range 1 + rng.IntN(8) {
			ev := anyEvent(rng, 1+rng.IntN(900))
			change := ApplyEvent(s, ev, time.Time{}, nothingRestricted)
			if !change.Changed {
				continue
			}
			s = &change.Session
			applied++
			if again := ApplyEvent(s, ev, time.Time{}, nothingRestricted); again.Changed || again.Replaced != nil || again.Renamed {
				t.Fatalf("seed %d: %+v\nmakes\n%s\nand again\n%s", seed, ev, inJSON(s), inJSON(&again.Session))
			}
		}
	}
	if applied < 20_000 {
		t.Fatalf("%d events changed something: the test does not test", applied)
	}
}
