package bng

import (
	"time"

	"cordon/radiusx/acct"
)

// Clocks sorts what was measured by BNG: of several ways on which the accounting of
// one comes (directly, relays), the one whose clock is furthest off, of those from
// which a record came within the last recentClock; its counts are those of all.
func Clocks(measured []acct.Clock, now time.Time) map[string]acct.Clock {
	by := make(map[string]acct.Clock)
	for _, m := range measured {
		if m.BNG == "" {
			continue
		}
		shown, known := by[m.BNG]
		if !known || furtherOff(&m, &shown, now) {
			m.Records, m.AheadOf = m.Records+shown.Records, m.AheadOf+shown.AheadOf
			m.Behind, m.Contradictory = m.Behind+shown.Behind, m.Contradictory+shown.Contradictory
			by[m.BNG] = m
			continue
		}
		shown.Records, shown.AheadOf = shown.Records+m.Records, shown.AheadOf+m.AheadOf
		shown.Behind, shown.Contradictory = shown.Behind+m.Behind, shown.Contradictory+m.Contradictory
		by[m.BNG] = shown
	}
	return by
}

// recentClock is how long a measurement is good for.
const recentClock = 24 * time.Hour

func furtherOff(m, than *acct.Clock, now time.Time) bool {
	recent, other := now.Sub(m.SeenAt) <= recentClock, now.Sub(than.SeenAt) <= recentClock
	if recent != other {
		return recent
	}
	return m.Ahead.Abs() > than.Ahead.Abs()
}
