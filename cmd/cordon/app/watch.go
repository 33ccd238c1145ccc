package app

import (
	"context"
	"time"

	"cordon/store/spool"
	"cordon/store/template"
)

// watch asks for Redis until it has answered once, and logs how the BNGs are and which
// accounting was dropped, until ctx ends.
func (a *App) watch(ctx context.Context) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	clocks := map[string]clockLine{}
	dropped, seen, doubted := map[string]uint64{}, map[string]*noticed{}, map[template.Reason]uint64{}
	var spooled spool.Stats
	var aside deadLetterLine
	var restarts time.Time
	accounts := accountFile(a.cfg, a.parts)
	for n := 0; ; n++ {
		if !a.redisSeen.Load() {
			a.redisSeen.Store(a.store.Ping(ctx) == nil)
		}
		a.logHealth(seen)
		if n%logEvery == 0 {
			a.logDropped(dropped)
			a.logSpool(&spooled)
			a.logDeadLetters(&aside)
			a.logRestarts(&restarts)
			a.logFaults()
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
	logEvery   = 10 // passes of watch between two lines about dropped accounting
)
