package bng

import (
	"slices"
	"time"

	"cordon/quarantine"
)

var _ quarantine.Paths = (*Enforcer)(nil)

// Defers implements quarantine.Paths.
func (e *Enforcer) Defers(s quarantine.Session, profile string) (reason string, barred bool) {
	m := e.fleet.serving(&s)
	if m == nil {
		return "", false // Prepare says what there is to say
	}
	return m.bars(&s, profile, time.Now())
}

// bars says why the profile may not be put in force on a session of this BNG now.
func (m *member) bars(s *quarantine.Session, profile string, now time.Time) (reason string, barred bool) {
	if reason, barred := m.path.bars(s.SessionKey, now); barred {
		return reason, true
	}
	if reason, barred := m.refusals.bars(profile, s.SessionKey, now); barred {
		m.path.forgo(s.SessionKey)
		return m.Name + ": " + reason, true
	}
	return "", false
}

// Releases reports whether a restriction of the profile that begins at the BNG of
// that name now could be taken away by CoA: the BNG answers, and has not refused the profile
// to everybody. Unlike Bars it grants no trial.
func (e *Enforcer) Releases(bng, profile string) bool {
	m := e.fleet.named[bng]
	if m == nil || slices.ContainsFunc(m.refusals.stopped(), func(s Stop) bool { return s.Profile == profile }) {
		return false
	}
	state, _, _ := m.path.look(time.Now())
	return state == PathOK
}

// Returned implements quarantine.Paths. Of a group it is the last return of any
// member: looking too soon costs nothing.
func (e *Enforcer) Returned(bng string) (last time.Time) {
	for _, m := range e.fleet.membersOf(bng) {
		last = later(last, m.path.lastReturn())
	}
	return last
}

// Changes implements quarantine.Paths.
func (e *Enforcer) Changes() <-chan struct{} { return e.fleet.news }
