package storetest

import (
	"errors"
	"testing"
	"time"

	"cordon/quarantine"
)

// LogIns tests quarantine.LogInStore, and what cases and dossiers show of it.
func LogIns(t *testing.T, open Open) {
	t.Run("only a case that wants something is answered from", func(t *testing.T) { answersFromCases(t, open) })
	t.Run("what was answered is in the dossier", func(t *testing.T) { answersAreNoted(t, open) })
	t.Run("an answer keeps a case from closing behind its back", func(t *testing.T) { answersKeepCasesOpen(t, open) })
}

// garden is a case that wants the walled garden until an hour after noon.
func garden(state quarantine.CaseState) *quarantine.Case {
	c := &quarantine.Case{
		ID: "c-1", Subscriber: "alice", State: state, Profile: "walled-garden", Mode: quarantine.ModeEnforce, Rule: "bots", Cleared: true,
		OpenedAt: noon, ExpiresAt: minute(60),
	}
	if state == quarantine.Closed {
		c.ClosedAt = noon
	}
	return c
}

func ask(t *testing.T, s Ports, at time.Time, undo map[string]string) *quarantine.Case {
	t.Helper()
	c, err := s.LogIn(t.Context(), quarantine.LogIn{Subscriber: "alice", BNG: "bng:1", At: at, Undo: undo})
	must(t, err)
	return c
}

func answersFromCases(t *testing.T, open Open) {
	s := start(t, open)
	if c := ask(t, s, noon, nil); c != nil {
		t.Errorf("without a case: %+v", c)
	}
	subject := garden(quarantine.Observing)
	for _, state := range []quarantine.CaseState{
		quarantine.Observing, quarantine.CaseHeld, quarantine.Restricting, quarantine.Waiting, quarantine.Restricted,
		quarantine.Releasing, quarantine.Closed,
	} {
		subject.State = state
		must(t, s.SaveCase(t.Context(), quarantine.CaseWrite{Case: subject, Now: noon}))
		got := ask(t, s, noon, nil)
		if !state.Wants() {
			if got != nil {
				t.Errorf("a case that is %s: %+v", state, got)
			}
			continue
		}
		want := garden(state)
		want.OpenedAt = time.Time{}
		equal(t, string(state), got, want)
		if late := ask(t, s, minute(60), nil); late != nil {
			t.Errorf("after its end: %+v", late)
		}
	}
}

func answersAreNoted(t *testing.T, open Open) {
	s := start(t, open)
	must(t, s.SaveCase(t.Context(), quarantine.CaseWrite{Case: garden(quarantine.Waiting), Now: noon}))
	undo := map[string]string{"walled-garden": `{"a":"b: %"}`, "block-smtp": "x"}
	ask(t, s, minute(1), nil)
	ask(t, s, minute(2), map[string]string{"block-smtp": "x"}) // not what is wanted
	ask(t, s, minute(3), undo)
	ask(t, s, minute(4), undo)
	d, err := s.Dossier(t.Context(), "alice")
	must(t, err)
	want := []quarantine.LogInAnswer{{BNG: "bng:1", At: minute(4),
		AppliedProfile: quarantine.AppliedProfile{Profile: "walled-garden", Undo: undo["walled-garden"]}}}
	equal(t, "answers", d.Case.LogIns, want)
	equal(t, "their number", d.Case.Answered, uint64(2))
}

func answersKeepCasesOpen(t *testing.T, open Open) {
	s := start(t, open)
	c := garden(quarantine.Waiting)
	must(t, s.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, Now: noon}))
	ask(t, s, noon, map[string]string{"walled-garden": "x"})
	c.State, c.ClosedAt = quarantine.Closed, noon
	if err := s.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, Now: noon}); !errors.Is(err, quarantine.ErrConflict) {
		t.Fatalf("closed without knowing of the answer: %v", err)
	}
	d, err := s.Dossier(t.Context(), "alice")
	must(t, err)
	d.Case.State, d.Case.ClosedAt = quarantine.Closed, noon
	must(t, s.SaveCase(t.Context(), quarantine.CaseWrite{Case: d.Case, Now: noon}))
}
