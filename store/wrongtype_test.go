package store_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"

	"cordon/quarantine"
	"cordon/store"
)

func TestAKeyOfTheWrongTypeStopsNothingButItselfAndIsNamed(t *testing.T) {
	redis := miniredis.RunT(t)
	s, err := store.New(store.Config{Addrs: []string{redis.Addr()}, Without: store.Identity})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	now := time.Now().UTC().Truncate(time.Millisecond)
	opened := func(name string) *quarantine.Case {
		return &quarantine.Case{ID: "c-" + name, Subscriber: name, State: quarantine.Restricting, Profile: "garden", OpenedAt: now, Source: name}
	}
	write := func(name string) error {
		c := opened(name)
		scope := quarantine.LimitScope{Key: "source:" + name + ":hour", Label: "limit", Window: time.Hour, Max: 10}
		return s.SaveCase(t.Context(), quarantine.CaseWrite{
			Case: c, DueAt: now, Now: now, Reserve: &quarantine.Reservation{ID: c.ID + "/1", Scopes: []quarantine.LimitScope{scope}},
			Verdict: &quarantine.VerdictStatus{Verdict: quarantine.Verdict{ID: "v-" + name}, State: quarantine.VerdictActed, Final: true},
		})
	}
	read := func(name string) error {
		_, err := s.Dossier(t.Context(), name)
		return err
	}
	verdict := func(name string) error {
		_, err := s.Verdict(t.Context(), "v-"+name)
		return err
	}
	for _, c := range []struct {
		key    string
		breaks func(key string)
		ask    func(name string) error
		before bool // the case is there before it is broken
	}{
		{"cordon:{c}:case:c-limes", func(key string) { _, _ = redis.Push(key, "x") }, read, true},
		{"cordon:{c}:case:c-lemons", func(key string) { _, _ = redis.Push(key, "x") }, write, false},
		{"cordon:{c}:verdict:v-figs", func(key string) { redis.HSet(key, "x", "y") }, verdict, true},
		{"cordon:{c}:verdict:v-pears", func(key string) { redis.HSet(key, "x", "y") }, func(string) error {
			return s.SaveVerdict(t.Context(), quarantine.VerdictStatus{Verdict: quarantine.Verdict{ID: "v-pears"}, State: quarantine.VerdictPending})
		}, false},
		{"cordon:{c}:limit:source%3Aplums%3Ahour", func(key string) { redis.HSet(key, "x", "y") }, write, false},
		{"cordon:{c}:released:nuts", func(key string) { redis.HSet(key, "x", "y") }, read, true},
		{"cordon:{c}:login:dates", func(key string) { _ = redis.Set(key, "x") }, read, true},
	} {
		name := c.key[strings.LastIndexAny(c.key, "-:")+1:]
		if strings.Contains(c.key, "limit") {
			name = "plums"
		}
		if c.before {
			if err := write(name); err != nil {
				t.Fatal(err)
			}
		}
		redis.Del(c.key)
		c.breaks(c.key)
		if err := c.ask(name); err == nil || !strings.Contains(err.Error(), c.key) {
			t.Errorf("%s: %v, which does not name it", c.key, err)
		}
	}
	if err := write("alice"); err != nil {
		t.Fatalf("another case: %v", err)
	}
	wantOthersUnaffected(t, s, now)
}

// wantOthersUnaffected checks that cases of intact keys are listed, leased and woken.
func wantOthersUnaffected(t *testing.T, s *store.Store, now time.Time) {
	t.Helper()
	page, err := s.Cases(t.Context(), quarantine.CaseFilter{Limit: 100})
	listed := map[string]bool{}
	for _, c := range page.Cases {
		listed[c.Subscriber] = true
	}
	if err != nil || !listed["alice"] || !listed["nuts"] || listed["limes"] || !slices.Contains(page.Damaged, "cordon:{c}:case:c-limes") {
		t.Errorf("listed %v, %v; damaged %q", listed, err, page.Damaged)
	}
	due, err := s.TakeDue(t.Context(), quarantine.LaneRestrict, now.Add(time.Second), time.Minute, 100, 0)
	if err != nil || len(due) < 4 {
		t.Errorf("due: %v, %v", due, err)
	}
	if err := s.WakeAll(t.Context(), now); err != nil {
		t.Error(err)
	}
}
