package linecheck

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

func checkURL(text string) error {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return fmt.Errorf("http: %w", err)
	case u.Scheme != "http" && u.Scheme != "https" || u.Host == "":
		return fmt.Errorf("http: invalid http or https URL %s", text)
	}
	return nil
}

// client follows no redirect: the answer is that of the configured URL.
var client = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// post queries a web service; the answer is the body of a 200.
func (c *Check) post(ctx context.Context, query []byte) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.config.HTTP, bytes.NewReader(query))
	if err != nil {
		return nil, fmt.Errorf("query: %w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("no answer within %s", c.config.Timeout)
	case err != nil:
		return nil, fmt.Errorf("query: %w", err)
	}
	defer func() { _ = response.Body.Close() }() // read to its end, or abandoned
	if response.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("response %s", response.Status)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("read the answer: %w", err)
	case len(body) > maxAnswer:
		return nil, errTooLong
	}
	return body, nil
}
