package quarantine

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

// lines are sessions of one User-Name, each a line of its own, on this BNG.
func lines(bng string, n int) []Session {
	var all []Session
	for i := range n {
		key := SessionKey{BNG: bng, ID: fmt.Sprint("s", i)}
		all = append(all, Session{SessionKey: key, Subscriber: "guest", StartedAt: noon, SeenAt: noon, StartSeen: true})
	}
	return all
}

var byHand = ManualQuarantine{Subscriber: "guest", Profile: "garden", Reason: "bot", For: time.Hour, By: "noc"}

func TestByHandASharedNameIsRestrictedOnlyByAPersonWhoKnowsItIsOne(t *testing.T) {
	rules := rulebook(ModeEnforce) // two sessions are allowed
	s := Situation{Sessions: lines("bng1", 6)}
	c, reserve, err := rules.Quarantine(byHand, s, "c-1", noon)
	var shared *SharedNameError
	if !errors.As(err, &shared) || shared.Lines != 6 || shared.Max != 2 || c != nil || reserve != nil {
		t.Fatalf("case %+v, %v", c, err)
	}
	for _, word := range []string{"guest", "6 lines", "max_sessions", "all_sessions", "--all-sessions"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("%q does not say %q", err, word)
		}
	}
	all := byHand
	all.AllSessions = true
	if c, reserve, err = rules.Quarantine(all, s, "c-1", noon); err != nil {
		t.Fatal(err)
	}
	if orders := c.Plan(Snapshot{Now: noon, Sessions: s.Sessions, MaxSessions: rules.MaxSessions}); len(orders) != 6 ||
		reserve.Scopes[0].Weight != 6 {
		t.Fatalf("%d orders, counted as %+v", len(orders), reserve.Scopes[0])
	}
}

func TestByHandLinesThatMayNotBeTouchedAreNotCounted(t *testing.T) {
	rules := rulebook(ModeEnforce)
	s := Situation{Sessions: lines("bng1", 6)}
	for i := range s.Sessions[2:] {
		one := &s.Sessions[2+i]
		switch i % 3 {
		case 0:
			one.EndedAt = noon
		case 1:
			one.Suspect = true
		default:
			one.Ignored = true
		}
	}
	if _, _, err := rules.Quarantine(byHand, s, "c-1", noon); err != nil {
		t.Fatal(err)
	}
}

// guest has one line when a person restricts him, and three later.
func TestANameThatTurnsOutToBeSharedIsHeldEvenIfAPersonRestrictedIt(t *testing.T) {
	rules := rulebook(ModeEnforce)
	all := lines("bng1", 3)
	for _, known := range []bool{false, true} {
		w := byHand
		w.AllSessions = known
		c, _, err := rules.Quarantine(w, Situation{Sessions: all[:1]}, "c-1", noon)
		if err != nil {
			t.Fatal(err)
		}
		if orders := c.Plan(Snapshot{Now: noon, Sessions: all[:1], MaxSessions: rules.MaxSessions}); len(orders) != 1 {
			t.Fatalf("orders %+v", orders)
		}
		orders := c.Plan(Snapshot{Now: at(60), Sessions: all, MaxSessions: rules.MaxSessions})
		switch held := c.State == CaseHeld && c.Hold.Kind == HoldMaxSessions; {
		case known && (held || len(c.Sessions) != 3):
			t.Errorf("who said all of them: %s %v, %d sessions", c.State, c.Hold, len(c.Sessions))
		case !known && (!held || len(c.Sessions) != 1 || len(orders) != 0):
			t.Errorf("who did not: %s %v, %d sessions, orders %+v", c.State, c.Hold, len(c.Sessions), orders)
		}
	}
}

// guest has one line when a person restricts him, and six when the person, who is
// asked, says that all of them are meant: the case is the same, five more are counted.
func TestAPersonsCaseThatIsWidenedIsCountedAsTheFurtherLines(t *testing.T) {
	rules := rulebook(ModeEnforce)
	all := append(lines("bng1", 4), lines("bng2", 2)...)
	linked := append(lines("bng1", 1), lines("bng2", 1)...)
	for i := range linked {
		linked[i].Attributes = []Attribute{{Name: multiSessionID, Value: "one line"}}
	}
	twice := append(slices.Clone(linked[:1]), linked[0])
	twice[1].ID = "again"
	for name, c := range map[string]struct {
		first, then []Session
		want        string // weights: hour, and each BNG; empty: no reservation
	}{
		"further lines on two BNGs":   {all[:1], all, "hour=5 bng:bng1:hour=3 bng:bng2:hour=2"},
		"further lines on another":    {all[:4], all, "hour=2 bng:bng2:hour=2"},
		"nobody was on line":          {nil, all, "hour=5 bng:bng1:hour=4 bng:bng2:hour=2"},
		"the same line":               {all[:1], all[:1], ""},
		"another session of the line": {twice[:1], twice, ""},
		"one came on line":            {nil, all[:1], ""},
		"one moved to another BNG":    {all[:1], all[4:5], ""},
		"one moved, and one came":     {all[:1], all[4:6], "hour=1 bng:bng2:hour=2"},
		"fewer":                       {all, all[:2], ""},
	} {
		manual := byHand
		manual.AllSessions = true
		one, first, err := rules.Quarantine(manual, Situation{Sessions: c.first}, "c-1", noon)
		if err != nil || first == nil {
			t.Fatalf("%s: %v", name, err)
		}
		one.Plan(Snapshot{Now: noon, Sessions: c.first, MaxSessions: rules.MaxSessions})
		manual.Profile, manual.Replace = "block-smtp", true // what is wanted may change with it
		wide, further, err := rules.Quarantine(manual, Situation{Dossier: Dossier{Case: one}, Sessions: c.then}, "c-2", at(60))
		if err != nil || wide.ID != "c-1" {
			t.Fatalf("%s: %+v, %v", name, wide, err)
		}
		if got := weights(further); got != c.want || further != nil && (!further.Forced || further.ID == first.ID) {
			t.Errorf("%s: counted as %+v, %q; want %q", name, further, got, c.want)
		}
		wide.Plan(Snapshot{Now: at(60), Sessions: c.then, MaxSessions: rules.MaxSessions})
		if _, again, err := rules.Quarantine(manual, Situation{Dossier: Dossier{Case: wide}, Sessions: c.then}, "c-3", at(120)); err != nil ||
			again != nil {
			t.Errorf("%s: the same said once more is counted as %+v, %v", name, again, err)
		}
	}
}

// weights are those of the hour and of each BNG.
func weights(r *Reservation) string {
	var texts []string
	if r != nil {
		for i, s := range r.Scopes {
			if i == 0 || strings.HasPrefix(s.Key, "bng:") {
				texts = append(texts, fmt.Sprintf("%s=%d", s.Key, s.Weight))
			}
		}
	}
	return strings.Join(texts, " ")
}

func TestWhoApprovesKnowsOfHowManyLines(t *testing.T) {
	rules := rulebook(ModeApprove)
	all := lines("bng1", 6)
	d := rules.Decide(verdict("botnet", 0.9, noon), "guest", Situation{Sessions: all}, "c-1", noon)
	if d.Case.Hold == nil || d.Case.Hold.Kind != HoldMaxSessions || !strings.Contains(d.Case.Hold.Detail, "6 live sessions") {
		t.Fatalf("held: %v", d.Case.Hold)
	}
	reserve, err := rules.Approve(d.Case, all, "noc", "looked at it", at(1))
	if err != nil || reserve.Scopes[0].Weight != 6 {
		t.Fatalf("counted as %+v, %v", reserve, err)
	}
	if orders := d.Case.Plan(Snapshot{Now: at(1), Sessions: all, MaxSessions: rules.MaxSessions}); len(orders) != 6 {
		t.Fatalf("%d orders after the approval: %v", len(orders), d.Case.Hold)
	}

	// Who approves a hold that spoke of something else is asked again.
	d = rules.Decide(verdict("botnet", 0.9, noon), "guest", Situation{Sessions: all[:1]}, "c-2", noon)
	if d.Case.Hold == nil || d.Case.Hold.Kind != HoldMode {
		t.Fatalf("held: %v", d.Case.Hold)
	}
	if _, err := rules.Approve(d.Case, all, "noc", "looked at it", at(1)); err != nil {
		t.Fatal(err)
	}
	if orders := d.Case.Plan(Snapshot{Now: at(1), Sessions: all, MaxSessions: rules.MaxSessions}); len(orders) != 0 ||
		d.Case.State != CaseHeld || d.Case.Hold.Kind != HoldMaxSessions {
		t.Fatalf("%d orders, %s %v", len(orders), d.Case.State, d.Case.Hold)
	}
}

func TestALimitCountsLines(t *testing.T) {
	linked := lines("bng1", 2)
	for i := range linked {
		linked[i].Attributes = []Attribute{{Name: multiSessionID, Value: "one line"}}
	}
	ended := lines("bng1", 2)
	ended[0].EndedAt = noon
	for name, c := range map[string]struct {
		sessions []Session
		want     string // weight of the first three scopes, then of each BNG
	}{
		"nobody on line":           {nil, "0 0 0"},
		"one line":                 {lines("bng1", 1), "1 1 1 bng:bng1:hour=1"},
		"six on two BNGs":          {append(lines("bng1", 4), lines("bng2", 2)...), "6 6 6 bng:bng1:hour=4 bng:bng2:hour=2"},
		"two sessions of one line": {linked, "1 1 1 bng:bng1:hour=1"},
		"one of two has ended":     {ended, "1 1 1 bng:bng1:hour=1"},
	} {
		r := DefaultLimits.Reserve(&Case{ID: "c-1", Generation: 2, Source: "ids"}, c.sessions, false)
		var got []string
		for i, s := range r.Scopes {
			if i < 3 {
				got = append(got, fmt.Sprint(s.Weight))
			} else {
				got = append(got, fmt.Sprintf("%s=%d", s.Key, s.Weight))
			}
			if s.Units() != max(1, s.Weight) {
				t.Errorf("%s: %s takes %d units", name, s.Key, s.Units())
			}
		}
		if text := strings.Join(got, " "); text != c.want || r.ID != "c-1/2" {
			t.Errorf("%s: %s of %s, want %s", name, text, r.ID, c.want)
		}
	}
	for _, c := range []struct{ weight, most, want int }{{0, 20, 1}, {6, 20, 6}, {900, 20, 900}, {50000, 20, maxUnits},
		{50000, 30000, 30001}, {50000, 0, maxUnits}} {
		if s := (LimitScope{Weight: c.weight, Max: c.most}); s.Units() != c.want {
			t.Errorf("%d lines of %d: %d units, want %d", c.weight, c.most, s.Units(), c.want)
		}
	}
	one, six := &LimitError{LimitScope{Label: "20 lines per hour", Weight: 1}}, &LimitError{LimitScope{Label: "20 lines per hour", Weight: 6}}
	if one.Error() != "limit reached: 20 lines per hour" || six.Error() != "limit reached: 20 lines per hour; this subscriber has 6 lines" {
		t.Errorf("%q, %q", one, six)
	}
}
