package quarantine

import (
	"testing"
	"time"
)

// instanceAt is an instance that spoke at a second and was complete to it.
func instanceAt(second int) Instance {
	return Instance{
		ID: "b", Name: "cordon-b", Accounting: true, Spools: true, AloneFor: 100 * time.Second,
		Complete: at(second), SpokeAt: at(second), AloneSince: at(second),
	}
}

func TestAMomentWaitsForWhoeverMayHaveAnsweredAccountingOfIt(t *testing.T) {
	left := Departure{Kind: InstanceLeft, At: at(1001)}
	lost := Departure{Kind: InstanceForgotten, At: at(1400)}
	for _, c := range []struct {
		name        string
		change      func(*Instance)
		moment, now int
		resumed     int
		want        Await
	}{
		{"complete to it", nil, 1000, 1001, 0, NotAwaited},
		{"not yet complete to it", nil, 1001, 1001, 0, AwaitStored},
		{"with a backlog", func(i *Instance) { i.Complete = at(400) }, 401, 1001, 0, AwaitStored},
		{"before a backlog", func(i *Instance) { i.Complete = at(400) }, 400, 1001, 0, NotAwaited},
		{"that cannot be read", func(i *Instance) { i.Complete, i.Unreadable = at(0), "/x" }, 401, 1001, 0, AwaitUnreadable},
		{"no accounting comes to it", func(i *Instance) { i.Accounting = false }, 1001, 1001, 0, NotAwaited},
		{"silent for less than 15 s", nil, 1010, 1015, 0, AwaitStored},
		{"silent", nil, 1010, 1016, 0, AwaitReturn},
		{"silent, and the moment is its last word", nil, 1000, 1016, 0, NotAwaited},
		{"silent with a backlog", func(i *Instance) { i.Complete = at(400) }, 401, 1016, 0, AwaitReturn},
		{"silent, its clock ahead", func(i *Instance) { i.Complete = at(1600) }, 1010, 1016, 0, AwaitReturn},
		{"silent, its clock ahead: it stops by that clock", func(i *Instance) { i.Complete = at(1600) }, 1715, 1800, 0, AwaitReturn},
		{"silent, cannot be read", func(i *Instance) { i.Complete, i.Unreadable = at(0), "/x" }, 401, 1016, 0, AwaitReturn},
		{"silent, until it has stopped answering", nil, 1175, 2000, 0, AwaitReturn},
		{"silent, later", nil, 1176, 2000, 0, NotAwaited},
		{"silent, others were cut off too", func(i *Instance) { i.AloneSince = at(5000) }, 5175, 9000, 0, AwaitReturn},
		{"silent, others were cut off too, later", func(i *Instance) { i.AloneSince = at(5000) }, 5176, 9000, 0, NotAwaited},
		{"silent, and answers only what is stored", func(i *Instance) { i.Spools, i.AloneFor = false, 0 }, 1010, 1016, 0, NotAwaited},
		{"answers only what is stored", func(i *Instance) { i.Spools, i.AloneFor = false, 0 }, 1010, 1015, 0, AwaitStored},
		{"right after an outage nobody is silent", nil, 1500, 9000, 8990, AwaitStored},
		{"right after an outage, who answers only what is stored", func(i *Instance) { i.Spools = false }, 1010, 9000, 8990, AwaitStored},
		{"long after an outage", nil, 1010, 9000, 8984, AwaitReturn},
		{"left", func(i *Instance) { i.Departure = &left }, 1010, 1016, 0, NotAwaited},
		{"declared lost", func(i *Instance) { i.Departure = &lost }, 1010, 1500, 0, NotAwaited},
	} {
		t.Run(c.name, func(t *testing.T) {
			i := instanceAt(1000)
			if c.change != nil {
				c.change(&i)
			}
			if got := i.Awaits(at(c.moment), at(c.now), at(c.resumed)); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

func TestWhatAnInstanceMayHideReachesFromItsLastReportToItsLastAnswer(t *testing.T) {
	i := instanceAt(1000)
	i.Complete, i.AloneSince = at(900), at(1200)
	if got, want := i.Gap(), (Gap{From: at(840), To: at(1375), Instance: "cordon-b"}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	for name, c := range map[string]struct {
		change func(*Instance)
		want   bool
	}{
		"silent":               {func(*Instance) {}, true},
		"declared lost":        {func(i *Instance) { i.Departure = &Departure{Kind: InstanceForgotten} }, true},
		"left":                 {func(i *Instance) { i.Departure = &Departure{Kind: InstanceLeft} }, false},
		"answers what is kept": {func(i *Instance) { i.Spools = false }, false},
	} {
		i := instanceAt(1000)
		if c.change(&i); i.Hides() != c.want {
			t.Errorf("%s: %t", name, i.Hides())
		}
	}
}

func TestOfTwoRecordsOfAnInstanceTheLaterCounts(t *testing.T) {
	old, recent := instanceAt(1000), instanceAt(2000)
	old.AloneSince = at(3000)
	went := instanceAt(2000)
	went.Departure = &Departure{Kind: InstanceLeft, At: at(2000)} // within the same millisecond
	back := instanceAt(2001)
	for name, c := range map[string]struct {
		known, reported Instance
		want            Instance
	}{
		"a store that went back":       {recent, old, recent},
		"news":                         {old, recent, recent},
		"a departure":                  {recent, went, went},
		"a departure that was undone":  {went, back, back},
		"a departure the store forgot": {went, old, went},
	} {
		got := c.known.Merge(c.reported)
		if !got.SpokeAt.Equal(c.want.SpokeAt) || (got.Departure == nil) != (c.want.Departure == nil) {
			t.Errorf("%s: %+v", name, got)
		}
		if got.AloneSince.Before(later(c.known.AloneSince, c.reported.AloneSince)) {
			t.Errorf("%s: alone since %s", name, got.AloneSince)
		}
	}
}

// A master that is cut off from its replicas takes reports that the new one has not.
func TestAloneForCountsFromAReportThatAFailoverLost(t *testing.T) {
	known := instanceAt(1000)
	known.Spools, known.Accounting, known.AloneFor = true, true, 30*time.Minute
	lost := known.SpokeAt.Add(LostBefore)
	answered := lost.Add(known.AloneFor) // at the latest
	if how := known.Awaits(answered, answered.Add(time.Minute), time.Time{}); how != AwaitReturn {
		t.Errorf("a moment at which it still answers is judged: %d", how)
	}
	if g := known.Gap(); g.To.Before(answered) {
		t.Errorf("the gap ends at %s", g.To)
	}
}
