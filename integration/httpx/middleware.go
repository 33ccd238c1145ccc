package httpx

import (
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.uber.org/zap"

	"cordon/integration/wire"
)

// serve is what every request passes: id, caller, browser protection, one line
// in the log, and a problem document for whatever goes wrong before a handler.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	began := time.Now()
	id := requestID(r)
	principal, credible := identify(s.config.Tokens, r)
	r = r.WithContext(withRequest(r.Context(), request{
		id: id, principal: principal, credible: credible, draining: s.draining,
	}))
	out := &answer{ResponseWriter: w}
	out.Header().Set(requestIDHeader, id)
	out.Header().Set("X-Content-Type-Options", "nosniff")
	out.Header().Set("Cache-Control", "no-store")
	defer s.finish(out, r, began)
	if p := s.barred(r); p != nil {
		p.write(r.Context(), out)
		return
	}
	s.route(out, r)
}

// barred keeps pages of other sites from using a person's browser as their
// hands. On an open listener the Host header must name this host as well: a
// foreign name that resolves to 127.0.0.1 would pass as the same origin.
func (s *Server) barred(r *http.Request) *Problem {
	if err := s.cross.Check(r); err != nil {
		return NewProblem(http.StatusForbidden, "a page of another site may not change anything here")
	}
	if s.config.Open() && !loopback(r.Host) {
		return NewProblem(http.StatusForbidden, "the API is open to this host only; call it as localhost or by its loopback address")
	}
	return nil
}

// route hands the request to its handler; what no route fits (404, 405) is
// answered as a problem.
func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	fallback, pattern := s.mux.Handler(r)
	if pattern != "" {
		s.mux.ServeHTTP(w, r)
		return
	}
	verdict := &discard{header: http.Header{}}
	fallback.ServeHTTP(verdict, r)
	if allow := verdict.header.Get("Allow"); allow != "" {
		w.Header().Set("Allow", allow)
	}
	detail := "there is nothing here; " + wire.BasePath + "/openapi.json lists what there is"
	if verdict.status == http.StatusMethodNotAllowed {
		detail = "this path is not for that method; see Allow"
	}
	NewProblem(verdict.status, detail).write(r.Context(), w)
}

// finish turns a panic into a 500 and writes the request's one line.
func (s *Server) finish(w *answer, r *http.Request, began time.Time) {
	if fault := recover(); fault != nil {
		s.log.Error("request panicked", zap.String("request_id", RequestID(r.Context())),
			zap.Any("panic", fault), zap.ByteString("stack", debug.Stack()))
		if w.status == 0 {
			NewProblem(http.StatusInternalServerError, "a fault in Cordon; its log has the request id").write(r.Context(), w)
		}
	}
	path := r.Pattern
	if path == "" {
		path = "none"
	}
	level := zap.InfoLevel
	if !strings.Contains(path, wire.BasePath) && w.code() < http.StatusBadRequest {
		level = zap.DebugLevel // probes and scrapes come every few seconds
	}
	s.log.Log(level, "request", zap.String("method", method(r.Method)), zap.String("path", path), zap.Int("status", w.code()),
		zap.Duration("duration", time.Since(began)), zap.String("request_id", RequestID(r.Context())),
		zap.String("token", PrincipalOf(r.Context()).Name))
}

// method bounds what a client can write into the log.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// answer remembers the status that was sent.
type answer struct {
	http.ResponseWriter
	status int
}

// Unwrap lets http.ResponseController and huma reach deadlines and flushing.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	if a.status == 0 {
		a.status = http.StatusOK
	}
	return a.ResponseWriter.Write(b)
}

func (a *answer) code() int {
	if a.status == 0 {
		return http.StatusOK
	}
	return a.status
}

// discard takes the mux's own answer apart without sending it.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
