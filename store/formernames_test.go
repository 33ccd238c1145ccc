package store

import (
	"context"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/store/storetest"
)

// renamed opens the store with bng1 called edge since.
func renamed(t *testing.T, redis *storetest.Redis) *Store {
	t.Helper()
	s := openStore(t, redis)
	s.cfg.Names = quarantine.BNGNames{Formerly: map[string]string{"bng1": "edge"}}
	return s
}

func TestASessionOfARenamedBNGIsReadUnderItsPresentName(t *testing.T) {
	ctx := context.Background()
	redis := storetest.StartRedis(t)
	before, after := openStore(t, redis), renamed(t, redis)
	start := started("1", "alice", noon, "192.0.2.1/32")
	start.Attributes = []quarantine.Attribute{{Name: "NAS-Port-Id", Value: "1/1"}}
	mustRecord(t, before, start)
	old, edge := start.Key, quarantine.SessionKey{BNG: "edge", ID: start.Key.ID}
	want := func(when string, live bool, seen time.Time) {
		t.Helper()
		for _, key := range []quarantine.SessionKey{old, edge} {
			s, err := after.Session(ctx, key)
			if err != nil || s.SessionKey != edge || s.Live() != live || !s.SeenAt.Equal(seen) || !s.StartedAt.Equal(noon) ||
				s.Attribute("NAS-Port-Id") != "1/1" {
				t.Errorf("%s: read as %s: %v, %+v", when, key, err, s)
			}
		}
		all, err := after.SessionsOf(ctx, "alice")
		if err != nil || (len(all) == 1) != live || live && (all[0].SessionKey != edge || !all[0].SeenAt.Equal(seen)) {
			t.Errorf("%s: %v, sessions %+v", when, err, all)
		}
	}
	want("before any record under the new name", true, noon)
	interim := start
	interim.Key, interim.Kind, interim.At, interim.Attributes = edge, quarantine.SessionRenewed, noon.Add(time.Minute), nil
	mustRecord(t, after, interim)
	want("after an Interim under the new name", true, noon.Add(time.Minute))
	stop := interim
	stop.Kind, stop.At = quarantine.SessionEnded, noon.Add(2*time.Minute)
	mustRecord(t, after, stop)
	want("after its Stop", false, noon.Add(2*time.Minute))
	if s, err := before.Session(ctx, old); err != nil || !s.Live() {
		t.Errorf("the record under the old name was changed: %v %+v", err, s)
	}
}

func TestCasesAndWindowsFollowARenamedBNG(t *testing.T) {
	ctx := context.Background()
	redis := storetest.StartRedis(t)
	before, after := openStore(t, redis), renamed(t, redis)
	c := &quarantine.Case{
		ID: "c-1", Subscriber: "alice", State: quarantine.Restricted, Profile: "garden", OpenedAt: noon, ExpiresAt: noon.Add(time.Hour),
		Counted: map[string]int{"bng1": 1},
		Sessions: []quarantine.SessionEnforcement{{
			Session:     quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "1"}, Subscriber: "alice", StartedAt: noon},
			Wanted:      "garden",
			Enforcement: quarantine.Acked, Applied: []quarantine.AppliedProfile{{Profile: "garden", Undo: "overlay"}},
		}},
	}
	if err := before.SaveCase(ctx, quarantine.CaseWrite{Case: c, DueAt: noon, Now: noon}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"bng1", "edge"} {
		page, err := after.Cases(ctx, quarantine.CaseFilter{BNG: name, Limit: 10})
		if err != nil || len(page.Cases) != 1 || page.Cases[0].Sessions[0].Session.BNG != "edge" || page.Cases[0].Counted["edge"] != 1 {
			t.Errorf("?bng=%s: %v %+v", name, err, page.Cases)
		}
	}
	for i, s := range []*Store{before, after} {
		name := []string{"bng1", "edge"}[i]
		at := noon.Add(time.Duration(i) * time.Minute)
		if _, err := s.SetMaintenance(ctx, quarantine.Maintenance{BNG: name, At: at, Until: at.Add(time.Hour), By: "noc",
			Reason: name}); err != nil {
			t.Fatal(err)
		}
		windows, err := after.Maintenances(ctx)
		if err != nil || len(windows) != 1 || windows[0].BNG != "edge" || windows[0].Reason != name {
			t.Errorf("windows: %v %+v, want that given to %s", err, windows, name)
		}
	}
}
