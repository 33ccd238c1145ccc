package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/client"
	"cordon/integration/wire"
)

// newVerdict is "cordon verdict" and its verbs.
func newVerdict(sh *shell) *cobra.Command {
	r := &remote{shell: sh}
	g := group("verdict", "Submit verdicts, and show their state", newVerdictSubmit(r), newVerdictShow(r))
	r.flags(g)
	return g
}

func newVerdictSubmit(r *remote) *cobra.Command {
	var v wire.Verdict
	var file, at, severity string
	var sure float64
	var wait time.Duration
	c := &cobra.Command{
		Use: "submit --ip ADDRESS|--subscriber KEY --category NAME | -f FILE", Args: cobra.NoArgs,
		Short: "Submit a verdict about an address or subscriber",
		Example: "  cordon verdict submit --ip 192.0.2.17 --category botnet --confidence 0.9 --at -5m --wait 10s\n" +
			"  cordon verdict submit -f verdicts.ndjson",
	}
	c.RunE = func(c *cobra.Command, _ []string) error {
		if file != "" {
			return r.submitFile(c.Context(), file)
		}
		if c.Flags().Changed("confidence") {
			v.Confidence = &sure
		}
		if severity != "" {
			v.Severity = severity
		}
		return r.submit(c.Context(), v, at, wait)
	}
	f := c.Flags()
	f.StringVarP(&file, "file", "f", "", "file of verdicts, JSON or NDJSON; - is standard input")
	f.StringVar(&v.IP, "ip", "", "abusive address")
	f.StringVar(&v.Subscriber, "subscriber", "", "or subscriber key")
	f.StringVar(&v.Category, "category", "", "botnet, malware, spam, phishing, scan, bruteforce, ddos, …")
	f.StringVar(&at, "at", "now", "time: RFC 3339 with an offset, now, or -5m")
	f.Float64Var(&sure, "confidence", 0, "confidence, 0 to 1")
	f.Uint16Var(&v.Port, "port", 0, "the subscriber's port")
	f.StringVar(&v.Protocol, "protocol", "", "tcp, udp, …")
	f.StringVar(&severity, "severity", "", "severity, in the source's own scale")
	f.StringVar(&v.Source, "source", "cli", "name of the source")
	f.StringVar(&v.SourceID, "source-id", "", "the source's own id; a repeated one is a duplicate")
	f.DurationVar(&wait, "wait", 0, "wait up to this long until it is decided")
	for _, other := range []string{"ip", "subscriber", "category"} {
		c.MarkFlagsMutuallyExclusive("file", other)
	}
	c.MarkFlagsMutuallyExclusive("ip", "subscriber")
	c.MarkFlagsOneRequired("file", "ip", "subscriber")
	return c
}

func (r *remote) submit(ctx context.Context, v wire.Verdict, at string, wait time.Duration) error {
	if v.Category == "" {
		return usage("--category is required")
	}
	moment, err := r.moment(at)
	if err != nil {
		return err
	}
	v.ObservedAt = moment.UTC()
	api, err := r.client()
	if err != nil {
		return err
	}
	raw, err := api.Post(ctx, "/verdicts", nil, v)
	if err != nil {
		return err
	}
	receipts, err := receiptsOf(raw)
	if err != nil {
		return err
	}
	if wait <= 0 || len(receipts) != 1 {
		return r.print(receiptsPrinted(raw, receipts))
	}
	r.say("%s %s, waiting for the decision", receipts[0].ID, receipts[0].Status)
	return r.follow(ctx, api, receipts[0].ID, wait)
}

// moment parses --at: a time, "now", or a time before now such as "-5m".
func (r *remote) moment(at string) (time.Time, error) {
	if at == "now" || at == "" {
		return r.now(), nil
	}
	if strings.HasPrefix(at, "-") {
		if d, err := time.ParseDuration(at); err == nil {
			return r.now().Add(d), nil
		}
	}
	t, err := time.Parse(time.RFC3339Nano, at)
	if err != nil {
		return t, usage("--at: invalid time %q, e.g. 2026-01-02T15:04:05Z, now, or -5m", at)
	}
	return t, nil
}

// pollEvery is how often "verdict submit --wait" polls.
const pollEvery = 250 * time.Millisecond

// follow polls the verdict until it is decided or the time is over, and prints it.
func (r *remote) follow(ctx context.Context, api *client.Client, id string, wait time.Duration) error {
	over := time.NewTimer(wait)
	defer over.Stop()
	for {
		raw, err := api.Get(ctx, "/verdicts/"+url.PathEscape(id), nil)
		var refused *wire.Problem
		if err != nil && (!errors.As(err, &refused) || refused.Status != http.StatusNotFound) {
			return err
		}
		if err == nil {
			v, err := decode[wire.VerdictStatus](raw)
			if err != nil {
				return err
			}
			if v.Decided() {
				return r.print(verdictPrinted(raw, v, r.now()))
			}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-over.C:
			return failed("cordon verdict show "+id, "verdict %s is not decided after %s", id, wait)
		case <-time.After(pollEvery):
		}
	}
}

// Bounds of one request of NDJSON: those of the API.
const (
	batchLines = 1000
	batchBytes = 1 << 20
)

// submitFile submits verdicts from a file: NDJSON in batches, any other JSON as it is.
func (r *remote) submitFile(ctx context.Context, file string) error {
	body, err := r.read(file)
	if err != nil {
		return err
	}
	api, err := r.client()
	if err != nil {
		return err
	}
	receipts := []wire.Receipt{}
	for _, batch := range batches(body) {
		raw, err := api.PostBody(ctx, "/verdicts", batch.contentType, batch.body)
		if err != nil {
			if len(receipts) > 0 {
				return &exitError{exitPartly, fmt.Errorf("after %d verdicts: %w", len(receipts), err),
					"repeat it: accepted verdicts are duplicates then"}
			}
			return err
		}
		more, err := receiptsOf(raw)
		if err != nil {
			return err
		}
		receipts = append(receipts, more...)
	}
	raw, err := json.Marshal(wire.Receipts{Results: receipts})
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	if err := r.print(receiptsPrinted(raw, receipts)); err != nil {
		return err
	}
	return judgeReceipts(receipts)
}

func (r *remote) read(file string) ([]byte, error) {
	var body []byte
	var err error
	if file == "-" {
		body, err = io.ReadAll(r.in)
	} else {
		body, err = os.ReadFile(file)
	}
	if err != nil {
		return nil, fmt.Errorf("read verdicts: %w", err)
	}
	return body, nil
}

type batch struct {
	contentType string
	body        []byte
}

// batches splits NDJSON between lines. A body that is one JSON value is one batch.
func batches(body []byte) []batch {
	if json.Valid(body) || !json.Valid(firstLine(body)) {
		return []batch{{"application/json", body}}
	}
	var all []batch
	var current []byte
	lines := 0
	cut := func() {
		if lines > 0 {
			all = append(all, batch{"application/x-ndjson", current})
		}
		current, lines = nil, 0
	}
	for line := range bytes.Lines(body) {
		if lines == batchLines || len(current)+len(line) > batchBytes {
			cut()
		}
		if len(bytes.TrimSpace(line)) > 0 {
			current, lines = append(current, line...), lines+1
		}
	}
	cut()
	return all
}

func firstLine(body []byte) []byte {
	line, _, _ := bytes.Cut(bytes.TrimSpace(body), []byte("\n"))
	return line
}

func receiptsOf(raw json.RawMessage) ([]wire.Receipt, error) {
	answer, err := decode[wire.Receipts](raw)
	return answer.Results, err
}

func receiptsPrinted(raw json.RawMessage, receipts []wire.Receipt) printed {
	t := &table{header: []string{"VERDICT", "STATUS", "ERROR"}}
	p := printed{raw: raw, table: t}
	for _, one := range receipts {
		t.add(one.ID, one.Status, one.Error)
		if one.ID != "" {
			p.names = append(p.names, one.ID)
		}
	}
	return p
}

// judgeReceipts returns an error if not all verdicts are accepted.
func judgeReceipts(receipts []wire.Receipt) error {
	taken, throttled, wait := 0, 0, ""
	for _, one := range receipts {
		if one.Accepted() {
			taken++
		}
		if one.Status == wire.VerdictThrottled {
			throttled++
			wait = one.RetryAfter
		}
	}
	code := exitCode(wire.OutcomeOf(taken, len(receipts)))
	switch rejected := len(receipts) - taken - throttled; {
	case rejected > 0:
		return &exitError{code, fmt.Errorf("%d of %d verdicts were rejected, %d throttled", rejected, len(receipts), throttled),
			"correct those and submit the file again"}
	case throttled > 0:
		return &exitError{code, fmt.Errorf("%d of %d verdicts were throttled", throttled, len(receipts)),
			"submit the file again in " + wait + "; accepted verdicts are duplicates then"}
	}
	return nil
}

func newVerdictShow(r *remote) *cobra.Command {
	return &cobra.Command{
		Use: "show ID", Short: "Show a verdict and its state", Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			api, err := r.client()
			if err != nil {
				return err
			}
			raw, err := api.Get(c.Context(), "/verdicts/"+url.PathEscape(args[0]), nil)
			if err != nil {
				return err
			}
			v, err := decode[wire.VerdictStatus](raw)
			if err != nil {
				return err
			}
			return r.print(verdictPrinted(raw, v, r.now()))
		},
	}
}

func verdictPrinted(raw json.RawMessage, v wire.VerdictStatus, now time.Time) printed {
	return printed{raw: raw, names: []string{v.ID}, text: func(w io.Writer) {
		p := &page{w: w, now: now}
		fmt.Fprintf(w, "Verdict %s is %s\n", safe(v.ID), safe(v.State))
		p.fact("Reason", v.Reason)
		p.fact("Address", v.IP)
		p.fact("Category", strings.TrimSpace(v.Category+" "+confidence(v.Confidence)))
		p.fact("Source", strings.TrimSpace(v.Source+" "+v.SourceID))
		p.fact("Observed", p.moment(v.ObservedAt))
		p.fact("Subscriber", v.Subscriber)
		p.fact("Case", v.Case)
		if len(v.Candidates) > 0 {
			p.title("Candidates")
			_ = holderTable(atTheMoment(v.Candidates), now).write(w, true) // a buffer
		}
	}}
}
