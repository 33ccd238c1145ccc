package quarantinetest_test

import (
	"errors"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
	"cordon/store/storetest"
)

func TestTheMemoryConforms(t *testing.T) {
	storetest.Run(t, func(_ *testing.T, o storetest.Options) (storetest.Ports, func(time.Duration)) {
		m := quarantinetest.NewMemory()
		m.Restricted, m.Interim, m.Now = o.Restricted, o.Interim, o.Now
		return m, nil
	}, storetest.Seeds)
}

func TestASleepingMemoryAnswersNothingAndChangesNothing(t *testing.T) {
	m, ctx := quarantinetest.NewMemory(), t.Context()
	key := quarantine.SessionKey{BNG: "bng1", ID: "1"}
	start := quarantine.SessionEvent{Kind: quarantine.SessionStarted, Key: key, Subscriber: "alice", At: time.Unix(1, 0)}
	c := &quarantine.Case{ID: "c1", Subscriber: "alice", State: quarantine.Restricting}
	calls := map[string]func() error{
		"Record":     func() error { return m.Record(ctx, []quarantine.SessionEvent{start})[0] },
		"Session":    func() error { _, err := m.Session(ctx, key); return err },
		"SessionsOf": func() error { _, err := m.SessionsOf(ctx, "alice"); return err },
		"Bindings": func() error {
			_, err := m.Bindings(ctx, quarantine.Place{Addr: [1]quarantine.Address{}[0].Prefix.Addr()}, start.At, start.At)
			return err
		},
		"SaveCase":      func() error { return m.SaveCase(ctx, quarantine.CaseWrite{Case: c, DueAt: start.At}) },
		"Case":          func() error { _, err := m.Case(ctx, "c1"); return err },
		"CasesByID":     func() error { _, err := m.CasesByID(ctx, nil); return err },
		"Cases":         func() error { _, err := m.Cases(ctx, quarantine.CaseFilter{Limit: 1}); return err },
		"Dossier":       func() error { _, err := m.Dossier(ctx, "alice"); return err },
		"SaveVerdict":   func() error { return m.SaveVerdict(ctx, quarantine.VerdictStatus{}) },
		"Verdict":       func() error { _, err := m.Verdict(ctx, ""); return err },
		"KnownVerdicts": func() error { _, err := m.KnownVerdicts(ctx, nil); return err },
		"TakeDue":       func() error { _, err := m.TakeDue(ctx, quarantine.LaneRestrict, start.At, 1, 1, 0); return err },
		"FinishDue":     func() error { return m.FinishDue(ctx, quarantine.Due{}, start.At) },
		"WakeAll":       func() error { return m.WakeAll(ctx, start.At) },
		"Campaign":      func() error { _, _, err := m.Campaign(ctx, "a", time.Second); return err },
		"PublishInstance": func() error {
			_, err := m.PublishInstance(ctx, quarantine.Instance{ID: "a"}, false, time.Second)
			return err
		},
		"Instances":       func() error { _, _, err := m.Instances(ctx); return err },
		"DepartInstance":  func() error { _, err := m.DepartInstance(ctx, "a", quarantine.Departure{}); return err },
		"HearInstance":    func() error { return m.MarkReachable(ctx, "a") },
		"RestoreInstance": func() error { return m.RestoreInstance(ctx, quarantine.Instance{ID: "a"}) },
		"SetMaintenance": func() error {
			_, err := m.SetMaintenance(ctx, quarantine.Maintenance{BNG: "bng1", At: start.At, Until: start.At})
			return err
		},
		"Maintenances": func() error { _, err := m.Maintenances(ctx); return err },
		"Resign":       func() error { return m.Resign(ctx, "a") },
	}
	m.SetUnavailable(true)
	for name, call := range calls {
		if err := call(); !errors.Is(err, quarantinetest.ErrUnavailable) {
			t.Errorf("%s: error %v, want ErrUnavailable", name, err)
		}
	}
	m.SetUnavailable(false)
	if _, err := m.Session(ctx, key); !errors.Is(err, quarantine.ErrNoSession) {
		t.Errorf("Session: error %v, want ErrNoSession", err)
	}
	if _, err := m.Case(ctx, "c1"); !errors.Is(err, quarantine.ErrNoCase) {
		t.Errorf("Case: error %v, want ErrNoCase", err)
	}
}
