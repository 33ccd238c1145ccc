package quarantine

import (
	"errors"
	"testing"
)

func TestEveryStateOfTheTableCanBeRead(t *testing.T) {
	for _, edge := range Transitions {
		for _, state := range []CaseState{edge.From, edge.To} {
			if err := (&Case{State: state}).Check(); err != nil {
				t.Error(err)
			}
		}
	}
}

// A case of which one session is exempt is a case like any other.
func TestACaseWithAnExemptSessionCanBeRead(t *testing.T) {
	c := restrictedBy("bots", "garden", at(3600))
	session := Session{SessionKey: SessionKey{BNG: "bng1", ID: "1"}, Subscriber: c.Subscriber, StartedAt: noon}
	c.Plan(Snapshot{
		Now: noon, MaxSessions: 4, Sessions: []Session{session},
		Exempt: func(*Session) (string, bool) { return "hospital", true },
	})
	if e := c.Sessions[len(c.Sessions)-1]; e.Enforcement != Exempted || e.DeferredBy != CheckExempt {
		t.Fatalf("%+v", e)
	}
	if err := c.Check(); err != nil {
		t.Error(err)
	}
}

func TestWhatThisVersionDoesNotKnowIsUnreadable(t *testing.T) {
	for want, c := range map[string]*Case{
		`unreadable case: unknown state "parked"`: {State: "parked"},
		`unreadable case: unknown state ""`:       {},
		`unreadable case: unknown enforcement "frozen" of session bng1/1`: {State: Restricted,
			Sessions: []SessionEnforcement{{Session: Session{SessionKey: SessionKey{BNG: "bng1", ID: "1"}}, Enforcement: "frozen"}}},
	} {
		if err := c.Check(); !errors.Is(err, ErrUnreadableCase) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
