package stories

import (
	"slices"
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
	{name: "the client is let in again", quirks: []bngsim.Quirk{bngsim.MACAuth}, fits: platforms(bngsim.CoovaChilli)},
	{name: "sets are shared with billing", before: (*cell).billingSuspends, fits: hasSets},
	{name: "billing comes after the release", heals: time.Minute, heal: (*cell).billingSuspends, fits: hasSets},
	{name: "restart with Accounting-On", begin: func(c *cell) { c.restart(true, false) }, heals: 20 * time.Second},
	{name: "restart without Accounting-On", begin: func(c *cell) { c.restart(false, false) }, heals: 20 * time.Second},
	{name: "restart without Accounting-On, another address", begin: func(c *cell) { c.restart(false, true) }, heals: 20 * time.Second},
	{name: "restart before the release", before: func(c *cell) { c.w.later(time.Minute, func() { c.restart(false, false) }) }},
	{
		name: "503 for live sessions at the release", heals: 4 * time.Minute,
		begin: func(c *cell) { c.bng.misbehave(func(f *bngsim.Faults) { f.NAK = bngsim.SessionNotFound }) },
		heal:  func(c *cell) { c.bng.misbehave(func(f *bngsim.Faults) { f.NAK = bngsim.OK }) },
	},
	{name: "503 for live sessions at the restriction", slow: true, quirks: []bngsim.Quirk{bngsim.NotFound}},
	{name: "slow hooks drop", slow: true, quirks: []bngsim.Quirk{bngsim.SlowHooks}},
	{name: "slow hooks queue", slow: true, quirks: []bngsim.Quirk{bngsim.QueuedHooks}},
	{name: "a late duplicate", quirks: []bngsim.Quirk{bngsim.LateDuplicate}},
	{
		name: "datagrams are lost, doubled and late", slow: true, heals: 2 * time.Minute,
		before: func(c *cell) {
			c.bng.reach(bngsim.Link{Lose: 0.3, Double: 0.3, Delay: healthy.Delay, Jitter: 2 * time.Second})
		},
		heal: func(c *cell) { c.bng.reach(healthy) },
	},
	{
		name: "the link is down at the release", heals: 5 * time.Minute,
		begin: func(c *cell) { c.bng.reach(bngsim.Link{Lose: 1}) },
		heal:  func(c *cell) { c.bng.reach(healthy) },
	},
	{
		name: "answers are lost at the restriction", slow: true,
		before: func(c *cell) {
			c.bng.misbehave(func(f *bngsim.Faults) { f.Out.Lose = 1 })
			c.w.later(time.Minute, func() { c.bng.misbehave(func(f *bngsim.Faults) { f.Out.Lose = 0 }) })
		},
	},
}

func platforms(of ...bngsim.Platform) func(*gear) bool {
	return func(g *gear) bool { return slices.Contains(of, g.platform) }
}

func hasSets(g *gear) bool { return g.ipset != "" }
