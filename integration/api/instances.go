package api

import (
	"context"
	"net/http"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// instanceView is one running server as the one that was asked knows it.
type instanceView struct {
	Name       string     `json:"name"`
	ID         string     `json:"id" doc:"Of its journal: the same after a restart. Several instances may have one name."`
	Here       bool       `json:"here" doc:"The instance that was asked."`
	State      string     `json:"state" enum:"up,silent,left,forgotten" doc:"silent: it has published nothing for 15 s. left: it ended, and all accounting that reached it is stored. forgotten: a person declared it lost."`
	Accounting bool       `json:"accounting" doc:"Accounting comes to it, or it holds some that is not stored; the others wait for no instance without."`
	SpokeAt    time.Time  `json:"spoke_at" doc:"When it published last, by the store's clock."`
	Complete   time.Time  `json:"complete" doc:"All accounting that had reached it is stored to this moment."`
	Waiting    int        `json:"waiting" doc:"Answered records in its spool, when it published last."`
	AloneUntil *time.Time `json:"alone_until" doc:"Of a silent or forgotten one: it may have answered accounting to this moment that is not stored; null: it answers only what is stored."`
	Unreadable string     `json:"unreadable" doc:"A folder with answered accounting that it cannot read."`
	Verdicts   int        `json:"verdicts" doc:"That wait for it at the instance that was asked."`

	At     *time.Time `json:"at" doc:"When it left or was declared lost."`
	By     string     `json:"by" doc:"Who declared it lost."`
	Reason string     `json:"reason"`
}

type instancesPage struct {
	Results []instanceView `json:"results"`
	Next    *string        `json:"next" doc:"Always null: all instances are on one page."`
}

type (
	instancesOutput struct{ Body instancesPage }
	instanceOutput  struct{ Body instanceView }
)

type forgetInput struct {
	Name string `path:"name" doc:"Its name or, where several have one, its id."`
	Body struct {
		Reason string `json:"reason" doc:"Why it will not be back; the journal keeps it."`
	}
}

func (a *API) mountInstances(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "list-instances", Method: http.MethodGet, Path: "/instances",
		Summary: "The running servers, those that are silent, and those that went.", Scopes: []httpx.Scope{httpx.ScopeRead},
	}, a.listInstances)
	httpx.Register(s, httpx.Operation{
		ID: "forget-instance", Method: http.MethodPost, Path: "/instances/{name}/forget",
		Summary: "Declare a silent instance lost: verdicts wait for it no longer, and what it answered stays in doubt.", Scopes: []httpx.Scope{httpx.ScopeAdmin},
	}, a.forgetInstance)
}

func (a *API) listInstances(ctx context.Context, _ *struct{}) (*instancesOutput, error) {
	all, err := a.engine.Instances(ctx)
	if err != nil {
		return nil, err
	}
	page := instancesPage{Results: []instanceView{}}
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

func viewInstance(i *quarantine.InstanceStatus) instanceView {
	v := instanceView{
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
