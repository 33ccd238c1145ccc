package churn

import (
	"context"
	"fmt"
	"time"

	"cordon/quarantine"
	"cordon/quarantine/engine"
	"cordon/quarantine/quarantinetest"
)

// EngineStore is what engines need of a store, with what records into it.
type EngineStore interface {
	engine.Store
	Store
	quarantine.AccountingSourceBook
}

// Engines starts engines as instances, for [System]. None of them runs: each does
// only what it is called for.
type Engines struct {
	World *World
	Store EngineStore
	Now   func() time.Time

	logs map[string]*quarantinetest.Journal // by name: what stays on an instance's disk
}

// Start implements System.Start.
func (e *Engines) Start(ctx context.Context, m Member) (Instance, error) {
	if e.logs == nil {
		e.logs = map[string]*quarantinetest.Journal{}
	}
	if e.logs[m.Name] == nil {
		e.logs[m.Name] = &quarantinetest.Journal{}
	}
	sources, err := engine.NewSources(engine.SourcesConfig{Book: e.Store, Now: e.Now})
	if err != nil {
		return nil, fmt.Errorf("start sources: %w", err)
	}
	started, err := engine.New(ctx, engine.Config{
		Instance: m.Name, Holder: m.Name, Store: e.Store, Journal: e.logs[m.Name], Enforcer: quarantinetest.NewNetwork(),
		Listens: true, Unworked: m.Unworked, Waiting: m.Waiting, AloneFor: m.AloneFor, Overdue: sources.Overdue,
		Tolerance: func(string) time.Duration { return Tolerance },
		Now:       e.Now, Uptime: func() time.Duration { return e.Now().Sub(e.World.begins) },
	})
	if err != nil {
		return nil, fmt.Errorf("start instance %s: %w", m.Name, err)
	}
	return &engineInstance{started}, nil
}

type engineInstance struct{ *engine.Engine }

// PublishOnce implements Instance: what the others say is read as often.
func (e *engineInstance) PublishOnce(ctx context.Context) error {
	if err := e.Engine.PublishOnce(ctx); err != nil {
		return err
	}
	_, err := e.Instances(ctx)
	return err
}

// WhoHeld implements Instance.
func (e *engineInstance) WhoHeld(ctx context.Context, q Question) (quarantine.Attribution, string, error) {
	if q.ByHand {
		return e.WhoHoldsBy(ctx, q.At, q.Port, q.Moment)
	}
	return e.Engine.WhoHeld(ctx, q.At, q.Port, q.Moment, q.Tolerance)
}

// Forget implements Instance.
func (e *engineInstance) Forget(ctx context.Context, name string) error {
	_, err := e.ForgetInstance(ctx, name, "noc", "does not come back")
	return err
}
