package app

import (
	"context"
	"errors"
	"os"

	"go.uber.org/zap"

	"cordon/quarantine"
	"cordon/store"
)

// gate keeps anything new from being restricted while the pause file exists, or
// while Redis is not to be trusted.
type gate struct {
	pauseFile string
	trust     *store.Trust
	log       *zap.Logger
}

func newGate(cfg *Config, s *store.Store, log *zap.Logger) *gate {
	g := &gate{pauseFile: cfg.PauseFile, log: log}
	g.trust = store.NewTrust(store.TrustConfig{
		Store: s, Enforces: cfg.Policy.Mode == quarantine.ModeEnforce, AcceptWeak: cfg.Redis.AcceptWeak, Checked: g.report,
	})
	return g
}

// first checks Redis once at start. Redis that answers and is not to be trusted is an
// error, since a person starts the server and reads it; Redis that is unreachable is not.
func (g *gate) first(ctx context.Context) error {
	check := g.trust.RunOnce(ctx)
	if check.Err != nil {
		g.log.Warn("Redis is unreachable; verdicts are accepted, nothing new is restricted", zap.Error(check.Err))
		return nil //nolint:nilerr // Redis may come later
	}
	g.warn(check)
	if reason, weak := g.trust.Weak(); weak {
		return errors.New(reason)
	}
	return nil
}

// report logs a check.
func (g *gate) report(check store.TrustCheck) {
	g.warn(check)
	if check.Weak != "" {
		g.log.Error("nothing new is restricted", zap.String("reason", check.Weak))
	}
}

func (g *gate) warn(check store.TrustCheck) {
	for _, w := range check.Raised {
		g.log.Warn("Redis may lose writes", zap.String("reason", w))
	}
}

// paused implements engine.Config.Paused.
func (g *gate) paused() (string, bool) {
	if g.pauseFile != "" {
		if _, err := os.Stat(g.pauseFile); err == nil {
			return g.pauseFile + " exists", true
		} else if !errors.Is(err, os.ErrNotExist) {
			return err.Error(), true // a file that cannot be examined may exist
		}
	}
	return g.trust.Weak()
}
