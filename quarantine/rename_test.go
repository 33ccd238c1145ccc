package quarantine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// hotspot is a case whose one session is restricted by what outlives it, the record of
// the end of that session, and the next minute.
func hotspot(t *testing.T, out OutcomeKind) (c *Case, stopped Session, now time.Time) {
	t.Helper()
	now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	s := Session{
		SessionKey: SessionKey{"hotspot", "1"}, Subscriber: "alice", StartedAt: now.Add(-time.Hour),
		SeenAt: now.Add(-time.Minute), StartSeen: true,
		Attributes: []Attribute{{"Calling-Station-Id", "02-00-00-00-00-01"}},
	}
	c = &Case{ID: "c1", Subscriber: "alice", State: Restricting, Profile: "garden", ExpiresAt: now.Add(time.Hour)}
	orders := c.Plan(Snapshot{Now: now, Sessions: []Session{s}, MaxSessions: 4})
	if len(orders) != 1 || orders[0].To != "garden" {
		t.Fatalf("orders %+v", orders)
	}
	orders[0].Prepare(Preparation{Undo: "limits", Outlives: true})
	c.Dispatch(&orders[0], now)
	c.Observe(orders[0], Outcome{Kind: out}, now)
	s.EndedAt, s.SeenAt = now.Add(time.Second), now.Add(time.Second)
	return c, s, now.Add(time.Minute)
}

// plan is a look that finds these sessions.
func (c *Case) planned(now time.Time, sessions ...Session) []Order {
	return c.Plan(Snapshot{Now: now, Sessions: sessions, MaxSessions: 4})
}

func TestALineWhoseSessionEndedWithTheRestrictionStaysRestrictedAndIsReleased(t *testing.T) {
	for _, out := range []OutcomeKind{OutcomeAcked, OutcomeUnanswered} {
		c, stopped, now := hotspot(t, out)
		if orders := c.planned(now, stopped); len(orders) != 0 || c.State != Restricted || len(c.Sessions) != 1 ||
			c.Sessions[0].Enforcement != Acked {
			t.Fatalf("%s: after the Stop: orders %+v, %s, %+v", out, orders, c.State, c.Sessions)
		}
		if next := c.NextDue(now); !next.After(now) {
			t.Errorf("%s: looked at again and again", out)
		}
		c.release(now, "person", "cleaned")
		orders := c.planned(now)
		if len(orders) != 1 || orders[0].To != "" || orders[0].From[0].Undo != "limits" || orders[0].Session.ID != "1" {
			t.Fatalf("%s: the release: %+v", out, orders)
		}
		c.Dispatch(&orders[0], now)
		c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, now)
		if out == OutcomeUnanswered { // doubtful: asserted once more, by a line whose session is over
			now = now.Add(AssertDelay)
			if orders = c.planned(now, stopped); len(orders) != 1 || orders[0].From[0].Undo != "limits" {
				t.Fatalf("the assertion: %+v", orders)
			}
			c.Dispatch(&orders[0], now)
			c.Observe(orders[0], Outcome{Kind: OutcomeAcked}, now)
		}
		if c.State != Closed {
			t.Errorf("%s: %s %+v", out, c.State, c.Sessions)
		}
	}
}

func TestASessionThatOnlyRefusedIsOverAtItsStop(t *testing.T) {
	c, stopped, now := hotspot(t, OutcomeUnanswered)
	c.Sessions[0].Applied[0].Naked = true
	stopped.EndedAt = now.Add(20 * time.Minute)
	if c.planned(stopped.EndedAt, stopped); c.State != Waiting || c.Sessions[0].Enforcement != Gone {
		t.Errorf("%s %+v", c.State, c.Sessions)
	}
}

// The network doubled the request, and the NAK of the second copy came first.
func TestAStopRightAfterARefusedRestrictionShowsThatItWasDone(t *testing.T) {
	c, stopped, now := hotspot(t, OutcomeUnanswered)
	c.Sessions[0].Applied[0].Naked = true
	if c.planned(now, stopped); c.State != Restricted {
		t.Fatalf("%s %+v", c.State, c.Sessions)
	}
	c.release(now, "person", "cleaned")
	if orders := c.planned(now, stopped); len(orders) != 1 || orders[0].Restricts() || orders[0].From[0].Naked {
		t.Errorf("orders %+v", orders)
	}
}

func TestALineThatTheBNGDoesNotKnowAnyMoreIsNotOwed(t *testing.T) {
	c, stopped, now := hotspot(t, OutcomeAcked)
	c.planned(now, stopped)
	c.release(now, "person", "cleaned")
	first := now
	for c.Open() && now.Before(first.Add(time.Hour)) {
		for _, o := range c.planned(now, stopped) {
			c.Dispatch(&o, now)
			c.Observe(o, Outcome{Kind: OutcomeSessionGone, Reason: "no such session"}, now)
		}
		if c.Open() {
			now = c.NextDue(now)
		}
	}
	if after := now.Sub(first); c.State != Closed || after < lineGoneAfter || after > lineGoneAfter+goneCap {
		t.Errorf("after %s: %s %+v", after, c.State, c.Sessions)
	}
}

func TestALineThatIsOnLineAgainTakesItsEntryAlongAndIsNoNewLogIn(t *testing.T) {
	for name, test := range map[string]struct {
		change  func(s, again *Session)
		follows bool
	}{
		"the same line":     {func(_, _ *Session) {}, true},
		"its Stop was lost": {func(s, _ *Session) { s.EndedAt = time.Time{} }, true},
		"station unknown":   {func(s, again *Session) { s.Attributes, again.Attributes = nil, nil }, true},
		"another station": {func(_, again *Session) { again.Attributes = []Attribute{{"Calling-Station-Id", "02-00-00-00-00-02"}} },
			false},
		"another BNG":             {func(_, again *Session) { again.BNG = "other" }, false},
		"it was there before":     {func(s, again *Session) { again.StartedAt = s.StartedAt.Add(time.Minute) }, false},
		"both are on line, maybe": {func(s, again *Session) { s.EndedAt, s.Attributes, again.Attributes = time.Time{}, nil, nil }, false},
	} {
		t.Run(name, func(t *testing.T) {
			c, stopped, now := hotspot(t, OutcomeAcked)
			again := Session{
				SessionKey: SessionKey{"hotspot", "2"}, Subscriber: "alice", StartedAt: now, SeenAt: now, StartSeen: true,
				Attributes: stopped.Attributes,
			}
			test.change(&stopped, &again)
			c.Sessions[0].Session.Attributes = stopped.Attributes
			orders := c.planned(now, stopped, again)
			if len(orders) != 1 || orders[0].To != "garden" || orders[0].Session.ID != again.ID {
				t.Fatalf("orders %+v", orders)
			}
			relogins := 1
			if test.follows {
				relogins = 0
			}
			if got := len(orders[0].From) > 0; got != test.follows || len(c.Relogins) != relogins ||
				(c.Sessions[0].Enforcement == Gone) != test.follows {
				t.Errorf("follows %t, relogins %d, %+v", got, len(c.Relogins), c.Sessions)
			}
			if test.follows && (orders[0].Undo != "limits" || !orders[0].Outlives || !orders[0].Prepared || orders[0].Confirmed) {
				t.Errorf("order %+v", orders[0])
			}
		})
	}
}

func TestALineThatComesBackWhileItIsReleasedIsRestoredUnderItsNewSession(t *testing.T) {
	c, stopped, now := hotspot(t, OutcomeAcked)
	c.planned(now, stopped)
	c.release(now, "person", "cleaned")
	again := Session{SessionKey: SessionKey{"hotspot", "2"}, Subscriber: "alice", StartedAt: now, SeenAt: now, StartSeen: true}
	orders := c.planned(now, stopped, again)
	if len(orders) != 1 || orders[0].To != "" || orders[0].Session.ID != "2" || orders[0].From[0].Undo != "limits" {
		t.Errorf("orders %+v", orders)
	}
}

func TestAnEndedSessionIsForgottenWhereTheRestrictionEndsWithIt(t *testing.T) {
	c, stopped, now := hotspot(t, OutcomeAcked)
	c.Sessions[0].Applied[0].Outlives = false
	if c.planned(now, stopped); c.State != Waiting || c.Sessions[0].Enforcement != Gone {
		t.Errorf("%s %+v", c.State, c.Sessions)
	}
}

// portal is an access controller with one client, as restrictions make it: at the portal
// it has no accounting session, and an id that nobody knows.
type portal struct {
	rng      *rand.Rand
	now      time.Time
	c        *Case
	client   Session // the live one; its id is "" at the portal, or when it has left
	held     bool    // at the portal because of us
	records  map[string]Session
	serial   int
	perfect  bool
	loseStop bool
}

func (p *portal) start() {
	p.serial++
	p.held = false
	p.client = Session{
		SessionKey: SessionKey{"hotspot", fmt.Sprint("s", p.serial)}, Subscriber: "alice", StartedAt: p.now, SeenAt: p.now, StartSeen: true,
		Attributes: []Attribute{{"Calling-Station-Id", "02-00-00-00-00-01"}},
	}
	p.records[p.client.ID] = p.client
}

// stop ends the accounting session; its Stop may be lost.
func (p *portal) stop() {
	if p.client.ID != "" && !p.loseStop {
		s := p.client
		s.EndedAt, s.SeenAt = p.now, p.now
		p.records[s.ID] = s
	}
	p.client.ID = ""
}

// carryOut does what CoovaChilli would, over a bad network: a restriction names the
// session's id and the user, a release the user alone.
func (p *portal) carryOut(o Order) Outcome {
	respond := p.rng.IntN(8)
	there := p.client.ID == o.Session.ID && p.client.ID != "" || !o.Restricts() && (p.held || p.client.ID != "")
	switch {
	case respond == 0 && !p.perfect:
		return Outcome{Kind: OutcomeUnanswered, Doubtful: true}
	case respond == 1 && !p.perfect:
		return Outcome{Kind: OutcomeNotSent}
	case !there && o.Restricts():
		return Outcome{Kind: OutcomeRefused}
	case !there:
		return Outcome{Kind: OutcomeSessionGone}
	case o.Restricts():
		p.stop()
		p.held = true
	case p.held:
		p.start()
	}
	if respond == 2 && !p.perfect { // the answer is lost
		return Outcome{Kind: OutcomeUnanswered, Doubtful: true}
	}
	return Outcome{Kind: OutcomeAcked}
}

func (p *portal) pass() {
	snapshot := Snapshot{Now: p.now, Interim: func(string) time.Duration { return 5 * time.Minute }, MaxSessions: 4}
	for _, s := range p.records {
		snapshot.Sessions = append(snapshot.Sessions, s)
	}
	slices.SortFunc(snapshot.Sessions, func(a, b Session) int { return a.StartedAt.Compare(b.StartedAt) })
	orders := p.c.Plan(snapshot)
	for i := range orders {
		if o := &orders[i]; o.Restricts() && !o.Prepared {
			o.Prepare(Preparation{Undo: "limits", Outlives: true})
		}
		p.c.Dispatch(&orders[i], p.now)
	}
	for _, o := range orders {
		p.c.Observe(o, p.carryOut(o), p.now)
	}
	next := p.c.NextDue(p.now)
	if next.IsZero() || next.Sub(p.now) > time.Minute {
		next = p.now.Add(time.Minute)
	}
	p.now = later(next, p.now.Add(5*time.Second))
}

func TestWhateverHappensAtThePortalAReleaseLetsTheClientIn(t *testing.T) {
	released := 0
	for seed := range uint64(3000) {
		p := &portal{rng: rand.New(rand.NewPCG(seed, 2)), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), records: map[string]Session{}}
		p.c = &Case{ID: "c-1", Subscriber: "alice", Profile: "garden", OpenedAt: p.now, ExpiresAt: p.now.Add(1000 * time.Hour), Generation: 1}
		p.c.move(Restricting, p.now, "", "opened")
		p.start()
		for range 3 + p.rng.IntN(20) {
			p.loseStop = p.rng.IntN(4) == 0
			switch p.rng.IntN(12) {
			case 0: // MAC authentication lets it in again
				if p.client.ID == "" {
					p.start()
				}
			case 1: // it logs out
				p.stop()
				p.held = false
			}
			p.pass()
		}
		held := p.held
		p.c.release(p.now, "noc", "cleaned")
		for range 5 {
			p.pass()
		}
		p.perfect = true
		for range 60 {
			p.pass()
		}
		if p.c.State != Closed || p.held {
			t.Fatalf("seed %d: %s, at the portal: %t, %+v", seed, p.c.State, p.held, p.c.Sessions)
		}
		if held {
			released++
		}
	}
	if released < 1000 {
		t.Errorf("only %d of the clients were at the portal: this test proves little", released)
	}
}

// The id that a restriction would name is over, and no other is known.
func TestALineWhoseIDNobodyKnowsGetsNoRestriction(t *testing.T) {
	c, stopped, now := hotspot(t, OutcomeUnanswered)
	c.Sessions[0].Enforcement, c.Sessions[0].NextAt = Refused, now
	for range 3 {
		if orders := c.planned(now, stopped); len(orders) > 0 || c.State != Restricted {
			t.Fatalf("%s, orders %+v", c.State, orders)
		}
		next := c.NextDue(now)
		if !next.After(now) {
			t.Fatal("looked at again and again")
		}
		now = next
	}
}

// A clone of Cisco's ISG ends the session that it changes and begins another, on which
// what it changed is in force; a line that ended for another reason leaves nothing.
func TestWhatASessionHadWhenItWasChangedIsOnTheOneThatFollows(t *testing.T) {
	for name, after := range map[string]time.Duration{"changed": time.Second, "logged out later": 10 * time.Minute} {
		c, s := wantingCase(noon), sess("1", "alice", noon)
		answerAll(c, snapshotAt(noon, s), Outcome{Kind: OutcomeAcked})
		s.EndedAt = noon.Add(after)
		next := sess("2", "alice", s.EndedAt)
		orders := c.Plan(snapshotAt(s.EndedAt, s, next))
		if len(orders) != 1 || orders[0].Session.ID != "2" || len(orders[0].From) > 0 != (after == time.Second) || orders[0].Confirmed {
			t.Errorf("%s: %+v", name, orders)
		}
	}
}
