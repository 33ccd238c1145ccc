package quarantine

import (
	"errors"
	"strings"
	"testing"
	"time"
)

var workBegins = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestAMaintenanceWindowIsBoundedAndHasAReason(t *testing.T) {
	for _, c := range []struct {
		lasts  time.Duration
		reason string
		wrong  string // field; empty: it is one
	}{
		{time.Second, "x", ""}, {MaxMaintenance, "x", ""},
		{0, "x", "for"}, {-time.Hour, "x", "for"}, {MaxMaintenance + time.Nanosecond, "x", "for"}, {time.Hour, "", "reason"},
	} {
		m, err := NewMaintenance(Maintenance{}, "bng1", "alice", c.reason, c.lasts, workBegins)
		var field *FieldError
		switch {
		case c.wrong == "" && (err != nil || m.Check() != nil || !m.Until.Equal(workBegins.Add(c.lasts))):
			t.Errorf("%s %q: %+v, %v", c.lasts, c.reason, m, err)
		case c.wrong != "" && (!errors.As(err, &field) || field.Field != c.wrong):
			t.Errorf("%s %q: %v, want a fault of %s", c.lasts, c.reason, err, c.wrong)
		}
	}
}

func TestAWindowStandsUntilItsEndAndNotAtIt(t *testing.T) {
	m, err := NewMaintenance(Maintenance{}, "bng1", "alice", "new software", time.Hour, workBegins)
	if err != nil {
		t.Fatal(err)
	}
	for at, want := range map[time.Duration]bool{0: true, time.Hour - 1: true, time.Hour: false, 2 * time.Hour: false} {
		if m.Stands(workBegins.Add(at)) != want {
			t.Errorf("after %s it stands: %t", at, !want)
		}
	}
	if want := "bng1 is in maintenance until 2026-03-01T13:00:00Z (new software, by alice)"; m.String() != want {
		t.Errorf("it says %q, want %q", m, want)
	}
	if (Maintenance{}).Stands(workBegins) {
		t.Error("no window stands")
	}
}

func TestWhoSeesAWindowMayReplaceOrEndItAlthoughHisClockIsBehind(t *testing.T) {
	given, err := NewMaintenance(Maintenance{}, "bng1", "alice", "new software", time.Hour, workBegins)
	if err != nil {
		t.Fatal(err)
	}
	behind := workBegins.Add(-3 * time.Second)
	again, err := NewMaintenance(given, "bng1", "bob", "takes longer", 2*time.Hour, behind)
	if err != nil || !again.Newer(given) || given.Newer(again) {
		t.Errorf("%+v does not replace %+v (%v)", again, given, err)
	}
	end, err := again.End("bob", "done", behind)
	if err != nil || !end.Newer(again) || again.Newer(end) || end.Stands(behind.Add(time.Minute)) || end.Check() != nil {
		t.Errorf("%+v does not end %+v (%v)", end, again, err)
	}
}

func TestWhatIsOverCannotBeEnded(t *testing.T) {
	m := Maintenance{BNG: "bng1", At: workBegins, Until: workBegins.Add(time.Hour)}
	var refused *CommandError
	if _, err := m.End("bob", "done", m.Until); !errors.As(err, &refused) || !strings.Contains(refused.Reason, "bng1 is not in maintenance") {
		t.Errorf("%v", err)
	}
	var field *FieldError
	if _, err := m.End("bob", "", workBegins); !errors.As(err, &field) {
		t.Errorf("an end without reason: %v", err)
	}
}

func TestWhatIsDeferredWaitsForItsMomentUnlessItIsResumed(t *testing.T) {
	session := Session{SessionKey: SessionKey{"bng1", "1"}, Subscriber: "alice", StartedAt: workBegins}
	until := workBegins.Add(time.Hour)
	snapshot := func(at time.Time) Snapshot { return Snapshot{Now: at, Sessions: []Session{session}, MaxSessions: 4} }
	kept := func() *Case {
		c := &Case{ID: "c1", Subscriber: "alice", State: Restricting, Profile: "garden", ExpiresAt: until.Add(time.Hour)}
		orders := c.Plan(snapshot(workBegins))
		if len(orders) != 1 {
			t.Fatalf("orders: %+v", orders)
		}
		c.Defer(&orders[0], Deferral{CheckMaintenance, "bng1 is in maintenance", BriefPause, until}, workBegins)
		return c
	}
	all, none := func(*Session) bool { return true }, func(*Session) bool { return false }

	c := kept()
	for at := workBegins; at.Before(until); at = at.Add(10 * time.Minute) {
		c.Resume(all)
		if orders := c.Plan(snapshot(at)); len(orders) > 0 || c.State != Restricting || c.Sessions[0].Reason == "" {
			t.Fatalf("at %s: %s, orders %+v", at, c.State, orders)
		}
		if next := c.NextDue(at); next.Before(at.Add(IdleInterval)) && next.Before(until) {
			t.Errorf("at %s the next look is at %s", at, next)
		}
	}
	if orders := c.Plan(snapshot(until)); len(orders) != 1 {
		t.Errorf("at the end: %+v", orders)
	}

	c = kept()
	c.Resume(none)
	if orders := c.Plan(snapshot(workBegins.Add(time.Minute))); len(orders) != 1 {
		t.Errorf("after an early end: %+v", orders)
	}

	c = kept() // a release is deferred by nothing
	c.Sessions[0].Applied = []AppliedProfile{{Profile: "no-smtp"}}
	if err := c.ReleaseBy("bob", "cleaned", "", workBegins, workBegins); err != nil {
		t.Fatal(err)
	}
	if orders := c.Plan(snapshot(workBegins)); len(orders) != 1 || orders[0].Restricts() {
		t.Errorf("a release in maintenance: %+v", orders)
	}
}

func TestResumingHurriesNothingThatWaitsForAnotherReason(t *testing.T) {
	session := Session{SessionKey: SessionKey{"bng1", "1"}, Subscriber: "alice", StartedAt: workBegins}
	c := &Case{ID: "c1", Subscriber: "alice", State: Restricting, Profile: "garden", ExpiresAt: workBegins.Add(time.Hour)}
	order := c.Plan(Snapshot{Now: workBegins, Sessions: []Session{session}, MaxSessions: 4})[0]
	c.Defer(&order, Deferral{CheckMaintenance, "bng1 is in maintenance", BriefPause, workBegins.Add(time.Minute)}, workBegins)
	c.Dispatch(&order, workBegins)
	c.Observe(order, Outcome{Kind: OutcomeRefused}, workBegins)
	next := c.Sessions[0].NextAt
	c.Resume(func(*Session) bool { return false })
	if got := c.Sessions[0].NextAt; !got.Equal(next) {
		t.Errorf("a refused restriction is tried again at %s, want %s", got, next)
	}
}
