package api

import (
	"context"
	"net/http"
	"slices"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

type bngsOutput struct{ Body wire.Page[wire.BNG] }

func (a *API) mountBNGs(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "list-bngs", Method: http.MethodGet, Path: "/bngs",
		Summary: "The configured BNGs and their state.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, a.listBNGs)
}

func (a *API) listBNGs(context.Context, *struct{}) (*bngsOutput, error) {
	windows := map[string]quarantine.Maintenance{}
	for _, m := range a.engine.Maintenances() {
		windows[m.BNG] = m
	}
	now := a.Now()
	var accounting map[string]wire.BNGAccounting
	if a.Accounting != nil {
		accounting = a.Accounting()
	}
	listed := each(a.withHealth(a.BNGs), func(b wire.BNG) wire.BNG {
		b = viewBNG(b, windows[b.Name], now)
		if known, ok := accounting[b.Name]; ok {
			b.Accounting = &known
		}
		return b
	})
	return &bngsOutput{wire.Page[wire.BNG]{Results: listed}}, nil
}

// withHealth returns the BNGs with their health and their clocks, where known.
func (a *API) withHealth(listed []wire.BNG) []wire.BNG {
	listed = slices.Clone(listed)
	var health map[string]wire.BNGHealth
	var clocks map[string]wire.AccountingClock
	if a.Health != nil {
		health = a.Health()
	}
	if a.Clocks != nil {
		clocks = a.Clocks()
	}
	for i := range listed {
		if h, ok := health[listed[i].Name]; ok {
			listed[i].Health = &h
		}
		if c, ok := clocks[listed[i].Name]; ok {
			listed[i].Clock = &c
		}
	}
	return listed
}
