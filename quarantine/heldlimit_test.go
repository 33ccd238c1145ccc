package quarantine

import (
	"strings"
	"testing"
	"time"
)

func TestBeyondAThousandHeldCasesADayAVerdictIsRecorded(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, mode := range []Mode{ModeEnforce, ModeApprove} {
		r := &Rulebook{
			Policy: Policy{Mode: mode,
				Rules: []Rule{{Name: "bots", Match: Match{Category: []string{"botnet"}}, Profile: "garden", For: Duration(time.Hour)}}},
			Profiles:    map[string]Profile{"garden": {Name: "garden"}},
			Exemptions:  nil,
			MaxSessions: 4, MaxAge: time.Hour,
		}
		v := Verdict{ID: "v-1", Source: "ids", ObservedAt: now, Category: "botnet"}
		full := &LimitError{Scope: LimitScope{Key: "hour", Label: "20 lines per hour"}}
		if mode == ModeApprove {
			full = nil
		}
		held := r.Decide(v, "alice", Situation{Full: full}, "c-1", now)
		if held.Case == nil || held.Case.State != CaseHeld || held.Reserve == nil || held.Reserve.Forced || len(held.Reserve.Scopes) != 1 {
			t.Fatalf("%s: %+v", mode, held)
		}
		scope := held.Reserve.Scopes[0]
		if scope.Max != MaxHeldPerDay || scope.Window != 24*time.Hour || !strings.Contains(scope.Key, "ids") {
			t.Errorf("%s: counted in %+v", mode, scope)
		}
		d := r.Decide(v, "alice", Situation{Full: &LimitError{Scope: scope}}, "c-1", now)
		if d.Case != nil || d.Status.State != VerdictRecorded || !d.Status.Final ||
			!strings.Contains(d.Status.Reason, "1000 held cases per source per day (ids)") {
			t.Errorf("%s: %+v", mode, d)
		}
	}
}
