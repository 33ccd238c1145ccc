package quarantine

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// lifeWorld is lines whose BNG keeps a set of profiles for each.
type lifeWorld struct {
	rng    *rand.Rand
	rules  *Rulebook
	now    time.Time
	lines  []Session
	force  []map[string]bool
	given  map[int]bool // given up
	case_  *Case
	n      int
	log    []string
	mark   uint64
	exempt bool
}

func (w *lifeWorld) say(f string, a ...any) {
	w.log = append(w.log, w.now.Format("15:04:05 ")+fmt.Sprintf(f, a...))
}

func (w *lifeWorld) snapshot(perfect bool) Snapshot {
	in := Snapshot{Now: w.now, Sessions: append([]Session(nil), w.lines...), MaxSessions: 3}
	in.Exempt = func(s *Session) (string, bool) { return "hospital", w.exempt && s.ID == "1" && !w.case_.Cleared }
	paused := !perfect && w.rng.IntN(6) == 0
	in.Deferred = func(*Session, string) bool { return paused }
	return in
}

func (w *lifeWorld) pass(perfect bool) (orders int) {
	c := w.case_
	list := c.Plan(w.snapshot(perfect))
	for _, o := range list {
		if !perfect && w.rng.IntN(10) == 0 {
			c.Defer(&o, Deferral{By: CheckBNGLimit, Reason: "busy", Longest: BriefPause}, w.now)
			continue
		}
		if o.Restricts() {
			w.mark++
			o.Journal, o.Mark = "a", w.mark
			o.Prepare(Preparation{Undo: "u-" + o.To})
		}
		c.Dispatch(&o, w.now)
		at := -1
		for i := range w.lines {
			if w.lines[i].ID == o.Session.ID {
				at = i
			}
		}
		live := at >= 0 && w.lines[at].Live()
		out := Outcome{Kind: OutcomeAcked}
		applies := true
		if !live {
			out.Kind, applies = OutcomeSessionGone, false
		} else if !perfect {
			switch w.rng.IntN(5) {
			case 0:
				out, applies = Outcome{Kind: OutcomeUnanswered, Doubtful: true}, w.rng.IntN(2) == 0
			case 1:
				out, applies = Outcome{Kind: OutcomeRefused}, o.Restricts() && w.rng.IntN(2) == 0
			}
		}
		if o.Check {
			out, applies = Outcome{Kind: OutcomeAcked}, false
		}
		if applies {
			for _, a := range o.From {
				delete(w.force[at], a.Profile)
			}
			if o.To == Disconnect {
				w.lines[at].EndedAt = w.now
				w.force[at] = map[string]bool{}
			} else if o.To != "" {
				w.force[at][o.To] = true
			}
		}
		w.say("%s from %v to %q: %s applies %v", o.Session.ID, o.From, o.To, out.Kind, applies)
		if w.rng.IntN(20) == 0 && !perfect {
			continue // the answer is lost with its instance
		}
		if w.rng.IntN(8) == 0 && !perfect {
			w.showElsewhere(&o, at, live)
		}
		c.Observe(o, out, w.now)
	}
	return len(list)
}

// showElsewhere has another journal show something else in force while an order is under
// way.
func (w *lifeWorld) showElsewhere(o *Order, at int, live bool) {
	knew := len(o.Unknown([]AppliedProfile{{Profile: "block-smtp"}})) == 0 // what it took away was known before it left
	if !live || at < 0 || !w.lines[at].Live() || knew {
		return
	}
	w.mark++
	w.force[at]["block-smtp"] = true
	w.case_.Owe(Owed{Journal: "b", Mark: w.mark, Session: w.lines[at], Applied: []AppliedProfile{{Profile: "block-smtp", Undo: "x"}}}, w.now)
	w.say("b shows block-smtp on %s", w.lines[at].ID)
}

// disturb lets something happen between two passes.
func (w *lifeWorld) disturb() {
	s := Situation{Dossier: Dossier{Case: w.case_}}
	for _, l := range w.lines {
		if l.Live() {
			s.Sessions = append(s.Sessions, l)
		}
	}
	switch n := w.rng.IntN(14); {
	case n < 3:
		w.evidence(s)
	case n < 10:
		w.decide(n, s)
	case n < 13:
		w.reconnect(n)
	default:
		w.exempt = !w.exempt
	}
}

// evidence is a verdict more.
func (w *lifeWorld) evidence(s Situation) {
	w.n++
	kind := []string{"spam", "botnet", "ddos", "scan", "brute"}[w.rng.IntN(5)]
	if w.rng.IntN(4) == 0 {
		s.Full = &LimitError{LimitScope{Key: "hour", Label: "full"}}
	}
	before := w.case_.Clone()
	d := w.rules.Decide(seen(w.n, kind, w.now), "alice", s, "c-1", w.now)
	if d.Case == nil {
		return
	}
	w.case_ = d.Case
	w.say("%s: %s, %s %s", kind, d.Status.State, d.Case.State, d.Case.Profile)
	rose := w.rules.severity(d.Case.Profile) > w.rules.severity(before.Profile) || !before.State.Wants()
	if d.Status.State == VerdictActed && rose && d.Reserve == nil {
		panic("a restriction that is not counted")
	}
}

// decide is a person's decision.
func (w *lifeWorld) decide(n int, s Situation) {
	c := w.case_
	switch n {
	case 3:
		profile := []string{"block-smtp", "garden"}[w.rng.IntN(2)]
		got, _, err := w.rules.Quarantine(ManualQuarantine{Subscriber: "alice", Profile: profile, Reason: "x",
			For: time.Duration(1+w.rng.IntN(200)) * time.Minute, By: "noc", Override: true, AllSessions: w.rng.IntN(2) == 0,
			Replace: w.rng.IntN(2) == 0}, s, "c-1", w.now)
		if err == nil {
			w.case_ = got
			w.say("by hand %s", profile)
		}
	case 4:
		if _, err := w.rules.Approve(c, s.Sessions, "noc", "y", w.now); err == nil {
			w.say("approved")
		}
	case 5:
		if c.Reject("noc", "n", w.now, w.now) == nil {
			w.say("rejected")
		}
	case 6:
		if w.rng.IntN(3) == 0 && c.ReleaseBy("noc", "z", "", w.now, w.now) == nil {
			w.say("released")
		}
	case 7:
		_ = c.Extend("noc", "e", time.Duration(w.rng.IntN(300))*time.Minute, w.now)
	case 8:
		_ = c.Retry("noc", w.now)
	case 9:
		if w.rng.IntN(6) == 0 {
			c.Recommit(PersonRelease{Case: c.ID, At: w.now.Add(-time.Minute), By: "desk"}, w.now)
			w.say("recommitted: %s", c.State)
		}
	}
}

// reconnect is a log-in or a log-out.
func (w *lifeWorld) reconnect(n int) {
	switch {
	case n < 12 && len(w.lines) < 12:
		id := fmt.Sprint(len(w.lines) + 1)
		w.lines = append(w.lines, sess(id, "alice", w.now))
		w.force = append(w.force, map[string]bool{})
		w.say("log-in %s", id)
	case n == 12 && len(w.lines) > 0:
		i := w.rng.IntN(len(w.lines))
		if w.lines[i].Live() {
			w.lines[i].EndedAt, w.force[i] = w.now, map[string]bool{}
			w.say("log-out %s", w.lines[i].ID)
		}
	}
}

func TestWhateverHappensNothingIsLeft(t *testing.T) {
	seeds := uint64(1000)
	if testing.Short() {
		seeds = 200
	}
	failed := 0
	for seed := range seeds {
		if !lifeStory(t, seed) {
			if failed++; failed > 2 {
				return
			}
		}
	}
}

func lifeStory(t *testing.T, seed uint64) (ok bool) {
	r := ladder()
	r.Limits = Limits{}
	r.MaxSessions = 3
	w := &lifeWorld{rng: rand.New(rand.NewPCG(seed, 7)), rules: r, now: noon, given: map[int]bool{}}
	w.case_ = &Case{ID: "c-1", Subscriber: "alice", State: Restricting, Profile: "garden", Rule: "garden",
		Mode: ModeEnforce, Source: "ids", OpenedAt: noon, ExpiresAt: noon.Add(time.Hour), Generation: 1}
	defer func() {
		if p := recover(); p != nil {
			t.Errorf("seed %d: %v\n%v", seed, p, w.log)
			ok = false
		}
	}()
	for range 5 + w.rng.IntN(40) {
		w.now = w.now.Add(time.Duration(w.rng.IntN(600)) * time.Second)
		w.disturb()
		if w.rng.IntN(3) > 0 {
			w.pass(false)
		}
		if w.case_.State == Closed {
			break
		}
	}
	if w.case_.State != Closed && w.case_.State != Releasing {
		_ = w.case_.ReleaseBy("noc", "end", "", w.now, w.now)
	}
	idle := 0
	for range 400 {
		if w.case_.State == Closed {
			break
		}
		before := w.case_.Clone()
		n := w.pass(true)
		next := w.case_.NextDue(w.now)
		if n == 0 && w.case_.State == before.State && !next.After(w.now) {
			if idle++; idle > 3 {
				t.Errorf("seed %d: busy: %s %+v", seed, w.case_.State, w.case_.Sessions)
				return false
			}
		}
		if next.After(w.now) {
			w.now = next
		}
	}
	for i, f := range w.force {
		if len(f) > 0 && w.lines[i].Live() {
			for _, l := range w.log {
				t.Log(l)
			}
			t.Errorf("seed %d: line %s has %v, the case is %s: %+v", seed, w.lines[i].ID, f, w.case_.State, w.case_.Sessions)
			return false
		}
	}
	if w.case_.State != Closed {
		t.Errorf("seed %d: the case is %s: %+v", seed, w.case_.State, w.case_.Sessions)
		return false
	}
	return true
}
