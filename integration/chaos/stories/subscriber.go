package stories

import (
	"fmt"
	"net"
	"sync"
	"time"

	"cordon/radiusx/bngsim"
)

// subscriber is a subscriber with a line on one box.
type subscriber struct {
	world    *World
	name     string
	bng      *labBNG
	line     bngsim.Subscriber
	wanted   bool      // the last thing that anybody wished is that she is restricted
	released time.Time // by a person, last
	late     bool      // that was complained of
	unsure   bool      // a wish of later was not answered

	mu       sync.Mutex // guards what follows: boxes look from their goroutines
	reported bool       // somebody wished her restricted, ever
	billing  bool       // billing is at work
	billed   bool       // and has her in its set
}

// newSubscriber returns a subscriber of a box, off line.
func (w *World) newSubscriber(b *labBNG) *subscriber {
	n := len(w.subscribers) + 1
	p := &subscriber{world: w, name: fmt.Sprintf("sub%02d", n), bng: b}
	p.line = bngsim.Subscriber{
		User: p.name, MAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(n)}.String(), NASPortID: fmt.Sprint("eth0/", n), Line: "line-" + p.name,
		IPv4: w.nextAddress(), IPoE: !b.gear.ppp, Profile: b.gear.atLogin,
	}
	w.subscribers = append(w.subscribers, p)
	return p
}

func (w *World) personOf(user string) *subscriber {
	for _, p := range w.subscribers {
		if p.name == user {
			return p
		}
	}
	return nil
}

// suspected reports whether somebody ever wished her restricted.
func (p *subscriber) suspected() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.reported
}

// suspect notes that somebody wished her restricted, or forgets it.
func (p *subscriber) suspect(reported bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.reported = reported
}

// logIn starts a session.
func (p *subscriber) logIn() {
	_, _ = p.bng.sim.Login(over, p.line) // the record is on its way
}

// logInIfOff starts a session unless there is one.
func (p *subscriber) logInIfOff() {
	if !p.online() {
		p.logIn()
	}
}

// logOut ends all her sessions.
func (p *subscriber) logOut() {
	for _, s := range p.bng.sim.Find(p.name) {
		_ = p.bng.sim.Logout(over, s.ID)
	}
}

func (p *subscriber) online() bool { return len(p.bng.sim.Find(p.name)) > 0 }

// restricted returns the sessions on which something else than AAA gave is in
// force.
func (p *subscriber) restricted() []bngsim.Session {
	var all []bngsim.Session
	for _, s := range p.bng.sim.Find(p.name) {
		if p.bng.restricts(&s) {
			all = append(all, s)
		}
	}
	return all
}
