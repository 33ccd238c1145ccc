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

func restrictingCase(m *model) Order {
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(time.Hour), Generation: 1}
	m.c.move(Restricting, m.now, "", "opened")
	m.login()
	order := m.c.Plan(m.snapshot())[0]
	m.c.Dispatch(&order, m.now)
	return order
}
