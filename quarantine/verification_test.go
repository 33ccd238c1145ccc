package quarantine

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// verifiable is a case with one session whose restriction was acknowledged at
// noon.
func verifiable(evidence Verification) (*Case, *model) {
	m := newModel(2)
	m.now, m.perfect, m.evidence = noon, true, evidence
	m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: noon, ExpiresAt: noon.Add(24 * time.Hour), Generation: 1}
	m.c.move(Restricting, noon, "", "opened")
	m.login()
	m.step(Outcome{Kind: OutcomeAcked, Verification: evidence})
	return m.c, m
}

// step makes one pass in which every order has the same outcome, and returns
// the orders.
func (m *model) step(out Outcome) []Order {
	orders := m.c.Plan(m.snapshot())
	for i := range orders {
		m.c.Dispatch(&orders[i], m.now)
	}
	for _, o := range orders {
		m.c.Observe(o, out, m.now)
	}
	return orders
}

// shows has the session's accounting show a filter now.
func (m *model) shows(value string) {
	for _, s := range m.live {
		s.recordObserved(&SessionEvent{Kind: SessionRenewed, At: m.now, Observed: []Attribute{{"Filter-Id", value}}})
		s.SeenAt = m.now
	}
}

func TestAnACKIsQueriedUntilItIsVerified(t *testing.T) {
	c, m := verifiable(VerifyByQuery)
	var snapshots []time.Duration
	for range 20 {
		if m.now = c.NextDue(m.now); m.now.Sub(noon) >= IdleInterval {
			break
		}
		for _, o := range m.step(Outcome{Kind: OutcomeAcked, Reason: "nothing shows it yet"}) {
			if !o.Check || o.To != "garden" || o.Restricts() || !o.Since.Equal(noon) {
				t.Errorf("order %+v", o)
			}
			snapshots = append(snapshots, m.now.Sub(noon))
		}
	}
	if want := []time.Duration{2 * time.Second, 6 * time.Second, 14 * time.Second, 30 * time.Second,
		62 * time.Second, 122 * time.Second}; !slices.Equal(snapshots, want) {
		t.Errorf("looked after %v, want %v", snapshots, want)
	}
	if e := c.Sessions[0]; e.Enforcement != Acked || e.Reason != "nothing shows it yet" || e.Attempts != 1 || c.State != Restricted {
		t.Errorf("without proof: case %s, session %+v", c.State, e)
	}
}

func TestWhatTheNetworkShowsIsVerifiedOrDoneAgain(t *testing.T) {
	for _, evidence := range []Verification{VerifyByQuery, VerifyByAccounting} {
		t.Run(string(evidence), func(t *testing.T) {
			c, m := verifiable(evidence)
			m.now = noon.Add(10 * time.Second)
			m.shows("GARDEN")
			if orders := m.step(Outcome{Kind: OutcomeVerified, Reason: "accounting shows it"}); len(orders) != 1 || !orders[0].Check {
				t.Fatalf("orders %+v", orders)
			}
			if e := c.Sessions[0]; e.Enforcement != Verified || c.State != Restricted {
				t.Fatalf("case %s, session %+v", c.State, e)
			}
			m.now = m.now.Add(15 * time.Minute)
			m.shows("PLAN")
			m.step(Outcome{Kind: OutcomeRefused, Reason: "the network shows otherwise"})
			if e := c.Sessions[0]; e.Enforcement != Refused || c.State != Restricting || len(e.Applied) != 1 {
				t.Fatalf("case %s, session %+v", c.State, e)
			}
			m.now = c.NextDue(m.now)
			if orders := m.step(Outcome{Kind: OutcomeAcked, Verification: evidence}); len(orders) != 1 ||
				!orders[0].Restricts() || orders[0].Confirmed {
				t.Fatalf("orders %+v", orders)
			}
		})
	}
}

func TestWithoutAVerificationNothingIsQueried(t *testing.T) {
	c, m := verifiable(NoVerification)
	m.now = noon.Add(time.Minute)
	m.shows("PLAN")
	if orders := m.step(Outcome{}); len(orders) != 0 || c.Sessions[0].Enforcement != Acked {
		t.Errorf("orders %+v, session %+v", orders, c.Sessions[0])
	}
}

func TestAReleaseIsOverOnlyWhenItIsVerifiedOrCannotBe(t *testing.T) {
	release := func() (*Case, *model) {
		c, m := verifiable(VerifyByQuery)
		if err := c.ReleaseBy("noc", "cleaned", ReleaseCleaned, noon, noon); err != nil {
			t.Fatal(err)
		}
		m.step(Outcome{Kind: OutcomeAcked, Verification: VerifyByQuery})
		if c.State != Releasing || c.Sessions[0].Enforcement != Acked {
			t.Fatalf("acknowledged: case %s, session %+v", c.State, c.Sessions[0])
		}
		return c, m
	}
	t.Run("shown", func(t *testing.T) {
		c, m := release()
		m.now = c.NextDue(m.now)
		m.step(Outcome{Kind: OutcomeVerified})
		if c.State != Closed {
			t.Errorf("case %s: %+v", c.State, c.Sessions)
		}
	})
	t.Run("no verification", func(t *testing.T) {
		c, m := release()
		for range VerifyRestoreTries {
			if c.State != Releasing {
				t.Fatalf("case %s after %s", c.State, m.now.Sub(noon))
			}
			m.now = c.NextDue(m.now)
			m.step(Outcome{Kind: OutcomeAcked})
		}
		if c.State != Closed || m.now.Sub(noon) > 30*time.Second {
			t.Errorf("case %s after %s", c.State, m.now.Sub(noon))
		}
	})
	t.Run("otherwise", func(t *testing.T) {
		c, m := release()
		for range 3 {
			m.now = c.NextDue(m.now)
			m.step(Outcome{Kind: OutcomeRefused, Reason: "the network shows otherwise"})
			if c.State != Releasing || len(c.Sessions[0].Applied) != 1 {
				t.Fatalf("case %s: %+v", c.State, c.Sessions)
			}
			m.now = c.NextDue(m.now)
			orders := m.step(Outcome{Kind: OutcomeAcked, Verification: VerifyByQuery})
			if len(orders) != 1 || orders[0].Check || len(orders[0].From) != 1 || orders[0].From[0].Profile != "garden" {
				t.Fatalf("not released again: %+v", orders)
			}
		}
	})
}

// A look that comes back after the case has moved on changes nothing.
func TestAVerificationThatIsOutOfDateChangesNothing(t *testing.T) {
	c, m := verifiable(VerifyByQuery)
	m.now = c.NextDue(m.now)
	snapshots := c.Plan(m.snapshot())
	if len(snapshots) != 1 || !snapshots[0].Check {
		t.Fatalf("orders %+v", snapshots)
	}
	if err := c.ReleaseBy("noc", "cleaned", ReleaseCleaned, m.now, m.now); err != nil {
		t.Fatal(err)
	}
	before := fmt.Sprintf("%+v", c)
	for _, kind := range []OutcomeKind{OutcomeVerified, OutcomeRefused, OutcomeAcked} {
		if c.Observe(snapshots[0], Outcome{Kind: kind}, m.now); fmt.Sprintf("%+v", c) != before {
			t.Errorf("%s changed the case", kind)
		}
	}
}

func TestWithTruthfulVerificationNoFalseACKStands(t *testing.T) {
	for seed := range uint64(500) {
		m := newModel(2*seed + 1) // with verification
		m.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: m.now, ExpiresAt: m.now.Add(1000 * time.Hour), Generation: 1}
		m.c.move(Restricting, m.now, "", "opened")
		m.login()
		for range 40 {
			m.pass(t, seed)
		}
		m.perfect = true
		for range 60 {
			m.pass(t, seed)
		}
		for id, s := range m.live {
			if s.inForce != "garden" || m.c.State != Restricted {
				t.Fatalf("seed %d: session %s has %q, case %s: %+v", seed, id, s.inForce, m.c.State, m.c.Sessions)
			}
		}
	}
}

func TestASessionKeepsWhatItsNewestRecordShows(t *testing.T) {
	var s Session
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	show := func(kind SessionEventKind, minute int, shown ...Attribute) {
		s.recordObserved(&SessionEvent{Kind: kind, At: at(minute), Observed: shown})
	}
	show(SessionRenewed, 1, Attribute{"Filter-Id", "PLAN"})
	show(SessionRenewed, 3, Attribute{"Filter-Id", "GARDEN"})
	show(SessionRenewed, 2, Attribute{"Filter-Id", "OLD"}) // came late
	show(SessionRenewed, 4)
	show(ServiceSeen, 5, Attribute{"Service", "INET"})
	show(ServiceSeen, 6, Attribute{"Service", "GARDEN"})
	show(ServiceSeen, 7, Attribute{"Service", "INET"})
	want := []ObservedAttribute{{Attribute{"Filter-Id", "GARDEN"}, at(3)}, {Attribute{"Service", "GARDEN"}, at(6)},
		{Attribute{"Service", "INET"}, at(7)}}
	if !slices.Equal(s.Observed, want) {
		t.Errorf("shown %+v, want %+v", s.Observed, want)
	}
	if got := s.ObservedSince(at(6)); !slices.Equal(got, want[1:]) {
		t.Errorf("since 12:06 %+v", got)
	}
	for i := range 20 {
		show(ServiceSeen, 10+i, Attribute{"Service", fmt.Sprint(i)})
	}
	if len(s.Observed) != maxObserved || s.Observed[maxObserved-1].Value != "19" {
		t.Errorf("%d kept: %+v", len(s.Observed), s.Observed)
	}
}
