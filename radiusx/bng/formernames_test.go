package bng

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/acct"
	"cordon/radiusx/coa"
)

// A BNG's entry was taken out of the configuration while a case is open.
func TestAReleaseOnABNGThatLeftTheConfigurationStaysOwed(t *testing.T) {
	fleet, err := NewFleet(nil)
	must(t, err)
	e := NewEnforcer(fleet, nil, nil)
	t0 := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	s := quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "s1"}, Subscriber: "alice", StartedAt: t0,
		SeenAt: t0, StartSeen: true}
	c := &quarantine.Case{
		ID: "c-1", Subscriber: "alice", State: quarantine.Restricted, Profile: "garden", ExpiresAt: t0.Add(72 * time.Hour),
		OpenedAt: t0, Generation: 1,
		Sessions: []quarantine.SessionEnforcement{{
			Session: s, Wanted: "garden", Enforcement: quarantine.Acked,
			Applied: []quarantine.AppliedProfile{{Profile: "garden", Undo: "{}"}}, Confirmed: true, Attempts: 1,
		}},
	}
	now := t0.Add(time.Hour)
	must(t, c.ReleaseBy("noc", "cleaned", "", now, now))
	orders := 0
	for end := now.Add(7 * 24 * time.Hour); now.Before(end); now = now.Add(time.Minute) {
		for _, o := range c.Plan(quarantine.Snapshot{Now: now, Sessions: []quarantine.Session{s}, MaxSessions: 4}) {
			c.Dispatch(&o, now)
			orders++
			c.Observe(o, e.Enforce(t.Context(), o, quarantine.OpenGate{}), now)
		}
	}
	if c.State != quarantine.Releasing || orders < 3 {
		t.Fatalf("after a week the case is %s, after %d orders without a datagram", c.State, orders)
	}
	for _, says := range []string{"bng1 is not configured", "formerly", "retired_bngs", "cordon quarantine give-up c-1"} {
		if !strings.Contains(c.Sessions[0].Reason, says) {
			t.Errorf("%q does not say %q", c.Sessions[0].Reason, says)
		}
	}
}

func TestSessionsUnderAFormerNameAreServed(t *testing.T) {
	rename := func(c []Config) { c[0].Formerly, c[2].Formerly = []string{"old1"}, []string{"old3", "older3"} }
	fleet, err := pairFleet(t, "filter-id", rename)
	must(t, err)
	for _, c := range []struct{ bng, member, asked string }{
		{"old3", "", "3"}, {"older3", "", "3"}, {"bng3", "", "3"},
		{"old1", "", "1"},      // in a group by now
		{"pair", "old1", "1"},  // renamed within its group
		{"gone", "bng2", "2"},  // the group is gone or called otherwise; its member is there
		{"gone", "old1", "1"},  // likewise, renamed
		{"gone", "gone2", ""},  // nobody
		{"bng9", "", ""},       // nobody
		{"pair", "bng3", "3"},  // it was taken out of the group
		{"pair", "gone2", "1"}, // the group is there, the member is not
	} {
		net := &pairNet{answer: map[byte]coa.Result{1: agrees, 2: agrees, 3: agrees}}
		s := quarantine.Session{SessionKey: quarantine.SessionKey{BNG: c.bng, ID: "0123456789abcdef"}, Member: c.member,
			Subscriber: "alice"}
		e := NewEnforcer(fleet, net, nil)
		prepared, impossible := e.Prepare(s, "garden")
		if (impossible == nil) != (c.asked != "") || (fleet.Serves(&s) == nil) != (c.asked != "") {
			t.Errorf("%s, member %q: prepare %v, serves %v", c.bng, c.member, impossible, fleet.Serves(&s))
		}
		out := e.Enforce(t.Context(), quarantine.Order{Session: s,
			From: []quarantine.AppliedProfile{{Profile: "garden", Undo: prepared.Undo}}}, quarantine.OpenGate{})
		var asked strings.Builder
		for _, to := range net.sent {
			fmt.Fprint(&asked, to)
		}
		if asked.String() != c.asked || (out.Kind == quarantine.OutcomeAcked) != (c.asked != "") {
			t.Errorf("%s, member %q: asked %q, want %q; %+v", c.bng, c.member, asked.String(), c.asked, out)
		}
	}
}

func TestAFormerNameIsOneBNGsAlone(t *testing.T) {
	for name, c := range map[string]struct {
		change func([]Config)
		says   string
	}{
		"claimed twice": {func(c []Config) { c[0].Formerly, c[2].Formerly = []string{"old"}, []string{"old"} },
			"bngs[2].formerly[0]: duplicate former name: old is one of bng1 already"},
		"twice by one":    {func(c []Config) { c[2].Formerly = []string{"old", "old"} }, "bngs[2].formerly[1]: duplicate former name"},
		"a present name":  {func(c []Config) { c[2].Formerly = []string{"bng1"} }, "bng1 must not be the name of a BNG or group now"},
		"its own name":    {func(c []Config) { c[2].Formerly = []string{"bng3"} }, "bng3 must not be"},
		"a present group": {func(c []Config) { c[2].Formerly = []string{"pair"} }, "pair must not be"},
		"no name":         {func(c []Config) { c[2].Formerly = []string{""} }, "must not be empty"},
		"a slash":         {func(c []Config) { c[2].Formerly = []string{"a/b"} }, "a/b"},
	} {
		if _, err := pairFleet(t, "filter-id", c.change); err == nil || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
}

func TestARestartCastsDoubtOnWhatIsKeptUnderFormerNamesToo(t *testing.T) {
	fleet, err := pairFleet(t, "filter-id", func(c []Config) { c[2].Formerly = []string{"old3"} })
	must(t, err)
	a := NewAccounting(fleet, nil, AccountingConfig{})
	addr := netip.MustParseAddr("192.0.2.3")
	r := &acct.Record{
		Status: acct.On, At: time.Now(), From: netip.AddrPortFrom(addr, 1813), NAS: acct.NAS{IP: addr},
		Client: &acct.Client{Prefix: netip.PrefixFrom(addr, 32)},
	}
	events, err := a.events(r)
	must(t, err)
	var names []string
	for _, ev := range events {
		names = append(names, ev.Key.BNG)
		if ev.Kind != quarantine.BNGReset {
			t.Errorf("event %+v", ev)
		}
	}
	if !slices.Equal(names, []string{"bng3", "old3"}) {
		t.Errorf("restarts of %q", names)
	}
}
