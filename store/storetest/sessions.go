package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
)

// Sessions tests quarantine.SessionReader and SessionRecorder.
func Sessions(t *testing.T, open Open) {
	recordedSessions(t, open)
	sessionBatches(t, open)
	endedSessions(t, open)
	sessionsAfterARestart(t, open)
	sessionsByEquipment(t, open)
	silentSessions(t, open)
	sessionProfiles(t, open)
	concurrentSessions(t, open)
}

func recordedSessions(t *testing.T, open Open) {
	t.Run("what was recorded is read back", func(t *testing.T) {
		s := start(t, open)
		ev := event(quarantine.SessionStarted, "42", "alice@isp", noon, v4(7), address("2001:db8:100::/56", quarantine.DelegatedIPv6Prefix))
		ev.Ignored = true
		ev.Attributes = []quarantine.Attribute{{Name: "NAS-Port-Id", Value: `ge-1/0/0.100:"7" <ü> 100% \377`}, {Name: "Class", Value: "0x00ff"}}
		record(t, s, ev)
		want := quarantine.Session{
			SessionKey: ev.Key, Subscriber: "alice@isp", StartedAt: noon, SeenAt: noon, StartSeen: true, Ignored: true,
			Addresses: ev.Addresses, Attributes: ev.Attributes,
		}
		equal(t, "session", session(t, s, "42"), want)
		of, err := s.SessionsOf(t.Context(), "alice@isp")
		must(t, err)
		equal(t, "sessions of alice", of, []quarantine.Session{want})
	})

	t.Run("an unknown session and subscriber", func(t *testing.T) {
		s := start(t, open)
		if _, err := s.Session(t.Context(), quarantine.SessionKey{BNG: "bng1", ID: "none"}); !errors.Is(err, quarantine.ErrNoSession) {
			t.Fatalf("error %v, want ErrNoSession", err)
		}
		of, err := s.SessionsOf(t.Context(), "nobody")
		must(t, err)
		equal(t, "sessions", of, []quarantine.Session{})
	})

	t.Run("names cannot meet by their spelling", func(t *testing.T) {
		s := start(t, open)
		names := []quarantine.SessionKey{
			{BNG: "a", ID: "b:c"}, {BNG: "a:b", ID: "c"}, {BNG: "a", ID: "b%3Ac"}, {BNG: "{c}", ID: "1"}, {BNG: "a", ID: "}{c}:case:x\x00\xff"},
		}
		for i, key := range names {
			ev := event(quarantine.SessionStarted, "", fmt.Sprintf("{c}:%d\xff,", i), minute(i))
			ev.Key = key
			record(t, s, ev)
		}
		for i, key := range names {
			found, err := s.Session(t.Context(), key)
			must(t, err)
			of, err := s.SessionsOf(t.Context(), fmt.Sprintf("{c}:%d\xff,", i))
			must(t, err)
			if found.SessionKey != key || len(of) != 1 || of[0].SessionKey != key {
				t.Fatalf("session %q: found %q, of its subscriber %v", key, found.SessionKey, of)
			}
		}
	})
}

func sessionBatches(t *testing.T, open Open) {
	t.Run("events of one session in one batch apply in order", func(t *testing.T) {
		s := start(t, open)
		record(t, s,
			event(quarantine.SessionStarted, "1", "alice", noon, v4(1)),
			event(quarantine.SessionRenewed, "1", "alice", minute(5), v4(1)),
			event(quarantine.SessionEnded, "1", "alice", minute(9), v4(1)),
			event(quarantine.SessionStarted, "1", "bob", minute(20), v4(2)),
		)
		got := session(t, s, "1")
		if got.Subscriber != "bob" || !got.StartedAt.Equal(minute(20)) || !got.Live() {
			t.Fatalf("got %+v", got)
		}
	})

	t.Run("a key that two others had since, reported in one batch, leaves nothing open", func(t *testing.T) {
		s := start(t, open)
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon, v4(1)))
		between := event(quarantine.SessionRenewed, "1", "bob", minute(40), address("2001:db8:7::/60", quarantine.FramedIPv6Prefix))
		between.StartedAt = minute(30)
		last := event(quarantine.SessionRenewed, "1", "carol", minute(200), v4(2))
		last.StartedAt = minute(190)
		record(t, s, between, last)
		for addr, want := range map[string]time.Time{"192.0.2.1": minute(30), "2001:db8:7::1": minute(190)} {
			found := bindingsAt(t, s, netip.MustParseAddr(addr), noon, minute(60))
			if len(found) != 1 || !found[0].To.Equal(want) {
				t.Errorf("%s: %+v, want one that ended at %s", addr, found, want)
			}
		}
	})

	t.Run("a restart within a batch counts for what comes after it", func(t *testing.T) {
		s := start(t, open)
		again := event(quarantine.SessionRenewed, "1", "alice", minute(10), v4(2))
		again.StartedAt = minute(6)
		record(t, s,
			event(quarantine.SessionStarted, "1", "alice", noon, v4(1)),
			quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: "bng1"}, At: minute(5)},
			again,
		)
		if got := session(t, s, "1"); !got.StartedAt.Equal(minute(6)) || len(got.Addresses) != 1 {
			t.Fatalf("got %+v, want the session that began after the restart", got)
		}
	})
}

func endedSessions(t *testing.T, open Open) {
	t.Run("an ended session is read by its key and not by its subscriber", func(t *testing.T) {
		s := start(t, open)
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon), event(quarantine.SessionStarted, "2", "alice", minute(1)))
		record(t, s, event(quarantine.SessionEnded, "1", "alice", minute(2)))
		if ended := session(t, s, "1"); !ended.EndedAt.Equal(minute(2)) {
			t.Fatalf("ended at %s", ended.EndedAt)
		}
		of, err := s.SessionsOf(t.Context(), "alice")
		must(t, err)
		if len(of) != 1 || of[0].ID != "2" {
			t.Fatalf("live sessions: %v", of)
		}
	})

	t.Run("a key that went to another subscriber leaves the first", func(t *testing.T) {
		s := start(t, open)
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon))
		record(t, s, event(quarantine.SessionStarted, "1", "bob", minute(30)))
		for subscriber, want := range map[string]int{"alice": 0, "bob": 1} {
			of, err := s.SessionsOf(t.Context(), subscriber)
			must(t, err)
			if len(of) != want {
				t.Fatalf("%s has sessions %v", subscriber, of)
			}
		}
	})
}

func sessionsAfterARestart(t *testing.T, open Open) {
	t.Run("a restarted BNG makes its sessions suspect until they are renewed", func(t *testing.T) {
		s := start(t, open)
		reset := func(at time.Time) quarantine.SessionEvent {
			return quarantine.SessionEvent{Kind: quarantine.BNGReset, Key: quarantine.SessionKey{BNG: "bng1"}, At: at}
		}
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon), reset(minute(10)), reset(minute(5)))
		if got := session(t, s, "1"); !got.Suspect || !got.Restarted {
			t.Fatalf("suspect %t, restarted %t after the restart", got.Suspect, got.Restarted)
		}
		of, err := s.SessionsOf(t.Context(), "alice")
		must(t, err)
		if len(of) != 1 || !of[0].Suspect {
			t.Fatalf("by subscriber: %+v", of)
		}
		record(t, s, event(quarantine.SessionRenewed, "1", "alice", minute(7)))
		if !session(t, s, "1").Suspect {
			t.Fatal("an earlier restart took the later one's place")
		}
		record(t, s, event(quarantine.SessionRenewed, "1", "alice", minute(11)))
		if got := session(t, s, "1"); got.Suspect || got.Restarted {
			t.Fatalf("suspect %t, restarted %t after an Interim", got.Suspect, got.Restarted)
		}
	})

	t.Run("an imported session says so until its BNG reports it", func(t *testing.T) {
		s := start(t, open)
		ev := event(quarantine.SessionRenewed, "1", "alice", minute(5), v4(1))
		ev.StartedAt, ev.Imported = noon, true
		record(t, s, ev)
		for _, want := range []string{"imported", "Interim only"} {
			if b := bindings(t, s, v4(1)); len(b) != 1 || b[0].Holder().KnownBy != want || session(t, s, "1").Imported != (want == "imported") {
				t.Errorf("want %s: %+v", want, b)
			}
			ev.At, ev.Imported = minute(6), false
			record(t, s, ev)
		}
	})
}

func sessionsByEquipment(t *testing.T, open Open) {
	t.Run("sessions are found by their equipment", func(t *testing.T) {
		s := start(t, open)
		with := func(id, subscriber, calling string) quarantine.SessionEvent {
			ev := event(quarantine.SessionStarted, id, subscriber, noon, v4(len(id)))
			ev.Attributes = []quarantine.Attribute{{Name: "Calling-Station-Id", Value: calling}}
			return ev
		}
		record(t, s, with("1", "alice", "02-00-5E-00-53-0A"), with("22", "alice", "0200.5e00.530a"),
			with("333", "bob", "02:00:5e:00:53:0b"), with("4444", "carol", "+49 30 1234567"))
		for mac, want := range map[string]int{"02:00:5e:00:53:0a": 2, "02005E00530B": 1, "02:00:5e:00:53:0c": 0, "+49 30 1234567": 0,
			"": 0, "02:00:5e": 0} {
			found, err := s.SessionsOfMAC(t.Context(), mac)
			must(t, err)
			if len(found) != want {
				t.Errorf("%s: %d sessions, want %d: %+v", mac, len(found), want, found)
			}
		}
		record(t, s, event(quarantine.SessionEnded, "333", "bob", minute(1)))
		if found, err := s.SessionsOfMAC(t.Context(), "02005e00530b"); err != nil || len(found) != 0 {
			t.Errorf("after the Stop: %+v, %v", found, err)
		}
	})

	t.Run("a session is found by its equipment for as long as it stands", func(t *testing.T) {
		s := start(t, open)
		ev := event(quarantine.SessionStarted, "1", "alice", noon, v4(1))
		ev.Attributes = []quarantine.Attribute{{Name: "Calling-Station-Id", Value: "02-00-5E-00-53-0A"}}
		record(t, s, ev)
		for now := noon; now.Before(noon.AddDate(1, 0, 0)); now = now.Add(30 * time.Hour) {
			ev.Kind, ev.At = quarantine.SessionRenewed, now
			record(t, s, ev)
			if found, err := s.SessionsOfMAC(t.Context(), "02005e00530a"); err != nil || len(found) != 1 {
				t.Fatalf("%s after its Start: %+v, %v", now.Sub(noon), found, err)
			}
			s.see(30 * time.Hour)
		}
	})
}

func silentSessions(t *testing.T, open Open) {
	t.Run("a session that its BNG does not renew is suspect", func(t *testing.T) {
		s := start(t, open)
		ev := event(quarantine.SessionStarted, "1", "alice", noon, v4(1))
		ev.Key.BNG = "chatty"
		record(t, s, ev, event(quarantine.SessionStarted, "1", "bob", noon, v4(2)))
		s.see(30 * time.Minute)
		if got, err := s.Session(t.Context(), ev.Key); err != nil || got.Suspect {
			t.Fatalf("after three intervals: %+v, %v", got, err)
		}
		s.see(time.Minute)
		if got, err := s.Session(t.Context(), ev.Key); err != nil || !got.Suspect {
			t.Fatalf("later: %+v, %v", got, err)
		}
		if session(t, s, "1").Suspect {
			t.Fatal("one whose BNG sends no Interim is suspect too")
		}
		if b := bindings(t, s, v4(1)); len(b) != 1 || b[0].Interim != 10*time.Minute {
			t.Fatalf("bindings %+v", b)
		}
		ev.Kind, ev.At, ev.StartedAt = quarantine.SessionRenewed, minute(31), noon
		record(t, s, ev)
		if got, err := s.Session(t.Context(), ev.Key); err != nil || got.Suspect {
			t.Fatalf("renewed: %+v, %v", got, err)
		}
	})
}

func sessionProfiles(t *testing.T, open Open) {
	t.Run("a restricted value never replaces the normal one", func(t *testing.T) {
		s := start(t, open)
		for i, value := range []string{"NORMAL", "GARDEN"} {
			ev := event(quarantine.SessionRenewed, "1", "alice", minute(i))
			ev.Attributes = []quarantine.Attribute{{Name: "Filter-Id", Value: value}}
			record(t, s, ev)
		}
		got := session(t, s, "1")
		if value := got.Attribute("Filter-Id"); value != "NORMAL" {
			t.Fatalf("Filter-Id %q", value)
		}
	})

	t.Run("what records show of the profiles in force is kept, restricted ones too", func(t *testing.T) {
		s := start(t, open)
		garden, inet := quarantine.Attribute{Name: "Filter-Id", Value: "GARDEN"}, quarantine.Attribute{Name: "ERX-Service-Session", Value: "INET"}
		shows := func(kind quarantine.SessionEventKind, at time.Time, shown quarantine.Attribute) quarantine.SessionEvent {
			ev := event(kind, "1", "alice", at)
			ev.Observed = []quarantine.Attribute{shown}
			return ev
		}
		record(t, s, shows(quarantine.ServiceSeen, noon, inet))
		if _, err := s.Session(t.Context(), quarantine.SessionKey{BNG: "bng1", ID: "1"}); !errors.Is(err, quarantine.ErrNoSession) {
			t.Fatalf("a service's record made a session: %v", err)
		}
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon), shows(quarantine.SessionRenewed, minute(1), garden),
			shows(quarantine.ServiceSeen, minute(2), inet))
		got := session(t, s, "1")
		want := []quarantine.ObservedAttribute{{Attribute: garden, At: minute(1)}, {Attribute: inet, At: minute(2)}}
		if !slices.Equal(got.Observed, want) {
			t.Fatalf("shown %+v, want %+v", got.Observed, want)
		}
		if !got.SeenAt.Equal(minute(1)) {
			t.Fatalf("a service's record renewed the session: seen at %s", got.SeenAt)
		}
	})
}

func concurrentSessions(t *testing.T, open Open) {
	t.Run("concurrent records of one session lose nothing", func(t *testing.T) {
		s := start(t, open)
		const writers = 8
		record(t, s, event(quarantine.SessionStarted, "1", "alice", noon))
		var wait sync.WaitGroup
		for i := range writers {
			wait.Go(func() {
				ev := event(quarantine.SessionRenewed, "1", "alice", minute(i+1), v4(i+1))
				if err := s.Record(t.Context(), []quarantine.SessionEvent{ev})[0]; err != nil {
					t.Error(err)
				}
			})
		}
		wait.Wait()
		if got := session(t, s, "1"); len(got.Addresses) != writers || !got.SeenAt.Equal(minute(writers)) {
			t.Fatalf("%d addresses, seen at %s", len(got.Addresses), got.SeenAt)
		}
		for i := range writers {
			if held := bindings(t, s, v4(i+1)); len(held) != 1 {
				t.Fatalf("%d bindings of %s", len(held), v4(i+1).Prefix)
			}
		}
	})
}
