package stories

import "time"

func (w *World) someoneLogsIn() {
	p := one(w, w.subscribers)
	if p.online() {
		return
	}
	w.transcript.note("%s logs in", p.name)
	p.logIn()
}

func (w *World) someoneLogsOut() {
	p := one(w, w.subscribers)
	if !p.online() {
		return
	}
	w.transcript.note("%s logs out", p.name)
	p.logOut()
}

func (w *World) someoneReconnects() {
	p := one(w, w.subscribers)
	if !p.online() {
		return
	}
	if w.random.IntN(2) == 0 {
		p.line.IPv4 = w.nextAddress()
	}
	w.transcript.note("%s reconnects, with %s", p.name, p.line.IPv4)
	p.logOut()
	w.later(w.between(time.Second, 5*time.Second), p.logInIfOff)
}

// billingActs suspends somebody, or lifts that, where the gear has sets. It keeps
// its hands off who is restricted: such gear loses track then, whatever anybody
// does.
func (w *World) billingActs() {
	p := one(w, w.subscribers)
	if p.bng.gear.ipset == "" || !p.online() || p.wanted || w.openCase(p) != nil || len(p.restricted()) > 0 {
		return
	}
	on := !p.inBillingsSet()
	w.transcript.note("billing suspends %s: %t", p.name, on)
	p.bills(on)
}
