package httpx

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"
)

// secret is long enough for a token; each test token appends its name.
const secret = "0123456789abcdef0123456789abcdef-"

func token(t *testing.T, name string, scopes ...Scope) Token {
	t.Helper()
	tok, err := NewToken(name, secret+name, scopes, "")
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

type echoInput struct {
	DryRun bool `query:"dry_run"`
	Body   struct {
		Word string `json:"word"`
	}
}

type echoOutput struct {
	Body struct {
		Word string `json:"word"`
		By   string `json:"by"`
	}
}

// newServer is a server with one call, POST /api/v1/echo, which answers with
// what handle says of the word.
func newServer(t *testing.T, c Config, handle func(ctx context.Context, word string) (string, error)) (*Server, *observer.ObservedLogs) {
	t.Helper()
	core, logs := observer.New(zap.DebugLevel)
	c.Log = zap.New(core)
	if c.Listen == "" {
		c.Listen = "127.0.0.1:0"
	}
	s, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	Register(s, Operation{ID: "echo", Method: http.MethodPost, Path: "/echo", Scopes: []Scope{ScopeRelease}, MaxBody: 64},
		func(ctx context.Context, in *echoInput) (*echoOutput, error) {
			word, err := handle(ctx, in.Body.Word)
			if err != nil {
				return nil, err
			}
			out := &echoOutput{}
			out.Body.Word, out.Body.By = word, Author(ctx)
			return out, nil
		})
	return s, logs
}

func same(_ context.Context, word string) (string, error) { return word, nil }

// call sends one request through the whole handler. Headers come in pairs.
func call(s *Server, method, path, body string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, "http://127.0.0.1:8480"+path, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	s.Handler().ServeHTTP(w, r)
	return w
}

// problemIn reads an answer that must be a problem document.
func problemIn(t *testing.T, w *httptest.ResponseRecorder) Problem {
	t.Helper()
	if got := w.Header().Get("Content-Type"); got != problemType {
		t.Errorf("Content-Type %q, want %q; body %s", got, problemType, w.Body)
	}
	var p Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil {
		t.Fatalf("problem %s: %v", w.Body, err)
	}
	if p.Status != w.Code || p.Type != "about:blank" || p.Title == "" || p.Detail == "" {
		t.Errorf("incomplete problem with status %d: %+v", w.Code, p)
	}
	if p.RequestID == "" || p.RequestID != w.Header().Get(requestIDHeader) {
		t.Errorf("request_id %q, header %q", p.RequestID, w.Header().Get(requestIDHeader))
	}
	return p
}
