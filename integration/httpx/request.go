package httpx

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
)

// requestIDHeader carries an id that client, server log and answer share.
const requestIDHeader = "X-Request-ID"

// request is what the server knows about one request before any handler runs.
type request struct {
	id        string
	principal Principal
	credible  bool            // principal was established
	draining  <-chan struct{} // closed when the server begins to stop
}

type requestKey struct{}

func withRequest(ctx context.Context, r request) context.Context {
	return context.WithValue(ctx, requestKey{}, r)
}

func requestOf(ctx context.Context) request {
	r, _ := ctx.Value(requestKey{}).(request)
	return r
}

// RequestID returns the id of the request in ctx.
func RequestID(ctx context.Context) string { return requestOf(ctx).id }

// UntilDrain derives a context that also ends when the server begins to stop,
// for handlers that wait: they must answer instead of being cut off.
func UntilDrain(ctx context.Context) (context.Context, context.CancelFunc) {
	derived, cancel := context.WithCancel(ctx)
	draining := requestOf(ctx).draining
	if draining == nil {
		return derived, cancel
	}
	go func() { // ends with derived, which the caller cancels
		select {
		case <-draining:
			cancel()
		case <-derived.Done():
		}
	}()
	return derived, cancel
}

// idPattern is what a client's request id may look like; anything else could
// forge log lines and is replaced.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

func requestID(r *http.Request) string {
	if id := r.Header.Get(requestIDHeader); idPattern.MatchString(id) {
		return id
	}
	return rand.Text()
}
