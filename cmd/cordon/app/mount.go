package app

import (
	"cordon/integration/api"
	"cordon/integration/bindings"
	"cordon/integration/intake"
	"cordon/integration/radacct"
	"cordon/integration/wire"
	"cordon/radiusx/bng"
)

// mount registers the edges.
func (a *App) mount() error {
	history := a.cfg.Attribution.History.Std()
	var err error
	a.intake, err = intake.New(a.engine, intake.Config{
		Addresses: addressPlan(a.cfg), Sources: sourcesOf(a.cfg), Default: intake.Source{MaxAge: a.cfg.Attribution.MaxAge.Std()},
	})
	if err != nil {
		return err
	}
	edge, err := api.New(a.engine, a.apiConfig())
	if err != nil {
		return err
	}
	logs, err := bindings.New(bindings.Config{Recorder: a.store, Sources: a.store, Addresses: addressPlan(a.cfg), History: history})
	if err != nil {
		return err
	}
	rows := imports{bng.NewImporter(a.fleet, a.store, a.translation())}
	a.intake.Mount(a.http)
	radacct.New(rows, history, a.fleet.NamingAttributes(a.parts.Key)...).Mount(a.http)
	edge.Mount(a.http)
	logs.Mount(a.http)
	a.authorize.Mount(a.http)
	return nil
}

// apiConfig is what the API reads, and what it shows of the configuration.
func (a *App) apiConfig() api.Config {
	c := api.Config{
		Cases: a.store, Sessions: a.sessions, Bindings: a.sessions, MACs: a.store, Gaps: a.engine.Gaps,
		History: a.cfg.Attribution.History.Std(), Addresses: addressPlan(a.cfg),
		Health: a.health, Clocks: a.shownClocks, Accounting: a.sourcesView, Discovered: a.discovered,
	}
	for _, p := range a.cfg.Profiles {
		c.Profiles = append(c.Profiles, p.Name)
	}
	for _, b := range a.cfg.BNGs {
		shown := wire.BNG{Name: b.Name, Formerly: b.Formerly, Group: b.Group, Address: b.Address.String(), Dialect: b.Dialect}
		for _, p := range a.cfg.Profiles {
			if _, has := b.Profiles[p.Name]; has {
				shown.Profiles = append(shown.Profiles, p.Name)
			}
		}
		c.BNGs = append(c.BNGs, shown)
	}
	return c
}
