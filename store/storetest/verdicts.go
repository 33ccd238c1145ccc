package storetest

import (
	"encoding/json"
	"errors"
	"net/netip"
	"testing"

	"cordon/quarantine"
)

// Verdicts tests quarantine.VerdictStore.
func Verdicts(t *testing.T, open Open) {
	savedVerdicts(t, open)
	verdictsOfCases(t, open)
}

func verdictStatus(state quarantine.VerdictState, final bool) quarantine.VerdictStatus {
	return quarantine.VerdictStatus{
		Verdict: quarantine.Verdict{
			ID: "v-1", Source: "s1", ObservedAt: noon, ReceivedAt: minute(1), IP: netip.MustParseAddr("192.0.2.1"),
			Category: "botnet", Evidence: json.RawMessage(`{"port":23}`),
		},
		State: state, Reason: "why", Final: final,
		Candidates: []quarantine.Holder{{Subscriber: "alice", Address: v4(1).Prefix, From: noon}},
	}
}

func readVerdict(t *testing.T, s Ports) quarantine.VerdictStatus {
	t.Helper()
	got, err := s.Verdict(t.Context(), "v-1")
	must(t, err)
	return got
}

func savedVerdicts(t *testing.T, open Open) {
	t.Run("what was saved is read back", func(t *testing.T) {
		s := start(t, open)
		if _, err := s.Verdict(t.Context(), "v-1"); !errors.Is(err, quarantine.ErrNoVerdict) {
			t.Fatalf("error %v, want ErrNoVerdict", err)
		}
		must(t, s.SaveVerdict(t.Context(), verdictStatus(quarantine.VerdictPending, false)))
		equal(t, "verdict", readVerdict(t, s), verdictStatus(quarantine.VerdictPending, false))
	})

	t.Run("a final status stays final", func(t *testing.T) {
		s := start(t, open)
		steps := []struct{ write, want quarantine.VerdictStatus }{
			{verdictStatus(quarantine.VerdictPending, false), verdictStatus(quarantine.VerdictPending, false)},
			{verdictStatus(quarantine.VerdictUnknown, false), verdictStatus(quarantine.VerdictUnknown, false)},
			{verdictStatus(quarantine.VerdictActed, true), verdictStatus(quarantine.VerdictActed, true)},
			{verdictStatus(quarantine.VerdictPending, false), verdictStatus(quarantine.VerdictActed, true)},
			{verdictStatus(quarantine.VerdictRetracted, true), verdictStatus(quarantine.VerdictRetracted, true)},
		}
		for _, step := range steps {
			must(t, s.SaveVerdict(t.Context(), step.write))
			equal(t, "verdict", readVerdict(t, s), step.want)
		}
	})
}

func verdictsOfCases(t *testing.T, open Open) {
	t.Run("a case takes its verdict along, by the same rule", func(t *testing.T) {
		s := start(t, open)
		acted, pending := verdictStatus(quarantine.VerdictActed, true), verdictStatus(quarantine.VerdictPending, false)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c, Verdict: &pending})
		equal(t, "verdict", readVerdict(t, s), pending)
		save(t, s, quarantine.CaseWrite{Case: c, Verdict: &acted})
		save(t, s, quarantine.CaseWrite{Case: c, Verdict: &pending})
		equal(t, "verdict", readVerdict(t, s), acted)
	})

	t.Run("known verdicts", func(t *testing.T) {
		s := start(t, open)
		must(t, s.SaveVerdict(t.Context(), verdictStatus(quarantine.VerdictPending, false)))
		known, err := s.KnownVerdicts(t.Context(), []string{"v-2", "v-1", "v-1", ""})
		must(t, err)
		equal(t, "known", known, map[string]bool{"v-1": true})
		known, err = s.KnownVerdicts(t.Context(), nil)
		must(t, err)
		equal(t, "known of none", known, map[string]bool{})
	})
}
