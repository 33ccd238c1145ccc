package api

import (
	"context"
	"net/http"

	"cordon/integration/httpx"
	"cordon/integration/wire"
)

type discoveredOutput struct{ Body wire.Page[wire.DiscoveredBNG] }

func (a *API) mountDiscovered(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "discover-bngs", Method: http.MethodGet, Path: "/bngs/discovered",
		Summary: "Unknown NASes that sent accounting to this instance since its start: at most 1,000, most records first.",
		Scopes:  []httpx.Scope{httpx.ScopeRead},
	}, func(context.Context, *struct{}) (*discoveredOutput, error) {
		page := wire.Page[wire.DiscoveredBNG]{Results: []wire.DiscoveredBNG{}}
		if a.Discovered != nil {
			page.Results = append(page.Results, a.Discovered()...)
		}
		return &discoveredOutput{page}, nil
	})
}
