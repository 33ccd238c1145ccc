package engine

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/quarantinetest"
)

// rotatingJournal begins a new segment as soon as an entry is durable, before its writer
// has gone on, and forgets the old one: what is not in the checkpoint is lost.
type rotatingJournal struct {
	carry func() []quarantine.JournalEntry
	check func(written quarantine.JournalEntry, kept *ledger)

	mu  sync.Mutex // guards what follows
	log *quarantinetest.Journal
}

func (l *rotatingJournal) Append(ctx context.Context, entries ...quarantine.JournalEntry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.log.Append(ctx, entries...); err != nil {
		return err
	}
	l.log = &quarantinetest.Journal{}
	if carried := l.carry(); len(carried) > 0 {
		if err := l.log.Append(ctx, carried...); err != nil {
			return err
		}
	}
	kept := newLedger("a", quarantine.BNGNames{})
	if err := l.log.Replay(ctx, kept.replay); err != nil {
		return err
	}
	for _, e := range entries {
		l.check(e, kept)
	}
	return nil
}

func (l *rotatingJournal) Replay(ctx context.Context, fn func(quarantine.JournalEntry, time.Time) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.log.Replay(ctx, fn)
}

// reflects reports whether a ledger has the effect of an entry.
func reflects(kept *ledger, entry quarantine.JournalEntry) bool {
	_, undecided := kept.undecided[entry.Key]
	_, command := kept.commands[entry.Key]
	var s sent
	_ = json.Unmarshal(entry.Body, &s)
	restricted, unfinished := len(kept.outstanding[entry.Key]) > 0, len(kept.unfinished) > 0
	switch entry.Kind {
	case entryAccepted:
		return undecided
	case entryDecided:
		return !undecided
	case entryCommand:
		return command
	case entryApplied:
		return !command
	case entrySent:
		return restricted && (!withoutCase(&s.Order) || unfinished)
	case entryAnswered:
		return restricted == s.Order.Restricts()
	}
	return true
}

func TestNothingFallsBetweenTwoSegments(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		var e *running
		written := map[quarantine.EntryKind]int{}
		l := &rotatingJournal{log: &quarantinetest.Journal{}}
		l.carry = func() []quarantine.JournalEntry {
			if e == nil {
				return nil
			}
			return e.ledger.checkpoint()
		}
		l.check = func(entry quarantine.JournalEntry, kept *ledger) {
			written[entry.Kind]++
			if !reflects(kept, entry) {
				t.Errorf("after a rotation at %s of %s the checkpoint does not have it", entryKindNames[entry.Kind], entry.Key)
			}
		}
		e = w.startWith(w.memory, "a", func(c *Config) { c.Journal = l })
		w.restrict(e, "alice")
		c := w.openCase("alice")
		if _, err := e.Release(t.Context(), c.ID, "noc", "cleaned", ""); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		w.wantState("alice", quarantine.Closed)
		w.restrict(e, "bob")
		w.memory.SetUnavailable(true)
		if _, err := e.Release(t.Context(), w.openCaseID(e), "noc", "cleaned", ""); !errors.Is(err, quarantine.ErrDeferred) {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		l.mu.Lock() // guards written too
		defer l.mu.Unlock()
		for _, kind := range []quarantine.EntryKind{entryAccepted, entryDecided, entryCommand, entryApplied, entrySent, entryAnswered} {
			if written[kind] == 0 {
				t.Errorf("the story has no %s", entryKindNames[kind])
			}
		}
		if written[entrySent] < 4 {
			t.Errorf("%d datagrams, want two restrictions and two releases", written[entrySent])
		}
	})
}

// openCaseID is the case of the only outstanding restriction.
func (w *world) openCaseID(e *running) string {
	w.t.Helper()
	ids := e.ledger.cases()
	if len(ids) != 1 {
		w.t.Fatalf("outstanding: %v", ids)
	}
	return ids[0]
}

func TestAnUnfinishedReleaseIsInTheCheckpointUntilTheSessionIsRestricted(t *testing.T) {
	l := newLedger("a", quarantine.BNGNames{})
	key := quarantine.SessionKey{BNG: "bng1", ID: "s1"}
	release := fromJournal(1, key)
	l.sent(release)
	again := newLedger("a", quarantine.BNGNames{})
	for _, entry := range l.checkpoint() {
		if err := again.replay(entry, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	if len(again.unfinished) != 1 || len(again.outstanding) != 0 {
		t.Fatalf("carried: %d releases that no case knows of, %d outstanding", len(again.unfinished), len(again.outstanding))
	}
	restriction := release
	restriction.Order.From, restriction.Order.To, restriction.Order.Generation = nil, "garden", 1
	again.sent(restriction)
	if len(again.unfinished) != 0 {
		t.Error("the session was restricted since, and its case would restrict it again")
	}
}

func TestACommandThatTheJournalWritesTooLateIsNotApplied(t *testing.T) {
	inWorld(t, func(t *testing.T, w *world) {
		e := w.start("a")
		w.restrict(e, "alice")
		c := w.openCase("alice")
		w.log.SetDelay(time.Hour)
		if _, err := e.Note(t.Context(), c.ID, "noc", "a remark"); err == nil {
			t.Fatal("the journal hangs, and a remark is taken")
		}
		late := command{ID: "m-late", Verb: verbNote, Case: c.ID, At: time.Now()}
		e.ledger.beginCommand(late.ID, late.Case)
		e.ledger.removeCommand(late.ID) // its giver was refused
		e.ledger.addBegunCommand(late)
		if waiting := e.ledger.waiting(); len(waiting) != 0 {
			t.Errorf("applied later: %+v", waiting)
		}
	})
}

// outstandingMany fills a ledger with restrictions in force.
func outstandingMany(n int, expires func(i int) time.Time) *ledger {
	l := newLedger("a", quarantine.BNGNames{})
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range n {
		id := quarantine.SessionKey{BNG: "bng-frankfurt-1", ID: newID("", time.Unix(int64(i), 0))}
		l.put(outstanding{
			Case: newID("c-", time.Unix(int64(i), 0)), ExpiresAt: expires(i),
			Session: quarantine.Session{
				SessionKey: id, Subscriber: "customer" + id.ID, StartedAt: time.Unix(int64(i), 0), StartSeen: true,
				Addresses: []quarantine.Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: quarantine.FramedIP}},
			},
			Applied: []quarantine.AppliedProfile{{Profile: "garden", Undo: "overlay"}},
		})
	}
	return l
}

func TestOverdueReleasesAreFoundByTheirTime(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(1000+s), 0) }
	l := outstandingMany(100, func(i int) time.Time { return at(i) })
	first := l.overdue(at(49), false)
	if len(first) != 50 || !first[0].at.Equal(at(0)) || !first[49].at.Equal(at(49)) {
		t.Fatalf("%d are over, from %v", len(first), first)
	}
	if again := l.overdue(at(49), false); len(again) != 0 {
		t.Fatalf("%d are handed out twice", len(again))
	}
	for i, w := range first {
		o, ok := l.startRelease(w, at(49), false)
		switch {
		case !ok:
			t.Fatalf("%v is not owed", w)
		case i == 0: // answered: over
			l.ended(o.Case, &o.Session)
			l.releaseTried(w.ledgerKey, at(200))
		case i == 1: // extended meanwhile, and later taken back
			l.expires(o.Case, at(300))
			if _, ok := l.startRelease(w, at(49), false); ok {
				t.Fatal("what was extended is released")
			}
		default:
			l.releaseTried(w.ledgerKey, at(60))
		}
	}
	if n := len(l.overdue(at(59), false)); n != 10 {
		t.Fatalf("%d are over, want the ten of these seconds: those before were tried", n)
	}
	if n := len(l.overdue(at(60), false)); n != 49 {
		t.Fatalf("%d are over, want 48 again and one more", n)
	}
	l.expires(first[1].caseID, at(60))
	if n := len(l.overdue(at(60), false)); n != 1 {
		t.Fatalf("%d are over, want the one whose end was moved back", n)
	}
	if n := len(l.overdue(at(500), true)); n != 0 {
		t.Fatalf("%d are lost", n)
	}
}

func TestTheTimetableDoesNotGrowWithWhatHasChanged(t *testing.T) {
	l := outstandingMany(100, func(int) time.Time { return time.Unix(9000, 0) })
	for _, id := range l.cases() {
		for i := range 1000 {
			l.expires(id, time.Unix(int64(10_000+i), 0))
		}
	}
	if n := len(l.ends.ends); n > 2*leastEntries {
		t.Errorf("%d entries for 100 restrictions", n)
	}
	if n := len(l.overdue(time.Unix(11_000, 0), false)); n != 100 {
		t.Errorf("%d are over, want 100", n)
	}
}

// BenchmarkOwed is one search each second of 100,000 outstanding restrictions, none of
// which is over, and of which all are under way.
func BenchmarkOwed(b *testing.B) {
	now := time.Now()
	for name, expiry := range map[string]time.Time{"none over": now.Add(time.Hour), "all under way": now} {
		b.Run(name, func(b *testing.B) {
			l := outstandingMany(100_000, func(int) time.Time { return expiry })
			l.overdue(now, false)
			for b.Loop() {
				l.overdue(now, false)
			}
		})
	}
}
