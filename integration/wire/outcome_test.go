package wire

import "testing"

func TestTheOutcomeOfACaseIsThatOfItsSessions(t *testing.T) {
	for _, c := range []struct {
		name         string
		enforcements []string
		want         Outcome
		unfinished   int
	}{
		{"no session", nil, Done, 0},
		{"acknowledged, shown, over, exempt", []string{EnforcementAcked, EnforcementVerified, EnforcementGone, EnforcementExempt}, Done, 0},
		{"one to be done", []string{EnforcementAcked, EnforcementPending}, Partly, 1},
		{"one refused, one half done", []string{EnforcementRefused, EnforcementPartial, EnforcementGone}, Partly, 2},
		{"none answered", []string{EnforcementUnanswered, EnforcementUnanswered}, NotDone, 2},
		{"deferred", []string{EnforcementPending}, NotDone, 1},
	} {
		k := Case{}
		for _, e := range c.enforcements {
			k.Sessions = append(k.Sessions, Session{Enforcement: e})
		}
		if k.Outcome() != c.want || k.Unfinished() != c.unfinished {
			t.Errorf("%s: outcome %d, %d unfinished; want %d, %d", c.name, k.Outcome(), k.Unfinished(), c.want, c.unfinished)
		}
	}
}

func TestACaseEndsBeforeItIsClosed(t *testing.T) {
	for state, want := range map[string][2]bool{
		StateHeld: {}, StateRestricting: {}, StateRestricted: {}, StateWaiting: {}, StateObserving: {},
		StateReleasing: {true, false}, StateClosed: {true, true},
	} {
		c := Case{State: state}
		if got := [2]bool{c.Ending(), c.Closed()}; got != want {
			t.Errorf("%s: ending, closed %v; want %v", state, got, want)
		}
	}
}

func TestAVerdictIsDecidedOnceItIsNotPending(t *testing.T) {
	for state, want := range map[string]bool{
		VerdictPending: false, VerdictUnknown: true, VerdictAmbiguous: true, VerdictRecorded: true, VerdictHeld: true,
		VerdictActed: true, VerdictRetracted: true,
	} {
		if v := (VerdictStatus{State: state}); v.Decided() != want {
			t.Errorf("%s: decided %t", state, !want)
		}
	}
	for status, want := range map[string]bool{VerdictAccepted: true, VerdictDuplicate: true, VerdictRejected: false, VerdictThrottled: false} {
		if r := (Receipt{Status: status}); r.Accepted() != want {
			t.Errorf("%s: taken %t", status, !want)
		}
	}
}

func TestAnAnswerThatIsNoDeferralMeansThatTheDecisionIsApplied(t *testing.T) {
	for answer, deferred := range map[string]bool{
		`{"id":"c-1","status":"deferred","detail":"later","unknown_here":true}`: true,
		`{"id":"c-1","state":"closed"}`:                                         false,
		`{"name":"bng1"}`:                                                       false,
	} {
		d, err := ReadDeferred([]byte(answer))
		if err != nil || (d != nil) != deferred || d != nil && !d.UnknownHere {
			t.Errorf("%s: %+v, %v", answer, d, err)
		}
	}
	if _, err := ReadDeferred([]byte("<html>")); err == nil {
		t.Error("a page that is no JSON is taken for an answer")
	}
}
