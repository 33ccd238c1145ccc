package quarantine

import (
	"testing"
	"time"
)

func TestWhateverHappensAReleaseGivesEverySessionBackAndClosesTheCase(t *testing.T) {
	for seed := range uint64(4000) {
		m := newModel(seed)
		m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(1000 * time.Hour), Generation: 1}
		m.c.move(Restricting, m.now, "", "opened")
		m.login()
		for range 5 + m.rng.IntN(40) {
			m.disturb()
			m.pass(t, seed)
		}
		if m.c.State != Closed && m.c.State != Releasing {
			if err := m.c.ReleaseBy("noc", "cleaned", ReleaseCleaned, m.now, m.now); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		for range 8 {
			m.pass(t, seed)
		}
		m.perfect = true
		for range 60 {
			m.pass(t, seed)
		}
		if m.c.State != Closed {
			t.Fatalf("seed %d: after the release the case is %s: %+v", seed, m.c.State, m.c.Sessions)
		}
		for id, s := range m.live {
			if s.inForce != "" || s.halfway {
				t.Fatalf("seed %d: session %s still has %q (halfway %t) after the case closed\n%+v", seed, id, s.inForce, s.halfway, m.c.History)
			}
		}
	}
}

func TestWithAPerfectNetworkEveryLiveSessionIsRestricted(t *testing.T) {
	m := newModel(2)
	m.perfect = true
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(time.Hour), Generation: 1}
	m.c.move(Restricting, m.now, "", "opened")
	if m.pass(t, 1); m.c.State != Waiting {
		t.Fatalf("nobody on line: %s, want waiting", m.c.State)
	}
	m.login()
	m.pass(t, 1)
	m.login()
	m.pass(t, 1)
	for id, s := range m.live {
		if s.inForce != "garden" {
			t.Errorf("session %s has %q, want garden", id, s.inForce)
		}
	}
	if m.c.State != Restricted {
		t.Errorf("case is %s, want restricted", m.c.State)
	}
	m.now = m.c.ExpiresAt
	m.pass(t, 1)
	m.pass(t, 1)
	if m.c.State != Closed {
		t.Errorf("expired case is %s, want closed", m.c.State)
	}
	for id, s := range m.live {
		if s.inForce != "" {
			t.Errorf("session %s has %q after the expiry", id, s.inForce)
		}
	}
}

func TestADoubtfulRestrictionIsReleasedTwice(t *testing.T) {
	m := newModel(1)
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(time.Hour), Generation: 1}
	m.c.move(Restricting, m.now, "", "opened")
	m.login()
	order := m.c.Plan(m.snapshot())[0]
	m.c.Dispatch(&order, m.now)
	m.c.Observe(order, Outcome{Kind: OutcomeAcked, Doubtful: true}, m.now)
	if err := m.c.ReleaseBy("noc", "cleaned", "", m.now, m.now); err != nil {
		t.Fatal(err)
	}
	release := m.c.Plan(m.snapshot())
	if len(release) != 1 || release[0].Restricts() {
		t.Fatalf("orders of the release: %+v", release)
	}
	m.c.Dispatch(&release[0], m.now)
	m.c.Observe(release[0], Outcome{Kind: OutcomeAcked}, m.now)
	if m.c.State != Releasing {
		t.Fatalf("closed although a late duplicate may still come: %s", m.c.State)
	}
	if got := m.c.NextDue(m.now).Sub(m.now); got != AssertDelay {
		t.Fatalf("asserted after %s, want %s", got, AssertDelay)
	}
	m.now = m.now.Add(AssertDelay)
	again := m.c.Plan(m.snapshot())
	if len(again) != 1 || again[0].From[0].Profile != "garden" {
		t.Fatalf("orders when it is asserted: %+v", again)
	}
	m.c.Dispatch(&again[0], m.now)
	m.c.Observe(again[0], Outcome{Kind: OutcomeAcked}, m.now)
	if m.c.State != Closed {
		t.Fatalf("after the second release the case is %s, want closed", m.c.State)
	}
}

func TestDisconnectIsOneShotPerLogin(t *testing.T) {
	m := newModel(1)
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: Disconnect, OpenedAt: m.now, ExpiresAt: m.now.Add(time.Hour), Generation: 1}
	m.c.move(Restricting, m.now, "", "opened")
	m.login()
	order := m.c.Plan(m.snapshot())[0]
	m.c.Dispatch(&order, m.now)
	m.c.Observe(order, Outcome{Kind: OutcomeAcked}, m.now)
	for range 3 {
		m.now = m.now.Add(time.Minute)
		if again := m.c.Plan(m.snapshot()); len(again) != 0 {
			t.Fatalf("the session is disconnected again: %+v", again)
		}
	}
	m.logout()
	m.login()
	if again := m.c.Plan(m.snapshot()); len(again) != 1 {
		t.Fatalf("a new log-in leads to %d orders, want 1", len(again))
	}
}

func TestSessionNotFoundAloneClosesNothing(t *testing.T) {
	m := newModel(1)
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(100 * time.Hour), Generation: 1}
	m.c.move(Restricting, m.now, "", "opened")
	m.login()
	gone := Outcome{Kind: OutcomeSessionGone, ErrorCause: 503}
	for m.now.Before(m.c.OpenedAt.Add(8 * time.Minute)) {
		for _, o := range m.c.Plan(m.snapshot()) {
			m.c.Dispatch(&o, m.now)
			m.c.Observe(o, gone, m.now)
		}
		if e := m.c.Sessions[0]; e.Enforcement == Gone {
			t.Fatalf("gone after %s of 503", m.now.Sub(m.c.OpenedAt))
		}
		m.now = m.c.NextDue(m.now)
	}
}

func TestAStoreThatLostItsMemoryEndsNoSession(t *testing.T) {
	m := newModel(1)
	m.perfect = true
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(time.Hour), Generation: 1}
	m.c.move(Restricting, m.now, "", "opened")
	m.login()
	m.pass(t, 1)
	m.c.Plan(Snapshot{Now: m.now, MaxSessions: 4})
	if e := m.c.Sessions[0].Enforcement; e != Acked {
		t.Fatalf("without any session record the session counts as %s", e)
	}
	if err := m.c.ReleaseBy("noc", "x", "", m.now, m.now); err != nil {
		t.Fatal(err)
	}
	if orders := m.c.Plan(Snapshot{Now: m.now, MaxSessions: 4}); len(orders) != 1 {
		t.Errorf("%d release orders without any session record, want 1", len(orders))
	}
}

func TestASuspectSessionIsNotRestrictedButReleased(t *testing.T) {
	m := newModel(1)
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(time.Hour), Generation: 1}
	m.c.move(Restricting, m.now, "", "opened")
	m.login()
	m.live["s1"].Suspect = true
	if orders := m.c.Plan(m.snapshot()); len(orders) != 0 {
		t.Fatalf("a suspect session is restricted: %+v", orders)
	}
	m.live["s1"].Suspect = false
	m.pass(t, 1)
	m.live["s1"].Suspect = true
	m.c.Sessions[0].Applied = []AppliedProfile{{Profile: "garden"}}
	if err := m.c.ReleaseBy("noc", "x", "", m.now, m.now); err != nil {
		t.Fatal(err)
	}
	if orders := m.c.Plan(m.snapshot()); len(orders) != 1 {
		t.Errorf("a suspect session gets %d release orders, want 1", len(orders))
	}
}

func TestASessionIDGivenToSomebodyElseEndsTheSessionAndTouchesNobody(t *testing.T) {
	m := newModel(1)
	m.perfect = true
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(time.Hour), Generation: 1}
	m.c.move(Restricting, m.now, "", "opened")
	m.login()
	m.pass(t, 1)
	bobs := m.live["s1"].Session
	bobs.Subscriber, bobs.StartedAt = "bob", m.now.Add(time.Minute)
	if orders := m.c.Plan(Snapshot{Now: m.now.Add(time.Minute), Sessions: []Session{bobs}, MaxSessions: 4}); len(orders) != 0 {
		t.Errorf("orders about bob's session: %+v", orders)
	}
	if len(m.c.Sessions) != 1 || m.c.Sessions[0].Enforcement != Gone || m.c.State != Waiting {
		t.Errorf("the case is %s with %+v", m.c.State, m.c.Sessions)
	}
}

func TestARestrictionLostInACrashIsReleasedTwice(t *testing.T) {
	m := newModel(1)
	restrictingCase(m)
	if err := m.c.ReleaseBy("noc", "cleaned", "", m.now, m.now); err != nil {
		t.Fatal(err)
	}
	release := m.c.Plan(m.snapshot())
	if len(release) != 1 || len(release[0].From) != 1 {
		t.Fatalf("orders after the crash: %+v; the restriction may have left", release)
	}
	m.c.Dispatch(&release[0], m.now)
	m.c.Observe(release[0], Outcome{Kind: OutcomeAcked}, m.now)
	if m.c.State != Releasing || m.c.Sessions[0].AssertAt.IsZero() {
		t.Errorf("case %s, assert at %s: nobody knows whether a duplicate is on its way", m.c.State, m.c.Sessions[0].AssertAt)
	}
}

func TestAPartialRefusalIsTakenBackBeforeAnythingElse(t *testing.T) {
	m := newModel(1)
	order := restrictingCase(m)
	m.c.Observe(order, Outcome{Kind: OutcomePartial, Residue: "undo step 1", ErrorCause: 404}, m.now)
	if e := m.c.Sessions[0]; e.Enforcement != Partial {
		t.Fatalf("enforcement %s, want partial", e.Enforcement)
	}
	m.now = m.c.NextDue(m.now)
	orders := m.c.Plan(m.snapshot())
	if len(orders) != 1 || !orders[0].UndoesOnly() || orders[0].Residue != "undo step 1" {
		t.Fatalf("orders: %+v, want the residue to be taken back", orders)
	}
	m.c.Dispatch(&orders[0], m.now)
	m.c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, m.now)
	if e := m.c.Sessions[0]; e.Enforcement != Refused || e.Residue != "" {
		t.Errorf("enforcement %s, residue %q; want refused and nothing left", e.Enforcement, e.Residue)
	}
	if wait := m.c.NextDue(m.now).Sub(m.now); wait < time.Minute {
		t.Errorf("what was refused is asked for again after %s", wait)
	}
}
