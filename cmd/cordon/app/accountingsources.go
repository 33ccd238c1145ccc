package app

import (
	"context"
	"errors"
	"strings"
	"time"

	"cordon/integration/wire"
	"cordon/quarantine"
	"cordon/quarantine/engine"
)

// sourcePlan is what the configuration says about the sources of accounting.
func sourcePlan(cfg *Config, rule quarantine.SilenceRule) quarantine.SourcePlan {
	plan := quarantine.SourcePlan{Rule: rule, Interim: map[string]time.Duration{}, Groups: map[string][]string{}}
	for _, b := range cfg.BNGs {
		plan.Interim[b.Name] = time.Duration(b.Interim)
		if b.Group != "" {
			plan.Groups[b.Group] = append(plan.Groups[b.Group], b.Name)
		}
	}
	for _, c := range cfg.Accounting.Clients {
		if len(c.RelayFor) > 0 {
			plan.Relays = append(plan.Relays, quarantine.AccountingRelay{Name: c.Address.String(), For: c.RelayFor})
		}
	}
	return plan
}

// buildSources prepares what keeps track of the sources of accounting.
func (a *App) buildSources(o Options) error {
	c := engine.SourcesConfig{Book: a.store, Plan: sourcePlan(a.cfg, o.Silence), Logger: a.log}
	if a.listens(o) {
		c.Activity = func() []quarantine.SourceActivity { return a.accounting.Activity() } // built before it runs
	}
	var err error
	a.sources, err = engine.NewSources(c)
	return err
}

// probeSources is why addresses of some BNGs are not attributed: which sources
// of accounting have stopped.
func (a *App) probeSources(context.Context) error {
	silent := a.sources.Silent()
	if len(silent) == 0 {
		return nil
	}
	reasons := make([]string, len(silent))
	for i, s := range silent {
		reasons[i] = s.String()
	}
	return errors.New(strings.Join(reasons, "; ") + "; addresses are not attributed for later moments")
}

// sourcesView is what the API shows of how each BNG's accounting comes in.
func (a *App) sourcesView() map[string]wire.BNGAccounting {
	known, now := a.sources.Known(), time.Now()
	waits := map[string]string{}
	for _, s := range a.sources.Silent() {
		for _, bng := range a.sources.BNGsOf(s) {
			waits[bng] = s.String()
		}
	}
	shown := map[string]wire.BNGAccounting{}
	for _, b := range a.cfg.BNGs {
		s, seen := known.Sources[b.Name]
		if !seen {
			continue
		}
		shown[b.Name] = wire.BNGAccounting{
			LastRecord: moment(s.Last), Reported: moment(s.Reported), Behind: int64(s.Behind / time.Second),
			Rate: s.Rate(now), LongestGap: int64(s.Longest(now) / time.Second), Silent: waits[b.Name],
		}
	}
	return shown
}
