package httpx

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
)

// Headers of /readyz by which instances that are cut off from Redis find out
// whether the others are too. Its text does not do: a check that does not end in
// time is shown there as one that failed.
const (
	// InstanceHeader names the instance by the id of its journal: an address may
	// lead to another one, or back to who asks.
	InstanceHeader = "X-Cordon-Instance"
	// CutOffHeader is true or false: whether Redis does not take its heartbeat.
	CutOffHeader = "X-Cordon-Cut-Off"
)

// Instance is what /readyz says of the instance itself, in its headers.
type Instance struct {
	ID     string
	CutOff func() bool
}

// announce writes the headers; an instance without an id has none.
func (i Instance) announce(h http.Header) {
	if i.ID == "" || i.CutOff == nil {
		return
	}
	h.Set(InstanceHeader, i.ID)
	h.Set(CutOffHeader, strconv.FormatBool(i.CutOff()))
}

// ReadinessClient asks other instances how they are.
type ReadinessClient struct{ http http.Client }

// NewReadinessClient returns a client that goes to the address itself: through
// no proxy, and after no redirection.
func NewReadinessClient() *ReadinessClient {
	return &ReadinessClient{http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// CutOff reports whether an instance at an address (host:port) says that it is
// cut off from Redis. An error means that it did not say: no answer, or that of
// somebody else.
func (c *ReadinessClient) CutOff(ctx context.Context, addr, instance string) (bool, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+addr+"/readyz", http.NoBody)
	if err != nil {
		return false, fmt.Errorf("ask %s for its readiness: %w", addr, err)
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return false, fmt.Errorf("ask for readiness: %w", err)
	}
	_ = answer.Body.Close() // its headers say it
	if id := answer.Header.Get(InstanceHeader); id != instance {
		return false, fmt.Errorf("at %s answers instance %q, not %s", addr, id, instance)
	}
	cutOff, err := strconv.ParseBool(answer.Header.Get(CutOffHeader))
	if err != nil {
		return false, fmt.Errorf("%s does not say whether it is cut off: %w", addr, err)
	}
	return cutOff, nil
}
