package app

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"

	"cordon/quarantine"
	"cordon/store"
)

// gate keeps anything new from being restricted while the pause file exists, or
// while Redis is not known to keep what it is told.
type gate struct {
	pauseFile string
	checks    bool // mode enforce: Redis must be checked
	accepts   bool // accept_weak: what is found is but a warning
	store     *store.Store
	log       *zap.Logger

	mu       sync.Mutex // guards what follows
	findings []string   // what speaks against trusting Redis
	warnings []string   // what else a person should know of it
	checked  bool
}

func newGate(cfg *Config, s *store.Store, log *zap.Logger) *gate {
	return &gate{
		pauseFile: cfg.PauseFile, store: s, log: log,
		checks: cfg.Policy.Mode == quarantine.ModeEnforce, accepts: cfg.Redis.AcceptWeak,
	}
}

// checkTime bounds one look at Redis' settings.
const checkTime = 2 * time.Second

// first looks at Redis once at start. Redis that answers and would forget is an
// error, for a person is there to read it; Redis that is away is not.
func (g *gate) first(ctx context.Context) error {
	if err := g.check(ctx); err != nil {
		g.log.Warn("Redis is away; verdicts are accepted, nothing new is restricted", zap.Error(err))
		return nil
	}
	if reason, weak := g.weak(); weak {
		return errors.New(reason)
	}
	return nil
}

func (g *gate) check(ctx context.Context) error {
	if !g.checks {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, checkTime)
	defer cancel()
	findings, err := g.store.Check(ctx)
	if err != nil {
		return err
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.warnings
	g.findings, g.warnings, g.checked = nil, nil, true
	for _, f := range findings {
		if f.Warning || g.accepts {
			g.warnings = append(g.warnings, f.Text)
		} else {
			g.findings = append(g.findings, f.Text)
		}
	}
	g.warn(before)
	return nil
}

// warn logs warnings that the look before did not have. g.mu is held.
func (g *gate) warn(before []string) {
	for _, w := range g.warnings {
		if !slices.Contains(before, w) {
			g.log.Warn("Redis may lose something", zap.String("reason", w))
		}
	}
}

// warned lists what a person should know of Redis' settings although it is no
// reason not to restrict.
func (g *gate) warned() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Clone(g.warnings)
}

// checkEvery is how often Redis' settings are looked at; the first successful
// look after a start without Redis comes sooner.
const checkEvery = time.Minute

// run looks again and again until ctx ends.
func (g *gate) run(ctx context.Context) error {
	for g.checks {
		wait := checkEvery
		if err := g.check(ctx); err != nil {
			wait = time.Second
		} else if reason, weak := g.weak(); weak {
			g.log.Error("nothing new is restricted", zap.String("reason", reason))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
	}
	<-ctx.Done()
	return nil
}

func (g *gate) weak() (string, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case !g.checks, g.accepts:
		return "", false
	case !g.checked:
		return "Redis has not been checked yet", true
	case len(g.findings) > 0:
		return fmt.Sprintf("mode enforce needs a Redis that forgets nothing: %s; correct it, or set redis.accept_weak: true",
			strings.Join(g.findings, "; ")), true
	}
	return "", false
}

// paused implements engine.Config.Paused.
func (g *gate) paused() (string, bool) {
	if g.pauseFile != "" {
		if _, err := os.Stat(g.pauseFile); err == nil {
			return g.pauseFile + " exists", true
		} else if !errors.Is(err, os.ErrNotExist) {
			return err.Error(), true // what cannot be looked at may be there
		}
	}
	return g.weak()
}
