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

func TestWhatThisVersionDoesNotKnowIsUnreadable(t *testing.T) {
	for want, c := range map[string]*Case{
		`unreadable case: unknown state "parked"`:                         {State: "parked"},
		`unreadable case: unknown state ""`:                               {},
		`unreadable case: unknown enforcement "frozen" of session bng1/1`: {State: Restricted, Sessions: []SessionEnforcement{{Session: Session{SessionKey: SessionKey{BNG: "bng1", ID: "1"}}, Enforcement: "frozen"}}},
	} {
		if err := c.Check(); !errors.Is(err, ErrUnreadableCase) || err.Error() != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
}
