package app

import (
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"cordon/radiusx/acct"
)

// faults counts what is wrong with authentic accounting records, by reason and by
// the configured BNG that they claim to be about.
func (a *App) faults() []acct.FaultCount {
	if a.acct == nil {
		return nil
	}
	return append(a.acct.Faults(), a.accounting.Faults()...)
}

// logFaults logs each fault once per sender, NAS and reason, and again every hour.
func (a *App) logFaults() {
	if a.acct == nil {
		return
	}
	for _, c := range append(a.acct.FaultReports(), a.accounting.FaultReports(time.Now())...) {
		fields := []zap.Field{zap.String("reason", c.Reason), zap.Stringer("peer", c.Peer), zap.Uint64("times", c.Times)}
		if c.NAS != "" {
			fields = append(fields, zap.String("nas", c.NAS), zap.String("bng", c.BNG))
		}
		a.log.Warn("accounting records with a fault; logged again in an hour if it continues", fields...)
	}
}

// logDropped writes one line about the accounting that was not answered since the
// last one, by reason.
func (a *App) logDropped(logged map[string]uint64) {
	if a.acct == nil {
		return
	}
	now := map[string]uint64{}
	for counter, n := range a.acct.Stats() {
		if c := acct.Counter(counter); c.Dropped() {
			now[c.String()] = n
		}
	}
	var fields []zap.Field
	for _, reason := range slices.Sorted(maps.Keys(now)) {
		if more := now[reason] - logged[reason]; more > 0 {
			fields = append(fields, zap.Uint64(reason, more))
		}
		logged[reason] = now[reason]
	}
	if len(fields) > 0 {
		a.log.Warn("accounting not answered; see the counters in /metrics", fields...)
	}
}
