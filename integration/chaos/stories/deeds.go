package stories

import (
	"errors"
	"time"

	"cordon/quarantine"
	"cordon/radiusx/bngsim"
)

// deed is one thing that can happen in a story.
type deed struct {
	name   string
	weight int // how often, beside the others
	do     func(*World)
}

// deeds is everything that can happen.
var deeds = []deed{
	{"log in", 4, (*World).someoneLogsIn},
	{"log out", 2, (*World).someoneLogsOut},
	{"verdict", 8, (*World).someoneIsReported},
	{"by hand", 2, (*World).someoneIsQuarantinedByHand},
	{"release", 6, (*World).someoneIsReleased},
	{"link outage", 2, (*World).aLinkFails},
	{"link back", 3, (*World).aLinkReturns},
	{"lossy link", 2, (*World).aLinkIsLossy},
	{"store outage", 1, (*World).theStoreFails},
	{"store back", 2, (*World).theStoreReturns},
	{"restart", 1, (*World).anEngineRestarts},
}

// happen does one thing by chance.
func (w *World) happen() {
	sum := 0
	for _, d := range deeds {
		sum += d.weight
	}
	n := w.random.IntN(sum)
	for _, d := range deeds {
		if n -= d.weight; n < 0 {
			d.do(w)
			return
		}
	}
}

func one[T any](w *World, of []T) T { return of[w.random.IntN(len(of))] }

func (w *World) someoneLogsIn() {
	p := one(w, w.people)
	if p.online() {
		return
	}
	w.tale.note("%s logs in", p.name)
	p.logIn()
}

func (w *World) someoneLogsOut() {
	p := one(w, w.people)
	if !p.online() {
		return
	}
	w.tale.note("%s logs out", p.name)
	p.logOut()
}

// working is an engine that runs; nil if none does.
func (w *World) working() *instance {
	in := one(w, w.instances)
	if in.Engine == nil {
		return nil
	}
	return in
}

func (w *World) someoneIsReported() {
	p, in := one(w, w.people), w.working()
	if !p.online() || in == nil {
		return
	}
	p.suspect()
	verdict := quarantine.Verdict{Source: "ids", ObservedAt: time.Now(), IP: p.line.IPv4, Category: "botnet"}
	accepted, err := in.Accept(w.t.Context(), []quarantine.Verdict{verdict})
	if err != nil {
		w.tale.note("a verdict about %s is refused by %s: %v", p.name, in.name, err)
		return
	}
	p.wanted = true
	w.tale.note("verdict %s about %s, to %s", accepted[0].ID, p.name, in.name)
}

func (w *World) someoneIsQuarantinedByHand() {
	p, in := one(w, w.people), w.working()
	if in == nil {
		return
	}
	p.suspect()
	d := time.Duration(1+w.random.IntN(10)) * time.Minute
	c, err := in.Quarantine(w.t.Context(), quarantine.Wish{Subscriber: p.name, Profile: garden, Reason: "story", For: d, By: "noc"}, false)
	if err != nil {
		w.tale.note("%s is not quarantined by hand: %v", p.name, err)
		return
	}
	p.wanted = true
	w.tale.note("%s is quarantined by hand on %s for %s: case %s %s", p.name, in.name, d, c.ID, c.State)
}

func (w *World) someoneIsReleased() {
	p, in := one(w, w.people), w.working()
	if in == nil {
		return
	}
	w.release(p, in)
}

// release releases a subscriber's open case by a person who sees it in the store.
func (w *World) release(p *person, in *instance) {
	c := w.openCase(p)
	if c == nil || c.State == quarantine.Releasing {
		return
	}
	_, err := in.Release(w.t.Context(), c.ID, "noc", "story", "")
	if err != nil && !errors.Is(err, quarantine.ErrDeferred) {
		w.tale.note("%s is not released on %s: %v", p.name, in.name, err)
		return
	}
	p.wanted = false
	w.tale.note("%s is released on %s by a person: case %s, %v", p.name, in.name, c.ID, err)
}

// openCase is what the store says of a subscriber, whether or not anybody can
// reach it now.
func (w *World) openCase(p *person) *quarantine.Case {
	w.memory.SetUnavailable(false)
	defer w.memory.SetUnavailable(w.unavailable)
	d, err := w.memory.Dossier(w.t.Context(), p.name)
	if err != nil {
		w.fail("dossier of %s: %v", p.name, err)
		return nil
	}
	return d.Case
}

func (w *World) aLinkFails() {
	b := one(w, w.boxes)
	w.tale.note("the link of %s fails", b.name)
	b.cut(true)
}

func (w *World) aLinkReturns() {
	b := one(w, w.boxes)
	w.tale.note("the link of %s is sound", b.name)
	b.cut(false)
}

func (w *World) aLinkIsLossy() {
	b := one(w, w.boxes)
	link := bngsim.Link{Lose: 0.4, Double: 0.3, Delay: healthy.Delay, Jitter: time.Duration(w.random.IntN(3000)) * time.Millisecond}
	w.tale.note("the link of %s loses, doubles and delays by %s", b.name, link.Jitter)
	b.reach(link)
}

func (w *World) theStoreFails()   { w.storeAway(true) }
func (w *World) theStoreReturns() { w.storeAway(false) }

func (w *World) storeAway(unavailable bool) {
	if w.unavailable == unavailable {
		return
	}
	w.unavailable = unavailable
	w.tale.note("the store is unavailable: %t", unavailable)
	w.memory.SetUnavailable(unavailable)
}

func (w *World) anEngineRestarts() {
	in := one(w, w.instances)
	if in.Engine != nil {
		w.tale.note("engine %s stops", in.name)
		in.stop()
		return
	}
	w.tale.note("engine %s starts", in.name)
	in.start()
}
