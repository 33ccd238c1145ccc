package stories

import "time"

// cell is one gear in a matrix: a line that is restricted and released once, and a
// neighbour who is never reported. All cells of one behaviour share a world, and
// nothing else.
type cell struct {
	w         *World
	bng       *labBNG
	subject   *subscriber
	neighbour *subscriber
	free      time.Duration // how long the line has been free although the case stands
}

func (w *World) newCell(b *labBNG) *cell {
	c := &cell{w: w, bng: b, subject: w.newSubscriber(b), neighbour: w.newSubscriber(b)}
	c.subject.logIn()
	c.neighbour.logIn()
	return c
}

func (c *cell) billingSuspends() { c.subject.bills(true) }

// restart loses all sessions; the clients come back.
func (c *cell) restart(says, readdressed bool) {
	c.bng.sim.Crash()
	if says {
		_ = c.bng.sim.On(over)
	}
	if readdressed {
		c.subject.line.IPv4 = c.w.nextAddress()
	}
	for _, p := range []*subscriber{c.subject, c.neighbour} {
		c.w.later(15*time.Second, p.logInIfOff)
	}
}

// stands looks whether the line is restricted, now that some time has passed. It
// may be free for a minute after each log-in.
func (c *cell) stands(past, grace time.Duration) {
	if c.free += checkEvery; !c.subject.online() || len(c.subject.restricted()) > 0 || c.subject.inBillingsSet() {
		c.free = 0
	}
	if c.free > within && past > grace {
		c.free = 0
		c.bng.fail("the case stands, and the line of %s is free for a minute; case: %s", c.subject.name, describe(c.w.openCase(c.subject)))
	}
}

// isFree looks whether the line has what it should have.
func (c *cell) isFree() bool {
	now := c.subject.restricted()
	if len(now) > 0 {
		c.bng.fail("%s is released, and %s has %s; case: %s", c.subject.name, now[0].ID, now[0].State, describe(c.w.openCase(c.subject)))
	}
	return len(now) == 0
}

// expiry is when the case ends by itself; zero without one.
func (c *cell) expiry() time.Time {
	if open := c.w.openCase(c.subject); open != nil {
		return open.ExpiresAt
	}
	return time.Time{}
}
