package api

import (
	"context"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

type retryInput struct {
	ID   string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"an id of Cordon"`
	Wait string `query:"wait" doc:"Answer once no session is pending, or after this time, at most 60s."`
	Body *wire.RetryRequest
}

type giveUpInput struct {
	ID   string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"an id of Cordon"`
	Body wire.GiveUpRequest
}

// retry retries what is outstanding of a case now. A reason is optional.
func (a *API) retry(ctx context.Context, in *retryInput) (*decisionOutput, error) {
	wait, err := waiting(in.Wait)
	if err != nil {
		return nil, err
	}
	reason := ""
	if in.Body != nil && in.Body.Reason != "" {
		if reason, err = statement(in.Body.Reason); err != nil {
			return nil, err
		}
	}
	c, err := a.engine.Retry(ctx, in.ID, httpx.Author(ctx), reason)
	if err == nil {
		c = a.await(ctx, c, wait)
	}
	return decided(given{verb: "retry", id: in.ID, reason: reason}, c, err)
}

func (a *API) giveUp(ctx context.Context, in *giveUpInput) (*decisionOutput, error) {
	reason, err := statement(in.Body.Reason)
	if err != nil {
		return nil, err
	}
	var session quarantine.SessionKey
	if in.Body.Session != "" {
		if session, err = quarantine.ParseSessionKey(in.Body.Session); err != nil {
			return nil, err
		}
	}
	c, err := a.engine.GiveUp(ctx, in.ID, httpx.Author(ctx), reason, session)
	return decided(given{verb: "give-up", id: in.ID, reason: reason, more: []string{"--session", in.Body.Session}}, c, err)
}
