package quarantine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// model is a network that does what orders say, badly: it loses requests and
// answers, refuses, half-does, and delivers duplicates late.
type model struct {
	rng      *rand.Rand
	now      time.Time
	c        *Case
	live     map[string]*modelSession
	ended    map[string]Session
	serial   int
	late     []func() // duplicates of restrictions still on their way
	lateTill time.Time
	perfect  bool
	evidence Verification // with one, ACKs may be lies, and verification shows the truth
}

type modelSession struct {
	Session
	inForce string
	halfway bool // a step of a refused change is still done
}

func newModel(seed uint64) *model {
	return &model{
		evidence: []Verification{NoVerification, VerifyByQuery}[seed%2],
		rng:      rand.New(rand.NewPCG(seed, 1)), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC),
		live: map[string]*modelSession{}, ended: map[string]Session{},
	}
}

func (m *model) login() {
	m.serial++
	id := fmt.Sprint("s", m.serial)
	m.live[id] = &modelSession{Session: Session{
		SessionKey: SessionKey{"bng1", id}, Subscriber: "alice", StartedAt: m.now, SeenAt: m.now, StartSeen: true,
	}}
}

func (m *model) logout() {
	for id, s := range m.live {
		s.EndedAt = m.now
		m.ended[id] = s.Session
		delete(m.live, id)
		return
	}
}

func (m *model) snapshot() Snapshot {
	var sessions []Session
	for _, s := range m.live {
		sessions = append(sessions, s.Session)
	}
	for _, s := range m.ended {
		sessions = append(sessions, s)
	}
	slices.SortFunc(sessions, func(a, b Session) int { return a.StartedAt.Compare(b.StartedAt) })
	return Snapshot{Now: m.now, Sessions: sessions, MaxSessions: 4}
}

// carryOut does to the network what the order says, or something else, and
// returns what Cordon would be asked.
func (m *model) carryOut(o Order) Outcome {
	s := m.live[o.Session.ID]
	if s == nil {
		return Outcome{Kind: OutcomeSessionGone, ErrorCause: 503}
	}
	respond := m.rng.IntN(12)
	if m.perfect {
		respond = 11
	}
	switch {
	case o.Check:
		return m.snapshotAt(o, s)
	case respond == 6 && m.evidence == VerifyByQuery && !o.UndoesOnly(): // a lie
		return Outcome{Kind: OutcomeAcked, Verification: m.evidence}
	case o.UndoesOnly() && respond > 2:
		s.halfway = false
		return Outcome{Kind: OutcomeAcked}
	case o.UndoesOnly():
		return Outcome{Kind: OutcomePartial, Residue: o.Residue}
	case respond == 0: // the request is lost
		m.mayComeLate(o, s)
		return Outcome{Kind: OutcomeUnanswered, Doubtful: true}
	case respond == 1: // the answer is lost
		s.inForce = o.To
		m.mayComeLate(o, s)
		return Outcome{Kind: OutcomeUnanswered, Doubtful: true}
	case respond == 2:
		return Outcome{Kind: OutcomeRefused, ErrorCause: 506}
	case respond == 7: // done, and refused all the same
		s.inForce = o.To
		return Outcome{Kind: OutcomeRefused}
	case respond == 8: // a session that is there
		return Outcome{Kind: OutcomeSessionGone, ErrorCause: 503}
	case respond == 3:
		return Outcome{Kind: OutcomeNotSent}
	case respond == 4 && o.Restricts():
		s.halfway = true
		return Outcome{Kind: OutcomePartial, Residue: "undo"}
	case respond == 5:
		s.inForce, s.halfway = o.To, false
		m.mayComeLate(o, s)
		return Outcome{Kind: OutcomeAcked, Doubtful: true, Verification: m.evidence}
	}
	s.inForce, s.halfway = o.To, false // all steps, so nothing is half-done any more
	return Outcome{Kind: OutcomeAcked, Verification: m.evidence}
}

// snapshotAt shows what is in force, or now and then nothing, but only where it is
// as it should be.
func (m *model) snapshotAt(o Order, s *modelSession) Outcome {
	switch {
	case s.inForce != o.To:
		return Outcome{Kind: OutcomeRefused, Reason: "the network shows otherwise"}
	case m.rng.IntN(3) == 0:
		return Outcome{Kind: OutcomeAcked}
	}
	return Outcome{Kind: OutcomeVerified}
}

// mayComeLate lets a duplicate of a restriction arrive within 30 s.
func (m *model) mayComeLate(o Order, s *modelSession) {
	if o.Restricts() && o.To != Disconnect && m.rng.IntN(2) == 0 {
		m.lateTill = m.now.Add(30 * time.Second)
		dies := m.lateTill
		m.late = append(m.late, func() {
			if !m.now.After(dies) {
				s.inForce = o.To
			}
		})
	}
}

// pass is one reconciliation and the time until the next, with duplicates
// arriving somewhere in between.
func (m *model) pass(t *testing.T, seed uint64) {
	t.Helper()
	orders := m.c.Plan(m.snapshot())
	for i := range orders {
		o := &orders[i]
		if !m.c.State.Wants() && o.Restricts() {
			t.Fatalf("seed %d: a case that is %s restricts", seed, m.c.State)
		}
		m.c.Dispatch(o, m.now)
	}
	if m.rng.IntN(20) == 0 && !m.perfect {
		// The process dies here, before or after the orders left; the next pass
		// starts from what was saved.
		for _, o := range orders {
			if m.rng.IntN(2) == 0 {
				if m.carryOut(o); o.Restricts() && m.live[o.Session.ID] != nil {
					m.mayComeLate(o, m.live[o.Session.ID])
				}
			}
		}
		return
	}
	for _, o := range orders {
		m.c.Observe(o, m.carryOut(o), m.now)
	}
	m.advance()
}

func (m *model) advance() {
	next := m.c.NextDue(m.now)
	if next.IsZero() || next.Sub(m.now) > time.Minute {
		next = m.now.Add(time.Minute)
	}
	if next.Sub(m.now) < time.Second {
		next = m.now.Add(time.Second)
	}
	m.now = next
	if len(m.late) > 0 && (m.now.After(m.lateTill) || m.rng.IntN(3) == 0) {
		if !m.now.After(m.lateTill) {
			m.late[0]()
		}
		m.late = m.late[1:]
	}
}

func (m *model) disturb() {
	switch m.rng.IntN(12) {
	case 0, 1:
		m.login()
	case 2:
		m.logout()
	case 3:
		if m.c.State.Wants() {
			m.c.want([]string{"garden", "no-smtp"}[m.rng.IntN(2)], m.now, "noc", "changed")
		}
	case 5:
		if m.c.State.Wants() && m.rng.IntN(2) == 0 {
			m.c.release(m.now, "", "expired")
		}
	case 6:
		if m.c.State == Releasing {
			m.c.reopen(m.now, "", "newer evidence")
			m.c.Generation++
			m.c.move([]CaseState{Restricting, CaseHeld, Observing}[m.rng.IntN(3)], m.now, "", "newer evidence")
			m.c.ExpiresAt = m.now.Add(1000 * time.Hour)
		}
	case 4:
		if m.c.State == CaseHeld {
			rules := Rulebook{Policy: Policy{Mode: ModeEnforce}}
			if _, err := rules.Approve(m.c, nil, "noc", "go on", m.now); err != nil {
				panic(err)
			}
		}
	}
}

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

func restrictingCase(m *model) Order {
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(time.Hour), Generation: 1}
	m.c.move(Restricting, m.now, "", "opened")
	m.login()
	order := m.c.Plan(m.snapshot())[0]
	m.c.Dispatch(&order, m.now)
	return order
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
