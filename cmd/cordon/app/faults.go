package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"cordon/integration/wire"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
)

// faults counts what is wrong with authentic accounting records, by reason and by
// the configured BNG that they claim to be about.
func (a *App) faults() []acct.FaultCount {
	if a.acct == nil {
		return nil
	}
	return append(a.acct.Faults(), a.accounting.Faults()...)
}

// logComplaints writes a line about each fault of each sender and NAS, once and
// again every hour.
func (a *App) logComplaints() {
	if a.acct == nil {
		return
	}
	for _, c := range append(a.acct.FaultReports(), a.accounting.FaultReports(time.Now())...) {
		fields := []zap.Field{zap.String("reason", c.Reason), zap.Stringer("peer", c.Peer), zap.Uint64("times", c.Times)}
		if c.NAS != "" {
			fields = append(fields, zap.String("nas", c.NAS), zap.String("bng", c.BNG))
		}
		a.log.Warn("accounting records with a fault; logged again in an hour if it goes on", fields...)
	}
}

// clocks returns what accounting shows of the BNGs' clocks, by name.
func (a *App) clocks() map[string]acct.Clock {
	if a.acct == nil {
		return nil
	}
	return bng.Clocks(a.acct.Clocks(), time.Now())
}

// clockLine is what the log has about a BNG's clock as accounting shows it.
type clockLine struct {
	at            time.Time
	contradictory uint64
}

// logClocks writes a line an hour about each BNG whose accounting is stamped by a
// clock that is off, or at times that contradict their arrival.
func (a *App) logClocks(logged map[string]clockLine) {
	for name, c := range a.clocks() {
		was := logged[name]
		uncertain := c.Contradictory - was.contradictory
		if time.Since(was.at) < skewEvery || !c.Off() && uncertain < manyContradictory {
			continue
		}
		a.log.Warn("accounting of this BNG is stamped by a clock that is off, or comes late without saying so; see NTP there, and the relay",
			zap.String("bng", name), zap.Stringer("from", c.From), zap.Bool("relay", c.Relay), zap.Duration("ahead", c.Ahead), zap.Bool("steady", c.Steady),
			zap.Uint64("records_of_uncertain_time", uncertain))
		logged[name] = clockLine{time.Now(), c.Contradictory}
	}
}

// manyContradictory is how many records of uncertain time an hour are worth a line:
// a few come again late in any network.
const manyContradictory = 100

// logRestarts writes a line an hour about announced restarts of BNGs that cannot be
// read in Redis.
func (a *App) logRestarts(logged *time.Time) {
	if err := a.restartsTrouble(context.Background()); err != nil && time.Since(*logged) >= time.Hour {
		a.log.Error("another program wrote over what a BNG announced", zap.Error(err))
		*logged = time.Now()
	}
}

// restartsTrouble is the line of /readyz?verbose about them.
func (a *App) restartsTrouble(context.Context) error {
	keys := a.store.UnreadableRestarts(time.Hour)
	if len(keys) == 0 {
		return nil
	}
	return fmt.Errorf("%s: no time of a restart; until each of these BNGs' sessions is renewed it is no evidence", strings.Join(keys, ", "))
}

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
