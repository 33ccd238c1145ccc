package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"cordon/cmd/cordon/client"
	"cordon/integration/wire"
)

// operator is the author of the demo's decisions.
const operator = "noc"

// api is the server's HTTP API.
type api struct {
	*client.Client
	base string // http://host:port
}

func newAPI(base string) (*api, error) {
	c, err := client.New(client.Config{Addr: base, Author: operator})
	if err != nil {
		return nil, err
	}
	return &api{c, base}, nil
}

// verdict is what a detector sends.
func verdict(source, id string, at time.Time, ip netip.Addr, category string, confidence float64) wire.Verdict {
	return wire.Verdict{Source: source, SourceID: id, ObservedAt: at, IP: ip.String(), Category: category, Confidence: &confidence}
}

// submit submits verdicts as a detector does, and wants 202: package client does not
// distinguish one success from another. One verdict is sent bare, several as an array.
func (a *api) submit(ctx context.Context, verdicts ...wire.Verdict) ([]wire.Receipt, error) {
	var what any = verdicts
	if len(verdicts) == 1 {
		what = verdicts[0]
	}
	body, err := json.Marshal(what)
	if err != nil {
		return nil, fmt.Errorf("encode the verdict: %w", err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.base+wire.BasePath+"/verdicts", bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make the request: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, fmt.Errorf("POST /verdicts: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // read to its end below
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, fmt.Errorf("POST /verdicts: %w", err)
	}
	if response.StatusCode != http.StatusAccepted {
		return nil, fmt.Errorf("POST /verdicts: wanted 202, got %s: %s", response.Status, text)
	}
	var answer wire.Receipts
	if err := json.Unmarshal(text, &answer); err != nil {
		return nil, fmt.Errorf("POST /verdicts: decode the answer: %w", err)
	}
	if len(answer.Results) != len(verdicts) {
		return nil, fmt.Errorf("POST /verdicts: %d answers to %d verdicts", len(answer.Results), len(verdicts))
	}
	return answer.Results, nil
}

// get requests one object.
func get[T any](ctx context.Context, a *api, path string, query url.Values) (T, error) {
	raw, err := a.Get(ctx, path, query)
	return read[T](raw, err, path)
}

// read decodes the answer to a request of the client.
func read[T any](raw json.RawMessage, err error, path string) (T, error) {
	var v T
	if err == nil {
		err = json.Unmarshal(raw, &v)
	}
	if err != nil {
		return v, fmt.Errorf("%s: %w", path, err)
	}
	return v, nil
}

func (a *api) kase(ctx context.Context, id string) (wire.Case, error) {
	return get[wire.Case](ctx, a, "/cases/"+id, nil)
}

// command sends a decision about a case.
func (a *api) command(ctx context.Context, id, verb, reason string) (wire.Case, error) {
	path := "/cases/" + id + "/" + verb
	raw, err := a.Post(ctx, path, nil, wire.CaseRequest{Reason: reason})
	return read[wire.Case](raw, err, path)
}

// holders returns who held an address at a moment.
func (a *api) holders(ctx context.Context, ip string, at time.Time) ([]wire.Holder, error) {
	s, err := get[wire.Holders](ctx, a, "/sessions", url.Values{"ip": {ip}, "at": {at.UTC().Format(time.RFC3339Nano)}})
	return s.Results, err
}

// openCases lists the cases that are not closed.
func (a *api) openCases(ctx context.Context) ([]wire.Case, error) {
	page, err := get[wire.CasePage](ctx, a, "/cases", url.Values{"limit": {"1000"}})
	var open []wire.Case
	for _, c := range page.Results {
		if !c.Closed() {
			open = append(open, c)
		}
	}
	return open, err
}
