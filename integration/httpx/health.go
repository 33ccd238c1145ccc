package httpx

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"cordon/integration/wire"
)

// probeTime is the timeout of one check of /readyz.
const probeTime = 2 * time.Second

// mountOwn mounts the server's own pages.
func (s *Server) mountOwn() {
	s.page("/livez", "livez", "200 while the process serves requests.", alive)
	s.page("/healthz", "healthz", "The same as /livez.", alive)
	s.page("/readyz", "readyz", "200 if every essential check passes, else 503; ?verbose lists each check.", s.ready)
	s.page("/version", "version", "Version of the build.", s.version)
	s.page(wire.BasePath+"/openapi.json", "openapi", "This document.", s.document())
	if s.config.Metrics != nil {
		s.page("/metrics", "metrics", "Metrics in the Prometheus text format.", s.config.Metrics.ServeHTTP)
	}
}

func alive(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

// ready answers like Kubernetes' API server: 200 or 503, and with ?verbose a line a
// check.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	s.config.Instance.announce(w.Header())
	results := probe(r.Context(), s.config.Checks)
	status, text := http.StatusOK, "ok\n"
	for i, err := range results {
		if err != nil && s.config.Checks[i].Essential {
			status, text = http.StatusServiceUnavailable, "not ready\n"
		}
	}
	if r.URL.Query().Has("verbose") {
		text = s.report(results, status, PrincipalOf(r.Context()).May(ScopeRead))
	}
	plain(w, status, text)
}

// report lists each check; the reason of a failure needs scope read, as it may have
// addresses.
func (s *Server) report(results []error, status int, reasons bool) string {
	var b strings.Builder
	for i, check := range s.config.Checks {
		remark := ""
		if !check.Essential {
			remark = " (not essential)"
		}
		switch {
		case results[i] == nil && reasons && check.Warnings != nil:
			fmt.Fprintf(&b, "[+]%s ok%s\n", check.Name, warnings(check.Warnings()))
		case results[i] == nil:
			fmt.Fprintf(&b, "[+]%s ok\n", check.Name)
		case reasons:
			fmt.Fprintf(&b, "[-]%s failed%s: %s\n", check.Name, remark, oneLine(results[i]))
		default:
			fmt.Fprintf(&b, "[-]%s failed%s: reason withheld\n", check.Name, remark)
		}
	}
	if status == http.StatusOK {
		return b.String() + "readyz check passed\n"
	}
	return b.String() + "readyz check failed\n"
}

// warnings formats them for a check that passes.
func warnings(all []string) string {
	if len(all) == 0 {
		return ""
	}
	return "; warning: " + oneLine(errors.New(strings.Join(all, "; ")))
}

func oneLine(err error) string {
	return strings.Map(func(r rune) rune {
		if unprintable(r) {
			return ' '
		}
		return r
	}, err.Error())
}

// probe runs all checks concurrently. One that does not end in time has failed; its
// goroutine ends when the check observes its context.
func probe(ctx context.Context, checks []Check) []error {
	ctx, cancel := context.WithTimeout(ctx, probeTime)
	defer cancel()
	results := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, check := range checks {
		wg.Go(func() { results[i] = within(ctx, check.Probe) })
	}
	wg.Wait()
	return results
}

func within(ctx context.Context, probe func(context.Context) error) error {
	answer := make(chan error, 1) // never blocks the probe, even after the timeout
	go func() { answer <- probe(ctx) }()
	select {
	case err := <-answer:
		return err
	case <-ctx.Done():
		return fmt.Errorf("timed out after %s", probeTime)
	}
}

func (s *Server) version(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(s.config.Version) // a client that is gone reads no answer
}

// document serves the OpenAPI document, encoded at the first request, when every edge
// is mounted.
func (s *Server) document() http.HandlerFunc {
	encoded := sync.OnceValues(func() ([]byte, error) { return json.Marshal(s.api.OpenAPI()) })
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := encoded()
		if err != nil {
			s.refuse(r.Context(), "openapi", err, "query").write(r.Context(), w)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body) // a client that is gone reads no answer
	}
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // a client that is gone reads no answer
}
