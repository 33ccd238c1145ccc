package quarantine

import (
	"fmt"
	"slices"
	"time"
)

// lineGoneAfter is how long a BNG must not know a line that accounting
// reports nothing of, for its session ended with the restriction (see [AppliedProfile]), until it
// counts as gone.
const lineGoneAfter = 10 * time.Minute

// sessionNotFound notes that the BNG does not know the session (RFC 5176 section 3.5, Error-Cause
// 503). By itself that ends nothing: the record of its end may be on its way, the BNG
// may be switching over, a proxy may have asked another one. See [Snapshot.over].
func (e *SessionEnforcement) sessionNotFound(o *Order, now time.Time) {
	if !o.Session.Live() && !e.GoneSince.IsZero() && now.Sub(e.GoneSince) >= lineGoneAfter {
		e.end(now, "the line is not there any more: "+e.Reason)
		return
	}
	tries := max(2, e.Attempts)
	if e.GoneSince.IsZero() {
		e.GoneSince, tries = now, 1
	}
	e.NextAt = now.Add(retryRule(OutcomeSessionGone, o.Action()).Delay(tries, now.Sub(e.GoneSince)))
}

// over says what shows that a session is over which its BNG does not know any more:
// a restart that was announced since it was seen, a newer session that holds what it
// held, or that is on its line where the BNG has one session a line, or three
// Interim-Updates that did not come.
func (in *Snapshot) over(e *SessionEnforcement) (why string, over bool) {
	if e.GoneSince.IsZero() {
		return "", false
	}
	const unknown = "the BNG does not know the session"
	if e.Session.Restarted {
		return unknown + ", and has announced a restart since it was seen", true
	}
	if next, found := in.successor(&e.Session); found {
		return fmt.Sprintf("%s, and %s", unknown, next), true
	}
	if interim := in.interim(e.Session.BNG); interim > 0 && in.Now.Sub(e.GoneSince) >= MissedInterims*interim {
		return fmt.Sprintf("%s, and accounting is silent about it for %d Interim-Update intervals", unknown, MissedInterims), true
	}
	return "", false
}

func (in *Snapshot) interim(bng string) time.Duration {
	if in.Interim == nil {
		return 0
	}
	return in.Interim(bng)
}

// successor finds what took the place of a session since it was seen.
func (in *Snapshot) successor(old *Session) (what string, found bool) {
	for i := range in.Sessions {
		if s := &in.Sessions[i]; s.newerThan(old) && s.onLineOf(old, in.lineOf(old.BNG)) {
			return fmt.Sprintf("session %s is on its line since %s", s.ID, s.StartedAt.UTC().Format(time.RFC3339)), true
		}
	}
	for i := range in.Holders {
		if b := &in.Holders[i]; b.takenFrom(old) {
			return fmt.Sprintf("session %s holds its address %s since %s", b.Session, b.Prefix, b.From.UTC().Format(time.RFC3339)), true
		}
	}
	return "", false
}

func (in *Snapshot) lineOf(bng string) []string {
	if in.OneSessionPer == nil {
		return nil
	}
	return in.OneSessionPer(bng)
}

// newerThan reports whether a session began after the other was last seen.
func (s *Session) newerThan(old *Session) bool {
	return s.SessionKey != old.SessionKey && !s.Guessed && s.StartedAt.After(old.StartedAt) && !old.SeenAt.After(s.StartedAt)
}

// onLineOf reports whether two sessions of one BNG agree in the attributes that name a
// line there; without any, nothing is known of lines.
func (s *Session) onLineOf(old *Session, line []string) bool {
	return len(line) > 0 && s.BNG == old.BNG && !slices.ContainsFunc(line, func(name string) bool {
		value := old.Attribute(name)
		return value == "" || s.Attribute(name) != value
	})
}

// takenFrom reports whether the binding is another session's, of an address that the
// old one held as the only one and was last seen with before.
func (b *Binding) takenFrom(old *Session) bool {
	if b.Session == old.SessionKey || b.Kind == NATPortBlock || b.Shared || !b.From.After(old.SeenAt) {
		return false
	}
	return slices.ContainsFunc(old.Addresses, func(a Address) bool {
		return a.lasting() && a.Kind == b.Kind && a.Prefix == b.Prefix && a.Space == b.Space
	})
}

// lasting reports whether no record says that the address was given up, and nobody else
// can hold it at the same time.
func (a *Address) lasting() bool { return a.Until.IsZero() && a.Kind != NATPortBlock }

// Places lists the addresses of sessions that their BNG does not know any more: who
// holds one since shows that the session is over.
func (c *Case) Places() []Place {
	var places []Place
	for i := range c.Sessions {
		e := &c.Sessions[i]
		if e.Enforcement == Gone || e.GoneSince.IsZero() {
			continue
		}
		for j := range e.Session.Addresses {
			if a := &e.Session.Addresses[j]; a.lasting() {
				places = append(places, Place{Addr: a.Prefix.Addr(), Space: a.Space})
			}
		}
	}
	return places
}
