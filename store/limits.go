package store

import (
	"strconv"

	"cordon/quarantine"
)

// addReservation hands the limit counters to save.lua, which counts: deciding
// and counting must be one step, or two instances would both take the last
// place.
func (s *Store) addReservation(c *call, r *quarantine.Reservation) {
	if r == nil {
		c.args = append(c.args, "", "")
		return
	}
	c.args = append(c.args, r.ID, truth(r.Forced))
	for _, scope := range r.Scopes {
		c.keys = append(c.keys, s.keys.limit(scope.Key))
		c.args = append(c.args, strconv.FormatInt(scope.Window.Milliseconds(), 10), strconv.Itoa(scope.Max), strconv.Itoa(scope.Units()))
	}
}
