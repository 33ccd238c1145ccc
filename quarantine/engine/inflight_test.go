package engine

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"cordon/quarantine"
)

func restriction(mark uint64) quarantine.Order {
	session := quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "1"}, Subscriber: "alice"}
	return quarantine.Order{Case: "c-1", Session: session, To: "garden", Undo: "overlay", Journal: "a", Mark: mark}
}

// A restriction was stopped at the last moment, after the journal had it.
func TestWhatWasJournaledAndThenNotSentIsNotOutstanding(t *testing.T) {
	l := newLedger("a", quarantine.BNGNames{})
	order := restriction(1)
	l.sent(sent{Order: order, ExpiresAt: time.Now().Add(time.Hour)})
	if another := restriction(2); !l.inFlight(&order) || l.inFlight(&another) {
		t.Fatal("it is not known which one is in flight")
	}
	l.answered(answered{Order: order, Outcome: quarantine.Outcome{Kind: quarantine.OutcomeNotSent}}, time.Now())
	if l.inFlight(&order) || l.owes("c-1") {
		t.Error("it is outstanding still")
	}
}

// That a restriction was only ever refused, and why, outlasts a rotation of the journal.
func TestARefusalIsInTheCheckpoint(t *testing.T) {
	l, again := newLedger("a", quarantine.BNGNames{}), newLedger("a", quarantine.BNGNames{})
	order := restriction(1)
	l.sent(sent{Order: order, ExpiresAt: time.Now().Add(time.Hour)})
	l.answered(answered{Order: order, Outcome: quarantine.Outcome{Kind: quarantine.OutcomeRefused, ErrorCause: 404}}, time.Now())
	for _, e := range l.checkpoint() {
		if err := again.replay(e, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	for _, o := range again.ofCase("c-1") {
		if a := o.Applied; len(a) != 1 || !a[0].Naked || a[0].Cause != 404 {
			t.Errorf("%+v", a)
		}
	}
	if !again.owes("c-1") {
		t.Error("forgotten")
	}
}

// A BNG was renamed between a restriction and its release, and the former name was taken
// out of the configuration since.
func TestAReleaseUnderANewNameEndsWhatWasSentUnderTheOldOne(t *testing.T) {
	order := restriction(1)
	release := quarantine.Order{Case: "c-1", Session: order.Session, From: []quarantine.AppliedProfile{order.Restriction()}}
	release.Session.BNG = "bng1-new"
	acked := quarantine.Outcome{Kind: quarantine.OutcomeAcked}
	for name, another := range map[string]bool{"the same session": false, "another session": true} {
		l := newLedger("a", quarantine.BNGNames{})
		if another {
			release.Session.ID = "2"
		}
		for _, e := range []quarantine.JournalEntry{
			entry(entrySent, "c-1", sent{Order: order, ExpiresAt: time.Now().Add(time.Hour)}),
			entry(entryAnswered, "c-1", answered{Order: order, Outcome: acked}),
			entry(entryAnswered, "c-1", answered{Order: release, Outcome: acked}),
		} {
			if err := l.replay(e, time.Now()); err != nil {
				t.Fatal(err)
			}
		}
		if l.owes("c-1") != another {
			t.Errorf("%s: outstanding %t", name, l.owes("c-1"))
		}
		release.Session.ID = order.Session.ID
	}
}

// A session was taken to be over, and a person gave up what may be left on it: after a
// restart it is not re-checked either.
func TestAGiveUpOutlastsARestartInTheReleaseRecheck(t *testing.T) {
	order, now := restriction(1), time.Now()
	a := newRechecks()
	for _, over := range []ended{{Session: order.Session, Left: []quarantine.AppliedProfile{order.Restriction()}}, {Session: order.Session}} {
		if err := a.replay(entry(entryEnded, "c-1", over), now, &quarantine.BNGNames{}); err != nil {
			t.Fatal(err)
		}
		if looked := len(a.current(now)) > 0; looked != (len(over.Left) > 0) {
			t.Errorf("left %v: looked for %t", over.Left, looked)
		}
	}
}

// A person releases her twice while the store is unreachable; what was observed in between is
// judged by the second release, although the first has closed the case by then.
func TestASecondReleaseThatWaitedJudgesWhatWasObservedBeforeIt(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.logout("alice", w.restrict(e, "alice"))
		time.Sleep(3 * time.Second)
		c := w.wantState("alice", quarantine.Waiting) // so that the first release closes it
		w.memory.SetUnavailable(true)
		var between quarantine.Verdict
		for n := range 2 {
			time.Sleep(10 * time.Second)
			if _, err := e.Release(t.Context(), c.ID, "noc", "cleaned", ""); !errors.Is(err, quarantine.ErrDeferred) {
				t.Fatalf("release %d: %v", n, err)
			}
			time.Sleep(5 * time.Second)
			if n == 0 {
				between = botnet(netip.Addr{})
				between.Subscriber = "alice"
			}
		}
		w.memory.SetUnavailable(false)
		time.Sleep(time.Minute)
		w.wantState("alice", quarantine.Closed)
		w.accept(e, between)
		time.Sleep(10 * time.Second)
		if c := w.openCase("alice"); c != nil {
			t.Errorf("the case is %s", c.State)
		}
	})
}
