package engine

import (
	"context"
	"time"

	"go.uber.org/zap"
)

// Steps of this host's clock: how often they are checked for, and the smallest that counts.
const (
	clockEvery = time.Second
	clockStep  = 2 * time.Second
)

// watchClock makes every open case due when this host's clock was set back: its due time is
// one of the clock that was ahead, and nothing else would make it due for as long as the step
// was.
func (e *Engine) watchClock(ctx context.Context) {
	offset := e.clockOffset()
	for sleep(ctx, clockEvery) {
		now := e.clockOffset()
		if step := now - offset; step.Abs() >= clockStep {
			e.Logger.Warn("this host's clock was set", zap.Duration("step", step))
			if step < 0 {
				e.wakeNeeded.Store(true)
			}
		}
		offset = now
	}
}

// clockOffset is how far the wall clock is ahead of the uptime.
func (e *Engine) clockOffset() time.Duration {
	return time.Duration(e.Now().UnixNano()) - e.Uptime()
}
