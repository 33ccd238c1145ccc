package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"
)

// logRestarts logs once an hour which announced restarts of BNGs cannot be read in Redis.
func (a *App) logRestarts(logged *time.Time) {
	if err := a.probeRestarts(context.Background()); err != nil && time.Since(*logged) >= time.Hour {
		a.log.Error("announced restarts cannot be read: another program wrote to their keys", zap.Error(err))
		*logged = time.Now()
	}
}

// probeRestarts is the line of /readyz?verbose about them.
func (a *App) probeRestarts(context.Context) error {
	keys := a.store.UnreadableRestarts(time.Hour)
	if len(keys) == 0 {
		return nil
	}
	return fmt.Errorf("%s: invalid time of a restart; each session of these BNGs is stale until it is renewed", strings.Join(keys, ", "))
}
