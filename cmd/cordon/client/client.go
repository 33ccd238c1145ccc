// Package client sends the command line's requests to Cordon's HTTP API. It returns
// answers as JSON (see package wire), problem documents as errors, and distinguishes a
// refusal (*wire.Problem) from an unreachable server (*UnreachableError).
//
// It is not a library for other programs, retries nothing and decides nothing.
package client

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cordon/integration/wire"
)

// DefaultAddr is Cordon's default address.
const DefaultAddr = "http://127.0.0.1:8480"

// Bounds of one call: longer than any ?wait= of the server, and more than any page.
const (
	callTime  = 80 * time.Second
	maxAnswer = 64 << 20
)

// Config is where the API is, and the caller.
type Config struct {
	Addr   string // http(s)://host:port, or host:port; several, with commas, are tried in turn
	Token  string // bearer token; empty: none
	Author string // author of decisions on a server without tokens
}

// Client calls the API of one instance, or of the first reachable of several.
type Client struct {
	bases  []*url.URL // at least one
	config Config
	http   *http.Client
}

// New returns a client; the error is about Addr.
func New(c Config) (*Client, error) {
	client := &Client{config: c, http: &http.Client{
		Timeout: callTime,
		// Following a redirect could send the token to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	for addr := range strings.SplitSeq(cmp.Or(c.Addr, DefaultAddr), ",") {
		base, err := parse(strings.TrimSpace(addr))
		if err != nil {
			return nil, err
		}
		client.bases = append(client.bases, base)
	}
	return client, nil
}

func parse(addr string) (*url.URL, error) {
	full := addr
	if !strings.Contains(addr, "://") {
		full = "http://" + addr
	}
	base, err := url.Parse(full)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("invalid address %q, e.g. %s", addr, DefaultAddr)
	}
	return base, nil
}

// Each returns a client for each of the addresses.
func (c *Client) Each() []*Client {
	var each []*Client
	for _, base := range c.bases {
		one := *c
		one.bases = []*url.URL{base}
		each = append(each, &one)
	}
	return each
}

// Addr is the address of the API, the first of several.
func (c *Client) Addr() string { return c.bases[0].String() }

// UnreachableError says that the server did not respond, or that it cannot reach what it
// needs itself (503).
type UnreachableError struct {
	Addr string
	Err  error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach Cordon at %s: %v", e.Addr, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// Get requests a path below wire.BasePath, or a next link.
func (c *Client) Get(ctx context.Context, path string, query url.Values) (json.RawMessage, error) {
	return c.call(ctx, http.MethodGet, path, query, "", nil)
}

// Post sends v as JSON.
func (c *Client) Post(ctx context.Context, path string, query url.Values, v any) (json.RawMessage, error) {
	body, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("encode request: %w", err)
	}
	return c.call(ctx, http.MethodPost, path, query, "application/json", body)
}

// PostBody sends a body unchanged.
func (c *Client) PostBody(ctx context.Context, path, contentType string, body []byte) (json.RawMessage, error) {
	return c.call(ctx, http.MethodPost, path, nil, contentType, body)
}

// call tries each address in turn until one responds. A request that may have reached an
// instance is not sent to another, unless it only reads.
func (c *Client) call(
	ctx context.Context, method, path string, query url.Values, contentType string, body []byte,
) (json.RawMessage, error) {
	var first error
	for _, base := range c.bases {
		answer, err := c.callOne(ctx, base, method, path, query, contentType, body)
		if !elsewhere(err, method) || ctx.Err() != nil {
			return answer, err
		}
		first = cmp.Or(first, err)
	}
	return nil, first
}

// elsewhere reports whether to try another instance after such an error.
func elsewhere(err error, method string) bool {
	var unavailable *UnreachableError
	var dial *net.OpError
	return errors.As(err, &unavailable) && (method == http.MethodGet || errors.As(err, &dial) && dial.Op == "dial")
}

func (c *Client) callOne(
	ctx context.Context, base *url.URL, method, path string, query url.Values, contentType string, body []byte,
) (json.RawMessage, error) {
	r, err := http.NewRequestWithContext(ctx, method, locate(base, path, query), bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("make request: %w", err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	if c.config.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.config.Token)
	}
	if c.config.Author != "" {
		r.Header.Set(wire.AuthorHeader, c.config.Author)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, unreachable(base, err)
	}
	defer func() { _ = answer.Body.Close() }() // read to its end below
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, unreachable(base, err)
	}
	return judge(base, answer, data)
}

// unreachable removes the method and URL that net/http puts before the cause.
func unreachable(base *url.URL, err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &UnreachableError{base.String(), err}
}

// locate resolves a path below wire.BasePath, or a next link.
func locate(base *url.URL, path string, query url.Values) string {
	if !strings.HasPrefix(path, "/api/") {
		path = wire.BasePath + path
	}
	location := strings.TrimSuffix(base.String(), "/") + path
	if len(query) > 0 {
		location += "?" + query.Encode()
	}
	return location
}

func judge(base *url.URL, answer *http.Response, data []byte) (json.RawMessage, error) {
	if answer.StatusCode < 300 {
		if !json.Valid(data) {
			return nil, fmt.Errorf("the response of %s is not JSON; is it Cordon?", base)
		}
		return data, nil
	}
	p := &wire.Problem{}
	if json.Unmarshal(data, p) != nil || p.Detail == "" {
		p.Detail = fmt.Sprintf("%s responded %s; is it Cordon?", base, answer.Status)
	}
	p.Status = answer.StatusCode
	if p.Status == http.StatusServiceUnavailable {
		return nil, &UnreachableError{base.String(), p}
	}
	return nil, p
}
