package httpx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.uber.org/zap"
)

// maxHeader bounds a request's header, in bytes.
const maxHeader = 16 << 10

// Server serves every edge on one listener. Edges mount themselves with [Register]
// before [Server.Run].
type Server struct {
	config Config
	log    *zap.Logger
	mux    *http.ServeMux
	api    huma.API
	cross  *http.CrossOriginProtection

	drainOnce sync.Once
	draining  chan struct{} // closed when stopping begins

	listener net.Listener // set by Listen, closed by Run
}

// New returns a server with its own pages: health, version, metrics and the OpenAPI
// document.
func New(c Config) (*Server, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	c.Limits = c.Limits.withDefaults()
	s := &Server{
		config: c, log: c.Log, mux: http.NewServeMux(),
		cross: http.NewCrossOriginProtection(), draining: make(chan struct{}),
	}
	if s.log == nil {
		s.log = zap.NewNop()
	}
	s.api = humago.New(s.mux, describe(c))
	s.mountOwn()
	return s, nil
}

// describe starts the OpenAPI document. huma's own pages for it stay off: its
// documentation page loads scripts from the Internet.
func describe(c Config) huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Cordon", Version: c.Version.Version,
				Description: "Quarantine of abusive subscribers by RADIUS Change-of-Authorization.",
			},
			Components: &huma.Components{
				Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: map[string]*huma.SecurityScheme{
					bearer: {Type: "http", Scheme: "bearer", Description: "Not required on a loopback listener without tokens."},
				},
			},
		},
		Formats:                      map[string]huma.Format{"application/json": strictFormat, "json": strictFormat},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true,
	}
}

// bearer is the name of the security scheme in the OpenAPI document.
const bearer = "bearer"

// Handler is the whole server without its listener.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Listen binds the configured address and returns it as bound. Requests are
// served once [Server.Run] runs.
func (s *Server) Listen() (net.Addr, error) {
	l, err := net.Listen("tcp", s.config.Listen)
	if err != nil {
		return nil, fmt.Errorf("listen for HTTP: %w", err)
	}
	s.listener = l
	return l.Addr(), nil
}

// Run serves until ctx ends, then waits up to Limits.Drain for requests in progress. It
// listens first if [Server.Listen] was not called. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	if s.listener == nil {
		if _, err := s.Listen(); err != nil {
			return err
		}
	}
	return s.run(ctx, s.listener)
}

func (s *Server) run(ctx context.Context, l net.Listener) error {
	limits := s.config.Limits
	server := &http.Server{
		Handler: s.Handler(), ErrorLog: zap.NewStdLog(s.log), MaxHeaderBytes: maxHeader,
		ReadHeaderTimeout: limits.Header, ReadTimeout: limits.Body, WriteTimeout: limits.Answer, IdleTimeout: limits.Idle,
	}
	served := make(chan error, 1)
	go func() { served <- server.Serve(l) }() // ends with Shutdown or Close below
	select {
	case err := <-served:
		return fmt.Errorf("serve HTTP: %w", err)
	case <-ctx.Done():
	}
	s.drainOnce.Do(func() { close(s.draining) })
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), limits.Drain)
	defer cancel()
	err := server.Shutdown(grace)
	if err != nil {
		err = errors.Join(fmt.Errorf("drain HTTP: %w", err), server.Close())
	}
	if end := <-served; !errors.Is(end, http.ErrServerClosed) {
		err = errors.Join(err, fmt.Errorf("serve HTTP: %w", end))
	}
	return err
}
