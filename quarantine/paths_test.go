package quarantine

import (
	"testing"
	"time"
)

func TestWhatWasPutOffIsDueAtOnceWhenItsBNGIsHeardAgain(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		e        SessionEnforcement
		returned time.Time
		want     bool
	}{
		"unanswered before":            {SessionEnforcement{Enforcement: Unanswered}, now, true},
		"kept back before":             {SessionEnforcement{Enforcement: Pending, Deferrals: 3}, now, true},
		"refused before":               {SessionEnforcement{Enforcement: Refused}, now, false},
		"on its way when it was heard": {SessionEnforcement{Enforcement: Unanswered}, now.Add(-80 * time.Second), true},
		"on its way since then":        {SessionEnforcement{Enforcement: Unanswered}, now.Add(-91 * time.Second), false},
		"a restriction since then":     {SessionEnforcement{Enforcement: Unanswered, Wanted: "garden"}, now.Add(-71 * time.Second), false},
		"unanswered since":             {SessionEnforcement{Enforcement: Unanswered}, now.Add(-time.Hour), false},
		"never silent":                 {SessionEnforcement{Enforcement: Unanswered}, time.Time{}, false},
		"its own time has come":        {SessionEnforcement{Enforcement: Refused, NextAt: now.Add(-time.Hour)}, time.Time{}, true},
		"another BNG's comeback": {SessionEnforcement{Enforcement: Unanswered, Session: Session{SessionKey: SessionKey{BNG: "bng2"}}},
			now, false},
	} {
		c.e.UpdatedAt = now.Add(-time.Minute)
		if c.e.NextAt.IsZero() {
			c.e.NextAt = now.Add(time.Minute)
		}
		if c.e.Session.BNG == "" {
			c.e.Session.BNG = "bng1"
		}
		in := Snapshot{Now: now, Returned: func(bng string) time.Time {
			if bng == "bng1" {
				return c.returned
			}
			return time.Time{}
		}}
		if got := in.due(&c.e); got != c.want {
			t.Errorf("%s: due %v, want %v", name, got, c.want)
		}
	}
}
