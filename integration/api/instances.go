package api

import (
	"context"
	"net/http"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

type (
	instancesOutput struct{ Body wire.Page[wire.Instance] }
	instanceOutput  struct{ Body wire.Instance }
)

type forgetInput struct {
	Name string `path:"name" doc:"Its name or, where several have one, its id."`
	Body wire.ForgetRequest
}

func (a *API) mountInstances(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "list-instances", Method: http.MethodGet, Path: "/instances",
		Summary: "The instances: running, silent, stopped and forgotten ones.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, a.listInstances)
	httpx.Register(s, httpx.Operation{
		ID: "forget-instance", Method: http.MethodPost, Path: "/instances/{name}/forget",
		Summary: "Declare a silent instance lost: verdicts no longer wait for it, and what it acknowledged alone stays in doubt.",
		Scopes:  []httpx.Scope{httpx.ScopeAdmin},
	}, a.forgetInstance)
}

func (a *API) listInstances(ctx context.Context, _ *struct{}) (*instancesOutput, error) {
	all, err := a.engine.Instances(ctx)
	if err != nil {
		return nil, err
	}
	page := wire.Page[wire.Instance]{Results: []wire.Instance{}}
	for _, i := range all {
		page.Results = append(page.Results, viewInstance(&i))
	}
	return &instancesOutput{page}, nil
}

func (a *API) forgetInstance(ctx context.Context, in *forgetInput) (*instanceOutput, error) {
	reason, err := statement(in.Body.Reason)
	if err != nil {
		return nil, err
	}
	i, err := a.engine.ForgetInstance(ctx, in.Name, httpx.Author(ctx), reason)
	if err != nil {
		return nil, err
	}
	return &instanceOutput{viewInstance(&i)}, nil
}

func viewInstance(i *quarantine.InstanceStatus) wire.Instance {
	v := wire.Instance{
		Name: i.Name, ID: i.ID, Here: i.Here, State: string(i.State), Accounting: i.Accounting, SpokeAt: i.SpokeAt.UTC(),
		Complete: i.Complete.UTC(), Waiting: i.Waiting, Unreadable: i.Unreadable, Verdicts: i.Verdicts,
	}
	if i.State != quarantine.InstanceUp && i.Accounting && i.Hides() {
		until := i.AloneUntil().UTC()
		v.AloneUntil = &until
	}
	if d := i.Departure; d != nil {
		at := d.At.UTC()
		v.At, v.By, v.Reason = &at, d.By, d.Reason
	}
	return v
}
