package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"cordon/quarantine"
)

// newCase is a case that wants its subscriber restricted.
func newCase(id, subscriber string) *quarantine.Case {
	return &quarantine.Case{
		ID: id, Subscriber: subscriber, State: quarantine.Restricting, Profile: "walled-garden", Mode: quarantine.ModeEnforce,
		Rule: "bots", Reason: "botnet reported by s1", Source: "s1", OpenedAt: noon, ExpiresAt: noon.Add(72 * time.Hour), Generation: 1,
	}
}

func save(t *testing.T, s Ports, w quarantine.CaseWrite) {
	t.Helper()
	if w.Now.IsZero() {
		w.Now = noon
	}
	if w.DueAt.IsZero() && w.Case.Open() {
		w.DueAt = noon
	}
	must(t, s.SaveCase(t.Context(), w))
}

func closeCase(t *testing.T, s Ports, c *quarantine.Case, at time.Time) {
	t.Helper()
	c.State, c.ClosedAt = quarantine.Closed, at
	save(t, s, quarantine.CaseWrite{Case: c, Now: at})
}

// Cases tests quarantine.CaseReader and CaseWriter; lists, limits and the due
// set have their own.
func Cases(t *testing.T, open Open) {
	casesByID(t, open)
	savedCases(t, open)
	caseEvidence(t, open)
	heldCases(t, open)
	caseConflicts(t, open)
	closedCases(t, open)
	uninformedVerdicts(t, open)
	concurrentCases(t, open)
}

func casesByID(t *testing.T, open Open) {
	t.Run("many cases are read by id at once, and who is missing is left out", func(t *testing.T) {
		s := start(t, open)
		ids := []string{"unknown"}
		for i := range quarantine.CasesAtOnce - 1 {
			c := newCase(fmt.Sprintf("c%d", i), fmt.Sprintf("u%d", i))
			save(t, s, quarantine.CaseWrite{Case: c})
			if i%2 == 1 {
				closeCase(t, s, c, minute(1))
			}
			ids = append(ids, c.ID)
		}
		found, err := s.CasesByID(t.Context(), ids)
		must(t, err)
		if len(found) != len(ids)-1 {
			t.Fatalf("%d cases, want %d", len(found), len(ids)-1)
		}
		for id, c := range found {
			single, err := s.Case(t.Context(), id)
			must(t, err)
			equal(t, "case "+id, c, single)
		}
		if _, err := s.CasesByID(t.Context(), append(ids, "one too many")); err == nil {
			t.Fatal("more than CasesAtOnce were read")
		}
		none, err := s.CasesByID(t.Context(), nil)
		if err != nil || len(none) != 0 {
			t.Fatalf("no ids: %v, %v", none, err)
		}
	})
}

func savedCases(t *testing.T, open Open) {
	t.Run("what was saved is read back", func(t *testing.T) {
		s := start(t, open)
		confidence := 0.9
		c := newCase("c1", "alice")
		c.Hold = &quarantine.Hold{Kind: quarantine.HoldLimit, Detail: "20 lines per hour"}
		c.Sessions = []quarantine.SessionEnforcement{{
			Session: quarantine.Session{SessionKey: quarantine.SessionKey{BNG: "bng1", ID: "1"}, Subscriber: "alice", StartedAt: noon,
				Addresses: []quarantine.Address{v4(1)}},
			Enforcement: quarantine.Acked, Applied: []quarantine.AppliedProfile{{Profile: "walled-garden", Undo: "SVC-INET"}},
		}}
		c.Verdicts = []quarantine.CaseVerdict{{ID: "v1", Source: "s1", Confidence: &confidence, ObservedAt: noon}}
		save(t, s, quarantine.CaseWrite{Case: c})
		if c.Version != 1 {
			t.Fatalf("version %d after the first write", c.Version)
		}
		got, err := s.Case(t.Context(), "c1")
		must(t, err)
		equal(t, "case", got, c)
		d, err := s.Dossier(t.Context(), "alice")
		must(t, err)
		equal(t, "dossier", d, quarantine.Dossier{Case: c})
	})

	t.Run("a case of a state that this version does not know is unreadable, and the others are not", func(t *testing.T) {
		s := start(t, open)
		c := newCase("c1", "alice")
		c.State = "parked"
		save(t, s, quarantine.CaseWrite{Case: c})
		frozen := newCase("c2", "bob")
		frozen.Sessions = []quarantine.SessionEnforcement{{Enforcement: "frozen"}}
		save(t, s, quarantine.CaseWrite{Case: frozen})
		save(t, s, quarantine.CaseWrite{Case: newCase("c3", "carol")})
		for _, c := range []*quarantine.Case{c, frozen} {
			if _, err := s.Case(t.Context(), c.ID); !errors.Is(err, quarantine.ErrUnreadableCase) {
				t.Fatalf("case %s: %v", c.ID, err)
			}
			if _, err := s.Dossier(t.Context(), c.Subscriber); !errors.Is(err, quarantine.ErrUnreadableCase) {
				t.Fatalf("dossier of %s: %v", c.Subscriber, err)
			}
		}
		page, err := s.Cases(t.Context(), quarantine.CaseFilter{Limit: 10})
		must(t, err)
		if len(page.Cases) != 1 || page.Cases[0].ID != "c3" {
			t.Fatalf("listed: %+v", page.Cases)
		}
	})
}

func caseEvidence(t *testing.T, open Open) {
	t.Run("a verdict that is final is final with no other write", func(t *testing.T) {
		s := start(t, open)
		v := quarantine.VerdictStatus{Verdict: quarantine.Verdict{ID: "v1"}, State: quarantine.VerdictActed, Final: true}
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c, Verdict: &v})
		refuse(t, s, quarantine.CaseWrite{Case: c, DueAt: noon, Now: noon, Verdict: &v}, quarantine.ErrConflict)
		refuse(t, s, quarantine.CaseWrite{Case: newCase("c2", "bob"), DueAt: noon, Now: noon, Verdict: &v}, quarantine.ErrConflict)
		open := quarantine.VerdictStatus{Verdict: quarantine.Verdict{ID: "v2"}, State: quarantine.VerdictPending}
		must(t, s.SaveVerdict(t.Context(), open))
		open.State, open.Final = quarantine.VerdictActed, true
		save(t, s, quarantine.CaseWrite{Case: c, Verdict: &open})
	})

	t.Run("demands and tallies are read back", func(t *testing.T) {
		s := start(t, open)
		rules := quarantine.Rulebook{
			Policy: quarantine.Policy{Mode: quarantine.ModeEnforce, Rules: []quarantine.Rule{{
				Name: "bots", Profile: "walled-garden", For: quarantine.Duration(time.Hour),
				Threshold: quarantine.Threshold{Count: 40, Sources: 2, Sum: 3},
			}}},
			MaxAge: time.Hour,
		}
		var c *quarantine.Case
		for n := range 30 {
			confidence := 0.05
			v := quarantine.Verdict{ID: fmt.Sprint("v-", n), Source: fmt.Sprint("s", n%3),
				ObservedAt: noon.Add(time.Duration(n) * time.Second), Confidence: &confidence}
			c = rules.Decide(v, "alice", quarantine.Situation{Dossier: quarantine.Dossier{Case: c}}, "c1", noon).Case
		}
		c.OtherDemands = []quarantine.Demand{
			{Profile: "disconnect", Rule: "kick", Mode: quarantine.ModeApprove, Until: minute(5),
				Hold: &quarantine.Hold{Kind: quarantine.HoldMode, Detail: "approve"}},
			{Profile: "block-smtp", Source: "noc", Reason: "call", Until: minute(9), Cleared: true},
		}
		save(t, s, quarantine.CaseWrite{Case: c})
		got, err := s.Case(t.Context(), "c1")
		must(t, err)
		if len(c.Tallies) != 1 || len(c.Tallies[0].Marks) != 30 {
			t.Fatalf("tallies %+v", c.Tallies)
		}
		equal(t, "case", got, c)
	})
}

func heldCases(t *testing.T, open Open) {
	t.Run("a case of which something is held is listed with those that are held", func(t *testing.T) {
		s := start(t, open)
		held, rises := newCase("c1", "alice"), newCase("c2", "bob")
		held.State, held.Hold = quarantine.CaseHeld, &quarantine.Hold{Kind: quarantine.HoldLimit}
		rises.OtherDemands = []quarantine.Demand{{Profile: "disconnect", Until: minute(5), Hold: &quarantine.Hold{Kind: quarantine.HoldLimit}}}
		for _, c := range []*quarantine.Case{held, rises, newCase("c3", "carol")} {
			save(t, s, quarantine.CaseWrite{Case: c})
		}
		page, err := s.Cases(t.Context(), quarantine.CaseFilter{State: quarantine.CaseHeld, Limit: 10})
		must(t, err)
		if len(page.Cases) != 2 {
			t.Fatalf("listed %+v", page.Cases)
		}
	})

	t.Run("nothing is on file", func(t *testing.T) {
		s := start(t, open)
		if _, err := s.Case(t.Context(), "none"); !errors.Is(err, quarantine.ErrNoCase) {
			t.Fatalf("error %v, want ErrNoCase", err)
		}
		d, err := s.Dossier(t.Context(), "nobody")
		must(t, err)
		equal(t, "dossier", d, quarantine.Dossier{})
	})
}

func caseConflicts(t *testing.T, open Open) {
	t.Run("a version that moved on refuses the write", func(t *testing.T) {
		s := start(t, open)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c})
		stale := c.Clone()
		c.Reason = "first"
		save(t, s, quarantine.CaseWrite{Case: c})
		stale.Reason = "second"
		refuse(t, s, quarantine.CaseWrite{Case: stale, DueAt: noon, Now: noon}, quarantine.ErrConflict)
		again := newCase("c1", "alice")
		refuse(t, s, quarantine.CaseWrite{Case: again, DueAt: noon, Now: noon}, quarantine.ErrConflict)
		got, err := s.Case(t.Context(), "c1")
		must(t, err)
		if got.Reason != "first" || got.Version != 2 || stale.Version != 1 {
			t.Fatalf("stored %q version %d, the refused one has version %d", got.Reason, got.Version, stale.Version)
		}
	})

	t.Run("the same version of another history refuses the write", func(t *testing.T) {
		s := start(t, open)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c})
		read, err := s.Case(t.Context(), "c1")
		must(t, err)
		read.Stamp = "x" // as it was written before the store went back, and once more since
		refuse(t, s, quarantine.CaseWrite{Case: read, DueAt: noon, Now: noon}, quarantine.ErrConflict)
		save(t, s, quarantine.CaseWrite{Case: c})
	})

	t.Run("a subscriber has one open case", func(t *testing.T) {
		s := start(t, open)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c})
		refuse(t, s, quarantine.CaseWrite{Case: newCase("c2", "alice"), DueAt: noon, Now: noon}, quarantine.ErrConflict)
		closeCase(t, s, c, minute(1))
		d, err := s.Dossier(t.Context(), "alice")
		must(t, err)
		if d.Case != nil {
			t.Fatalf("open after it was closed: %+v", d.Case)
		}
		second := newCase("c2", "alice")
		save(t, s, quarantine.CaseWrite{Case: second})

		c.Notes = []quarantine.Note{{At: minute(2), By: "alice", Text: "a remark on a closed case"}}
		save(t, s, quarantine.CaseWrite{Case: c, Now: minute(2)})
		d, err = s.Dossier(t.Context(), "alice")
		must(t, err)
		if d.Case == nil || d.Case.ID != "c2" {
			t.Fatal("a write to the closed case removed the open one")
		}
		if got := take(t, s, quarantine.LaneRestrict, minute(3)); len(got) != 1 {
			t.Fatal("a write to the closed case removed the open one's due work")
		}
	})
}

func closedCases(t *testing.T, open Open) {
	t.Run("a case that is closed already accepts a write whatever log-ins were answered", func(t *testing.T) {
		s := start(t, open)
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c})
		if _, err := s.LogIn(t.Context(), quarantine.LogIn{Subscriber: "alice", BNG: "bng1", At: noon,
			Undo: map[string]string{"walled-garden": "x"}}); err != nil {
			t.Fatal(err)
		}
		d, err := s.Dossier(t.Context(), "alice")
		must(t, err)
		closeCase(t, s, d.Case, minute(1))
		again, err := s.Case(t.Context(), "c1")
		must(t, err)
		again.Notes = []quarantine.Note{{At: minute(2), By: "noc", Text: "a remark"}}
		save(t, s, quarantine.CaseWrite{Case: again, Now: minute(2)})
		lost := newCase("c0", "alice") // of which nothing but its release is known
		lost.Release = &quarantine.PersonRelease{Case: "c0", At: minute(3), By: "noc", Reason: "cleaned"}
		closeCase(t, s, lost, minute(3))
		if d, err = s.Dossier(t.Context(), "alice"); err != nil || d.Case != nil || !d.ReleasedAt().Equal(minute(3)) {
			t.Fatalf("%+v, %v", d, err)
		}
	})

	t.Run("a person's release is remembered, the newest one", func(t *testing.T) {
		s := start(t, open)
		for i, id := range []string{"c1", "c2"} {
			c := newCase(id, "alice")
			save(t, s, quarantine.CaseWrite{Case: c})
			c.Release = &quarantine.PersonRelease{Case: id, At: minute(i), By: "noc", Reason: "cleaned", Code: quarantine.ReleaseCleaned}
			closeCase(t, s, c, minute(i))
		}
		old, err := s.Case(t.Context(), "c1")
		must(t, err)
		save(t, s, quarantine.CaseWrite{Case: old, Now: minute(9)})
		d, err := s.Dossier(t.Context(), "alice")
		must(t, err)
		want := quarantine.PersonRelease{Case: "c2", At: minute(1), By: "noc", Reason: "cleaned", Code: quarantine.ReleaseCleaned}
		equal(t, "dossier", d, quarantine.Dossier{Released: &want})
	})
}

func uninformedVerdicts(t *testing.T, open Open) {
	t.Run("a verdict that was decided without knowledge of a person's release is refused", func(t *testing.T) {
		s := start(t, open)
		verdict := &quarantine.VerdictStatus{Verdict: quarantine.Verdict{ID: "v1", ObservedAt: minute(-10)},
			State: quarantine.VerdictActed, Final: true}
		c := newCase("c1", "alice")
		save(t, s, quarantine.CaseWrite{Case: c})
		before, err := s.Dossier(t.Context(), "alice")
		must(t, err)
		c.Release = &quarantine.PersonRelease{Case: "c1", At: minute(1), By: "noc", Reason: "cleaned"}
		closeCase(t, s, c, minute(1))
		another := newCase("c2", "alice")
		refuse(t, s, quarantine.CaseWrite{Case: another, DueAt: minute(2), Now: minute(2), Verdict: verdict,
			Released: before.ReleasedAt()}, quarantine.ErrConflict)
		refuse(t, s, quarantine.CaseWrite{Case: another, DueAt: minute(2), Now: minute(2), Verdict: verdict, Released: minute(0)},
			quarantine.ErrConflict)
		if _, err := s.Verdict(t.Context(), "v1"); !errors.Is(err, quarantine.ErrNoVerdict) {
			t.Fatalf("its verdict: %v", err)
		}
		now, err := s.Dossier(t.Context(), "alice")
		must(t, err)
		if now.Case != nil || !now.ReleasedAt().Equal(minute(1)) {
			t.Fatalf("%+v", now)
		}
		w := quarantine.CaseWrite{Case: another, DueAt: minute(3), Now: minute(3), Verdict: verdict, Released: now.ReleasedAt()}
		save(t, s, w)
		another.Notes = []quarantine.Note{{By: "noc", Text: "no evidence"}}
		save(t, s, quarantine.CaseWrite{Case: another, Now: minute(3)}) // which needs no such knowledge
	})
}

func concurrentCases(t *testing.T, open Open) {
	t.Run("concurrent writers lose no change", func(t *testing.T) {
		s := start(t, open)
		save(t, s, quarantine.CaseWrite{Case: newCase("c1", "alice")})
		const writers, notes = 8, 5
		var wait sync.WaitGroup
		for w := range writers {
			wait.Go(func() {
				for n := range notes {
					if err := addNote(t, s, "c1", fmt.Sprintf("%d/%d", w, n)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wait.Wait()
		c, err := s.Case(t.Context(), "c1")
		must(t, err)
		seen := map[string]bool{}
		for _, n := range c.Notes {
			seen[n.Text] = true
		}
		if len(seen) != writers*notes || len(c.Notes) != writers*notes || c.Version != 1+writers*notes {
			t.Fatalf("%d notes, %d different, version %d; want %d notes", len(c.Notes), len(seen), c.Version, writers*notes)
		}
	})
}

// addNote reads the case and saves it with one more note until nobody is in
// between.
func addNote(t *testing.T, s Ports, id, text string) error {
	for {
		c, err := s.Case(t.Context(), id)
		if err != nil {
			return err
		}
		c.Notes = append(c.Notes, quarantine.Note{Text: text})
		err = s.SaveCase(t.Context(), quarantine.CaseWrite{Case: c, DueAt: noon, Now: noon})
		if !errors.Is(err, quarantine.ErrConflict) {
			return err
		}
	}
}

// refuse saves and wants an error; the case in hand must stay as it is.
func refuse(t *testing.T, s Ports, w quarantine.CaseWrite, want error) {
	t.Helper()
	version := w.Case.Version
	if err := s.SaveCase(t.Context(), w); !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
	if w.Case.Version != version {
		t.Fatalf("a refused write raised the version to %d", w.Case.Version)
	}
}
