package api

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

type casesInput struct {
	State      string `query:"state" enum:"observing,held,restricting,waiting,restricted,releasing,closed" doc:"held: held rises too."`
	Profile    string `query:"profile" maxLength:"128"`
	BNG        string `query:"bng" maxLength:"128"`
	Subscriber string `query:"subscriber" maxLength:"253"`
	Source     string `query:"source" maxLength:"128"`
	Rule       string `query:"rule" maxLength:"128"`
	Limit      int    `query:"limit" minimum:"1" maximum:"1000" default:"50"`
	Cursor     string `query:"cursor" maxLength:"512" doc:"From next of the page before."`
}

type casesOutput struct{ Body wire.CasePage }

type caseInput struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"an id of Cordon"`
}

type caseOutput struct{ Body wire.Case }

func (a *API) mountCases(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "list-cases", Method: http.MethodGet, Path: "/cases",
		Summary: "Cases, open ones first, newest first.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, a.listCases)
	httpx.Register(s, httpx.Operation{
		ID: "get-case", Method: http.MethodGet, Path: "/cases/{id}",
		Summary: "One case.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, func(ctx context.Context, in *caseInput) (*caseOutput, error) {
		return output(a.Cases.Case(ctx, in.ID))
	})
}

func (a *API) listCases(ctx context.Context, in *casesInput) (*casesOutput, error) {
	page, err := a.Cases.Cases(ctx, quarantine.CaseFilter{
		State: quarantine.CaseState(in.State), Profile: in.Profile, BNG: in.BNG, Subscriber: in.Subscriber,
		Source: in.Source, Rule: in.Rule, Limit: in.Limit, Cursor: in.Cursor,
	})
	if err != nil {
		return nil, err
	}
	out := &casesOutput{wire.CasePage{Damaged: page.Damaged}}
	out.Body.Results = each(page.Cases, func(c quarantine.Case) wire.Case { return viewCase(&c) })
	if page.Next != "" {
		next := in.next(page.Next)
		out.Body.Next = &next
	}
	return out, nil
}

// next is the path of the page after this one.
func (in *casesInput) next(cursor string) string {
	q := url.Values{"limit": {strconv.Itoa(in.Limit)}, "cursor": {cursor}}
	for name, value := range map[string]string{
		"state": in.State, "profile": in.Profile, "bng": in.BNG, "subscriber": in.Subscriber, "source": in.Source, "rule": in.Rule,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	return wire.BasePath + "/cases?" + q.Encode()
}

// output shows the case that a call of the engine returned.
func output(c *quarantine.Case, err error) (*caseOutput, error) {
	if err != nil {
		return nil, err
	}
	return &caseOutput{viewCase(c)}, nil
}
