package bng

import (
	"time"

	"cordon/quarantine"
)

var _ quarantine.Paths = (*Enforcer)(nil)

// PathDefers implements quarantine.Paths. Without a trial a BNG that is not configured
// defers too: what began there could not be released.
func (e *Enforcer) PathDefers(s quarantine.Session, trial bool) (reason string, deferred bool) {
	switch m := e.fleet.serving(&s); {
	case m != nil:
		return m.path.defers(s.SessionKey, trial, time.Now())
	case trial:
		return "", false // Prepare says what there is to say
	}
	return "no such BNG: " + s.BNG + " is not configured", true
}

// ProfileStopped implements quarantine.Paths.
func (e *Enforcer) ProfileStopped(s quarantine.Session, profile string, trial bool) (reason string, stopped bool) {
	m := e.fleet.serving(&s)
	if m == nil {
		return "", false
	}
	return m.profileStopped(&s, profile, trial, time.Now())
}

func (m *member) profileStopped(s *quarantine.Session, profile string, trial bool, now time.Time) (reason string, stopped bool) {
	if reason, stopped = m.refusals.defers(profile, s.SessionKey, trial, now); !stopped {
		return "", false
	}
	if trial {
		m.path.returnTrial(s.SessionKey)
	}
	return m.Name + ": " + reason, true
}

// defers says why the profile may not be put in force on a session of this BNG now; nil:
// it may.
func (m *member) defers(s *quarantine.Session, profile string, now time.Time) *quarantine.Deferral {
	if reason, deferred := m.path.defers(s.SessionKey, true, now); deferred {
		return &quarantine.Deferral{By: quarantine.CheckPath, Reason: reason}
	}
	if reason, stopped := m.profileStopped(s, profile, true, now); stopped {
		return &quarantine.Deferral{By: quarantine.CheckStoppedProfile, Reason: reason}
	}
	return nil
}

// Returned implements quarantine.Paths. Of a group it is the last return of any
// member: a check too soon costs nothing.
func (e *Enforcer) Returned(bng string) (last time.Time) {
	for _, m := range e.fleet.membersOf(bng) {
		last = later(last, m.path.lastReturn())
	}
	return last
}

// Changes implements quarantine.Paths.
func (e *Enforcer) Changes() <-chan struct{} { return e.fleet.changes }
