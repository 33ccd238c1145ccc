package quarantine

import (
	"slices"
	"time"
)

// longestEcho is how far ahead a release may be that is sent once more, see
// [Outcome.AssertAfter]; between two tries it is longestRetry. A time further ahead than
// that was written by a clock that was ahead.
const longestEcho = 5 * time.Minute

// reached reports whether a time that was set at most longest ahead has come: it has
// passed, or is further ahead than it can be, because whoever set it had a clock that
// was ahead, or was set back since.
func reached(at, now time.Time, longest time.Duration) bool {
	return !now.Before(at) || at.Sub(now) > longest
}

// AssertDue reports whether it is time to send a confirmed release once more.
func AssertDue(at, now time.Time) bool { return reached(at, now, longestEcho) }

// correctTimes brings what the case waits for back to a clock that was ahead when it
// was written and is right now, or is another host's: the pauses of a session last
// changed at a moment that is still to come began now. Nothing else would look at
// them for as long as the clock was set back.
func (c *Case) correctTimes(now time.Time) {
	for i := range c.Sessions {
		c.Sessions[i].correctTimes(now)
	}
	if slices.ContainsFunc(c.Relogins, now.Before) {
		c.Relogins = slices.Clone(c.Relogins)
		for i, at := range c.Relogins {
			c.Relogins[i] = earliest(at, now)
		}
	}
}

func (e *SessionEnforcement) correctTimes(now time.Time) {
	if ahead := e.UpdatedAt.Sub(now); ahead > 0 {
		e.UpdatedAt = now
		for _, at := range []*time.Time{&e.NextAt, &e.AssertAt, &e.VerifyAt} {
			if !at.IsZero() {
				*at = at.Add(-ahead)
			}
		}
	}
	if e.GoneSince.After(now) {
		e.GoneSince = now
	}
	bound := func(at *time.Time, longest time.Duration) {
		if reached(*at, now, longest) && at.After(now) {
			*at = now
		}
	}
	bound(&e.NotBefore, MaxMaintenance)
	bound(&e.NextAt, e.longestPause())
	bound(&e.AssertAt, longestEcho)
	bound(&e.VerifyAt, VerifyBackoff.Cap)
}

// longestPause is how far ahead of now the next try may be.
func (e *SessionEnforcement) longestPause() time.Duration {
	switch {
	case !e.NotBefore.IsZero():
		return MaxMaintenance
	case e.Enforcement == Pending && e.Deferrals > 0:
		return LongPause
	}
	return longestRetry()
}
