package httpx

import (
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.uber.org/zap"

	"cordon/integration/wire"
)

// serve handles every request: id, authentication, browser protection, the access log,
// and a problem document for any error before a handler.
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
	if p := s.forbidden(r); p != nil {
		p.write(r.Context(), out)
		return
	}
	s.route(out, r)
}

// forbidden rejects cross-site requests of browsers. On an open listener the Host header
// must name this host as well: another site's name that resolves to 127.0.0.1 would
// pass as the same origin (DNS rebinding).
func (s *Server) forbidden(r *http.Request) *Problem {
	if err := s.cross.Check(r); err != nil {
		return NewProblem(http.StatusForbidden, "cross-site request")
	}
	if s.config.Open() && !loopback(r.Host) {
		return NewProblem(http.StatusForbidden, "without tokens the Host header must be localhost or a loopback address")
	}
	return nil
}

// route calls the request's handler; without one (404, 405) it responds with a problem.
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
	detail := "unknown path; " + wire.BasePath + "/openapi.json lists the known ones"
	if verdict.status == http.StatusMethodNotAllowed {
		detail = "method not allowed for this path; see Allow"
	}
	NewProblem(verdict.status, detail).write(r.Context(), w)
}

// finish turns a panic into a 500 and writes the request's log line.
func (s *Server) finish(w *answer, r *http.Request, began time.Time) {
	if fault := recover(); fault != nil {
		s.log.Error("request panicked", zap.String("request_id", RequestID(r.Context())),
			zap.Any("panic", fault), zap.ByteString("stack", debug.Stack()))
		if w.status == 0 {
			NewProblem(http.StatusInternalServerError, "internal error; see the request id in Cordon's log").write(r.Context(), w)
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

// method is the method as it is logged: one of a fixed set.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// answer records the status that was sent.
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

// discard captures the mux's own response without sending it.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) Write(b []byte) (int, error) { return len(b), nil }
func (d *discard) WriteHeader(status int)      { d.status = status }
