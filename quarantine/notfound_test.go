package quarantine

import (
	"net/netip"
	"strings"
	"testing"
	"time"
)

// notFound is a case that is being released, of one session whose BNG has just
// answered that it does not know it.
func notFound(t *testing.T) *Case {
	t.Helper()
	s := sess("1", "alice", noon)
	s.Addresses = []Address{{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: FramedIP}}
	s.Attributes = []Attribute{{"NAS-Port-Id", "ge-1/0/3:100"}, {"Calling-Station-Id", "02:00:5e:00:53:0a"}}
	c := wantingCase(noon)
	restrictAll(t, c, snapshotAt(noon, s))
	if err := c.ReleaseBy("noc", "cleaned", "", noon.Add(20*time.Minute), noon.Add(20*time.Minute)); err != nil {
		t.Fatal(err)
	}
	answerAll(c, snapshotAt(noon.Add(20*time.Minute), s), Outcome{Kind: OutcomeSessionGone, ErrorCause: 503})
	if c.State != Releasing || c.Sessions[0].Enforcement != Refused {
		t.Fatalf("after one 503 the case is %s, its session %s", c.State, c.Sessions[0].Enforcement)
	}
	return c
}

func restrictAll(t *testing.T, c *Case, in Snapshot) {
	t.Helper()
	answerAll(c, in, Outcome{Kind: OutcomeAcked})
	if c.State != Restricted {
		t.Fatalf("the case is %s", c.State)
	}
}

// answerAll carries a pass out; every order comes to the same.
func answerAll(c *Case, in Snapshot, out Outcome) (orders []Order) {
	orders = c.Plan(in)
	for i := range orders {
		c.Dispatch(&orders[i], in.Now)
		c.Observe(orders[i], out, in.Now)
	}
	return orders
}

func TestWhatEndsASessionThatItsBNGDoesNotKnow(t *testing.T) {
	old := noon.Add(20 * time.Minute)
	port := func(id, port string, began time.Time) Session {
		s := sess(id, "alice", began)
		s.Attributes = []Attribute{{"NAS-Port-Id", port}}
		return s
	}
	holder := func(id string, from time.Time) Binding {
		return Binding{Address: Address{Prefix: netip.MustParsePrefix("198.51.100.7/32"), Kind: FramedIP},
			Session: SessionKey{"bng1", id}, Subscriber: "bob", From: from}
	}
	line := func(string) []string { return []string{"NAS-Port-Id"} }
	for name, in := range map[string]struct {
		change   func(s *Session)
		snapshot Snapshot
		because  string // empty: it goes on
	}{
		"nothing":                               {},
		"a Stop":                                {change: func(s *Session) { s.EndedAt = old }, because: "ended"},
		"a restart announced since":             {change: func(s *Session) { s.Suspect, s.Restarted = true, true }, because: "restart"},
		"three Interim-Updates left out before": {change: func(s *Session) { s.Suspect = true }},
		"somebody holds its address since":      {snapshot: Snapshot{Holders: []Binding{holder("9", old)}}, because: "address"},
		"somebody held its address before":      {snapshot: Snapshot{Holders: []Binding{holder("9", noon.Add(-time.Hour))}}},
		"it holds its address itself":           {snapshot: Snapshot{Holders: []Binding{holder("1", old)}}},
		"another session, lines are not known":  {snapshot: Snapshot{Sessions: []Session{port("2", "ge-1/0/3:100", old)}}},
		"another session of its line": {snapshot: Snapshot{OneSessionPer: line, Sessions: []Session{port("2", "ge-1/0/3:100", old)}},
			because: "on its line"},
		"another session of another line": {snapshot: Snapshot{OneSessionPer: line, Sessions: []Session{port("2", "ge-1/0/3:101", old)}}},
		"an older session of its line": {snapshot: Snapshot{OneSessionPer: line,
			Sessions: []Session{port("0", "ge-1/0/3:100", noon.Add(-time.Hour))}}},
		"the source of sessions lists it no more": {snapshot: Snapshot{Present: true}, change: func(s *Session) { *s = Session{} },
			because: "does not list it"},
	} {
		t.Run(name, func(t *testing.T) {
			c := notFound(t)
			record := c.Sessions[0].Session
			if in.change != nil {
				in.change(&record)
			}
			in.snapshot.Now, in.snapshot.MaxSessions = old.Add(time.Second), 4
			if record.ID != "" {
				in.snapshot.Sessions = append(in.snapshot.Sessions, record)
			}
			orders := c.Plan(in.snapshot)
			if in.because == "" {
				if len(orders) != 1 || c.State != Releasing {
					t.Fatalf("%d orders, the case is %s", len(orders), c.State)
				}
				return
			}
			if len(orders) != 0 || c.State != Closed || !strings.Contains(c.Sessions[0].Reason, in.because) {
				t.Fatalf("%d orders, the case is %s: %q", len(orders), c.State, c.Sessions[0].Reason)
			}
		})
	}
}

func TestNotFoundAloneEndsASessionAfterThreeInterimIntervals(t *testing.T) {
	for name, in := range map[string]struct {
		interim time.Duration
		until   time.Duration // 0: it goes on for ever
	}{"every 30 minutes": {30 * time.Minute, 90 * time.Minute}, "every minute": {time.Minute, 3 * time.Minute}, "not known": {}} {
		t.Run(name, func(t *testing.T) {
			c := notFound(t)
			began := c.Sessions[0].GoneSince
			record := c.Sessions[0].Session
			tries, now := 0, began
			for now.Before(began.Add(48 * time.Hour)) {
				snapshot := snapshotAt(now, record)
				snapshot.Interim = func(string) time.Duration { return in.interim }
				tries += len(answerAll(c, snapshot, Outcome{Kind: OutcomeSessionGone, ErrorCause: 503}))
				if !c.Open() {
					break
				}
				now = c.NextDue(now)
			}
			switch after := now.Sub(began); {
			case in.until == 0 && (!c.Open() || tries < 200):
				t.Errorf("the case is %s after %s and %d tries", c.State, after, tries)
			case in.until > 0 && (c.Open() || after < in.until || after > in.until+2*goneCap):
				t.Errorf("the case is %s after %s", c.State, after)
			}
		})
	}
}

func TestASessionHeardOfSinceIsThere(t *testing.T) {
	c := notFound(t)
	record := c.Sessions[0].Session
	record.SeenAt = noon.Add(21 * time.Minute)
	snapshot := snapshotAt(record.SeenAt, record)
	snapshot.Holders = []Binding{{Address: record.Addresses[0], Session: SessionKey{"bng1", "9"},
		From: noon.Add(20*time.Minute + 30*time.Second)}}
	if orders := answerAll(c, snapshot, Outcome{Kind: OutcomeAcked}); len(orders) != 1 || c.State != Closed || c.Sessions[0].Reason != "" {
		t.Errorf("%d orders, the case is %s: %q", len(orders), c.State, c.Sessions[0].Reason)
	}
}

func TestPlacesAreOfSessionsThatAreNotFound(t *testing.T) {
	c := notFound(t)
	if got := c.Places(); len(got) != 1 || got[0].Addr != netip.MustParseAddr("198.51.100.7") {
		t.Errorf("%v", got)
	}
	c.Sessions[0].GoneSince = time.Time{}
	if got := c.Places(); len(got) != 0 {
		t.Errorf("of one that is known: %v", got)
	}
}

// goneCap is the longest delay between two tries at a session that is not known.
var goneCap = retryRule(OutcomeSessionGone, ActionRestore).Cap
