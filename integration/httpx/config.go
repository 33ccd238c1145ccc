package httpx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"time"

	"go.uber.org/zap"

	"cordon/integration/wire"
)

// Config is the server's configuration.
type Config struct {
	// Listen is host:port; the host is an address or empty for all of them.
	Listen string
	// Tokens are the valid bearer tokens. Without any the listener must be on a
	// loopback address, and everybody who can reach it may do everything.
	Tokens []Token
	// Checks are run by /readyz, and shown in this order.
	Checks []Check
	// Metrics serves /metrics; nil: no such page. It needs no token, so it must name
	// no subscriber.
	Metrics http.Handler
	// Instance is in the headers of /readyz.
	Instance Instance
	// Version is shown by /version.
	Version wire.Version
	// Log gets one line a request and one an internal error. nil: none.
	Log *zap.Logger
	// Limits are the timeouts.
	Limits Limits
}

// Limits are timeouts, so that slow clients cannot hold all connections. 0 is the
// default.
type Limits struct {
	Header time.Duration // to receive a request's header; default 5 s
	Body   time.Duration // to receive header and body; default 20 s
	Answer time.Duration // to send the response, ?wait= included; default 90 s, more than any ?wait=
	Idle   time.Duration // of a connection between two requests; default 120 s
	Drain  time.Duration // for requests in progress when the server stops; default 10 s
}

func (l Limits) withDefaults() Limits {
	set := func(d *time.Duration, value time.Duration) {
		if *d == 0 {
			*d = value
		}
	}
	set(&l.Header, 5*time.Second)
	set(&l.Body, 20*time.Second)
	set(&l.Answer, 90*time.Second)
	set(&l.Idle, 120*time.Second)
	set(&l.Drain, 10*time.Second)
	return l
}

// Check is one readiness check.
type Check struct {
	Name string // one word, shown by /readyz?verbose
	// Essential: while it fails the server is not ready. Others are only shown.
	Essential bool
	// Probe returns why the check fails, nil if it passes. Its timeout is 2 s.
	Probe func(ctx context.Context) error
	// Warnings, if not nil, are shown although the check passes.
	Warnings func() []string
}

// Validate reports every fault, joined.
func (c Config) Validate() error {
	var faults []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		faults = append(faults, fmt.Errorf("http.listen: invalid host:port %q", c.Listen))
	} else if c.Open() && !loopback(c.Listen) {
		faults = append(faults, fmt.Errorf("http.listen: must be a loopback address without http.tokens: %s", c.Listen))
	}
	if err := checkTokens(c.Tokens); err != nil {
		faults = append(faults, fmt.Errorf("http.tokens: %w", err))
	}
	for _, check := range c.Checks {
		if check.Name == "" || check.Probe == nil {
			faults = append(faults, errors.New("check: Name and Probe are required"))
		}
	}
	return errors.Join(faults...)
}

// Open reports whether there are no tokens: everybody may do everything.
func (c Config) Open() bool { return len(c.Tokens) == 0 }

// loopback reports whether host:port can be reached from this host only.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = hostport // a Host header without a port
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(trimBrackets(host))
	return err == nil && addr.Unmap().IsLoopback()
}

func trimBrackets(host string) string {
	if len(host) > 1 && host[0] == '[' && host[len(host)-1] == ']' {
		return host[1 : len(host)-1]
	}
	return host
}
