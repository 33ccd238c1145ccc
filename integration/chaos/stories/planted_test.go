package stories

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cordon/radiusx/bngsim"
)

// planted is a story in which a BNG does something that must be seen, whatever
// Cordon does.
type planted struct {
	gear string
	do   func(w *World, b *labBNG, p *subscriber)
	want string // what must be complained of
}

var plantedFaults = map[string]planted{
	"a release that the gear acknowledges and does not do": {"filter-id", func(w *World, b *labBNG, p *subscriber) {
		w.report(p, w.instances[0])
		w.pass(10 * time.Second)
		w.release(p, w.instances[0])
		b.quirks = []bngsim.Quirk{bngsim.AckIgnore}
		b.bend()
	}, "is to be free"},
	"a release that is not done while everything is sound": {"filter-id", func(w *World, b *labBNG, p *subscriber) {
		w.report(p, w.instances[0])
		w.pass(10 * time.Second)
		b.quirks = []bngsim.Quirk{bngsim.AckIgnore}
		b.bend()
		w.release(p, w.instances[0])
		w.pass(time.Minute)
		w.checkPromptly()
		b.quirks = nil
	}, "was released 1m0s ago"},
	"a restriction of a subscriber who was not reported": {"filter-id", func(w *World, b *labBNG, p *subscriber) {
		w.report(p, w.instances[0])
		p.suspect(false)
		w.pass(10 * time.Second)
	}, "was never reported"},
	"a standing restriction that the gear acknowledges and does not do": {"filter-id", func(w *World, b *labBNG, p *subscriber) {
		b.quirks = []bngsim.Quirk{bngsim.AckIgnore}
		b.bend()
		w.lasting(3 * time.Hour)
		w.report(p, w.instances[0])
		w.pass(10 * time.Second)
	}, "has a standing case"},
	"a set of billing's that another system lifts": {"accel-ppp/redirect", func(w *World, b *labBNG, p *subscriber) {
		p.bills(true)
		must(w.t, b.sim.Suspend(b.sim.Find(p.name)[0].ID, suspendedSet, false))
	}, "billing's suspension"},
	"a set of billing's that another system uses": {"accel-ppp/redirect", func(w *World, b *labBNG, p *subscriber) {
		must(w.t, b.sim.Suspend(b.sim.Find(p.name)[0].ID, suspendedSet, true))
	}, "is put into billing's set"},
}

func TestAPlantedFaultIsSeen(t *testing.T) {
	for name, fault := range plantedFaults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := gearNamed(fault.gear)
			must(t, err)
			var w *World
			synctest.Test(t, func(t *testing.T) {
				w = newWorld(t, 1, []labBNGPlan{{gear: g}}, 1)
				defer w.end()
				p := w.newSubscriber(w.bngs[0])
				p.logIn()
				w.pass(5 * time.Second)
				fault.do(w, w.bngs[0], p)
				w.endIn()
			})
			if all := strings.Join(w.failures(), "\n"); !strings.Contains(all, fault.want) {
				t.Errorf("want a complaint that says %q, got %q\n%s", fault.want, all, w.transcript)
			}
		})
	}
}
