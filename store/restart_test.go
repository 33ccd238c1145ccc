package store

import (
	"context"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

// reassignment is the Stop of alice, who has held the address for an hour, and the
// Start of bob, who has it from then on.
func reassignment(at time.Time) []quarantine.SessionEvent {
	stop := started("1", "alice", at.Add(-time.Hour), "192.0.2.1/32")
	stop.Kind, stop.At = quarantine.SessionEnded, at
	return []quarantine.SessionEvent{stop, started("2", "bob", at, "192.0.2.1/32")}
}

// Alice's Stop and bob's Start are acknowledged and lost with the power of
// Redis' host, whose disk has no more than what was synced before.
func TestAReassignmentThatAPowerLossTookIsNotAttributedToTheHolderBefore(t *testing.T) {
	t.Parallel()
	for name, where := range map[string]func(*storetest.Redis) string{
		"by port":   func(r *storetest.Redis) string { return r.Addr },
		"by socket": func(r *storetest.Redis) string { return r.Socket },
	} {
		t.Run(name, func(t *testing.T) {
			redis := storetest.StartRedis(t, "--appendfsync", "everysec")
			s := openAt(t, Config{Addrs: []string{where(redis)}, Instance: "a"})
			insistGaps(t, s)
			now := time.Now()
			mustRecord(t, s, started("1", "alice", now.Add(-time.Hour), "192.0.2.1/32"))
			putBack := redis.Keep()
			mustRecord(t, s, reassignment(now)...)
			after := now.Add(20 * time.Second)
			if got := whoHeld(t, s, after); got.Subscriber != "bob" {
				t.Fatalf("before the power loss: %+v", got)
			}
			redis.Kill()
			killed := time.Now()
			putBack()
			redis.Start()

			got := whoHeld(t, s, after)
			if len(got.Bindings) != 1 || got.Bindings[0].Subscriber != "alice" {
				t.Fatalf("nothing was lost, this test tests nothing: %+v", got)
			}
			if got.Result != quarantine.Doubtful {
				t.Fatalf("alice is blamed: %+v", got)
			}
			if got := whoHeld(t, s, now.Add(-30*time.Minute)); got.Subscriber != "alice" {
				t.Fatalf("what was long before is in doubt: %+v", got)
			}
			gaps := insistGaps(t, s)
			if end := gaps[len(gaps)-1].To; end.After(killed.Add(quarantine.ClocksDiffer)) {
				t.Fatalf("the gap ends %s, %s after the last moment at which the old process can have answered", end, end.Sub(killed))
			}
			// What another instance knows that is started now.
			if got := insistGaps(t, openAt(t, Config{Addrs: []string{where(redis)}, Instance: "b"})); len(got) != 1 || got[0] != gaps[0] {
				t.Fatalf("an instance that starts afterwards knows of %v, want %v", got, gaps)
			}
			mustRecord(t, s, started("3", "carol", killed.Add(3*time.Second), "192.0.2.1/32")) // from the spool
			if got := whoHeld(t, s, killed.Add(5*time.Second)); got.Subscriber != "carol" {
				t.Fatalf("who logged in while Redis was unreachable: %+v", got)
			}
		})
	}
}

func TestARestartOfARedisThatSyncsAlwaysLosesNobody(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openAt(t, Config{Addrs: []string{redis.Socket}})
	insistGaps(t, s)
	now := time.Now()
	mustRecord(t, s, reassignment(now)...)
	redis.Kill()
	redis.Start()
	if got := whoHeld(t, s, now.Add(20*time.Second)); got.Subscriber != "bob" {
		t.Fatalf("after the restart: %+v", got)
	}
	if got := whoHeld(t, s, now.Add(-20*time.Second)); got.Subscriber != "alice" {
		t.Fatalf("before the reassignment: %+v", got)
	}
}

func TestARedisThatRefusesToSayHowItSyncsIsNotAssumedToSyncAlways(t *testing.T) {
	redis := storetest.StartRedis(t)
	redis.Do("ACL", "SETUSER", "default", "-config")
	s := openAt(t, Config{Addrs: []string{redis.Socket}})
	insistGaps(t, s)
	redis.Kill()
	redis.Start()
	if gaps := insistGaps(t, s); len(gaps) != 1 {
		t.Fatalf("gaps %v", gaps)
	}
}

// A restart within the second in which an answer is good is noticed all the same.
func TestARestartIsNoticedAtTheNextQuestion(t *testing.T) {
	redis := storetest.StartRedis(t, "--appendfsync", "everysec")
	s := openAt(t, Config{Addrs: []string{redis.Socket}})
	insistGaps(t, s)
	redis.Kill()
	redis.Start()
	s.watch.own.publishedAt = time.Now().Add(-time.Millisecond)
	if gaps := insistGaps(t, s); len(gaps) != 1 {
		t.Fatalf("gaps %v", gaps)
	}
}

// Commands that began while Redis was unreachable, or on a connection to the old
// process, are repeated by go-redis and answered by the new one.
func TestARepeatedCommandIsNoAnswerOfTheOldProcess(t *testing.T) {
	redis := storetest.StartRedis(t)
	s := openAt(t, Config{Addrs: []string{redis.Addr}})
	insistGaps(t, s)
	old := s.watch.own.lastMet[0].RunID
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	answered := make(chan bool, 1000)
	for range 8 {
		go func() { // ends with ctx
			for ctx.Err() == nil {
				if s.Ping(ctx) == nil {
					select {
					case answered <- true:
					default:
					}
				}
			}
		}()
	}
	<-answered
	redis.Kill()
	killed := time.Now()
	redis.Start()
	for len(answered) > 0 {
		<-answered
	}
	for range 100 {
		<-answered
	}
	insistGaps(t, s)
	if at, ok := s.replyTimes.lastOf(old); !ok || at.After(killed) {
		t.Fatalf("the old process answered last at %v (%t), it was killed at %v", at, ok, killed)
	}
	if at, ok := s.replyTimes.lastOf(s.watch.own.lastMet[0].RunID); !ok || at.Before(killed) || s.watch.own.lastMet[0].RunID == old {
		t.Fatalf("the new process answered last at %v (%t)", at, ok)
	}
}

func TestOfARedisThatDoesNotSayItsRunIDNoLastAnswerIsKnown(t *testing.T) {
	redis := storetest.StartRedis(t)
	run := redis.Info("server")["run_id"]
	redis.Do("ACL", "SETUSER", "default", "-info")
	s := openAt(t, Config{Addrs: []string{redis.Socket}})
	if err := s.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if at, ok := s.replyTimes.lastOf(run); ok || !s.replyTimes.unidentified.Load() {
		t.Fatalf("it answered at %v", at)
	}
}

func TestLastAnswersOfAFewProcessesAreRemembered(t *testing.T) {
	now := noon
	a := newReplyTimes(func() time.Time { return now })
	for i := range 2 * maxProcesses {
		a.process(strings.Repeat("x", i+1)).note(int64(i + 1))
	}
	if _, ok := a.lastOf(strings.Repeat("x", 2*maxProcesses)); !ok || len(a.last) != maxProcesses {
		t.Fatalf("%d are remembered, the newest: %t", len(a.last), ok)
	}
	if _, ok := a.lastOf("x"); ok {
		t.Fatal("the oldest is remembered")
	}
}
