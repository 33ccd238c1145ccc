package stories

import "time"

func (w *World) theStoreFails() {
	if w.unavailable {
		return
	}
	d := w.between(2*time.Second, 3*time.Minute)
	w.transcript.note("the store is unavailable for %s", d)
	w.withFault(&w.health, d, func() { w.storeUnavailable(true) }, func() { w.storeUnavailable(false) })
}

func (w *World) storeUnavailable(unavailable bool) {
	w.unavailable = unavailable
	w.memory.SetUnavailable(unavailable)
}

func (w *World) anEngineIsCutOff() {
	in, d := one(w, w.instances), w.between(5*time.Second, 3*time.Minute)
	w.transcript.note("engine %s is cut off from the store for %s", in.name, d)
	w.withFault(&w.health, d, func() { in.store.set(1) }, func() { in.store.set(0) })
}

func (w *World) theWayToTheStoreIsLossy() {
	in, d := one(w, w.instances), w.between(5*time.Second, 2*time.Minute)
	w.transcript.note("engine %s loses every fifth call of the store for %s", in.name, d)
	w.withFault(&w.health, d, func() { in.store.set(0.2) }, func() { in.store.set(0) })
}

func (w *World) anEngineRestarts() {
	in, d := one(w, w.instances), w.between(time.Second, 2*time.Minute)
	if in.Engine == nil {
		return
	}
	w.transcript.note("engine %s stops for %s", in.name, d)
	w.withFault(&w.health, d, in.stop, in.startIfStopped)
}

// anEngineCrashes ends an engine that can say nothing to the store any more.
func (w *World) anEngineCrashes() {
	in, d := one(w, w.instances), w.between(time.Second, 2*time.Minute)
	if in.Engine == nil {
		return
	}
	w.transcript.note("engine %s crashes and is back after %s", in.name, d)
	w.withFault(&w.health, d, func() { in.store.set(1); in.stop() }, func() { in.store.set(0); in.startIfStopped() })
}

func (w *World) aLogRefuses() {
	in, d := one(w, w.instances), w.between(5*time.Second, 2*time.Minute)
	w.transcript.note("the log of engine %s refuses for %s", in.name, d)
	w.withFault(&w.health, d, func() { in.log.Refuse(true) }, func() { in.log.Refuse(false) })
}

// theNamesChange has the site call its profiles otherwise: all engines are
// started again with the new configuration, one after the other.
func (w *World) theNamesChange() {
	w.renamed = !w.renamed
	w.transcript.note("profiles are called otherwise: %t", w.renamed)
	w.withFault(&w.health, time.Second, func() {
		for _, in := range w.instances {
			if in.Engine != nil {
				in.stop()
				in.start()
			}
		}
	}, func() {})
}

func (in *instance) startIfStopped() {
	if in.Engine == nil {
		in.world.transcript.note("engine %s starts", in.name)
		in.start()
	}
}
