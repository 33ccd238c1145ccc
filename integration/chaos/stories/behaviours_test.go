package stories

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cordon/radiusx/bngsim"
)

// behaviour is one way in which a lab BNG is as bad as real gear, while a line is
// restricted and released once.
type behaviour struct {
	name   string
	quirks []bngsim.Quirk   // from the beginning to the end
	fits   func(*gear) bool // which gear it makes sense for; nil: every
	before func(*cell)      // the restriction; may be nil
	begin  func(*cell)      // right before the release; may be nil
	slow   bool             // the restriction may take five minutes, for it is asked for again slowly
	heals  time.Duration    // how long after the release the gear is sound again
	heal   func(*cell)      // makes it sound
}

// behaviours is every behaviour.
var behaviours = []behaviour{
	{name: "itself"},
	{name: "a restriction is done and refused", quirks: []bngsim.Quirk{bngsim.NAKsRestrict}},
	{name: "a release is done and refused", quirks: []bngsim.Quirk{bngsim.NAKsRestore}},
	{name: "both are done and refused", quirks: []bngsim.Quirk{bngsim.NAKsRestrict, bngsim.NAKsRestore}},
	{name: "a change renames the session, with Stop and Start", quirks: []bngsim.Quirk{bngsim.SessionIDChanges}},
	{name: "a restriction renames the session unseen", quirks: []bngsim.Quirk{bngsim.Hides}},
	{name: "the client is let in again", quirks: []bngsim.Quirk{bngsim.MACAuth}, fits: makes(bngsim.CoovaChilli)},
	{name: "limits are replaced", before: (*cell).hasLimits, fits: makes(bngsim.CoovaChilli)},
	{name: "sets are shared with billing", before: (*cell).isSuspended, fits: hasSets},
	{name: "billing comes after the release", heals: time.Minute, heal: (*cell).billingComes, fits: hasSets},
	{name: "restart with Accounting-On", begin: func(c *cell) { c.restart(true, false) }, heals: 20 * time.Second},
	{name: "restart without Accounting-On", begin: func(c *cell) { c.restart(false, false) }, heals: 20 * time.Second},
	{name: "restart without Accounting-On, another address", begin: func(c *cell) { c.restart(false, true) }, heals: 20 * time.Second},
	{name: "restart before the release", before: func(c *cell) { c.w.later(2*time.Minute, func() { c.restart(false, false) }) }},
	{
		name: "503 for live sessions at the release", heals: 4 * time.Minute,
		begin: func(c *cell) { c.box.misbehave(func(f *bngsim.Faults) { f.NAK = bngsim.SessionNotFound }) },
		heal:  func(c *cell) { c.box.misbehave(func(f *bngsim.Faults) { f.NAK = bngsim.OK }) },
	},
	{name: "503 for live sessions at the restriction", slow: true, quirks: []bngsim.Quirk{bngsim.NotFound}},
	{name: "slow hooks drop", slow: true, quirks: []bngsim.Quirk{bngsim.SlowHooks}},
	{name: "slow hooks queue", slow: true, quirks: []bngsim.Quirk{bngsim.QueuedHooks}},
	{name: "a late duplicate", quirks: []bngsim.Quirk{bngsim.LateDuplicate}},
	{
		name: "datagrams are lost, doubled and late", slow: true, heals: 2 * time.Minute,
		before: func(c *cell) {
			c.box.reach(bngsim.Link{Lose: 0.3, Double: 0.3, Delay: healthy.Delay, Jitter: 2 * time.Second})
		},
		heal: func(c *cell) { c.box.reach(healthy) },
	},
	{
		name: "the link is down at the release", heals: 5 * time.Minute,
		begin: func(c *cell) { c.box.reach(bngsim.Link{Lose: 1}) },
		heal:  func(c *cell) { c.box.reach(healthy) },
	},
	{
		name: "answers are lost at the restriction", slow: true,
		before: func(c *cell) {
			c.box.misbehave(func(f *bngsim.Faults) { f.Out.Lose = 1 })
			c.w.later(time.Minute, func() { c.box.misbehave(func(f *bngsim.Faults) { f.Out.Lose = 0 }) })
		},
	},
}

func makes(of ...bngsim.Make) func(*gear) bool {
	return func(g *gear) bool { return slices.Contains(of, g.make) }
}

func hasSets(g *gear) bool { return g.ipset != "" }

// cell is one story of the matrix: a gear, a behaviour, a way of release.
type cell struct {
	w         *World
	box       *box
	subject   *person
	neighbour *person
}

func (c *cell) hasLimits() {
	c.subject.line.Profile.SessionTimeout, c.subject.line.Profile.Interim = 86400, 120
	c.subject.logOut()
	c.w.pass(time.Second)
	c.subject.logIn()
	c.w.pass(5 * time.Second)
}

func (c *cell) isSuspended() { c.subject.bills(true) }

func (c *cell) billingComes() { c.subject.bills(true) }

// restart loses all sessions; the clients come back.
func (c *cell) restart(says, readdressed bool) {
	c.box.sim.Crash()
	if says {
		_ = c.box.sim.On(over)
	}
	if readdressed {
		c.subject.line.IPv4 = c.w.nextAddress()
	}
	for _, p := range []*person{c.subject, c.neighbour} {
		c.w.later(15*time.Second, p.logInIfOff)
	}
}

// byPerson and byExpiry are the ways in which a case ends.
const (
	byPerson = "by person"
	byExpiry = "by expiry"
)

// exceptions are cells that cannot hold, with the reason: gear, behaviour. "*" is
// every gear but those of except.
var exceptions = []struct {
	behaviour string
	except    []string // gear for which it holds all the same
	why       string
}{
	{
		"a restriction renames the session unseen", []string{"coova-chilli"},
		"no other make is known to rename a session without a Start, so no other dialect follows one by its login",
	},
}

func excepted(g *gear, b *behaviour) bool {
	for _, e := range exceptions {
		if e.behaviour == b.name && !slices.Contains(e.except, g.name()) {
			return true
		}
	}
	return false
}

// eachCell runs f for every gear, behaviour and way of release that make sense.
func eachCell(t *testing.T, f func(t *testing.T, g gear, b *behaviour, ends string)) {
	for _, g := range modelled {
		for i := range behaviours {
			b := &behaviours[i]
			if b.fits != nil && !b.fits(&g) {
				continue
			}
			for _, ends := range []string{byPerson, byExpiry} {
				t.Run(g.name()+"/"+b.name+"/"+ends, func(t *testing.T) { t.Parallel(); f(t, g, b, ends) })
			}
		}
	}
}

func TestEveryDialectUnderEveryBehaviourRestrictsAndReleases(t *testing.T) {
	eachCell(t, func(t *testing.T, g gear, b *behaviour, ends string) {
		if excepted(&g, b) {
			return // see TestTheExceptionsAreNeeded
		}
		failures, tale := inCell(t, g, b, ends)
		if len(failures) == 0 {
			return
		}
		t.Logf("\n%s", tale)
		for _, f := range failures {
			t.Error(f)
		}
	})
}

func TestTheExceptionsAreNeeded(t *testing.T) {
	for _, e := range exceptions {
		if e.why == "" || !slices.ContainsFunc(behaviours, func(b behaviour) bool { return b.name == e.behaviour }) {
			t.Errorf("%+v: no such behaviour, or no reason", e)
		}
	}
	eachCell(t, func(t *testing.T, g gear, b *behaviour, ends string) {
		if !excepted(&g, b) {
			return
		}
		if failures, _ := inCell(t, g, b, ends); len(failures) == 0 {
			t.Error("all is well: no exception is needed")
		}
	})
}

// inCell tells one story and returns what is wrong, with the tale.
func inCell(t *testing.T, g gear, b *behaviour, ends string) (failures []string, tale string) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1, []boxPlan{{g, b.quirks}}, 1)
		if b.slow {
			w.lasting(8 * time.Minute)
		} else {
			w.lasting(4 * time.Minute)
		}
		defer w.end()
		c := &cell{w: w, box: w.boxes[0], subject: w.newPerson(w.boxes[0]), neighbour: w.newPerson(w.boxes[0])}
		c.subject.logIn()
		c.neighbour.logIn()
		w.pass(10 * time.Second)
		if b.before != nil {
			b.before(c)
		}
		w.report(c.subject, w.instances[0])
		c.stands(b)
		c.ends(b, ends)
		failures, tale = w.failures, w.tale.String()
	})
	return failures, tale
}

// lookEvery is how often the data plane is looked at.
const lookEvery = 5 * time.Second

// stands lets all but the last minute of the case go by, in which the subject is restricted, but for a minute after
// each log-in.
func (c *cell) stands(b *behaviour) {
	free, grace := time.Duration(0), within
	if b.slow {
		grace = 6 * time.Minute
	}
	for past := time.Duration(0); past < c.w.lasts-time.Minute; past += lookEvery {
		c.w.pass(lookEvery)
		if free += lookEvery; !c.subject.online() || len(c.subject.restricted()) > 0 || c.subject.inBillingsSet() {
			free = 0
		}
		if free > within && past > grace {
			c.w.fail("the case stands, and the line is free for a minute; case: %s", describe(c.w.openCase(c.subject)))
			return
		}
	}
}

// ends ends the case, and looks at the line until all late datagrams are over.
func (c *cell) ends(b *behaviour, how string) {
	var at time.Time
	if open := c.w.openCase(c.subject); open != nil {
		at = open.ExpiresAt
	}
	if how == byExpiry {
		c.w.pass(time.Until(at) - time.Second)
	}
	if b.begin != nil {
		b.begin(c)
	}
	if how == byPerson {
		c.w.release(c.subject, c.w.instances[0])
	} else {
		c.w.pass(time.Second)
	}
	if b.heal != nil {
		c.w.later(b.heals, func() { c.w.tale.note("the gear is sound again"); b.heal(c) })
	}
	c.w.pass(b.heals + within)
	for range 90 * time.Second / lookEvery {
		if now := c.subject.restricted(); len(now) > 0 {
			c.w.fail("released, and %s has %s; case: %s", now[0].ID, now[0].State, describe(c.w.openCase(c.subject)))
			return
		}
		c.w.pass(lookEvery)
	}
}
