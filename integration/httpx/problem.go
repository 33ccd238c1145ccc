package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"cordon/integration/wire"
	"cordon/quarantine"
)

// Problem is the body of every error response.
type Problem struct {
	wire.Problem
	retryAfter time.Duration // > 0: Retry-After
}

// NewProblem returns a problem with a status and detail.
func NewProblem(status int, detail string, fields ...wire.FieldProblem) *Problem {
	return &Problem{Problem: wire.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: detail, Errors: fields}}
}

// Invalid is the 422 for one invalid field; location is as in [wire.FieldProblem].
func Invalid(location, message string, value any) *Problem {
	return NewProblem(http.StatusUnprocessableEntity, location+": "+message,
		wire.FieldProblem{Location: location, Message: message, Value: short(value)})
}

// RetryIn sets Retry-After to d, rounded up to whole seconds.
func (p *Problem) RetryIn(d time.Duration) *Problem {
	p.retryAfter = d
	return p
}

// GetStatus implements huma.StatusError.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders implements huma.HeadersError.
func (p *Problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((p.retryAfter+time.Second-1)/time.Second), 10))
	}
	if p.Status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", "Bearer")
	}
	return h
}

// ContentType implements huma.ContentTypeFilter (RFC 9457 section 3).
func (p *Problem) ContentType(string) string { return problemType }

const problemType = "application/problem+json"

var (
	_ huma.StatusError       = (*Problem)(nil)
	_ huma.HeadersError      = (*Problem)(nil)
	_ huma.ContentTypeFilter = (*Problem)(nil)
)

// storeRetry is Retry-After while Redis or the journal is unavailable: long enough for
// a fail-over to begin.
const storeRetry = 5 * time.Second

// ProblemOf translates an error of the domain; this is the one place that does. in is
// where the request had its fields, "body" or "query". Any other error means that Redis
// or the journal is unavailable: 503, without its text.
func ProblemOf(err error, in string) *Problem {
	var (
		problem   *Problem
		field     *quarantine.FieldError
		command   *quarantine.CommandError
		limit     *quarantine.LimitError
		ambiguous *quarantine.AmbiguousError
		shared    *quarantine.SharedNameError
		missing   *quarantine.IncompleteError
	)
	switch {
	case errors.As(err, &problem):
		return problem
	case errors.As(err, &field):
		return Invalid(in+"."+field.Field, field.Reason, nil)
	case errors.As(err, &ambiguous):
		p := NewProblem(http.StatusConflict, ambiguous.Error())
		p.Candidates = Holders(ambiguous.Candidates)
		return p
	case errors.As(err, &missing):
		p := NewProblem(http.StatusConflict, missing.Error())
		p.Missing, p.Candidates = missing.Missing, Holders(missing.Candidates)
		return p
	case errors.As(err, &shared):
		p := NewProblem(http.StatusConflict, shared.Error())
		p.Lines = shared.Lines
		return p
	case errors.As(err, &command):
		return NewProblem(http.StatusConflict, command.Reason)
	case errors.As(err, &limit):
		return NewProblem(http.StatusConflict, limit.Error())
	case errors.Is(err, quarantine.ErrNoAddressIndex):
		return Invalid(in+".ip", quarantine.ErrNoAddressIndex.Error()+"; name the subscriber", nil)
	case errors.Is(err, quarantine.ErrConflict):
		return NewProblem(http.StatusConflict, quarantine.ErrConflict.Error())
	}
	for _, missing := range []error{
		quarantine.ErrNoCase, quarantine.ErrNoVerdict, quarantine.ErrNoSession, quarantine.ErrUnknownAddress, quarantine.ErrNoInstance,
	} {
		if errors.Is(err, missing) {
			return NewProblem(http.StatusNotFound, missing.Error())
		}
	}
	return NewProblem(http.StatusServiceUnavailable,
		"Redis or the journal is unavailable; the request may not have been carried out").RetryIn(storeRetry)
}

// init makes huma write its own errors (wrong types, missing fields, undecodable bodies)
// as a Problem too; it has no other way than these variables.
func init() {
	huma.NewError = func(status int, detail string, errs ...error) huma.StatusError {
		return fromHuma(status, detail, errs)
	}
	huma.NewErrorWithContext = func(ctx huma.Context, status int, detail string, errs ...error) huma.StatusError {
		p := fromHuma(status, detail, errs)
		p.RequestID = requestOf(ctx.Context()).id
		return p
	}
	huma.ValidateStrictCasing = true
}

func fromHuma(status int, detail string, errs []error) *Problem {
	p := NewProblem(status, detail)
	for _, err := range errs {
		var d *huma.ErrorDetail
		if errors.As(err, &d) {
			p.Errors = append(p.Errors, fieldProblem(d))
		}
	}
	if len(p.Errors) > 0 {
		p.Detail = p.Errors[0].Location + ": " + p.Errors[0].Message
	}
	if status == http.StatusUnsupportedMediaType {
		p.Detail += "; send Content-Type: application/json"
	}
	return p
}

var missingProperty = regexp.MustCompile(`^expected required property (\S+) to be present$`)

// fieldProblem names the field itself where huma names its container, and never echoes
// a whole body.
func fieldProblem(d *huma.ErrorDetail) wire.FieldProblem {
	f := wire.FieldProblem{Location: d.Location, Message: d.Message, Value: short(d.Value)}
	if m := missingProperty.FindStringSubmatch(d.Message); m != nil {
		return wire.FieldProblem{Location: d.Location + "." + m[1], Message: "is required"}
	}
	if d.Location == "body" {
		f.Value = nil
	}
	return f
}

// short returns v if its JSON is short enough to be echoed, else nil.
func short(v any) any {
	const longest = 128
	if encoded, err := json.Marshal(v); err != nil || len(encoded) > longest || string(encoded) == "null" {
		return nil
	}
	return v
}

// write responds with the problem outside of huma.
func (p *Problem) write(ctx context.Context, w http.ResponseWriter) {
	for name, values := range p.GetHeaders() {
		w.Header()[name] = values
	}
	p.RequestID = requestOf(ctx).id
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that is gone reads no answer
}

// missingScope is the 403 for a caller without the scope.
func missingScope(p Principal, scopes []Scope) *Problem {
	return NewProblem(http.StatusForbidden, fmt.Sprintf("token %q lacks the scope for this; it needs one of %q", p.Name, scopes))
}

func unauthorized() *Problem {
	return NewProblem(http.StatusUnauthorized, "no valid bearer token; send Authorization: Bearer …")
}
