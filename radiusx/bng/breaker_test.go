package bng

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"cordon/quarantine"
)

func sessionKey(n int) quarantine.SessionKey {
	return quarantine.SessionKey{BNG: "bng1", ID: fmt.Sprint("s", n)}
}

// stayUnanswered lets exchanges of that many sessions end in silence, in turn.
func stayUnanswered(b *breaker, exchanges, sessions int) {
	for i := range exchanges {
		b.noReply(sessionKey(i%sessions), time.Now(), time.Now())
	}
}

func inBreaker(t *testing.T, story func(*testing.T, *breaker)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { story(t, newBreaker("bng1", make(chan struct{}, 1))) })
}

func wantState(t *testing.T, b *breaker, want PathState) {
	t.Helper()
	if got, _, _ := b.status(time.Now()); got != want {
		t.Errorf("the path is %s, want %s", got, want)
	}
}

func wantDeferred(t *testing.T, b *breaker, session int, want bool) {
	t.Helper()
	if reason, deferred := b.defers(sessionKey(session), true, time.Now()); deferred != want {
		t.Errorf("session %d deferred: %v (%s), want %v", session, deferred, reason, want)
	}
}

func TestAPathIsUnresponsiveAfterSeveralExchangesOfSeveralSessions(t *testing.T) {
	for _, c := range []struct {
		exchanges, sessions int
		want                PathState
	}{
		{1, 1, PathOK}, {4, 4, PathOK}, {5, 3, PathUnresponsive}, {5, 2, PathOK}, {100, 1, PathOK}, {100, 2, PathOK},
		{6, 6, PathUnresponsive},
	} {
		inBreaker(t, func(t *testing.T, b *breaker) {
			stayUnanswered(b, c.exchanges, c.sessions)
			if got, _, _ := b.status(time.Now()); got != c.want {
				t.Errorf("%d exchanges of %d sessions: %s, want %s", c.exchanges, c.sessions, got, c.want)
			}
		})
	}
}

func TestAnAnswerInBetweenBeginsTheCountAnew(t *testing.T) {
	inBreaker(t, func(t *testing.T, b *breaker) {
		for range 100 {
			stayUnanswered(b, unresponsiveExchanges-1, 4)
			time.Sleep(time.Second)
			b.replied(sessionKey(1), time.Now())
		}
		wantState(t, b, PathOK)
	})
}

func TestAMissingReplyFromBeforeTheLastReplyDoesNotCount(t *testing.T) {
	inBreaker(t, func(t *testing.T, b *breaker) {
		began := time.Now()
		time.Sleep(time.Second)
		b.replied(sessionKey(1), time.Now())
		for i := range 100 {
			b.noReply(sessionKey(i), began, time.Now())
		}
		wantState(t, b, PathOK)
	})
}

func TestTheReasonNamesTheMomentAndTheNumber(t *testing.T) {
	inBreaker(t, func(t *testing.T, b *breaker) {
		stayUnanswered(b, 6, 3)
		time.Sleep(time.Second)
		reason, _ := b.defers(sessionKey(9), true, time.Now())
		if want := "bng1 has been unresponsive since 2000-01-01T00:00:00Z, 6 requests unanswered"; reason != want {
			t.Errorf("reason %q, want %q", reason, want)
		}
	})
}

func TestAnUnresponsivePathIsTriedByOneRestrictionAtATimeWithGrowingPauses(t *testing.T) {
	inBreaker(t, func(t *testing.T, b *breaker) {
		stayUnanswered(b, 5, 5)
		last, pauses := time.Now(), []time.Duration{}
		for len(pauses) < 6 {
			time.Sleep(time.Second)
			if _, deferred := b.defers(sessionKey(1), true, time.Now()); deferred {
				continue
			}
			pauses, last = append(pauses, time.Since(last)), time.Now()
			wantDeferred(t, b, 1, false) // asked again before its datagram leaves
			wantDeferred(t, b, 2, true)
			b.enter(sessionKey(1), false)
			b.noReply(sessionKey(1), time.Now(), time.Now())
			b.end(sessionKey(1), time.Now())
		}
		want := []time.Duration{5 * time.Second, 5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute}
		if fmt.Sprint(pauses) != fmt.Sprint(want) {
			t.Errorf("pauses %v, want %v", pauses, want)
		}
	})
}

func TestATrialThatNeverBeginsIsAnothers(t *testing.T) {
	inBreaker(t, func(t *testing.T, b *breaker) {
		stayUnanswered(b, 5, 5)
		time.Sleep(firstTrialPause)
		wantDeferred(t, b, 1, false)
		time.Sleep(trialLasts - time.Second)
		wantDeferred(t, b, 2, true)
		time.Sleep(time.Second)
		wantDeferred(t, b, 2, false)
		wantDeferred(t, b, 1, true)
	})
}

func TestNoRestrictionIsNeededAsATrialWhileAReleaseIsUnderWay(t *testing.T) {
	inBreaker(t, func(t *testing.T, b *breaker) {
		stayUnanswered(b, 5, 5)
		leave := b.enter(sessionKey(7), true)
		time.Sleep(time.Hour)
		wantDeferred(t, b, 1, true)
		leave()
		wantDeferred(t, b, 1, false)
	})
}

func TestAfterTheFirstAnswerReleasesGoFirst(t *testing.T) {
	inBreaker(t, func(t *testing.T, b *breaker) {
		stayUnanswered(b, 5, 5)
		leave := b.enter(sessionKey(7), true)
		b.replied(sessionKey(7), time.Now())
		b.end(sessionKey(7), time.Now())
		select {
		case <-b.changes:
		default:
			t.Error("nobody was notified")
		}
		wantState(t, b, PathRecovering)
		time.Sleep(time.Minute)
		wantDeferred(t, b, 1, true)
		leave()
		time.Sleep(releaseQuiet - time.Second)
		wantDeferred(t, b, 1, true)
		time.Sleep(time.Second)
		wantDeferred(t, b, 1, false)
		wantState(t, b, PathOK)
		select {
		case <-b.changes:
		default:
			t.Error("nobody was notified that restrictions may go")
		}
	})
}

func TestAnOrderWhoseFirstStepWasAnsweredGoesOnWhateverThePathIs(t *testing.T) {
	inBreaker(t, func(t *testing.T, b *breaker) {
		stayUnanswered(b, 5, 5)
		time.Sleep(firstTrialPause)
		wantDeferred(t, b, 1, false)
		b.enter(sessionKey(1), false)
		b.replied(sessionKey(1), time.Now())
		wantState(t, b, PathRecovering)
		wantDeferred(t, b, 1, false) // its second step
		wantDeferred(t, b, 2, true)
		b.end(sessionKey(1), time.Now())
		wantDeferred(t, b, 1, true)
	})
}

func TestWhateverHappensAPathThatAnswersIsOpenToRestrictionsSoon(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	inBreaker(t, func(t *testing.T, b *breaker) {
		r := rand.New(rand.NewPCG(seed, 0))
		var leaves []func()
		for range 20_000 {
			s := sessionKey(r.IntN(20))
			time.Sleep(time.Duration(r.IntN(3000)) * time.Millisecond)
			switch r.IntN(6) {
			case 0:
				b.replied(s, time.Now())
			case 1, 2:
				b.noReply(s, time.Now().Add(-10*time.Second), time.Now())
			case 3:
				b.defers(s, true, time.Now())
			case 4:
				leaves = append(leaves, b.enter(s, r.IntN(2) == 0))
			case 5:
				b.end(s, time.Now())
			}
			if len(leaves) > 5 {
				leaves[0]()
				leaves = leaves[1:]
			}
		}
		for _, leave := range leaves {
			leave()
		}
		b.replied(sessionKey(0), time.Now())
		for i := range 20 {
			b.end(sessionKey(i), time.Now())
		}
		time.Sleep(releaseQuiet)
		if reason, deferred := b.defers(sessionKey(99), true, time.Now()); deferred {
			t.Errorf("deferred: %s; seed %d", reason, seed)
		}
	})
}

// Some sessions' releases are never answered, and are tried for ever: that must
// not keep every other subscriber of the BNG from being restricted for ever.
func TestReleasesThatNeverEndDeferRestrictionsForALimitedTimeOnly(t *testing.T) {
	inBreaker(t, func(t *testing.T, b *breaker) {
		stayUnanswered(b, 5, 5)
		b.enter(sessionKey(7), true) // and never leaves
		b.replied(sessionKey(8), time.Now())
		b.end(sessionKey(8), time.Now())
		time.Sleep(maxRecovery - time.Second)
		wantDeferred(t, b, 1, true)
		time.Sleep(time.Second)
		wantDeferred(t, b, 1, false)
		wantState(t, b, PathOK)
	})
}
