package api

import (
	"context"
	"net/http"

	"cordon/integration/httpx"
)

type bngsPage struct {
	Results []BNG   `json:"results"`
	Next    *string `json:"next" doc:"Always null: all BNGs are on one page."`
}

type bngsOutput struct{ Body bngsPage }

func (a *API) mountBNGs(s *httpx.Server) {
	listed := each(a.BNGs, func(b BNG) BNG {
		b.Profiles = append([]string{}, b.Profiles...) // never null
		return b
	})
	httpx.Register(s, httpx.Operation{
		ID: "list-bngs", Method: http.MethodGet, Path: "/bngs",
		Summary: "The configured BNGs.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, func(context.Context, *struct{}) (*bngsOutput, error) {
		return &bngsOutput{bngsPage{Results: listed}}, nil
	})
}
