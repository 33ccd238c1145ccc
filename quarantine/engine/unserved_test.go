package engine

import (
	"errors"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

var errNotConfigured = errors.New("not configured")

// only serves nothing but those BNGs.
func only(bngs ...string) func(*Config) {
	return func(c *Config) {
		c.Serves = func(s *quarantine.Session, _ []quarantine.AppliedProfile) error {
			for _, bng := range bngs {
				if s.BNG == bng {
					return nil
				}
			}
			return errNotConfigured
		}
	}
}

func TestWhatIsOwedOnABNGThatIsNotConfiguredIsFoundInStoreAndJournal(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.restrict(e, "alice")
		id := w.openCase("alice").ID
		e.stop()
		log := w.log
		for _, c := range []struct {
			name          string
			empty         bool // this host's journal
			lost          bool // the store
			serves        func(*Config)
			journal, full int
		}{
			{"configured", false, false, only("bng1"), 0, 0},
			{"removed", false, false, only("bng2"), 1, 1},
			{"removed, restricted by another host", true, false, only("bng2"), 0, 1},
			{"removed, the store has lost it", false, true, only("bng2"), 1, 1},
			{"retired", false, false, func(c *Config) {
				only("bng2")(c)
				c.Names.Retired = map[string]string{"bng1": "sold"}
			}, 0, 0},
		} {
			if w.log = log; c.empty {
				w.log = &quarantinetest.Journal{}
			}
			memory := w.memory
			if c.lost {
				memory = quarantinetest.NewMemory()
			}
			cfg := Config{Holder: "b", Store: memory, Enforcer: w.network, Journal: w.log, Rules: w.rules,
				Paused: func() (string, bool) { return "", false }}
			c.serves(&cfg)
			e, err := New(t.Context(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if got := e.UnservedInJournal(); len(got) != c.journal {
				t.Errorf("%s: the journal shows %+v, want %d", c.name, got, c.journal)
			}
			got, err := e.Unserved(t.Context())
			if err != nil || len(got) != c.full {
				t.Errorf("%s: %v, %+v, want %d", c.name, err, got, c.full)
			} else if c.full == 1 && (got[0].Case != id || got[0].Subscriber != "alice" || got[0].Session.BNG != "bng1" ||
				got[0].Reason != errNotConfigured.Error()) {
				t.Errorf("%s: %+v", c.name, got[0])
			}
			offline, err := JournalUnserved(t.Context(), w.log, cfg.Names, cfg.Serves)
			if err != nil || len(offline) != c.journal {
				t.Errorf("%s: without an engine %v, %+v, want %d", c.name, err, offline, c.journal)
			}
		}
		w.memory.SetUnavailable(true)
		if _, err := e.Unserved(t.Context()); err != nil {
			t.Errorf("nothing to ask about, and yet %v", err)
		}
	})
}

// A host that was off while another one released must not keep the process down.
func TestAJournalThatIsBehindTheStoreOwesNothing(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.restrict(e, "alice")
		id := w.openCase("alice").ID
		e.stop()
		old := w.log
		w.log = &quarantinetest.Journal{}
		b := w.start("b")
		time.Sleep(20 * time.Second)
		if _, err := b.Release(t.Context(), id, "noc", "x", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Minute)
		w.wantState("alice", quarantine.Closed)
		b.stop()
		w.log = old
		again := w.startWith(w.memory, "a", only("bng2"))
		if got, err := again.Unserved(t.Context()); err != nil || len(got) != 0 {
			t.Errorf("%v, %+v", err, got)
		}
	})
}

func TestWhatIsOwedOnARetiredBNGIsNotSentAndTheCaseSaysWhy(t *testing.T) {
	for _, unavailable := range []bool{false, true} {
		inWorld(t, func(t *testing.T, w *world) {
			e := w.start("a")
			w.restrict(e, "alice")
			id := w.openCase("alice").ID
			e.stop()
			w.memory.SetUnavailable(unavailable)
			retire := func(c *Config) { c.Names.Retired = map[string]string{"bng1": "sold"} }
			e = w.startWith(w.memory, "a", only(), retire)
			time.Sleep(2 * time.Hour) // past the expiry
			w.memory.SetUnavailable(false)
			time.Sleep(time.Minute)
			if n := w.releases(); n != 0 || e.ledger.owes(id) {
				t.Errorf("store unavailable %t: %d releases, the journal owes %t", unavailable, n, e.ledger.owes(id))
			}
			c, err := w.memory.Case(t.Context(), id)
			if err != nil || c.State != quarantine.Closed || c.Sessions[0].Reason != "BNG bng1 was retired: sold" {
				t.Errorf("store unavailable %t: %v, %+v", unavailable, err, c)
			}
		})
	}
}

// With the store unavailable only the journal knows, and it knows the old name.
func TestTheJournalReleasesOnARenamedBNG(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		key := w.restrict(e, "alice")
		e.stop()
		w.memory.SetUnavailable(true)
		w.startWith(w.memory, "a", only("edge"), func(c *Config) { c.Names.Formerly = map[string]string{"bng1": "edge"} })
		time.Sleep(2 * time.Hour)
		sent := w.network.Sent()
		last := sent[len(sent)-1]
		if want := (quarantine.SessionKey{BNG: "edge", ID: key.ID}); last.To != "" || last.Session.SessionKey != want ||
			last.From[0].Undo != "overlay" {
			t.Errorf("sent last: %+v", last)
		}
	})
}
