package store

import (
	"context"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

// A process died after it had stored a BNG's restart and before all cases were woken for
// it: the BNG was not answered and repeats it.
func TestARestartThatWasStoredHalfWakesAllWhenItIsRepeated(t *testing.T) {
	redis := storetest.StartRedis(t, "--appendfsync", "no")
	s := openStore(t, redis)
	now := time.Now().Truncate(time.Second)
	c := &quarantine.Case{ID: "c1", Subscriber: "alice", State: quarantine.Restricting, Profile: "garden", OpenedAt: now}
	restart := quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: "bng1"}, At: now}
	woken := func() int {
		t.Helper()
		if err := s.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, DueAt: now.Add(time.Hour), Now: now}); err != nil {
			t.Fatal(err)
		}
		if err := s.Record(t.Context(), []quarantine.SessionEvent{restart})[0]; err != nil {
			t.Fatal(err)
		}
		due, err := s.TakeDue(t.Context(), quarantine.LaneRestrict, time.Now(), time.Minute, 10, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range due {
			if err := s.FinishDue(t.Context(), d, now.Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
		}
		return len(due)
	}
	redis.Do("SET", s.keys.down("bng1"), ms(now))
	if n := woken(); n != 1 {
		t.Errorf("%d cases are due after the repetition, want 1", n)
	}
	if n := woken(); n != 0 {
		t.Errorf("%d cases are due after one more, want none", n)
	}
	redis.Do("DEL", s.keys.woken()) // by a failover that lost it
	if n := woken(); n != 1 {
		t.Errorf("%d cases are due when it is not known that they were woken, want 1", n)
	}
	redis.Do("DEL", s.keys.woken())
	redis.Do("SET", s.keys.woken(), "another program's")
	if n := woken(); n != 1 {
		t.Errorf("%d cases are due where it cannot be noted, want 1", n)
	}
}

func TestACaseThatCannotBeReadKeepsNobodyFromTheOthers(t *testing.T) {
	redis := storetest.StartRedis(t, "--appendfsync", "no")
	s := openStore(t, redis)
	for _, id := range []string{"c1", "c2", "c3"} {
		c := &quarantine.Case{ID: id, Subscriber: "sub" + id, State: quarantine.Restricting, Profile: "garden", OpenedAt: time.Now()}
		if err := s.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, DueAt: time.Now(), Now: time.Now()}); err != nil {
			t.Fatal(err)
		}
	}
	redis.Do("HSET", s.keys.caseRecord("c1"), "d", "{")
	redis.Do("DEL", s.keys.caseRecord("c2"))
	redis.Do("SET", s.keys.caseRecord("c2"), "another program's")
	cases, err := s.CasesByID(t.Context(), []string{"c1", "c2", "c3", "c4"})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"c1": "unreadable", "c2": "unreadable", "c3": "read", "c4": "missing"} {
		got, c := "missing", cases[id]
		if _, there := cases[id]; there && c == nil {
			got = "unreadable"
		} else if there {
			got = "read"
		}
		if got != want {
			t.Errorf("%s: %s, want %s", id, got, want)
		}
	}
}

// At a hundred thousand cases and a busy Redis, waking takes longer than accounting may:
// the caller gives up, comes again, and finds it done.
func TestWakingAllForARestartOutlastsWhoAskedForIt(t *testing.T) {
	redis := storetest.StartRedis(t, "--appendfsync", "no")
	s := openStore(t, redis)
	now := time.Now().Truncate(time.Second)
	mustSave(t, s, openCase("c1", "alice"))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	redis.Pause()
	first := s.restartWake(gone, "bng1", now, now)
	if again := s.restartWake(t.Context(), "bng1", now, now); again != first {
		t.Error("a second wake-up for the same restart runs beside the first")
	}
	if other := s.restartWake(t.Context(), "bng1", now, now.Add(time.Second)); other == first {
		t.Error("another restart is taken for the same")
	}
	redis.Resume()
	if <-first.done; first.err != nil {
		t.Fatal(first.err)
	}
	if err := s.wakeRestarted(t.Context(), now, map[string]time.Time{"bng1": now}); err != nil {
		t.Fatal(err)
	}
}
