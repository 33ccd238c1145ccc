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
	// AloneHeader is true or false: whether it answers accounting that Redis does not
	// take.
	AloneHeader = "X-Cordon-Answers-Alone"
)

// Instance is what /readyz says of the instance itself, in its headers.
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
	return c.says(ctx, addr, instance, CutOffHeader)
}

// Alone reports whether an instance at an address says that it answers accounting
// which Redis does not take. Errors are as for CutOff.
func (c *ReadinessClient) Alone(ctx context.Context, addr, instance string) (bool, error) {
	return c.says(ctx, addr, instance, AloneHeader)
}

func (c *ReadinessClient) says(ctx context.Context, addr, instance, header string) (bool, error) {
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
	yes, err := strconv.ParseBool(answer.Header.Get(header))
	if err != nil {
		return false, fmt.Errorf("%s does not say %s: %w", addr, header, err)
	}
	return yes, nil
}
