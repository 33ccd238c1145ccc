package bng

import "cordon/quarantine"

// CanRelease returns nil if a release could be sent for what is applied on a session, else
// why not: its BNG is not configured, or what was remembered of how to undo it cannot be
// sent there any more.
func (f *Fleet) CanRelease(s *quarantine.Session, applied []quarantine.AppliedProfile) error {
	if err := f.Serves(s); err != nil {
		return err
	}
	for _, a := range applied {
		if err := f.CanUndo(*s, a); err != nil {
			return err
		}
	}
	return nil
}
