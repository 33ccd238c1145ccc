package api

import (
	"context"
	"fmt"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

type quarantineInput struct {
	DryRun bool   `query:"dry_run" doc:"Show the case as it would be; nothing is written or sent."`
	Wait   string `query:"wait" doc:"Answer once no session is pending, or after this time, at most 60s."`
	Body   wire.QuarantineRequest
}

type quarantineOutput struct {
	Status   int
	Location string `header:"Location"`
	Body     wire.Case
}

func (a *API) mountQuarantines(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "create-quarantine", Method: http.MethodPost, Path: "/quarantines", Status: http.StatusCreated,
		Summary: "Manual quarantine of a subscriber, on every line: 201 for a new case, 200 for one that was open or a dry run.",
		Scopes:  []httpx.Scope{httpx.ScopeQuarantine},
	}, a.quarantine)
}

func (a *API) quarantine(ctx context.Context, in *quarantineInput) (*quarantineOutput, error) {
	q, err := a.requested(in)
	if err != nil {
		return nil, err
	}
	wait, err := waiting(in.Wait)
	if err != nil {
		return nil, err
	}
	target, err := targetOf(in)
	if err != nil {
		return nil, err
	}
	q.By = httpx.Author(ctx)
	if q.Subscriber, err = a.engine.Resolve(ctx, target); err != nil {
		return nil, err
	}
	c, err := a.engine.Quarantine(ctx, q, in.DryRun)
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		return &quarantineOutput{Status: http.StatusOK, Body: viewCase(c)}, nil
	}
	out := &quarantineOutput{Status: http.StatusOK, Location: wire.BasePath + "/cases/" + c.ID}
	if newCase(c) {
		out.Status = http.StatusCreated
	}
	out.Body = viewCase(a.await(ctx, c, wait))
	return out, nil
}

// newCase reports whether the case was opened by the write that just returned
// it: the first write makes version 1.
func newCase(c *quarantine.Case) bool { return c.Version == 1 }

// await returns the case once nothing of it is pending, or as it is after the time or
// when the server stops. The quarantine is written by now, so an error of reading it
// again is none of the request: the case as written is the answer then.
func (a *API) await(ctx context.Context, c *quarantine.Case, wait time.Duration) *quarantine.Case {
	if wait == 0 {
		return c
	}
	ctx, cancel := httpx.UntilDrain(ctx)
	defer cancel()
	ctx, stop := context.WithTimeout(ctx, wait)
	defer stop()
	awaited, err := a.engine.Await(ctx, c.ID)
	if err != nil {
		return c
	}
	return awaited
}

// requested decodes the request without its target.
func (a *API) requested(in *quarantineInput) (quarantine.ManualQuarantine, error) {
	reason, err := statement(in.Body.Reason)
	if err != nil {
		return quarantine.ManualQuarantine{}, err
	}
	if !slices.Contains(a.Profiles, in.Body.Profile) {
		unknown := fmt.Sprintf("unknown profile; known are %q", a.Profiles)
		return quarantine.ManualQuarantine{}, httpx.Invalid("body.profile", unknown, in.Body.Profile)
	}
	lasts := a.DefaultFor
	if in.Body.For != "" {
		if lasts, err = duration(in.Body.For); err != nil {
			return quarantine.ManualQuarantine{}, err
		}
	}
	return quarantine.ManualQuarantine{
		Profile: in.Body.Profile, Reason: reason, For: lasts,
		Override: in.Body.Override, AllSessions: in.Body.All, Replace: in.Body.Replace,
	}, nil
}

func targetOf(in *quarantineInput) (t quarantine.Target, err error) {
	given := 0
	for _, s := range []string{in.Body.IP, in.Body.Subscriber, in.Body.Session} {
		if s != "" {
			given++
		}
	}
	switch {
	case given != 1:
		return t, httpx.Invalid("body", "must have exactly one of ip, subscriber and session", nil)
	case in.Body.IP != "":
		t.Port, t.Space = in.Body.Port, in.Body.Space
		t.IP, err = address(in.Body.IP, "body.ip")
	case in.Body.Session != "":
		t.Session, err = quarantine.ParseSessionKey(in.Body.Session)
	default:
		t.Subscriber = in.Body.Subscriber
		if wrong := quarantine.CheckSubscriber(t.Subscriber); wrong != nil {
			err = wrong
		}
	}
	return t, err
}

// address reads a subscriber's address; IPv4-mapped IPv6 is the IPv4 it maps.
func address(s, location string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	if err != nil {
		return addr, httpx.Invalid(location, "invalid IP address", s)
	}
	addr = addr.Unmap()
	if wrong := quarantine.CheckAddress(addr); wrong != nil {
		return addr, httpx.Invalid(location, wrong.Reason, s)
	}
	return addr, nil
}

// waiting reads ?wait=; without it nothing is waited for.
func waiting(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := quarantine.ParseDuration(s)
	if err != nil || d < 0 || d > MaxWait {
		return 0, httpx.Invalid("query.wait", "must be a duration such as 10s, at most 60s", s)
	}
	return d, nil
}
