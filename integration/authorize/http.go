package authorize

import (
	"context"
	"net/http"

	"cordon/integration/httpx"
	"cordon/integration/wire"
)

type authorizeInput struct {
	RawBody []byte `contentType:"application/json"`
}

type authorizeOutput struct {
	Status int
	Body   any
}

// Mount adds POST /radius/authorize to the server.
func (d *Service) Mount(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "authorize-login", Method: http.MethodPost, Path: "/radius/authorize",
		Summary: "Changes to a log-in's Access-Accept, in rlm_rest's JSON (post-auth); 204: none.",
		Scopes:  []httpx.Scope{httpx.ScopeAuthorize}, MaxBody: maxBody, OwnBody: map[string]wire.LoginAttribute{},
		Answers: map[int]any{http.StatusOK: map[string]wire.LoginAssignment{}},
	}, d.post)
}

func (d *Service) post(ctx context.Context, in *authorizeInput) (*authorizeOutput, error) {
	attributes, err := decode(in.RawBody)
	if err != nil {
		d.counts[Unreadable].Add(1)
		return nil, httpx.NewProblem(http.StatusBadRequest, err.Error())
	}
	answer, outcome := d.answer(ctx, attributes)
	if outcome != Restricted {
		return &authorizeOutput{Status: http.StatusNoContent}, nil
	}
	return &authorizeOutput{Status: http.StatusOK, Body: answer}, nil
}
