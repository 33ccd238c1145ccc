package app

import (
	"context"
	"fmt"

	"cordon/quarantine/engine"
	"cordon/radiusx/bng"
	"cordon/radiusx/coa"
)

// buildEngine builds the engine, and what sends its orders.
func (a *App) buildEngine(ctx context.Context, fleet *bng.Fleet, o Options) error {
	var err error
	if a.coa, err = coa.New(coa.Config{Source: a.cfg.CoA.Addr()}); err != nil {
		return fmt.Errorf("coa.source: %w", err)
	}
	a.life.cleanUp("CoA client", a.coa.Close)
	enforcer := bng.NewEnforcer(fleet, a.coa, bng.Transcript(o.Debug))
	peers := newPeers()
	a.engine, err = engine.New(ctx, engine.Config{
		// who it is, and where it keeps what
		Instance: a.cfg.Instance, Holder: a.journal.ID(), Store: a.sessions, Journal: domainJournal{a.journal}, Logger: a.log, Uptime: uptime,
		// decisions
		Rules: a.parts.Rules, Names: a.parts.Names, Paused: a.gate.paused,
		Listed: listedSources(a.cfg), Memory: a.cfg.Attribution.VerdictRetention(),
		// attribution
		Tolerance: tolerances(a.cfg), RetryFor: a.cfg.Attribution.RetryFor.Std(), History: a.cfg.Attribution.History.Std(),
		Addresses: addressPlan(a.cfg), Interim: interim(a.cfg), OneSessionPer: fleet.OneSessionPer, Poll: a.poll(),
		// accounting that has not been worked off
		Listens: a.listens(o), Unworked: a.unworked(o), Waiting: a.host.Waiting, Unreadable: a.host.Damaged, AloneFor: aloneFor(a.cfg),
		Overdue: a.sources.Overdue, Stopped: a.sources.StoppedBefore,
		// enforcement
		Enforcer: enforcer, Paths: enforcer, Serves: fleet.CanRelease,
		// other instances
		HTTPAddr: a.advertised, AskCutOff: peers.cutOff, AskAlone: peers.alone,
	})
	return err
}
