package bindings

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"cordon/integration/httpx"
	"cordon/integration/wire"
	"cordon/quarantine"
)

// Bounds of one request.
const (
	MaxBody  = 4 << 20 // bytes
	MaxLines = 20_000
)

// Config is what the edge needs.
type Config struct {
	Recorder  quarantine.BindingRecorder
	Sources   quarantine.AccountingSourceBook // has each log's progress; nil: not kept
	Addresses quarantine.AddressPlan
	History   time.Duration    // older bindings are rejected; must be > 0
	Now       func() time.Time // nil: the host's clock
}

// Validate reports every fault, joined.
func (c *Config) Validate() error {
	var faults []error
	if c.Recorder == nil {
		faults = append(faults, errors.New("bindings: Recorder is required"))
	}
	if c.History <= 0 {
		faults = append(faults, errors.New("bindings: History must be > 0"))
	}
	return errors.Join(faults...)
}

// Edge ingests bindings.
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

// pushed is what became of a body.
type pushed struct {
	wire.BindingReceipt
	unstored bool // some lines were rejected because Redis failed
}

type output struct{ Body wire.BindingReceipt }

// maxErrors bounds the faults that one answer lists.
const maxErrors = 100

// Mount adds POST /bindings to the server.
func (e *Edge) Mount(s *httpx.Server) {
	httpx.Register(s, httpx.Operation{
		ID: "push-bindings", Method: http.MethodPost, Path: "/bindings",
		Summary: "Ingest port blocks of public addresses from a translator's log; 200 means that every line not listed under errors is stored.",
		Scopes:  []httpx.Scope{httpx.ScopeBindings}, MaxBody: MaxBody, OwnBody: wire.Binding{},
	}, e.post)
}

func (e *Edge) post(ctx context.Context, in *input) (*output, error) {
	body := bytes.TrimRight(in.RawBody, " \t\r\n") // lines are numbered as they were sent
	switch {
	case len(body) == 0:
		return nil, httpx.NewProblem(http.StatusBadRequest, "the body is empty")
	case bytes.Count(body, []byte("\n")) >= MaxLines: // before any is decoded
		return nil, httpx.NewProblem(http.StatusRequestEntityTooLarge, fmt.Sprintf("more than %d lines in one request; split it", MaxLines))
	}
	now := e.config.Now()
	r := &reader{
		plan: e.config.Addresses, sender: quarantine.LogSource(httpx.PrincipalOf(ctx).Name),
		oldest: now.Add(-e.config.History), now: now,
	}
	var taken []quarantine.Binding
	var of []int
	p := pushed{BindingReceipt: wire.BindingReceipt{Errors: []wire.LineFault{}}}
	heard := quarantine.SourceActivity{Source: r.sender, First: now, Last: now}
	n := -1
	for line := range bytes.Lines(body) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 {
			continue
		}
		s, err := r.read(line)
		if err != nil {
			p.refuse(n, err)
			continue
		}
		heard.Records++
		if s.reported.After(heard.Reported) {
			heard.Reported = s.reported
		}
		if !s.heartbeat {
			taken, of = append(taken, s.binding), append(of, n)
			continue
		}
		p.Stored++
	}
	if err := e.record(ctx, taken, of, &p); err != nil {
		return nil, err
	}
	return &output{p.BindingReceipt}, e.advance(ctx, heard, &p)
}

// advance stores the log's progress once everything in the body is stored. What could
// not be stored is sent again, and the progress with it.
func (e *Edge) advance(ctx context.Context, heard quarantine.SourceActivity, p *pushed) error {
	if e.config.Sources == nil || heard.Records == 0 || p.unstored {
		return nil
	}
	if heard.Reported.After(heard.Last) {
		heard.Reported = heard.Last
	}
	heard.Behind = heard.Last.Sub(heard.Reported)
	report := quarantine.SourceReport{At: heard.Last, Rule: quarantine.DefaultSilenceRule, Activity: []quarantine.SourceActivity{heard}}
	err := e.config.Sources.ReportSources(ctx, report)
	if err != nil {
		return fmt.Errorf("store the log's progress: %w", err)
	}
	return nil
}

// record stores the valid lines. It fails if none could be stored: then the whole
// request is to be sent again.
func (e *Edge) record(ctx context.Context, taken []quarantine.Binding, of []int, p *pushed) error {
	if len(taken) == 0 {
		return nil
	}
	var last error
	stored := 0
	for i, err := range e.config.Recorder.RecordBindings(ctx, taken) {
		if err != nil {
			last, p.unstored = err, true
			p.refuse(of[i], errors.New("could not be stored; send it again"))
			continue
		}
		stored++
	}
	p.Stored += stored
	if stored == 0 {
		return fmt.Errorf("store bindings: %w", last)
	}
	return nil
}

func (p *pushed) refuse(line int, err error) {
	if p.Failed++; len(p.Errors) < maxErrors {
		p.Errors = append(p.Errors, wire.LineFault{Line: line + 1, Error: err.Error()})
	}
}
