package api

import (
	"context"
	"net/http"
	"strings"
	"time"
	"unicode"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

// maxReason bounds a reason, in bytes.
const maxReason = 1024

type commandInput struct {
	ID   string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"an id of Cordon"`
	Body wire.CaseRequest
}

type releaseInput struct {
	ID   string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"an id of Cordon"`
	Body wire.ReleaseRequest
}

type extendInput struct {
	ID   string `path:"id" pattern:"^[A-Za-z0-9_-]{1,64}$" patternDescription:"an id of Cordon"`
	Body wire.ExtendRequest
}

// decisionOutput is the case, or with 202 a wire.Deferred.
type decisionOutput struct {
	Status int
	Body   any
}

// command is a person's decision about one case.
type command func(ctx context.Context, id, by, reason string) (*quarantine.Case, error)

func (a *API) mountCommands(s *httpx.Server) {
	httpx.Register(s, decision("release", "End a case; always tried, whatever the limits.", httpx.ScopeRelease), a.release)
	httpx.Register(s, decision("extend", "Move a case's expiry to now + for.", httpx.ScopeQuarantine), a.extend)
	register := func(verb, summary string, do command, scopes ...httpx.Scope) {
		httpx.Register(s, decision(verb, summary, scopes...), func(ctx context.Context, in *commandInput) (*decisionOutput, error) {
			reason, err := statement(in.Body.Reason)
			if err != nil {
				return nil, err
			}
			c, err := do(ctx, in.ID, httpx.Author(ctx), reason)
			return decided(given{verb: verb, id: in.ID, reason: reason}, c, err)
		})
	}
	httpx.Register(s, decision("retry", "Retry whatever is outstanding of a case now.", httpx.ScopeRelease, httpx.ScopeQuarantine), a.retry)
	httpx.Register(s, decision("give-up", "Abandon the release of a case's sessions: nothing more is sent; the lines may stay restricted.",
		httpx.ScopeRelease), a.giveUp)
	register("approve", "Approve a held case, or its held rise: it is applied.", a.engine.Approve, httpx.ScopeApprove)
	register("reject", "Reject a held case, which ends it, or drop its held rise.", a.engine.Reject, httpx.ScopeApprove)
	register("notes", "Add a note; the reason is its text.", a.engine.Note,
		httpx.ScopeQuarantine, httpx.ScopeRelease, httpx.ScopeApprove)
}

func decision(verb, summary string, scopes ...httpx.Scope) httpx.Operation {
	answers := map[int]any{http.StatusOK: wire.Case{}}
	if verb != "approve" { // what restricts is never deferred
		answers[http.StatusAccepted] = wire.Deferred{}
	}
	return httpx.Operation{
		ID: verb + "-case", Method: http.MethodPost, Path: "/cases/{id}/" + verb, Summary: summary, Scopes: scopes, Answers: answers,
	}
}

func (a *API) release(ctx context.Context, in *releaseInput) (*decisionOutput, error) {
	reason, err := statement(in.Body.Reason)
	if err != nil {
		return nil, err
	}
	c, err := a.engine.Release(ctx, in.ID, httpx.Author(ctx), reason, quarantine.ReleaseCode(in.Body.Code))
	return decided(given{verb: "release", id: in.ID, reason: reason, more: []string{"--code", in.Body.Code}}, c, err)
}

func (a *API) extend(ctx context.Context, in *extendInput) (*decisionOutput, error) {
	reason, err := statement(in.Body.Reason)
	if err != nil {
		return nil, err
	}
	d, err := duration(in.Body.For)
	if err != nil {
		return nil, err
	}
	c, err := a.engine.Extend(ctx, in.ID, httpx.Author(ctx), reason, d)
	return decided(given{verb: "extend", id: in.ID, reason: reason, more: []string{"--for", in.Body.For}}, c, err)
}

// statement checks a person's reason: it must not be empty, nor able to forge a line
// of a log or a table.
func statement(reason string) (string, error) {
	reason = strings.TrimSpace(reason)
	switch {
	case reason == "":
		return "", &quarantine.FieldError{Field: "reason", Reason: "is required"}
	case len(reason) > maxReason:
		return "", &quarantine.FieldError{Field: "reason", Reason: "must be at most 1024 bytes"}
	case strings.ContainsFunc(reason, forging):
		return "", &quarantine.FieldError{Field: "reason", Reason: "must not contain control characters"}
	}
	return reason, nil
}

func forging(r rune) bool {
	return (unicode.IsControl(r) && r != '\n' && r != '\t') || unicode.Is(unicode.Bidi_Control, r) || r == unicode.ReplacementChar
}

// duration reads the duration of a restriction.
func duration(s string) (time.Duration, error) {
	d, err := quarantine.ParseDuration(s)
	switch {
	case err != nil:
		return 0, &quarantine.FieldError{Field: "for", Reason: err.Error()}
	case d <= 0 || d > MaxFor:
		return 0, &quarantine.FieldError{Field: "for", Reason: "must be > 0 and at most " + quarantine.FormatDuration(MaxFor)}
	}
	return d, nil
}
