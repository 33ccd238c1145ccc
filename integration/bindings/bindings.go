package bindings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cordon/integration/httpx"
	"cordon/quarantine"
)

// Bounds of one request.
const (
	MaxBody  = 4 << 20 // octets
	MaxLines = 20_000
)

// Config says what the edge needs.
type Config struct {
	Recorder  quarantine.BindingRecorder
	Addresses quarantine.AddressPlan
	History   time.Duration    // older bindings are refused; above 0
	Now       func() time.Time // nil: the host's clock
}

// Validate reports every fault, joined.
func (c *Config) Validate() error {
	var faults []error
	if c.Recorder == nil {
		faults = append(faults, errors.New("bindings: there is nobody to record them"))
	}
	if c.History <= 0 {
		faults = append(faults, errors.New("bindings: history is above 0"))
	}
	return errors.Join(faults...)
}

// Edge takes bindings in.
type Edge struct{ config Config }

// New returns the edge.
func New(c Config) (*Edge, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Edge{config: c}, nil
}

type input struct {
	RawBody []byte `contentType:"application/x-ndjson"`
}

// LineError says why a line was not taken.
type LineError struct {
	Line  int    `json:"line" doc:"From 1."`
	Error string `json:"error"`
}

type pushed struct {
	Stored int         `json:"stored" doc:"Lines taken; one told before changes nothing."`
	Errors []LineError `json:"errors" doc:"Lines that were not taken, at most 100 of them."`
	Failed int         `json:"failed" doc:"How many lines were not taken."`
}

type output struct{ Body pushed }

// maxErrors bounds how many faults one answer tells.
const maxErrors = 100

// Mount adds POST /bindings to the server.
func (e *Edge) Mount(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "push-bindings", Method: http.MethodPost, Path: "/bindings",
		Summary: "Tell who had which ports of a public address when, from a translator's log; 200 means that the lines not listed are stored.",
		Scopes:  []httpx.Scope{httpx.ScopeBindings}, MaxBody: MaxBody, OwnBody: Line{},
	}, e.post)
}

func (e *Edge) post(ctx context.Context, in *input) (*output, error) {
	lines := bytes.Split(bytes.TrimSpace(in.RawBody), []byte("\n"))
	switch {
	case len(lines) > MaxLines:
		return nil, httpx.NewProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("more than %d lines in one request; split it", MaxLines))
	case len(lines[0]) == 0:
		return nil, httpx.NewProblem(http.StatusBadRequest, "the body is empty")
	}
	now := e.config.Now()
	r := &reader{plan: e.config.Addresses, sender: "log:" + httpx.PrincipalOf(ctx).Name, oldest: now.Add(-e.config.History), now: now}
	var taken []quarantine.Binding
	var of []int
	p := pushed{Errors: []LineError{}}
	for i, line := range lines {
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		b, err := r.read(line)
		if err != nil {
			p.refuse(i, err)
			continue
		}
		taken, of = append(taken, b), append(of, i)
	}
	if err := e.record(ctx, taken, of, &p); err != nil {
		return nil, err
	}
	return &output{p}, nil
}

// record stores what could be read. If nothing of it could be stored, the whole
// request is to be sent again.
func (e *Edge) record(ctx context.Context, taken []quarantine.Binding, of []int, p *pushed) error {
	if len(taken) == 0 {
		return nil
	}
	var last error
	for i, err := range e.config.Recorder.RecordBindings(ctx, taken) {
		if err != nil {
			last = err
			p.refuse(of[i], errors.New("could not be stored; send it again"))
			continue
		}
		p.Stored++
	}
	if p.Stored == 0 {
		return fmt.Errorf("store bindings: %w", last)
	}
	return nil
}

func (p *pushed) refuse(line int, err error) {
	if p.Failed++; len(p.Errors) < maxErrors {
		p.Errors = append(p.Errors, LineError{line + 1, err.Error()})
	}
}
