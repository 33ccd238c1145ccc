package httpx

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// Headers of /readyz by which instances that cannot reach Redis find out whether the
// others cannot either. The body does not do: it shows a check that timed out as
// failed.
const (
	// InstanceHeader is the id of the instance's journal: an address may lead to
	// another instance, or back to the caller.
	InstanceHeader = "X-Cordon-Instance"
	// CutOffHeader is true or false: whether its heartbeat to Redis fails.
	CutOffHeader = "X-Cordon-Cut-Off"
	// AloneHeader is true or false: whether it acknowledges accounting that it cannot
	// store in Redis.
	AloneHeader = "X-Cordon-Answers-Alone"
)

// Instance is the instance in the headers of /readyz.
type Instance struct {
	ID     string
	CutOff func() bool
	Alone  func() bool
}

// announce writes the headers; an instance without an id has none.
func (i Instance) announce(h http.Header) {
	if i.ID == "" || i.CutOff == nil || i.Alone == nil {
		return
	}
	h.Set(InstanceHeader, i.ID)
	h.Set(CutOffHeader, strconv.FormatBool(i.CutOff()))
	h.Set(AloneHeader, strconv.FormatBool(i.Alone()))
}

// ReadinessClient queries the readiness of other instances.
type ReadinessClient struct{ http http.Client }

// NewReadinessClient returns a client that uses no proxy and follows no redirect.
func NewReadinessClient() *ReadinessClient {
	return &ReadinessClient{http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// CutOff reports whether the instance at an address (host:port) says that it cannot
// reach Redis. An error means that it did not say: no response, or that of another
// program or instance.
func (c *ReadinessClient) CutOff(ctx context.Context, addr, instance string) (bool, error) {
	return c.says(ctx, addr, instance, CutOffHeader)
}

// Alone reports whether the instance at an address says that it acknowledges accounting
// that it cannot store in Redis. Errors are as for CutOff.
func (c *ReadinessClient) Alone(ctx context.Context, addr, instance string) (bool, error) {
	return c.says(ctx, addr, instance, AloneHeader)
}

func (c *ReadinessClient) says(ctx context.Context, addr, instance, header string) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", http.NoBody)
	if err != nil {
		return false, fmt.Errorf("query readiness of %s: %w", addr, err)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return false, fmt.Errorf("query readiness: %w", err)
	}
	_ = answer.Body.Close() // only the headers count
	if id := answer.Header.Get(InstanceHeader); id != instance {
		return false, fmt.Errorf("%s is instance %q, not %s", addr, id, instance)
	}
	yes, err := strconv.ParseBool(answer.Header.Get(header))
	if err != nil {
		return false, fmt.Errorf("%s: invalid header %s: %w", addr, header, err)
	}
	return yes, nil
}
