// Package client speaks to Cordon's HTTP API for the command line. It carries
// requests and answers, knows the problem document and the shapes that the
// commands print, and keeps apart what was refused from what could not be
// reached.
//
// It is not a library for other programs, retries nothing and decides nothing.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultAddr is where Cordon listens unless told otherwise.
const DefaultAddr = "http://127.0.0.1:8480"

// Bounds of one call: longer than any ?wait= the server takes, and more than
// any page it sends.
const (
	callTime  = 80 * time.Second
	maxAnswer = 64 << 20
)

// Config says where the API is and who calls.
type Config struct {
	Addr   string // http(s)://host:port; a bare host:port means http
	Token  string // bearer token; empty: none
	Author string // named where the server asks for no token
}

// Client calls one API.
type Client struct {
	base   *url.URL
	config Config
	http   *http.Client
}

// New returns a client; the error is about Addr.
func New(c Config) (*Client, error) {
	addr := c.Addr
	if addr == "" {
		addr = DefaultAddr
	}
	if !strings.Contains(addr, "://") {
		addr = "http://" + addr
	}
	base, err := url.Parse(addr)
	if err != nil || base.Host == "" || (base.Scheme != "http" && base.Scheme != "https") {
		return nil, fmt.Errorf("%q is no address of an API; write it as %s", c.Addr, DefaultAddr)
	}
	return &Client{base: base, config: c, http: &http.Client{
		Timeout: callTime,
		// Following a redirect could hand the token to another host.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}, nil
}

// UnreachableError says that no answer came, or that the server itself could
// not reach what it needs.
type UnreachableError struct {
	Addr string
	Err  error
}

func (e *UnreachableError) Error() string {
	return fmt.Sprintf("cannot reach Cordon at %s: %v", e.Addr, e.Err)
}

func (e *UnreachableError) Unwrap() error { return e.Err }

// Problem is what the server refused (RFC 9457).
type Problem struct {
	Status     int      `json:"status"`
	Detail     string   `json:"detail"`
	RequestID  string   `json:"request_id"`
	Candidates []Holder `json:"candidates"`
	Missing    string   `json:"missing"` // accounting, so that the candidates may all be wrong
	Lines      int      `json:"lines"`   // of a name that more lines share than are allowed
}

func (p *Problem) Error() string { return p.Detail }

// Get asks path, a path below /api/v1 or a next link, for JSON.
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

// PostBody sends a body as it is.
func (c *Client) PostBody(ctx context.Context, path, contentType string, body []byte) (json.RawMessage, error) {
	return c.call(ctx, http.MethodPost, path, nil, contentType, body)
}

func (c *Client) call(ctx context.Context, method, path string, query url.Values, contentType string, body []byte) (json.RawMessage, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.locate(path, query), bytes.NewReader(body))
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
		r.Header.Set("X-Cordon-Author", c.config.Author)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return nil, c.unreachable(err)
	}
	defer func() { _ = answer.Body.Close() }() // read to its end below
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err != nil {
		return nil, c.unreachable(err)
	}
	return c.judge(answer, data)
}

// unreachable drops the method and URL that net/http puts before the cause.
func (c *Client) unreachable(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		err = wrapped.Err
	}
	return &UnreachableError{c.base.String(), err}
}

// locate resolves a path below /api/v1, or a link that the server gave.
func (c *Client) locate(path string, query url.Values) string {
	if !strings.HasPrefix(path, "/api/") {
		path = "/api/v1" + path
	}
	location := strings.TrimSuffix(c.base.String(), "/") + path
	if len(query) > 0 {
		location += "?" + query.Encode()
	}
	return location
}

func (c *Client) judge(answer *http.Response, data []byte) (json.RawMessage, error) {
	if answer.StatusCode < 300 {
		if !json.Valid(data) {
			return nil, fmt.Errorf("the answer of %s is not JSON; is it Cordon?", c.base)
		}
		return data, nil
	}
	p := &Problem{}
	if json.Unmarshal(data, p) != nil || p.Detail == "" {
		p.Detail = fmt.Sprintf("%s answered %s; is it Cordon?", c.base, answer.Status)
	}
	p.Status = answer.StatusCode
	if p.Status == http.StatusServiceUnavailable {
		return nil, &UnreachableError{c.base.String(), p}
	}
	return nil, p
}
