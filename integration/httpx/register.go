package httpx

import (
	"context"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strconv"

	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"cordon/integration/wire"
)

// MaxBody bounds a request's body unless the operation says otherwise, in bytes.
const MaxBody = 64 << 10

// Operation is one call of the API.
type Operation struct {
	ID      string // unique, for generated clients: "release-case"
	Method  string
	Path    string  // below [wire.BasePath], e.g. "/cases/{id}"
	Summary string  // one line for the OpenAPI document
	Status  int     // of success; 0: 200
	Scopes  []Scope // any of these is required; at least one
	MaxBody int64   // bytes; 0: [MaxBody]
	// OwnBody is set if the handler decodes its RawBody itself: a value of the type to
	// describe in the OpenAPI document, of which one or an array is accepted.
	OwnBody any
	// Answers is a value of the body's type for each status of success, if there are
	// several and the handler's Body is an any; for the OpenAPI document.
	Answers map[int]any
}

// Register mounts an operation. The caller's scope is checked before the body is read.
// Errors of the handler are translated by [ProblemOf]; a *Problem is returned unchanged.
// Register panics on an operation without scope.
func Register[I, O any](s *Server, op Operation, handler func(context.Context, *I) (*O, error)) {
	if len(op.Scopes) == 0 {
		panic("httpx: " + op.ID + " is open to everybody")
	}
	if op.MaxBody == 0 {
		op.MaxBody = MaxBody
	}
	in := "body"
	if op.Method == http.MethodGet {
		in = "query"
	}
	responses := map[string]*huma.Response{}
	huma.Register(s.api, huma.Operation{
		Responses:   responses,
		OperationID: op.ID, Method: op.Method, Path: wire.BasePath + op.Path, Summary: op.Summary, DefaultStatus: op.Status,
		MaxBodyBytes:    op.MaxBody + 1, // huma refuses a body of exactly its limit
		BodyReadTimeout: s.config.Limits.Body,
		RequestBody:     s.describeBody(op.OwnBody), SkipValidateBody: op.OwnBody != nil,
		Security:    []map[string][]string{{bearer: scopeNames(op.Scopes)}},
		Middlewares: huma.Middlewares{s.entitled(op.Scopes)},
	}, func(ctx context.Context, input *I) (*O, error) {
		output, err := handler(ctx, input)
		if err != nil {
			return nil, s.refuse(ctx, op.ID, err, in)
		}
		return output, nil
	})
	s.describeAnswers(responses, op.Answers)
}

// describeAnswers completes what huma, which knows one body of success alone,
// has put into an operation's responses.
func (s *Server) describeAnswers(responses map[string]*huma.Response, answers map[int]any) {
	for status, body := range answers {
		schema := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(body), true, "")
		responses[strconv.Itoa(status)] = &huma.Response{
			Description: http.StatusText(status), Content: map[string]*huma.MediaType{"application/json": {Schema: schema}},
		}
	}
}

// describeBody documents a body that huma does not decode; nil for all others.
func (s *Server) describeBody(example any) *huma.RequestBody {
	if example == nil {
		return nil
	}
	one := s.api.OpenAPI().Components.Schemas.Schema(reflect.TypeOf(example), true, "")
	return &huma.RequestBody{Required: true, Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{OneOf: []*huma.Schema{one, {Type: huma.TypeArray, Items: one}}}},
	}}
}

// refuse translates a handler's error, and logs it if the response hides its text.
func (s *Server) refuse(ctx context.Context, operation string, err error, in string) *Problem {
	p := *ProblemOf(err, in)
	p.RequestID = RequestID(ctx)
	if p.Status >= http.StatusInternalServerError {
		s.log.Warn("request failed", zap.String("operation", operation), zap.String("request_id", p.RequestID), zap.Error(err))
	}
	return &p
}

// entitled rejects callers without any of the scopes.
func (s *Server) entitled(scopes []Scope) func(huma.Context, func(huma.Context)) {
	return func(ctx huma.Context, next func(huma.Context)) {
		r := requestOf(ctx.Context())
		switch {
		case !r.credible:
			s.reject(ctx, unauthorized())
		case !r.principal.May(scopes...):
			s.reject(ctx, missingScope(r.principal, scopes))
		default:
			next(ctx)
		}
	}
}

func (s *Server) reject(ctx huma.Context, p *Problem) {
	p.RequestID = RequestID(ctx.Context())
	for name, values := range p.GetHeaders() {
		ctx.SetHeader(name, values[0])
	}
	ctx.SetHeader("Content-Type", problemType)
	ctx.SetStatus(p.Status)
	_ = json.NewEncoder(ctx.BodyWriter()).Encode(p) // a client that is gone reads no answer
}

func scopeNames(scopes []Scope) []string {
	names := make([]string, 0, len(scopes))
	for _, s := range scopes {
		names = append(names, string(s))
	}
	slices.Sort(names)
	return names
}

// page mounts one of the server's own pages, which need no token, and adds it to the
// OpenAPI document.
func (s *Server) page(path, id, summary string, handler http.HandlerFunc) {
	s.mux.HandleFunc(http.MethodGet+" "+path, handler)
	s.api.OpenAPI().AddOperation(&huma.Operation{
		OperationID: id, Method: http.MethodGet, Path: path, Summary: summary,
		Responses: map[string]*huma.Response{"200": {Description: http.StatusText(http.StatusOK)}},
		Security:  []map[string][]string{},
	})
}
