package quarantine

import (
	"testing"
	"time"
)

// accel-ppp puts a redirect in force and then answers NAK, because a later hook
// failed.
func TestWhatWasPerhapsAppliedIsUndone(t *testing.T) {
	for name, in := range map[string]struct {
		outs []Outcome // of the restriction, try by try
		want bool      // that the release is sent
		nak  bool      // and that it was only refused is known then
	}{
		"acked":                        {[]Outcome{{Kind: OutcomeAcked}}, true, false},
		"unanswered":                   {[]Outcome{{Kind: OutcomeUnanswered}}, true, false},
		"refused":                      {[]Outcome{{Kind: OutcomeRefused}}, true, true},
		"refused twice":                {[]Outcome{{Kind: OutcomeRefused, ErrorCause: 404}, {Kind: OutcomeRefused, ErrorCause: 404}}, true, true},
		"unanswered, then refused":     {[]Outcome{{Kind: OutcomeUnanswered}, {Kind: OutcomeRefused}}, true, false},
		"refused, then not sent":       {[]Outcome{{Kind: OutcomeRefused}, {Kind: OutcomeNotSent}}, true, true},
		"refused, then not found":      {[]Outcome{{Kind: OutcomeRefused}, {Kind: OutcomeSessionGone, ErrorCause: 503}}, true, true},
		"not sent":                     {[]Outcome{{Kind: OutcomeNotSent}}, false, false},
		"refused before anything left": {[]Outcome{{Kind: OutcomeRefused, Untouched: true}}, false, false},
		"not found":                    {[]Outcome{{Kind: OutcomeSessionGone, ErrorCause: 503}}, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := sess("1", "alice", noon)
			c := wantingCase(noon)
			at := noon
			for _, out := range in.outs {
				if orders := answerAll(c, snapshotAt(at, s), out); len(orders) != 1 || !orders[0].Restricts() {
					t.Fatalf("orders: %+v", orders)
				}
				at = c.NextDue(at)
			}
			if err := c.ReleaseBy("noc", "cleaned", "", at, at); err != nil {
				t.Fatal(err)
			}
			orders := answerAll(c, snapshotAt(at, s), Outcome{Kind: OutcomeAcked})
			if !in.want {
				if len(orders) != 0 || c.State != Closed {
					t.Errorf("the case is %s: %+v", c.State, orders)
				}
				return
			}
			if len(orders) != 1 || orders[0].Restricts() || orders[0].From[0].Profile != "walled-garden" {
				t.Fatalf("orders: %+v", orders)
			}
			if a := orders[0].From[0]; a.Naked != in.nak || orders[0].Confirmed != (in.outs[0].Kind == OutcomeAcked) {
				t.Errorf("only refused %t, confirmed %t", a.Naked, orders[0].Confirmed)
			}
		})
	}
}

// The cause of the last refusal goes along: whoever is refused the undo for the same
// one knows that there is nothing to be undone.
func TestTheCauseOfARefusalIsRemembered(t *testing.T) {
	s, c := sess("1", "alice", noon), wantingCase(noon)
	answerAll(c, snapshotAt(noon, s), Outcome{Kind: OutcomeRefused, ErrorCause: 404})
	later := noon.Add(2 * time.Hour)
	answerAll(c, snapshotAt(later, s), Outcome{Kind: OutcomeRefused, ErrorCause: 401})
	if a := c.Sessions[0].Applied; len(a) != 1 || a[0].Cause != 401 {
		t.Errorf("%+v", a)
	}
}
