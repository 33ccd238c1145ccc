package api

import (
	"context"
	"net/http"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

// recentCases is how many cases GET /subscribers/{key} shows.
const recentCases = 10

type subscriberInput struct {
	Key string `path:"key" minLength:"1" maxLength:"253"`
}

type subscriberOutput struct{ Body wire.Subscriber }

func (a *API) mountSubscribers(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "get-subscriber", Method: http.MethodGet, Path: "/subscribers/{key}",
		Summary: "A subscriber's sessions and cases.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, a.subscriber)
}

func (a *API) subscriber(ctx context.Context, in *subscriberInput) (*subscriberOutput, error) {
	if wrong := quarantine.CheckSubscriber(in.Key); wrong != nil {
		return nil, httpx.Invalid("path.key", wrong.Reason, nil)
	}
	sessions, err := a.Sessions.SessionsOf(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	dossier, err := a.Cases.Dossier(ctx, in.Key)
	if err != nil {
		return nil, err
	}
	recent, err := a.Cases.Cases(ctx, quarantine.CaseFilter{Subscriber: in.Key, Limit: recentCases})
	if err != nil {
		return nil, err
	}
	if len(sessions) == 0 && len(recent.Cases) == 0 && dossier.Case == nil {
		return nil, httpx.NewProblem(http.StatusNotFound, "no such subscriber: no live session and no case")
	}
	view := wire.Subscriber{
		Subscriber: in.Key, Sessions: each(sessions, viewLive),
		Cases: each(recent.Cases, func(c quarantine.Case) wire.Case { return viewCase(&c) }),
	}
	if dossier.Case != nil {
		open := viewCase(dossier.Case)
		view.Case = &open
	}
	return &subscriberOutput{view}, nil
}

func viewLive(s quarantine.Session) wire.LiveSession {
	return wire.LiveSession{
		BNG: s.BNG, Member: s.Member, SessionID: s.ID, StartedAt: s.StartedAt.UTC(), SeenAt: s.SeenAt.UTC(),
		Addresses: addresses(s), Ignored: s.Ignored, Suspect: s.Suspect,
	}
}
