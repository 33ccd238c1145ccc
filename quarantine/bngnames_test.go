package quarantine

import (
	"slices"
	"testing"
	"time"
)

func TestWhatIsOwedOnARetiredBNGEndsWithTheReason(t *testing.T) {
	c := stuck("s1", "s2")
	c.Sessions[1].Session.BNG = "bng2"
	names := &BNGNames{Retired: map[string]string{"bng1": "sold"}}
	if !c.Retire(names, noon) || c.Retire(names, noon) {
		t.Error("retired twice, or not")
	}
	if e := c.Sessions[0]; e.Enforcement != Gone || e.Reason != "BNG bng1 was retired: sold" || c.Sessions[1].Enforcement == Gone {
		t.Errorf("sessions %+v", c.Sessions)
	}
	if last := c.History[len(c.History)-1]; last.Text != "BNG bng1 was retired: sold" || len(c.History) != 1 {
		t.Errorf("history %+v", c.History)
	}
	c.Sessions[1].Session.BNG = "bng1"
	c.Retire(names, noon)
	if c.Plan(Snapshot{Now: noon, MaxSessions: 4}); c.State != Closed {
		t.Errorf("with nothing owed any more the case is %s", c.State)
	}
}

func TestACaseFollowsARenamedBNG(t *testing.T) {
	names := &BNGNames{Formerly: map[string]string{"bng1": "edge", "bng0": "edge"}}
	c := stuck("s1")
	c.Counted = map[string]int{"bng1": 1, "bng0": 2, "bng2": 1}
	names.RenameIn(c)
	if c.Sessions[0].Session.BNG != "edge" || c.Counted["edge"] != 3 || c.Counted["bng2"] != 1 || len(c.Counted) != 2 {
		t.Errorf("session on %s, counted %v", c.Sessions[0].Session.BNG, c.Counted)
	}
	if got := names.Former("edge"); !slices.Equal(got, []string{"bng0", "bng1"}) {
		t.Errorf("formerly %v", got)
	}
}

func TestASessionOfARenamedBNGOfAGroupKnowsItsMember(t *testing.T) {
	names := &BNGNames{
		Formerly: map[string]string{"bng1": "pair", "oldpair": "pair", "bng2": "edge2"},
		Members:  map[string]string{"bng1": "edge1", "bng2": "edge2", "oldpair": "edge1"},
	}
	for _, c := range []struct{ bng, member, wantBNG, wantMember string }{
		{"bng1", "", "pair", "edge1"},         // stood alone before
		{"oldpair", "bng1", "pair", "edge1"},  // the group and the BNG were renamed
		{"oldpair", "other", "pair", "other"}, // the group was
		{"bng2", "", "edge2", ""},
		{"bng3", "", "bng3", ""},
	} {
		s := Session{SessionKey: SessionKey{c.bng, "s1"}, Member: c.member}
		if names.Rename(&s); s.BNG != c.wantBNG || s.Member != c.wantMember {
			t.Errorf("%s, member %q: under %s, member %q", c.bng, c.member, s.BNG, s.Member)
		}
	}
}

func TestASessionThatIsHeardOfUnderBothNamesKeepsWhatItsStartSaid(t *testing.T) {
	old := Session{
		SessionKey: SessionKey{"bng1", "s1"}, Subscriber: "alice", StartedAt: noon, SeenAt: noon, StartSeen: true,
		Attributes: []Attribute{{"NAS-Port-Id", "1/1/1"}, {"Filter-Id", "OLD"}},
	}
	since := Session{
		SessionKey: SessionKey{"edge", "s1"}, Subscriber: "alice", StartedAt: noon.Add(time.Hour), Guessed: true, SeenAt: noon.Add(time.Hour),
		Attributes: []Attribute{{"Filter-Id", "NEW"}},
	}
	got := Continue(old, since)
	if got.BNG != "edge" || !got.StartedAt.Equal(noon) || !got.StartSeen || got.Guessed ||
		got.Attribute("NAS-Port-Id") != "1/1/1" || got.Attribute("Filter-Id") != "NEW" {
		t.Errorf("%+v", got)
	}
	other := since
	other.Subscriber = "bob"
	if got := Continue(old, other); got.StartedAt.Equal(noon) || got.Attribute("NAS-Port-Id") != "" {
		t.Errorf("another's session took over %+v", got)
	}
}
