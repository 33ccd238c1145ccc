package quarantine

import (
	"errors"
	"fmt"
	"slices"
)

// ErrUnreadableCase says that a stored case is damaged, or of a version that knows more
// states than this one: nothing may be concluded from it, and nothing be written over it.
var ErrUnreadableCase = errors.New("unreadable case")

var (
	caseStates   = []CaseState{Observing, CaseHeld, Restricting, Waiting, Restricted, Releasing, Closed}
	enforcements = []Enforcement{Pending, Acked, Verified, Partial, Refused, Unanswered, Gone, Exempted}
)

// Check reports what of a case that was read this version does not know, as an
// ErrUnreadableCase; nil if it knows all.
func (c *Case) Check() error {
	if !slices.Contains(caseStates, c.State) {
		return fmt.Errorf("%w: unknown state %.40q", ErrUnreadableCase, c.State)
	}
	for i := range c.Sessions {
		if e := &c.Sessions[i]; !slices.Contains(enforcements, e.Enforcement) {
			return fmt.Errorf("%w: unknown enforcement %.40q of session %s", ErrUnreadableCase, e.Enforcement, e.Session.SessionKey)
		}
	}
	return nil
}
