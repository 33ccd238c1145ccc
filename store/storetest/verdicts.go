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
	status := func(state quarantine.VerdictState, settled bool) quarantine.VerdictStatus {
		return quarantine.VerdictStatus{
			Verdict: quarantine.Verdict{
				ID: "v-1", Source: "s1", ObservedAt: noon, ReceivedAt: minute(1), IP: netip.MustParseAddr("192.0.2.1"),
				Category: "botnet", Evidence: json.RawMessage(`{"port":23}`),
			},
			State: state, Reason: "why", Final: settled,
			Candidates: []quarantine.Holder{{Subscriber: "alice", Address: v4(1).Prefix, From: noon}},
		}
	}
	read := func(t *testing.T, s Ports) quarantine.VerdictStatus {
		t.Helper()
		got, err := s.Verdict(t.Context(), "v-1")
		must(t, err)
		return got
	}

	t.Run("what was saved is read back", func(t *testing.T) {
		s := start(t, open)
		if _, err := s.Verdict(t.Context(), "v-1"); !errors.Is(err, quarantine.ErrNoVerdict) {
			t.Fatalf("error %v, want ErrNoVerdict", err)
		}
		must(t, s.SaveVerdict(t.Context(), status(quarantine.VerdictPending, false)))
		equal(t, "verdict", read(t, s), status(quarantine.VerdictPending, false))
	})

	t.Run("a settled status is not unsettled", func(t *testing.T) {
		s := start(t, open)
		steps := []struct{ write, want quarantine.VerdictStatus }{
			{status(quarantine.VerdictPending, false), status(quarantine.VerdictPending, false)},
			{status(quarantine.VerdictUnknown, false), status(quarantine.VerdictUnknown, false)},
			{status(quarantine.VerdictActed, true), status(quarantine.VerdictActed, true)},
			{status(quarantine.VerdictPending, false), status(quarantine.VerdictActed, true)},
			{status(quarantine.VerdictRetracted, true), status(quarantine.VerdictRetracted, true)},
		}
		for _, step := range steps {
			must(t, s.SaveVerdict(t.Context(), step.write))
			equal(t, "verdict", read(t, s), step.want)
		}
	})

	t.Run("a case takes its verdict along, by the same rule", func(t *testing.T) {
		s := start(t, open)
		acted, pending := status(quarantine.VerdictActed, true), status(quarantine.VerdictPending, false)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c, Verdict: &pending})
		equal(t, "verdict", read(t, s), pending)
		save(t, s, quarantine.CaseWrite{Case: c, Verdict: &acted})
		save(t, s, quarantine.CaseWrite{Case: c, Verdict: &pending})
		equal(t, "verdict", read(t, s), acted)
	})

	t.Run("known verdicts", func(t *testing.T) {
		s := start(t, open)
		must(t, s.SaveVerdict(t.Context(), status(quarantine.VerdictPending, false)))
		known, err := s.KnownVerdicts(t.Context(), []string{"v-2", "v-1", "v-1", ""})
		must(t, err)
		equal(t, "known", known, map[string]bool{"v-1": true})
		known, err = s.KnownVerdicts(t.Context(), nil)
		must(t, err)
		equal(t, "known of none", known, map[string]bool{})
	})
}
