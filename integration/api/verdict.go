package api

import (
	"context"
	"net/http"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// verdictView is what became of a verdict.
type verdictView struct {
	ID         string         `json:"id"`
	Source     string         `json:"source"`
	SourceID   string         `json:"source_id"`
	State      string         `json:"state" enum:"pending,unknown,ambiguous,recorded,held,acted,retracted"`
	Reason     string         `json:"reason" doc:"Why, or what it waits for."`
	Subscriber string         `json:"subscriber" doc:"Whom it was attributed to; empty while it is not."`
	Case       string         `json:"case"`
	Candidates []httpx.Holder `json:"candidates" doc:"Who may have held the address, of an ambiguous one."`
	IP         string         `json:"ip"`
	Port       uint16         `json:"port,omitempty"`
	Category   string         `json:"category"`
	Confidence *float64       `json:"confidence"`
	ObservedAt time.Time      `json:"observed_at"`
	ReceivedAt *time.Time     `json:"received_at"`
}

func viewVerdict(s quarantine.VerdictStatus) verdictView {
	v := verdictView{
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

type verdictOutput struct{ Body verdictView }

func (a *API) mountVerdicts(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "get-verdict", Method: http.MethodGet, Path: "/verdicts/{id}",
		Summary: "What became of a verdict.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, func(ctx context.Context, in *verdictInput) (*verdictOutput, error) {
		status, err := a.engine.Verdict(ctx, in.ID)
		if err != nil {
			return nil, err
		}
		return &verdictOutput{viewVerdict(status)}, nil
	})
}
