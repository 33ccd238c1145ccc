package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

type maintainInput struct {
	Name string `path:"name" doc:"Name of the BNG in GET /bngs."`
	Body wire.MaintenanceRequest
}

type endMaintenanceInput struct {
	Name string `path:"name" doc:"Name of the BNG in GET /bngs."`
	Body wire.EndMaintenanceRequest
}

// bngOutput is the BNG, or with 202 a wire.Deferred.
type bngOutput struct {
	Status int
	Body   any
}

func (a *API) mountMaintenance(s *httpx.Server) {
	answers := map[int]any{http.StatusOK: wire.BNG{}, http.StatusAccepted: wire.Deferred{}}
	httpx.Register(s, httpx.Operation{
		ID: "maintain-bng", Method: http.MethodPost, Path: "/bngs/{name}/maintenance",
		Summary: "Defer new restrictions on a BNG for some time; releases are still sent.",
		Scopes:  []httpx.Scope{httpx.ScopeAdmin}, Answers: answers,
	}, a.maintain)
	httpx.Register(s, httpx.Operation{
		ID: "end-bng-maintenance", Method: http.MethodPost, Path: "/bngs/{name}/maintenance/end",
		Summary: "End a BNG's maintenance now; what was deferred is sent at the BNG's rate.",
		Scopes:  []httpx.Scope{httpx.ScopeAdmin}, Answers: answers,
	}, a.endMaintenance)
}

func (a *API) maintain(ctx context.Context, in *maintainInput) (*bngOutput, error) {
	b, reason, err := a.commanded(in.Name, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	lasts, err := quarantine.ParseDuration(in.Body.For)
	if err != nil {
		return nil, &quarantine.FieldError{Field: "for", Reason: err.Error()}
	}
	m, err := a.engine.Maintain(ctx, b.Name, httpx.Author(ctx), reason, lasts)
	return a.maintained(b, m, err)
}

func (a *API) endMaintenance(ctx context.Context, in *endMaintenanceInput) (*bngOutput, error) {
	b, reason, err := a.commanded(in.Name, in.Body.Reason)
	if err != nil {
		return nil, err
	}
	m, err := a.engine.EndMaintenance(ctx, b.Name, httpx.Author(ctx), reason)
	return a.maintained(b, m, err)
}

// commanded finds the BNG of a command and checks its reason.
func (a *API) commanded(name, reason string) (wire.BNG, string, error) {
	i := slices.IndexFunc(a.BNGs, func(b wire.BNG) bool { return b.Name == name })
	if slices.ContainsFunc(a.BNGs, func(b wire.BNG) bool { return b.Group != "" && b.Group == name }) {
		return wire.BNG{}, "", httpx.NewProblem(http.StatusNotFound, fmt.Sprintf("%q is a redundancy group; name one of its BNGs", name))
	}
	if now := slices.IndexFunc(a.BNGs, func(b wire.BNG) bool { return slices.Contains(b.Formerly, name) }); i < 0 && now >= 0 {
		return wire.BNG{}, "", httpx.NewProblem(http.StatusNotFound, fmt.Sprintf("%q is called %q now", name, a.BNGs[now].Name))
	}
	if i < 0 {
		return wire.BNG{}, "", httpx.NewProblem(http.StatusNotFound, fmt.Sprintf("unknown BNG %q", name))
	}
	reason, err := statement(reason)
	return a.BNGs[i], reason, err
}

// maintained shows the BNG after a command, or that this is deferred.
func (a *API) maintained(b wire.BNG, m quarantine.Maintenance, err error) (*bngOutput, error) {
	switch {
	case errors.Is(err, quarantine.ErrDeferred):
		later := wire.Deferred{ID: b.Name, Status: wire.StatusDeferred, Detail: quarantine.ErrDeferred.Error()}
		return &bngOutput{http.StatusAccepted, later}, nil
	case err != nil:
		return nil, err
	}
	return &bngOutput{http.StatusOK, viewBNG(a.withHealth([]wire.BNG{b})[0], m, a.Now())}, nil
}

// viewBNG shows a BNG with its maintenance window, if it is in one.
func viewBNG(b wire.BNG, m quarantine.Maintenance, now time.Time) wire.BNG {
	b.Profiles = append([]string{}, b.Profiles...) // never null
	if m.Stands(now) {
		b.Maintenance = &wire.Maintenance{Until: m.Until.UTC(), Reason: m.Reason, By: m.By, At: m.At.UTC()}
	}
	return b
}
