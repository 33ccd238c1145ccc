package bng

import (
	"fmt"
	"slices"

	"cordon/quarantine"
)

// with lists the BNG itself first, and then the others of its group.
func (f *Fleet) with(m *member) []*member {
	others := slices.DeleteFunc(slices.Clone(f.groups[m.Group]), func(other *member) bool { return other == m })
	return append([]*member{m}, others...)
}

// Serves says why nothing can be sent for a session, nil if it can: the BNG that it
// is on must be configured, under its name or a former one. What else a remembered
// undo needs of its BNG is not asked here.
func (f *Fleet) Serves(s *quarantine.Session) error {
	if f.serving(s) != nil {
		return nil
	}
	return &notConfiguredError{s.BNG}
}

// notConfiguredError says what to do about a release that is owed on a BNG which has
// left the configuration.
type notConfiguredError struct{ bng string }

func (e *notConfiguredError) Error() string {
	return fmt.Sprintf("BNG %s is not configured: add it again, "+
		"name it under formerly of the BNG that it is now, or list it under retired_bngs", e.bng)
}
