package quarantine

import (
	"testing"
	"time"
)

// A person's decision that waited for the store meets a case that has expired, or was
// closed, meanwhile: what he judged acts no more all the same.
func TestAPersonsReleaseJudgesACaseThatIsBeingReleasedOrClosedByThen(t *testing.T) {
	given := noon.Add(time.Hour)
	for _, state := range []CaseState{Releasing, Closed} {
		c := wantingCase(noon)
		c.State, c.ClosedAt = state, given.Add(time.Minute)
		if err := c.ReleaseBy("noc", "cleaned", ReleaseCleaned, given, given); err != nil || c.State != state {
			t.Fatalf("%s: %v, %s", state, err, c.State)
		}
		if c.Release == nil || !c.Release.At.Equal(given) || c.Release.Code != ReleaseCleaned {
			t.Errorf("%s: %+v", state, c.Release)
		}
		steps := len(c.History)
		if err := c.ReleaseBy("noc", "cleaned", ReleaseCleaned, given, given); err != nil || len(c.History) != steps {
			t.Errorf("%s: the same again: %v, %d steps", state, err, len(c.History)-steps)
		}
	}
	c := wantingCase(noon)
	c.State, c.ClosedAt = Closed, given.Add(-time.Minute)
	if err := c.ReleaseBy("noc", "cleaned", "", given, given); err == nil || c.Release != nil {
		t.Errorf("closed before: %v, %+v", err, c.Release)
	}
}

// A first copy may have been done although a later one of the same exchange was
// answered "not found": the platform has renamed the session since.
func TestNotFoundAfterARetransmissionForgetsNothing(t *testing.T) {
	for doubtful, kept := range map[bool]int{true: 1, false: 0} {
		c := wantingCase(noon)
		answerAll(c, snapshotAt(noon, sess("1", "alice", noon)), Outcome{Kind: OutcomeSessionGone, ErrorCause: 503, Doubtful: doubtful})
		if a := c.Sessions[0].Applied; len(a) != kept || kept == 1 && a[0].Naked {
			t.Errorf("doubtful %t: %+v", doubtful, a)
		}
	}
}
