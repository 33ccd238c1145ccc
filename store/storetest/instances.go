package storetest

import (
	"errors"
	"testing"
	"time"

	"cordon/quarantine"
)

// keepDeparted is longer than any story of the registry takes.
const keepDeparted = time.Hour

// aLittle is longer than a store's clock is coarse.
const aLittle = 20 * time.Millisecond

// Instances tests quarantine.InstanceRegistry and quarantine.InstanceDepartures.
func Instances(t *testing.T, open Open) {
	publishedInstances(t, open)
	returningInstances(t, open)
	lostInstances(t, open)
	reachableInstances(t, open)
	departedInstances(t, open)
	restoredInstances(t, open)
}

// running is what an instance says of itself.
func running(id string, complete time.Time) quarantine.Instance {
	return quarantine.Instance{
		ID: id, Name: "cordon-" + id, HTTP: "192.0.2.1:8480", Accounting: true, Spools: true, Complete: complete,
		AloneFor: 30 * time.Minute, Waiting: 3, Unreadable: "/var/lib/cordon/spool.damaged-1",
	}
}

func publish(t *testing.T, s Ports, i quarantine.Instance, returning bool) time.Time {
	t.Helper()
	now, err := s.PublishInstance(t.Context(), i, returning, keepDeparted)
	must(t, err)
	return now
}

// registry returns the registry by id.
func registry(t *testing.T, s Ports) map[string]quarantine.Instance {
	t.Helper()
	all, now, err := s.Instances(t.Context())
	must(t, err)
	byID := map[string]quarantine.Instance{}
	for _, i := range all {
		if byID[i.ID] = i; i.SpokeAt.After(now) {
			t.Fatalf("%s has spoken at %s, and it is %s", i.ID, i.SpokeAt, now)
		}
	}
	if len(byID) != len(all) {
		t.Fatalf("an instance is listed twice: %+v", all)
	}
	return byID
}

// silentInstance enters an instance that has been silent for an hour.
func silentInstance(t *testing.T, s Ports, id string) quarantine.Instance {
	t.Helper()
	i := running(id, noon.Add(-time.Hour))
	i.SpokeAt, i.AloneSince = noon.Add(-time.Hour), noon.Add(-time.Hour)
	must(t, s.RestoreInstance(t.Context(), i))
	return i
}

// declaredLost is how an instance goes that does not come back.
var declaredLost = quarantine.Departure{Kind: quarantine.InstanceForgotten, By: "alice", Reason: "its host \"burnt\"\n{x}"}

func publishedInstances(t *testing.T, open Open) {
	t.Run("there is no instance at first", func(t *testing.T) {
		if all := registry(t, start(t, open)); len(all) != 0 {
			t.Fatalf("%+v", all)
		}
	})

	t.Run("what an instance publishes last counts, dated by the store", func(t *testing.T) {
		s := start(t, open)
		for _, complete := range []time.Time{minute(2), minute(1), minute(3), time.UnixMilli(-5)} {
			i := running("a:{x}", complete)
			i.SpokeAt, i.AloneSince = noon.AddDate(-1, 0, 0), noon.AddDate(-1, 0, 0) // the registry knows better
			i.Departure = &declaredLost
			now := publish(t, s, i, false)
			i.SpokeAt, i.AloneSince, i.Departure = now, now, nil
			equal(t, "the instances", registry(t, s), map[string]quarantine.Instance{i.ID: i})
		}
	})

	t.Run("a moment is never rounded up", func(t *testing.T) {
		s := start(t, open)
		publish(t, s, running("a", noon.Add(999*time.Microsecond)), false)
		if got := registry(t, s)["a"].Complete; !got.Equal(noon) {
			t.Fatalf("complete to %s", got)
		}
	})

	t.Run("an instance that publishes nothing more is still listed", func(t *testing.T) {
		s := start(t, open)
		published := publish(t, s, running("silent", minute(1)), false)
		s.pass(aLittle)
		publish(t, s, running("live", minute(2)), false)
		all := registry(t, s)
		if i := all["silent"]; len(all) != 2 || !i.SpokeAt.Equal(published) || !i.AloneSince.Equal(published) || !i.Complete.Equal(minute(1)) {
			t.Fatalf("%+v", all)
		}
	})
}

func returningInstances(t *testing.T, open Open) {
	t.Run("one that returns leaves the others alone until now, but those that departed", func(t *testing.T) {
		s := start(t, open)
		silent, gone := silentInstance(t, s, "silent"), silentInstance(t, s, "gone")
		published := publish(t, s, running("live", minute(2)), false)
		_, err := s.DepartInstance(t.Context(), "gone", declaredLost)
		must(t, err)
		before := registry(t, s)["gone"]
		s.pass(aLittle)
		now := publish(t, s, running("returned", minute(2)), true)
		all := registry(t, s)
		for id, want := range map[string]time.Time{"silent": silent.SpokeAt, "live": published} {
			if i := all[id]; !i.AloneSince.Equal(now) || !i.SpokeAt.Equal(want) {
				t.Errorf("%s is alone since %s, and has spoken at %s; want %s, %s", id, i.AloneSince, i.SpokeAt, now, want)
			}
		}
		equal(t, "the one that went", all["gone"], before)
		if gone.ID != before.ID || !all["silent"].Complete.Equal(silent.Complete) {
			t.Errorf("%+v", all)
		}
	})

	t.Run("who leaves is listed as gone until it is back", func(t *testing.T) {
		s := start(t, open)
		publish(t, s, running("a", minute(1)), false)
		left, err := s.DepartInstance(t.Context(), "a", quarantine.Departure{Kind: quarantine.InstanceLeft})
		must(t, err)
		if d := left.Departure; d == nil || d.Kind != quarantine.InstanceLeft || d.At.Before(left.SpokeAt) {
			t.Fatalf("%+v", left)
		}
		equal(t, "the instance", registry(t, s)["a"], left)
		publish(t, s, running("b", minute(2)), false)
		equal(t, "the instance", registry(t, s)["a"], left)
		publish(t, s, running("a", minute(3)), false)
		if back := registry(t, s)["a"]; back.Departure != nil {
			t.Fatalf("%+v", back)
		}
	})
}

func lostInstances(t *testing.T, open Open) {
	t.Run("only a silent one is declared lost, and once", func(t *testing.T) {
		s := start(t, open)
		publish(t, s, running("a", minute(1)), false)
		if _, err := s.DepartInstance(t.Context(), "a", declaredLost); !errors.Is(err, quarantine.ErrInstanceUp) {
			t.Fatalf("one that is up: %v", err)
		}
		if _, err := s.DepartInstance(t.Context(), "nobody", declaredLost); !errors.Is(err, quarantine.ErrNoInstance) {
			t.Fatalf("one that is not known: %v", err)
		}
		if all := registry(t, s); len(all) != 1 || all["a"].Departure != nil {
			t.Fatalf("%+v", all)
		}
		silentInstance(t, s, "b")
		gone, err := s.DepartInstance(t.Context(), "b", declaredLost)
		must(t, err)
		if d := gone.Departure; d == nil || d.Kind != declaredLost.Kind || d.By != declaredLost.By || d.Reason != declaredLost.Reason ||
			d.At.IsZero() {
			t.Fatalf("%+v", gone)
		}
		s.pass(aLittle)
		again, err := s.DepartInstance(t.Context(), "b", quarantine.Departure{Kind: quarantine.InstanceForgotten, By: "bob", Reason: "me too"})
		must(t, err)
		equal(t, "forgotten again", again, gone)
		equal(t, "the instance", registry(t, s)["b"], gone)
	})
}

func reachableInstances(t *testing.T, open Open) {
	t.Run("one that is reachable without publishing is there, and alone until now", func(t *testing.T) {
		s := start(t, open)
		silent := silentInstance(t, s, "silent")
		silentInstance(t, s, "forgotten")
		_, err := s.DepartInstance(t.Context(), "forgotten", declaredLost)
		must(t, err)
		publish(t, s, running("left", minute(1)), false)
		_, err = s.DepartInstance(t.Context(), "left", quarantine.Departure{Kind: quarantine.InstanceLeft, Reason: `not "kind":"forgotten"`})
		must(t, err)
		left := registry(t, s)["left"]
		for range 3 {
			s.pass(aLittle)
			before := registry(t, s)
			for _, id := range []string{"silent", "forgotten", "left", "nobody"} {
				must(t, s.MarkReachable(t.Context(), id))
			}
			all := registry(t, s)
			for _, id := range []string{"silent", "forgotten"} {
				i := all[id]
				if !i.ReachedAt.After(before[id].AloneSince) || !i.AloneSince.Equal(i.ReachedAt) || i.Departure != nil ||
					!i.SpokeAt.Equal(silent.SpokeAt) {
					t.Fatalf("%+v", i)
				}
				i.ReachedAt, i.AloneSince, i.ID, i.Name = time.Time{}, silent.AloneSince, silent.ID, silent.Name
				equal(t, "what it said", i, silent)
			}
			equal(t, "one that left", all["left"], left)
			if len(all) != 3 {
				t.Fatalf("%+v", all)
			}
		}
		_, err = s.DepartInstance(t.Context(), "forgotten", declaredLost)
		must(t, err)
		now := publish(t, s, running("silent", minute(3)), false)
		if i := registry(t, s)["silent"]; !i.ReachedAt.IsZero() || !i.AloneSince.Equal(now) {
			t.Fatalf("it is up: %+v", i)
		}
		must(t, s.RestoreInstance(t.Context(), quarantine.Instance{ID: "again", ReachedAt: noon}))
		if i := registry(t, s)["again"]; !i.ReachedAt.IsZero() {
			t.Fatalf("what another one knew: %+v", i)
		}
	})

	t.Run("one that published before the store's clock was set back is declared lost", func(t *testing.T) {
		s := start(t, open)
		ahead := running("a", minute(1))
		ahead.SpokeAt = time.Now().Add(24 * time.Hour)
		must(t, s.RestoreInstance(t.Context(), ahead))
		_, err := s.DepartInstance(t.Context(), "a", declaredLost)
		must(t, err)
	})
}

func departedInstances(t *testing.T, open Open) {
	t.Run("those that departed long ago are dropped, and no others", func(t *testing.T) {
		s := start(t, open)
		silentInstance(t, s, "silent")
		publish(t, s, running("left", minute(1)), false)
		_, err := s.DepartInstance(t.Context(), "left", quarantine.Departure{Kind: quarantine.InstanceLeft})
		must(t, err)
		s.pass(100 * time.Millisecond)
		publish(t, s, running("live", minute(1)), false)
		if all := registry(t, s); len(all) != 3 {
			t.Fatalf("%+v", all)
		}
		_, err = s.PublishInstance(t.Context(), running("live", minute(2)), false, 50*time.Millisecond)
		must(t, err)
		all := registry(t, s)
		if _, there := all["left"]; there || len(all) != 2 {
			t.Fatalf("%+v", all)
		}
	})
}

func restoredInstances(t *testing.T, open Open) {
	t.Run("what the registry lost is entered again, and may have been there until now", func(t *testing.T) {
		s := start(t, open)
		i := silentInstance(t, s, "a")
		got := registry(t, s)["a"]
		if !got.AloneSince.After(i.AloneSince) || !got.SpokeAt.Equal(i.SpokeAt) {
			t.Fatalf("%+v", got)
		}
		i.AloneSince = got.AloneSince
		equal(t, "the instance", got, i)
		later := i
		later.Complete = minute(5)
		must(t, s.RestoreInstance(t.Context(), later))
		equal(t, "restored again", registry(t, s)["a"], got)

		gone := i
		d := declaredLost
		d.At = noon.Add(-10 * time.Minute)
		gone.ID, gone.Departure, gone.AloneSince = "b", &d, noon.Add(-30*time.Minute)
		must(t, s.RestoreInstance(t.Context(), gone))
		equal(t, "one that went", registry(t, s)["b"], gone)
	})

	t.Run("without an id nothing is entered", func(t *testing.T) {
		s := start(t, open)
		if _, err := s.PublishInstance(t.Context(), quarantine.Instance{}, false, keepDeparted); err == nil {
			t.Error("published: no error")
		}
		if _, err := s.PublishInstance(t.Context(), running("a", noon), false, 0); err == nil {
			t.Error("kept for no time: no error")
		}
		if err := s.RestoreInstance(t.Context(), quarantine.Instance{}); err == nil {
			t.Error("restored: no error")
		}
		if all := registry(t, s); len(all) != 0 {
			t.Fatalf("%+v", all)
		}
	})
}
