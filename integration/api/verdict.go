package api

import (
	"context"
	"net/http"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

func viewVerdict(s quarantine.VerdictStatus) wire.VerdictStatus {
	v := wire.VerdictStatus{
		ID: s.ID, Source: s.Source, SourceID: s.SourceID, State: string(s.State), Reason: s.Reason,
		Subscriber: s.Attributed, Case: s.Case, Candidates: httpx.Holders(s.Candidates),
		Port: s.Port, Category: s.Category, Confidence: s.Confidence,
		ObservedAt: s.ObservedAt.UTC(), ReceivedAt: httpx.Time(s.ReceivedAt),
	}
	if v.Subscriber == "" {
		v.Subscriber = s.Subscriber
	}
	if s.IP.IsValid() {
		v.IP = s.IP.String()
	}
	return v
}

type verdictInput struct {
	ID string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"an id of Cordon"`
}

type verdictOutput struct{ Body wire.VerdictStatus }

func (a *API) mountVerdicts(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "get-verdict", Method: http.MethodGet, Path: "/verdicts/{id}",
		Summary: "A verdict and its state.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, func(ctx context.Context, in *verdictInput) (*verdictOutput, error) {
		status, err := a.engine.Verdict(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return &verdictOutput{viewVerdict(status)}, nil
	})
}
