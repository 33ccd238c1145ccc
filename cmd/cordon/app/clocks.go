package app

import (
	"time"

	"go.uber.org/zap"

	"cordon/integration/wire"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
)

// clocks returns what accounting shows of the BNGs' clocks, by name.
func (a *App) clocks() map[string]acct.Clock {
	if a.acct == nil {
		return nil
	}
	return bng.Clocks(a.acct.Clocks(), time.Now())
}

// clockLine is what was logged last of a BNG's clock as accounting shows it.
type clockLine struct {
	at            time.Time
	contradictory uint64
}

// logClocks logs once an hour each BNG whose accounting is stamped by a
// clock that is off, or at times that contradict their arrival.
func (a *App) logClocks(logged map[string]clockLine) {
	for name, c := range a.clocks() {
		was := logged[name]
		uncertain := c.Contradictory - was.contradictory
		if time.Since(was.at) < skewEvery || !c.Off() && uncertain < manyContradictory {
			continue
		}
		a.log.Warn("accounting of this BNG is stamped by a clock that is off, or is delayed without Acct-Delay-Time; check NTP there, and the "+
			"relay",
			zap.String("bng", name), zap.Stringer("from", c.From), zap.Bool("relay", c.Relay), zap.Duration("ahead", c.Ahead),
			zap.Bool("steady", c.Steady),
			zap.Uint64("records_of_uncertain_time", uncertain))
		logged[name] = clockLine{time.Now(), c.Contradictory}
	}
}

// manyContradictory is how many records of uncertain time an hour are logged:
// a few come again late in any network.
const manyContradictory = 100

// shownClocks is the same for the API.
func (a *App) shownClocks() map[string]wire.AccountingClock {
	shown := map[string]wire.AccountingClock{}
	for name, c := range a.clocks() {
		shown[name] = wire.AccountingClock{
			Skew: int64(c.Ahead / time.Second), Steady: c.Steady, From: c.From.String(), Relay: c.Relay,
			SeenAt: c.SeenAt.UTC(), Uncertain: c.Contradictory, Corrected: c.AheadOf + c.Behind,
		}
	}
	return shown
}
