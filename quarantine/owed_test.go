package quarantine

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"
)

func oweCase(state CaseState) *Case {
	return &Case{ID: "c-1", Subscriber: "alice", State: state, Profile: "garden", Mode: ModeEnforce,
		OpenedAt: testStart, ExpiresAt: testStart.Add(time.Hour), Generation: 1, Version: 1}
}

var testStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func oweSession() Session {
	return Session{SessionKey: SessionKey{BNG: "bng1", ID: "s1"}, Subscriber: "alice", StartedAt: testStart.Add(-time.Minute),
		SeenAt: testStart}
}

func owed(mark uint64) Owed {
	return Owed{Journal: "a", Mark: mark, Session: oweSession(), Applied: []AppliedProfile{{Profile: "garden", Undo: "overlay"}}}
}

func TestAnAnswerToAnOrderThatAnOlderCaseDoesNotKnowEntersTheCase(t *testing.T) {
	for kind, want := range map[OutcomeKind]Enforcement{OutcomeAcked: Acked, OutcomeUnanswered: Unanswered, OutcomePartial: Partial} {
		c := oweCase(Restricting)
		o := Order{Case: c.ID, Generation: 1, Session: oweSession(), To: "garden", Undo: "overlay", Journal: "a", Mark: 7}
		c.Observe(o, Outcome{Kind: kind}, testStart)
		if len(c.Sessions) != 1 || c.Sessions[0].Enforcement != want || c.Sessions[0].Confirmed != (kind == OutcomeAcked) ||
			!reflect.DeepEqual(c.Sessions[0].Applied, []AppliedProfile{{Profile: "garden", Undo: "overlay"}}) {
			t.Fatalf("%s: %+v", kind, c.Sessions)
		}
		once := c.Clone()
		c.Observe(o, Outcome{Kind: kind}, testStart)
		if !reflect.DeepEqual(once, c) {
			t.Errorf("%s: observing twice changed more:\n%+v\n%+v", kind, once, c)
		}
		if err := c.ReleaseBy("noc", "x", "", testStart, testStart); err != nil || c.State != Releasing {
			t.Errorf("%s: after the release it is %s, %v", kind, c.State, err)
		}
	}
}

func TestAnOrderThatNeverLeftEntersNoCase(t *testing.T) {
	c := oweCase(Restricting)
	c.Observe(Order{Session: oweSession(), To: "garden", Journal: "a", Mark: 7}, Outcome{Kind: OutcomeNotSent}, testStart)
	if len(c.Sessions) != 0 {
		t.Errorf("%+v", c.Sessions)
	}
}

func TestWhatAJournalShowsIsReleasedWhateverTheStateOfTheCase(t *testing.T) {
	for _, state := range []CaseState{Observing, CaseHeld, Restricting, Waiting, Restricted} {
		for _, how := range []string{"person", "expiry"} {
			c := oweCase(state)
			if state == CaseHeld {
				c.Hold = &Hold{HoldMode, "approve"}
			}
			if !c.Owe(owed(3), testStart) || c.Owe(owed(3), testStart) || c.Owe(owed(2), testStart) {
				t.Fatalf("%s: an entry is news once, and an older one is none", state)
			}
			now := c.ExpiresAt
			snapshot := Snapshot{Now: now, Sessions: []Session{oweSession()}, MaxSessions: 4}
			if how == "person" {
				if err := c.ReleaseBy("noc", "x", "", now, now); err != nil {
					t.Fatal(err)
				}
			}
			orders := c.Plan(snapshot)
			if c.State != Releasing || len(orders) != 1 || orders[0].To != "" || orders[0].From[0].Profile != "garden" {
				t.Fatalf("%s, %s: %s, orders %+v", state, how, c.State, orders)
			}
			c.Dispatch(&orders[0], now)
			c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, now)
			if c.State != Closed || !c.Knows("a", 3, &orders[0].Session) {
				t.Errorf("%s, %s: %s; knows: %t", state, how, c.State, c.Knows("a", 3, &orders[0].Session))
			}
		}
	}
}

func TestAClosedCaseTakesNothingIn(t *testing.T) {
	c, session := oweCase(Closed), oweSession()
	if before := c.Clone(); c.Owe(owed(3), testStart) || !reflect.DeepEqual(before, c) || c.Knows("a", 3, &session) {
		t.Errorf("%+v", c)
	}
}

func TestAnEndedSessionIsKnownToBeOver(t *testing.T) {
	c := oweCase(Restricting)
	c.Owe(owed(3), testStart)
	ended := oweSession()
	ended.EndedAt = testStart.Add(time.Second)
	c.Plan(Snapshot{Now: testStart.Add(time.Minute), Sessions: []Session{ended}, MaxSessions: 4})
	if c.Sessions[0].Enforcement != Gone || c.Owe(owed(3), testStart) {
		t.Errorf("%+v", c.Sessions)
	}
	if !c.Owe(owed(4), testStart) { // said to be over before it was restricted once more
		t.Error("a newer entry is not taken in")
	}
}

// Whatever copies of a case a store goes back to, in whatever order, and whichever of
// two instances works it: nothing that their journals show is left when it is closed.
func TestAfterAnySequenceOfFailoversNothingIsLeftOfAClosedCase(t *testing.T) {
	for seed := range uint64(3000) {
		r := rand.New(rand.NewPCG(seed, 0))
		w := &goingBack{t: t, seed: seed, case_: oweCase(Restricting), rows: map[string]Owed{}, next: map[string]uint64{}}
		for range 40 {
			w.step(r)
		}
		w.finish()
		if w.inForce != nil {
			t.Fatalf("seed %d: %v is in force after the case was closed: %+v", seed, w.inForce, w.case_.Sessions)
		}
	}
}

// goingBack is a case in a store that goes back, and two journals that do not.
type goingBack struct {
	t       *testing.T
	seed    uint64
	case_   *Case
	copies  []*Case
	inForce []string
	rows    map[string]Owed   // what each journal shows
	next    map[string]uint64 // marks
	at      time.Duration
}

func (w *goingBack) step(r *rand.Rand) {
	w.at += time.Second
	w.copies = append(w.copies, w.case_.Clone())
	switch journal := []string{"a", "b"}[r.IntN(2)]; r.IntN(6) {
	case 0: // the store goes back
		w.case_ = w.copies[r.IntN(len(w.copies))].Clone()
	case 1:
		w.case_.want([]string{"garden", "block"}[r.IntN(2)], testStart.Add(w.at), "", "x")
	default:
		w.work(journal, r.IntN(3) > 0)
	}
}

// work is one pass of an instance; saved says that the outcome gets into the case.
func (w *goingBack) work(journal string, saved bool) {
	w.compare(journal)
	now := testStart.Add(w.at)
	for _, o := range w.case_.Plan(Snapshot{Now: now, Sessions: []Session{oweSession()}, MaxSessions: 4}) {
		if o.Restricts() {
			w.next[journal] = max(w.next[journal], w.case_.Mark(journal, &o.Session)) + 1
			o.Journal, o.Mark, o.Undo = journal, w.next[journal], "overlay"
		}
		w.case_.Dispatch(&o, now)
		if o.Restricts() {
			w.rows[journal] = Owed{Journal: journal, Mark: o.Mark, Session: o.Session,
				Applied: append(without(o.From, o.To), AppliedProfile{Profile: o.To, Undo: o.Undo})}
			if !slices.Contains(w.inForce, o.To) {
				w.inForce = append(w.inForce, o.To)
			}
			w.inForce = slices.DeleteFunc(w.inForce, func(p string) bool {
				return p != o.To && slices.ContainsFunc(o.From, func(a AppliedProfile) bool { return a.Profile == p })
			})
		} else {
			w.released(journal, o.From)
		}
		if saved {
			w.case_.Observe(o, Outcome{Kind: OutcomeAcked}, now)
		}
	}
}

// released gives back what the order knows of, and nothing else.
func (w *goingBack) released(journal string, from []AppliedProfile) {
	w.inForce = slices.DeleteFunc(w.inForce, func(p string) bool {
		return slices.ContainsFunc(from, func(a AppliedProfile) bool { return a.Profile == p })
	})
	if len(w.inForce) == 0 {
		w.inForce = nil
	}
	delete(w.rows, journal)
}

func (w *goingBack) compare(journal string) {
	o, ok := w.rows[journal]
	if !ok {
		return
	}
	switch knows := w.case_.Knows(journal, o.Mark, &o.Session); {
	case w.case_.State == Closed && !knows:
		w.released(journal, o.Applied)
	case !knows:
		w.case_.Owe(o, testStart.Add(w.at))
	}
}

// finish has a person release the case, by an instance that knows nothing more.
func (w *goingBack) finish() {
	w.at += time.Hour
	if w.case_.State != Closed && w.case_.State != Releasing {
		if err := w.case_.ReleaseBy("noc", "x", "", testStart.Add(w.at), testStart.Add(w.at)); err != nil {
			w.t.Fatalf("seed %d: %v", w.seed, err)
		}
	}
	for range 5 {
		w.at += time.Hour
		w.compare("a")
		w.work("b", true)
	}
}
