package quarantine

import (
	"fmt"
	"testing"
	"time"
)

// reconnect ends the sessions of the model and begins another.
func (m *model) reconnect() string {
	for len(m.live) > 0 {
		m.logout()
	}
	m.login()
	return fmt.Sprint("s", m.serial)
}

// until passes, one a second, until the session is restricted, and returns how
// long that took.
func (m *model) untilRestricted(t *testing.T, id string, most time.Duration) time.Duration {
	t.Helper()
	began := m.now
	for ; m.now.Sub(began) <= most; m.now = m.now.Add(time.Second) {
		for _, o := range m.c.Plan(m.snapshot()) {
			m.c.Dispatch(&o, m.now)
			m.c.Observe(o, m.carryOut(o), m.now)
		}
		if m.c.State == CaseHeld {
			t.Fatalf("held: %s", m.c.Hold)
		}
		if m.live[id].inForce == m.c.Profile {
			return m.now.Sub(began)
		}
	}
	t.Fatalf("session %s is not restricted after %s: the case is %s, %+v", id, most, m.c.State, m.c.Sessions)
	return 0
}

func standing() *model {
	m := newModel(2)
	m.perfect = true
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(24 * time.Hour), Generation: 1}
	m.c.move(Restricting, m.now, "", "opened")
	return m
}

func TestLogInsOfAStandingCaseArePacedAndNeverLetGo(t *testing.T) {
	m := standing()
	m.untilRestricted(t, m.reconnect(), 0)
	want := []time.Duration{0, 0, 0, 10 * time.Second, 20 * time.Second, 40 * time.Second, 80 * time.Second, 2 * time.Minute, 2 * time.Minute}
	for i, pause := range want {
		if took := m.untilRestricted(t, m.reconnect(), ReloginBackoff.Cap); took != pause {
			t.Errorf("re-login %d is restricted after %s, want %s", i+1, took, pause)
		}
	}
	m.now = m.now.Add(ReloginQuiet)
	if took := m.untilRestricted(t, m.reconnect(), ReloginBackoff.Cap); took != 0 {
		t.Errorf("after a quiet hour: restricted after %s", took)
	}
}

// Whoever reconnects faster than the pace is restricted whenever the pace allows:
// sessions that were too short to be restricted put nothing off.
func TestReconnectingFasterThanThePacePutsNothingOff(t *testing.T) {
	m := standing()
	m.untilRestricted(t, m.reconnect(), 0)
	for range 8 {
		m.untilRestricted(t, m.reconnect(), ReloginBackoff.Cap)
	}
	last := m.now
	for m.now.Sub(last) < ReloginBackoff.Cap-10*time.Second {
		m.reconnect()
		m.c.Plan(m.snapshot())
		m.now = m.now.Add(5 * time.Second)
	}
	if took := m.untilRestricted(t, m.reconnect(), ReloginBackoff.Cap); m.now.Sub(last) > ReloginBackoff.Cap {
		t.Errorf("restricted %s after the one before, %s after its log-in", m.now.Sub(last), took)
	}
}

func TestALogInThatIsPacedIsShownAndLookedAtInTime(t *testing.T) {
	m := standing()
	m.untilRestricted(t, m.reconnect(), 0)
	for range 3 {
		m.untilRestricted(t, m.reconnect(), 0)
	}
	id := m.reconnect()
	if orders := m.c.Plan(m.snapshot()); len(orders) != 0 || m.c.State != Restricting {
		t.Fatalf("%s, %+v", m.c.State, orders)
	}
	if next := m.c.NextDue(m.now); next.Sub(m.now) != ReloginBackoff.First {
		t.Errorf("looked at again after %s, want %s", next.Sub(m.now), ReloginBackoff.First)
	}
	for _, e := range m.c.Sessions {
		if e.Session.ID == id && (e.Enforcement != Pending || e.Reason == "") {
			t.Errorf("shown as %s %q", e.Enforcement, e.Reason)
		}
	}
	if err := m.c.ReleaseBy("noc", "x", "", m.now, m.now); err != nil {
		t.Fatal(err)
	}
	if m.c.Plan(m.snapshot()); m.c.State != Closed {
		t.Errorf("released while a log-in waited: %s", m.c.State)
	}
}

// After a restart of the BNG the many lines of one name come back together: a person
// has decided about all of them, and none waits for another.
func TestLinesOfOneNameThatAPersonKnowsOfAreNotPaced(t *testing.T) {
	c := wantingCase(noon)
	c.AllSessions = true
	answerAll(c, snapshotAt(noon, sess("0", "alice", noon)), Outcome{Kind: OutcomeAcked})
	var back []Session
	for i := range 20 {
		back = append(back, sess(fmt.Sprint("n", i), "alice", noon.Add(time.Minute)))
	}
	if orders := c.Plan(snapshotAt(noon.Add(time.Minute), back...)); len(orders) != 20 {
		t.Errorf("%d orders at once", len(orders))
	}
}
