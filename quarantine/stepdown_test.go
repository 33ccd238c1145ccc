package quarantine

import (
	"strings"
	"testing"
	"time"
)

func TestAMilderRuleDoesNotProlongASevererRestriction(t *testing.T) {
	r := ladder()
	c, d := file(r, restrictedBy("garden", "garden", at(86400)), seen(1, "spam", noon), noon)
	if c.Profile != "garden" || !c.ExpiresAt.Equal(at(86400)) {
		t.Errorf("%s: %s until %s", d.Status.State, c.Profile, c.ExpiresAt)
	}
}

func TestACaseStepsDownToAMilderProfileAndThenEnds(t *testing.T) {
	m := steps()
	id := m.reconnect()
	m.untilRestricted(t, id, 0)
	m.now = m.c.ExpiresAt
	orders := m.c.Plan(m.snapshot())
	if len(orders) != 1 || orders[0].To != "block-smtp" || len(orders[0].From) != 1 || orders[0].From[0].Profile != "garden" ||
		m.c.Generation != 2 {
		t.Fatalf("%s %s, %+v", m.c.State, m.c.Profile, orders)
	}
	m.untilRestricted(t, id, 0)
	m.pass(t, 0)
	if m.c.State != Restricted || m.c.Profile != "block-smtp" || !m.c.Ends().Equal(m.c.ExpiresAt) {
		t.Fatalf("%s %s, ends %s", m.c.State, m.c.Profile, m.c.Ends())
	}
	m.now = m.c.ExpiresAt
	for range 3 {
		m.pass(t, 0)
	}
	if m.c.State != Closed || m.live[id].inForce != "" {
		t.Errorf("%s, %q in force", m.c.State, m.live[id].inForce)
	}
}

// A profile is not kept beyond its time because a milder one cannot take its place:
// the session is restored, and restricted when that can be.
func TestWhatIsOverIsRestoredWhereAMilderProfileMayNotBeSent(t *testing.T) {
	for name, hinder := range map[string]func(m *model) (snapshot func() Snapshot, respond func(Order) Outcome){
		"restrictions are deferred": func(m *model) (func() Snapshot, func(Order) Outcome) {
			return func() Snapshot {
				in := m.snapshot()
				in.Deferred = func(_ *Session, profile string) bool { return profile == "block-smtp" }
				return in
			}, m.carryOut
		},
		"the session is suspect": func(m *model) (func() Snapshot, func(Order) Outcome) {
			return func() Snapshot {
				in := m.snapshot()
				for i := range in.Sessions {
					in.Sessions[i].Suspect = true
				}
				return in
			}, m.carryOut
		},
		"the BNG refuses the milder profile": func(m *model) (func() Snapshot, func(Order) Outcome) {
			return m.snapshot, func(o Order) Outcome {
				if o.To == "block-smtp" {
					return Outcome{Kind: OutcomeRefused, ErrorCause: 404}
				}
				return m.carryOut(o)
			}
		},
		"the milder profile is not sent": func(m *model) (func() Snapshot, func(Order) Outcome) {
			return m.snapshot, func(o Order) Outcome {
				if o.To == "block-smtp" {
					return Outcome{Kind: OutcomeNotSent, Reason: "paused"}
				}
				return m.carryOut(o)
			}
		},
	} {
		m := steps()
		id := m.reconnect()
		m.untilRestricted(t, id, 0)
		m.now = m.c.ExpiresAt
		over := m.now
		snapshot, respond := hinder(m)
		for m.live[id].inForce != "" && m.now.Sub(over) < time.Minute {
			for _, o := range m.c.Plan(snapshot()) {
				m.c.Dispatch(&o, m.now)
				if !m.c.Ends().Equal(over) && o.From != nil {
					t.Errorf("%s: what is in force ends at %s, the case says %s", name, over, m.c.Ends())
				}
				m.c.Observe(o, respond(o), m.now)
			}
			m.now = m.now.Add(time.Second)
		}
		if took := m.now.Sub(over); m.live[id].inForce != "" || took > 5*time.Second || !m.c.State.Wants() {
			t.Errorf("%s: %s after its time the session has %q; the case is %s", name, took, m.live[id].inForce, m.c.State)
		}
		m.now = m.now.Add(time.Hour) // what hindered is over
		m.pass(t, 0)
		m.untilRestricted(t, id, time.Second)
		if m.live[id].inForce != "block-smtp" {
			t.Errorf("%s: then it has %q", name, m.live[id].inForce)
		}
	}
}

func TestByHandNothingIsWeakenedUnlessThePersonSaysSo(t *testing.T) {
	r := ladder()
	manual := ManualQuarantine{Subscriber: "alice", Profile: "block-smtp", Reason: "call", For: 30 * time.Minute, By: "noc"}
	for name, profile := range map[string]string{"a milder profile": "block-smtp", "the same, shorter": "garden"} {
		c := restrictedBy("garden", "garden", at(86400))
		c.OtherDemands = []Demand{{Profile: Disconnect, Rule: "kick", Until: at(86400), Hold: &Hold{HoldLimit, "full"}}}
		manual.Profile, manual.Replace = profile, false
		_, reserve, err := r.Quarantine(manual, Situation{Dossier: Dossier{Case: c}}, "", noon)
		if err == nil || reserve != nil {
			t.Fatalf("%s: it is done", name)
		}
		for _, word := range []string{"garden (rule garden) until 2026-03-02T12:00:00Z", profile +
			" (noc) until 2026-03-01T12:30:00Z", "--replace"} {
			if !strings.Contains(err.Error(), word) {
				t.Errorf("%s: %q does not say %q", name, err, word)
			}
		}
		manual.Replace = true
		done, _, err := r.Quarantine(manual, Situation{Dossier: Dossier{Case: c}}, "", noon)
		if err != nil || done.Profile != profile || !done.ExpiresAt.Equal(at(1800)) || len(done.OtherDemands) != 0 || c.Profile != "garden" {
			t.Fatalf("%s: %v, %+v", name, err, done)
		}
		last := done.History[len(done.History)-1].Text
		for _, word := range []string{"garden (rule garden) until 2026-03-02T12:00:00Z", profile +
			" (noc) until 2026-03-01T12:30:00Z", "dropped: disconnect"} {
			if !strings.Contains(last, word) {
				t.Errorf("%s: the history %q does not say %q", name, last, word)
			}
		}
		again := r.Decide(seen(1, "botnet", at(-60)), "alice", Situation{Dossier: Dossier{Case: done}}, "", at(60))
		if profile == "block-smtp" && again.Case != nil && again.Case.Profile == "garden" {
			t.Errorf("%s: older evidence undoes what the person decided", name)
		}
	}
}

func TestByHandASevererProfileIsCountedAndWhatWasThereGoesOn(t *testing.T) {
	r := ladder()
	c := restrictedBy("smtp", "block-smtp", at(30*86400))
	manual := ManualQuarantine{Subscriber: "alice", Profile: "garden", Reason: "call", For: time.Hour, By: "noc"}
	done, reserve, err := r.Quarantine(manual, Situation{Dossier: Dossier{Case: c}}, "", noon)
	if err != nil || reserve == nil || !reserve.Forced || done.Profile != "garden" || !done.ExpiresAt.Equal(at(3600)) {
		t.Fatalf("%v, counted as %+v, %s until %s", err, reserve, done.Profile, done.ExpiresAt)
	}
	if then := done.Then(); len(then) != 1 || then[0].Profile != "block-smtp" || !then[0].Until.Equal(at(30*86400)) {
		t.Errorf("then %+v", then)
	}
}

func TestACaseThatIsMadeToEndSoonerEnds(t *testing.T) {
	m := steps()
	if err := m.c.Extend("noc", "enough", 10*time.Minute, m.now); err != nil || len(m.c.Then()) != 0 {
		t.Errorf("%v, then %+v", err, m.c.Then())
	}
	m = steps()
	if err := m.c.Extend("noc", "worse", 2*time.Hour, m.now); err != nil || len(m.c.Then()) != 1 ||
		!m.c.Then()[0].Until.Equal(m.now.Add(3*time.Hour)) {
		t.Errorf("%v, then %+v", err, m.c.Then())
	}
}

// Profiles end and give way to milder ones, exemptions come and go, the network
// lies, loses and refuses: in the end every session has what it should have.
func TestWhateverHappensOnTheWayDownEverySessionIsRestored(t *testing.T) {
	for seed := range uint64(500) {
		m := newModel(seed)
		m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(1000 * time.Hour), Generation: 1}
		m.c.move(Restricting, m.now, "", "opened")
		m.login()
		exempt, deferred := false, false
		snapshot := func() Snapshot {
			in := m.snapshot()
			in.Exempt = func(*Session) (string, bool) { return "hospital", exempt }
			in.Deferred = func(*Session, string) bool { return deferred }
			return in
		}
		pass := func() {
			orders := m.c.Plan(snapshot())
			for i := range orders {
				if o := &orders[i]; o.Restricts() && (exempt || deferred && o.From != nil && m.c.lapsed(m.c.find(o))) {
					t.Fatalf("seed %d: %+v although exempt %t, deferred %t", seed, o, exempt, deferred)
				}
				m.c.Dispatch(&orders[i], m.now)
			}
			for _, o := range orders {
				m.c.Observe(o, m.carryOut(o), m.now)
			}
			m.advance()
		}
		for range 10 + m.rng.IntN(40) {
			m.disturb()
			switch m.rng.IntN(8) {
			case 0:
				exempt = !exempt
			case 1:
				deferred = !deferred
			case 2:
				if m.c.State.Wants() && m.c.Profile == "garden" && len(m.c.OtherDemands) == 0 {
					m.c.OtherDemands = []Demand{{Profile: "no-smtp", Rule: "spam", Until: m.c.ExpiresAt}}
					m.c.ExpiresAt = m.now.Add(time.Minute)
				}
			}
			pass()
		}
		if m.c.State != Closed && m.c.State != Releasing {
			if err := m.c.ReleaseBy("noc", "cleaned", ReleaseCleaned, m.now, m.now); err != nil {
				t.Fatalf("seed %d: %v", seed, err)
			}
		}
		m.perfect = true
		for range 80 {
			pass()
		}
		for id, s := range m.live {
			if s.inForce != "" || s.halfway || m.c.State != Closed {
				t.Fatalf("seed %d: the case is %s, session %s has %q\n%+v", seed, m.c.State, id, s.inForce, m.c.History)
			}
		}
	}
}

// With a network that does as it is ordered, a session is never more than a few
// seconds behind what the case wants of it.
func TestOnTheWayDownEverySessionHasWhatTheCaseWants(t *testing.T) {
	for seed := range uint64(200) {
		m := newModel(seed)
		m.perfect = true
		m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(10 * time.Minute), Generation: 1}
		m.c.OtherDemands = []Demand{{Profile: "no-smtp", Until: m.now.Add(20 * time.Minute)}, {Profile: "slow", Until: m.now.Add(30 * time.Minute)}}
		m.c.move(Restricting, m.now, "", "opened")
		began := m.now
		m.login()
		for m.now.Sub(began) < 32*time.Minute {
			if m.rng.IntN(400) == 0 {
				m.reconnect()
			}
			m.work(m.snapshot())
			want := []string{"garden", "no-smtp", "slow", ""}[min(3, int(m.now.Sub(began)/(10*time.Minute)))]
			for id, s := range m.live {
				if paced := m.c.State == Restricting && m.now.Sub(s.StartedAt) < ReloginBackoff.Cap; s.inForce != want && !paced {
					t.Fatalf("seed %d after %s: session %s has %q, want %q; the case is %s", seed, m.now.Sub(began), id, s.inForce, want, m.c.State)
				}
			}
			m.now = m.now.Add(time.Second)
		}
	}
}
