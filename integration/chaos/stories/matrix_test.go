package stories

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"cordon/radiusx/bngsim"
)

// The ways in which a case ends.
const (
	byPerson = "by person"
	byExpiry = "by expiry"
)

// exceptions are behaviours under which a release cannot arrive on some gear, with
// the reason.
var exceptions = []struct {
	behaviour string
	of        func(*gear) bool
	why       string
}{
	{
		"a restriction renames the session unseen", except(bngsim.CoovaChilli),
		"no other platform is known to rename a session without a Start, so no other dialect follows one by its login",
	},
}

func except(of bngsim.Platform) func(*gear) bool {
	return func(g *gear) bool { return g.platform != of }
}

func excepted(g *gear, b *behaviour) bool {
	for _, e := range exceptions {
		if e.behaviour == b.name && e.of(g) {
			return true
		}
	}
	return false
}

func TestEveryDialectUnderEveryBehaviourRestrictsAndReleases(t *testing.T) {
	for i := range behaviours {
		for _, ends := range []string{byPerson, byExpiry} {
			b := &behaviours[i]
			t.Run(b.name+"/"+ends, func(t *testing.T) {
				t.Parallel()
				w := matrix(t, b, ends)
				for _, box := range w.bngs {
					t.Run(box.gear.name(), func(t *testing.T) { box.judge(t, excepted(&box.gear, b)) })
				}
			})
		}
	}
}

// judge fails for what went wrong, or where it is excepted because nothing did.
func (b *labBNG) judge(t *testing.T, excepted bool) {
	failures := b.failures()
	if excepted {
		if len(failures) == 0 {
			t.Error("all is well: no exception is needed")
		}
		return
	}
	if len(failures) > 0 {
		t.Logf("\n%s", b.world.transcript.about(b.names()))
	}
	for _, f := range failures {
		t.Error(f)
	}
}

func TestExceptionsHaveReasons(t *testing.T) {
	for _, e := range exceptions {
		if e.why == "" || !slices.ContainsFunc(behaviours, func(b behaviour) bool { return b.name == e.behaviour }) {
			t.Errorf("%s: no such behaviour, or no reason", e.behaviour)
		}
	}
}

// checkEvery is how often the data planes are looked at.
const checkEvery = 5 * time.Second

// matrix runs the story of one behaviour on every gear that it makes sense for.
func matrix(t *testing.T, b *behaviour, ends string) (w *World) {
	synctest.Test(t, func(t *testing.T) {
		var boxes []labBNGPlan
		for _, g := range modelled {
			if b.fits == nil || b.fits(&g) {
				boxes = append(boxes, labBNGPlan{g, b.quirks})
			}
		}
		w = newWorld(t, 1, boxes, 1)
		defer w.end()
		if len(boxes) == 0 {
			t.Error("this makes sense for no gear")
			return
		}
		var cells []*cell
		for _, box := range w.bngs {
			cells = append(cells, w.newCell(box))
		}
		w.restrictAll(cells, b)
		w.releaseCells(cells, b, ends)
	})
	return w
}

// restrictAll reports all subjects and looks on, but for the last minute of their
// cases.
func (w *World) restrictAll(cells []*cell, b *behaviour) {
	grace := within
	if w.lasting(4 * time.Minute); b.slow {
		w.lasting(8 * time.Minute)
		grace = 6 * time.Minute
	}
	w.pass(10 * time.Second)
	each(cells, b.before)
	w.pass(10 * time.Second)
	for _, c := range cells {
		w.report(c.subject, w.instances[0])
	}
	for past := time.Duration(0); past < w.lasts-time.Minute; past += checkEvery {
		w.pass(checkEvery)
		for _, c := range cells {
			c.stands(past, grace)
		}
	}
}

// releaseCells ends all cases and looks on until late datagrams are over.
func (w *World) releaseCells(cells []*cell, b *behaviour, ends string) {
	if ends == byExpiry {
		first := slices.MinFunc(cells, func(a, b *cell) int { return a.expiry().Compare(b.expiry()) }).expiry()
		w.pass(time.Until(first) - time.Second)
	}
	each(cells, b.begin)
	if w.pass(time.Second); ends == byPerson {
		for _, c := range cells {
			w.release(c.subject, w.instances[0])
		}
	}
	w.pass(b.heals)
	w.transcript.note("the gear is sound again")
	each(cells, b.heal)
	w.pass(within)
	for range 90 * time.Second / checkEvery {
		cells = slices.DeleteFunc(cells, func(c *cell) bool { return !c.isFree() })
		w.pass(checkEvery)
	}
}

func each(cells []*cell, do func(*cell)) {
	for _, c := range cells {
		if do != nil {
			do(c)
		}
	}
}

func TestEveryDialectIsInTheMatrixOrAReasonIsGiven(t *testing.T) {
	for _, problem := range missingGears() {
		t.Error(problem)
	}
	if problems := missingGears("junos", "hostapd"); len(problems) != 3 { // two forms of one
		t.Errorf("two dialects are left out, and it is seen: %v", problems)
	}
}
