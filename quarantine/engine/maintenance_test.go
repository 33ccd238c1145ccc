package engine

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// lossyBookStore is a store on the way to which things get lost for one engine.
type lossyBookStore struct {
	*quarantinetest.Memory
	noBook atomic.Bool  // windows can be neither read nor noted
	forgot atomic.Bool  // windows noted so far are lost
	looks  atomic.Int64 // at cases
}

func (s *lossyBookStore) Maintenances(ctx context.Context) ([]quarantine.Maintenance, error) {
	if s.noBook.Load() {
		return nil, quarantinetest.ErrUnavailable
	}
	if s.forgot.Load() {
		return nil, nil
	}
	return s.Memory.Maintenances(ctx)
}

func (s *lossyBookStore) SetMaintenance(ctx context.Context, m quarantine.Maintenance) (quarantine.Maintenance, error) {
	if s.noBook.Load() {
		return quarantine.Maintenance{}, quarantinetest.ErrUnavailable
	}
	s.forgot.Store(false)
	return s.Memory.SetMaintenance(ctx, m)
}

func (s *lossyBookStore) Dossier(ctx context.Context, subscriber string) (quarantine.Dossier, error) {
	s.looks.Add(1)
	return s.Memory.Dossier(ctx, subscriber)
}

func (w *world) maintain(e *running, d time.Duration) quarantine.Maintenance {
	w.t.Helper()
	m, err := e.Maintain(w.t.Context(), "bng1", "alice", "new software", d)
	if err != nil {
		w.t.Fatal(err)
	}
	return m
}

func (w *world) endMaintenance(e *running) {
	w.t.Helper()
	if _, err := e.EndMaintenance(w.t.Context(), "bng1", "alice", "done"); err != nil {
		w.t.Fatal(err)
	}
}

// report logs a subscriber in and reports it; a case is open afterwards.
func (w *world) report(e *running, subscriber string) quarantine.SessionKey {
	w.t.Helper()
	key, address := w.login(subscriber)
	time.Sleep(3 * time.Second)
	w.accept(e, botnet(address))
	time.Sleep(5 * time.Second)
	return key
}

// wantDeferred checks that the subscriber's case waits for the BNG.
func (w *world) wantDeferred(subscriber string) *quarantine.Case {
	w.t.Helper()
	c := w.wantState(subscriber, quarantine.Restricting)
	s := c.Sessions[0]
	if s.Enforcement != quarantine.Pending || s.Attempts > 0 || !strings.HasPrefix(s.Reason, "bng1 is in maintenance until ") ||
		!strings.HasSuffix(s.Reason, " (new software, by alice)") {
		w.t.Fatalf("the session does not wait for maintenance: %+v", s)
	}
	return c
}

func TestNothingIsRestrictedInMaintenanceAndTheCaseSaysWhy(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		window := w.maintain(e, 50*time.Minute)
		key := w.report(e, "alice")
		c := w.wantDeferred("alice")
		w.wantInForce(key, "")
		if !c.Sessions[0].NextAt.Equal(window.Until) {
			t.Errorf("it is tried again at %s, want the end of the window, %s", c.Sessions[0].NextAt, window.Until)
		}
	})
}

func TestAWindowThatEndsResumesWhatItDeferredAndNotSooner(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		w.rules.Policy.Rules[0].For = quarantine.Duration(24 * time.Hour)
		store := &lossyBookStore{Memory: w.memory}
		e := w.startWith(store, "a")
		window := w.maintain(e, 2*time.Hour)
		key := w.report(e, "alice")
		w.wantDeferred("alice")
		store.looks.Store(0)
		time.Sleep(time.Until(window.Until) - time.Millisecond)
		w.wantDeferred("alice")
		if sent := w.network.Sent(); len(sent) > 0 {
			t.Fatalf("sent in maintenance: %+v", sent)
		}
		if looks := store.looks.Load(); looks > 13 { // every 10 minutes, as at any open case
			t.Errorf("the case was due %d times in two hours", looks)
		}
		time.Sleep(3 * time.Second)
		w.wantInForce(key, "garden")
		w.wantState("alice", quarantine.Restricted)
		if standing := e.Maintenances(); len(standing) > 0 {
			t.Errorf("still standing: %v", standing)
		}
	})
}

func TestAWindowThatIsEndedEarlyResumesAtOnce(t *testing.T) {
	for name, cut := range map[string]func(*world, *running){
		"ended":     (*world).endMaintenance,
		"shortened": func(w *world, e *running) { w.maintain(e, time.Second) },
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, func(t *testing.T, w *world) {
				sender := w.start("a")
				other := w.startWith(w.memory, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
				w.maintain(other, 50*time.Minute)
				key := w.report(sender, "alice")
				w.wantDeferred("alice")
				cut(w, other)
				time.Sleep(5 * time.Second)
				w.wantInForce(key, "garden")
			})
		})
	}
}

func TestAProlongedWindowDefersUntilItsNewEnd(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.maintain(e, 10*time.Minute)
		key := w.report(e, "alice")
		time.Sleep(5 * time.Minute)
		window := w.maintain(e, 20*time.Minute)
		time.Sleep(15 * time.Minute)
		c := w.wantDeferred("alice")
		if !c.Sessions[0].NextAt.Equal(window.Until) {
			t.Errorf("it is tried again at %s, want %s", c.Sessions[0].NextAt, window.Until)
		}
		time.Sleep(6 * time.Minute)
		w.wantInForce(key, "garden")
	})
}

func TestReleasesAndExpiriesGoOutInMaintenance(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		alice, bob := w.restrict(e, "alice"), w.restrict(e, "bob")
		w.maintain(e, 5*time.Hour)
		if _, err := e.Release(t.Context(), w.openCase("alice").ID, "noc", "cleaned", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		w.wantInForce(alice, "")
		w.wantState("alice", quarantine.Closed)
		w.wantInForce(bob, "garden") // what is in force stays
		time.Sleep(time.Hour)        // the rule's term
		w.wantInForce(bob, "")
		w.wantState("bob", quarantine.Closed)
	})
}

func TestMaintenanceOfOneBNGDefersNoOther(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		if _, err := e.Maintain(t.Context(), "bng2", "alice", "new software", time.Hour); err != nil {
			t.Fatal(err)
		}
		w.restrict(e, "alice")
	})
}

func TestATakeoverAndARestartKeepTheWindow(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.maintain(e, 50*time.Minute)
		key := w.report(e, "alice")
		e.stop()
		other := w.startWith(w.memory, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
		time.Sleep(time.Minute)
		if !other.Sender() {
			t.Fatal("nobody took over")
		}
		w.wantDeferred("alice")
		other.stop()
		again := w.start("a")
		time.Sleep(time.Minute)
		w.wantDeferred("alice")
		w.endMaintenance(again)
		time.Sleep(5 * time.Second)
		w.wantInForce(key, "garden")
	})
}

func TestAWindowGivenWhileTheStoreIsUnreachableTakesEffectAtOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		_, address := w.login("alice")
		time.Sleep(3 * time.Second)
		w.memory.SetUnavailable(true)
		if _, err := e.Maintain(t.Context(), "bng1", "alice", "new software", time.Hour); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatalf("got %v, want ErrDeferred", err)
		}
		if standing := e.Maintenances(); len(standing) != 1 {
			t.Fatalf("here it holds at once; standing: %v", standing)
		}
		w.accept(e, botnet(address))
		e.stop()
		e = w.start("a") // the log alone knows
		if standing := e.Maintenances(); len(standing) != 1 {
			t.Fatalf("standing after a restart: %v", standing)
		}
		w.memory.SetUnavailable(false)
		time.Sleep(10 * time.Second)
		w.wantDeferred("alice")
		noted, err := w.memory.Maintenances(t.Context())
		if err != nil || len(noted) != 1 || noted[0].Reason != "new software" {
			t.Fatalf("the store has %v, %v", noted, err)
		}
		if waiting := e.ledger.waiting(); len(waiting) > 0 {
			t.Errorf("commands still wait: %+v", waiting)
		}
	})
}

func TestOfTwoCommandsTheOneGivenLaterCountsWhicheverArrivesFirst(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		far := &lossyBookStore{Memory: w.memory}
		e := w.startWith(far, "a")
		other := w.startWith(w.memory, "b", func(c *Config) { c.Journal = &quarantinetest.Journal{} })
		w.maintain(other, time.Hour)
		time.Sleep(3 * time.Second)
		far.noBook.Store(true)
		if _, err := e.Maintain(t.Context(), "bng1", "bob", "fibre", 2*time.Hour); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatalf("got %v, want ErrDeferred", err)
		}
		time.Sleep(time.Minute)
		w.endMaintenance(other) // later than what has not arrived yet
		far.noBook.Store(false)
		time.Sleep(5 * time.Second)
		for _, who := range []*running{e, other} {
			if standing := who.Maintenances(); len(standing) > 0 {
				t.Errorf("%s: %v stands although it was ended later", who.Holder, standing)
			}
		}
		if waiting := e.ledger.waiting(); len(waiting) > 0 {
			t.Errorf("commands still wait: %+v", waiting)
		}
	})
}

func TestKnownWindowsStayInEffectWhileTheBookIsUnreachable(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		far := &lossyBookStore{Memory: w.memory}
		e := w.startWith(far, "a")
		w.maintain(e, 30*time.Minute)
		far.noBook.Store(true)
		key := w.report(e, "alice")
		time.Sleep(20 * time.Minute)
		w.wantDeferred("alice")
		time.Sleep(10 * time.Minute)
		w.wantInForce(key, "garden")
	})
}

func TestAWindowThatTheStoreLostIsWrittenAgain(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		far := &lossyBookStore{Memory: w.memory}
		e := w.startWith(far, "a")
		window := w.maintain(e, time.Hour)
		far.forgot.Store(true)
		time.Sleep(3 * time.Second)
		noted, err := far.Maintenances(t.Context())
		if err != nil || far.forgot.Load() || len(noted) != 1 || noted[0] != window {
			t.Errorf("the store has %v, %v; want %v", noted, err, window)
		}
	})
}

func TestNothingIsRestrictedBeforeTheBookWasReadOnce(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		far := &lossyBookStore{Memory: w.memory}
		far.noBook.Store(true)
		e := w.startWith(far, "a")
		key := w.report(e, "alice")
		c := w.wantState("alice", quarantine.Restricting)
		if got := c.Sessions[0].Reason; got != windowsUnread {
			t.Errorf("the session says %q", got)
		}
		w.wantInForce(key, "")
		far.noBook.Store(false)
		time.Sleep(15 * time.Second)
		w.wantInForce(key, "garden")
	})
}

func TestTheSendStageAsksForWindowsToo(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.restrict(e, "alice")
		c := w.openCase("alice")
		order := quarantine.Order{Case: c.ID, Generation: c.Generation, Session: c.Sessions[0].Session, To: "garden"}
		if err := e.maySend(c, &order); err != nil {
			t.Fatalf("before the window: %v", err)
		}
		w.maintain(e, time.Hour)
		if err := e.maySend(c, &order); deferredBy(err) != quarantine.CheckMaintenance {
			t.Errorf("in the window: %v", err)
		}
	})
}

func TestThereIsNothingToEndWithoutAWindow(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		var refused *quarantine.CommandError
		if _, err := e.EndMaintenance(t.Context(), "bng1", "alice", "done"); !errors.As(err, &refused) {
			t.Errorf("got %v, want a refusal", err)
		}
		if n := len(w.log.Entries()); n > 0 {
			t.Errorf("the journal has %d entries of a command that was refused", n)
		}
		w.memory.SetUnavailable(true) // another instance may know of one
		if _, err := e.EndMaintenance(t.Context(), "bng1", "alice", "done"); err == nil || errors.As(err, &refused) {
			t.Errorf("while the store is unreachable: %v", err)
		}
	})
}

func TestCommandsAboutWindowsAreInJournalAndCheckpointUntilTheyAreApplied(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.maintain(e, time.Hour)
		w.endMaintenance(e)
		kinds := ""
		for _, entry := range w.log.Entries() {
			kinds += entryKindNames[entry.Kind] + " "
		}
		if kinds != "command command-applied command command-applied " {
			t.Errorf("the journal has %s", kinds)
		}
		w.memory.SetUnavailable(true)
		if _, err := e.Maintain(t.Context(), "bng1", "alice", "new software", time.Hour); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatalf("got %v, want ErrDeferred", err)
		}
		if carried := e.Checkpoint(); len(carried) != 1 || carried[0].Kind != entryCommand ||
			!strings.Contains(string(carried[0].Body), "new software") {
			t.Errorf("carried: %+v", carried)
		}
	})
}

// slowJournal hands control to a test while a restriction is being written.
type slowJournal struct {
	quarantinetest.Journal
	onSent atomic.Pointer[func()]
}

func (l *slowJournal) Append(ctx context.Context, entries ...quarantine.JournalEntry) error {
	if onSent := l.onSent.Load(); entries[0].Kind == entrySent && onSent != nil {
		(*onSent)()
	}
	return l.Journal.Append(ctx, entries...)
}

func TestNoRestrictionLeavesThatIsDeferredWhileTheDiskWrites(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		log := &slowJournal{}
		e := w.startWith(w.memory, "a", func(c *Config) { c.Journal = log })
		key, address := w.login("alice")
		onSent := func() { w.pause.Store("a person says so") }
		log.onSent.Store(&onSent)
		time.Sleep(3 * time.Second)
		w.accept(e, botnet(address))
		time.Sleep(10 * time.Second)
		w.wantInForce(key, "")
		log.onSent.Store(nil)
		w.pause.Store("")
		time.Sleep(time.Minute)
		w.wantInForce(key, "garden")
	})
}
