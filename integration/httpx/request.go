package httpx

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
)

// requestIDHeader has the id of a request in the client's, the server's log and the
// response.
const requestIDHeader = "X-Request-ID"

// request is what is known of a request before its handler runs.
type request struct {
	id        string
	principal Principal
	credible  bool            // the principal is authenticated
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

// UntilDrain derives a context that also ends when the server begins to stop, for
// handlers that wait: they must respond before their connection is closed.
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

// idPattern matches a client's valid request id; any other could forge log lines and is
// replaced.
var idPattern = regexp.MustCompile(`^[A-Za-z0-9._:-]{1,64}$`)

func requestID(r *http.Request) string {
	if id := r.Header.Get(requestIDHeader); idPattern.MatchString(id) {
		return id
	}
	return rand.Text()
}
