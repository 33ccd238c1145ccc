package app

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"go.uber.org/zap"

	"cordon/integration/httpx"
	"cordon/radiusx/acct"
	"cordon/store/spool"
	"cordon/store/template"
)

// checks are what /readyz asks.
func (a *App) checks() []httpx.Check {
	return []httpx.Check{
		{Name: "log", Essential: true, Probe: func(context.Context) error { return a.journal.Writable() }},
		{Name: "redis-seen", Essential: true, Probe: func(context.Context) error {
			if !a.redisSeen.Load() || !a.engine.Acquainted() {
				return errors.New("Redis has not answered since the start")
			}
			return nil
		}},
		{Name: "redis", Probe: a.store.Ping, Warnings: a.gate.trust.Warnings},
		{Name: "restricting", Probe: func(context.Context) error {
			if reason, paused := a.gate.paused(); paused {
				return errors.New(reason)
			}
			return nil
		}},
		{Name: "spool", Probe: a.spoolTrouble},
		{Name: "unstorable", Probe: a.setAsideTrouble},
		{Name: "restarts", Probe: a.restartsTrouble},
		{Name: "heartbeat", Probe: a.heartbeatTrouble},
		{Name: "instances", Probe: a.instancesTrouble},
		{Name: "accounting-sources", Probe: a.sourcesTrouble},
		{Name: "sessions", Probe: a.sessionsTrouble},
		{Name: "bngs", Probe: a.unservedTrouble},
		{Name: "sender", Probe: func(context.Context) error {
			if !a.engine.Sender() {
				return errors.New("another instance is the sender, or nobody")
			}
			return nil
		}},
	}
}

// watch looks for Redis until it has answered once, and tells in the log how the
// BNGs are and what accounting was dropped, until ctx ends.
func (a *App) watch(ctx context.Context) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	clocks := map[string]clockLine{}
	told, seen, doubted := map[string]uint64{}, map[string]*noticed{}, map[template.Reason]uint64{}
	var spooled spool.Stats
	var aside setAsideLine
	var restarts time.Time
	accounts := accountFile(a.cfg, a.parts)
	for n := 0; ; n++ {
		if !a.redisSeen.Load() {
			a.redisSeen.Store(a.store.Ping(ctx) == nil)
		}
		a.logHealth(seen)
		if n%logEvery == 0 {
			a.logDropped(told)
			a.logSpool(&spooled)
			a.logSetAside(&aside)
			a.logRestarts(&restarts)
			a.logComplaints()
			a.logClocks(clocks)
			a.logDoubts(doubted)
		}
		refreshAccounts(accounts, a.log)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

const (
	watchEvery = time.Second
	logEvery   = 10 // watches between two lines about dropped accounting
)

// logDropped writes one line about the accounting that was not answered since the
// last one, by reason.
func (a *App) logDropped(told map[string]uint64) {
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
		if more := now[reason] - told[reason]; more > 0 {
			fields = append(fields, zap.Uint64(reason, more))
		}
		told[reason] = now[reason]
	}
	if len(fields) > 0 {
		a.log.Warn("accounting not answered; see the counters in /metrics", fields...)
	}
}

// unservedTrouble is the line of /readyz?verbose about releases that cannot be sent.
func (a *App) unservedTrouble(context.Context) error {
	if err := a.unserved.Err(); err != nil {
		return errors.New(oneLine(err))
	}
	return nil
}
