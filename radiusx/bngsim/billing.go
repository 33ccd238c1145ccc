package bngsim

import "fmt"

// Suspend has somebody else than the client under test, billing for example, put a
// session of accel-ppp into a set of his, or lift it out, as his own CoA-Request
// would: L4 redirect on or off, with the set's name. What the platform does of it is as
// with any request.
func (b *BNG) Suspend(id, set string, on bool) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	s, ok := b.sessions[id]
	switch {
	case !ok:
		return fmt.Errorf("suspend %s: %w", id, ErrNoSession)
	case b.behaviour.changes[ipsetKey] == nil:
		return fmt.Errorf("suspend %s: a %s has no sets", id, b.config.Platform)
	}
	c := b.changing(s)
	value := "0"
	if on {
		value = "1"
	}
	nameSet(c, set)
	setRedirect(c, value)
	if c.state.Equal(s.state) {
		s.state.set = c.state.set
		return nil
	}
	b.adopt(s, c, b.config.Now())
	return nil
}
