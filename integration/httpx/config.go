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

// Config says where the server listens, who may call, and what it shows of the
// process.
type Config struct {
	// Listen is host:port; the host is an address or empty for all of them.
	Listen string
	// Tokens may call. None is allowed on a loopback address only: then everybody
	// who can reach it may do everything.
	Tokens []Token
	// Checks are what /readyz asks, in the order it shows them.
	Checks []Check
	// Metrics serves /metrics; nil: there is no such page. It is open to
	// everybody who reaches the listener, so it must name no subscriber.
	Metrics http.Handler
	// Instance is what the headers of /readyz say of this instance.
	Instance Instance
	// Version is what /version tells.
	Version wire.Version
	// Log gets one line a request and one a fault. nil: none.
	Log *zap.Logger
	// Limits are how long clients may take.
	Limits Limits
}

// Limits are how long a client may take before it is cut off, so that slow ones
// cannot hold all connections. A zero value takes the default.
type Limits struct {
	Header time.Duration // to send its header; default 5 s
	Body   time.Duration // to send header and body; default 20 s
	Answer time.Duration // to take the answer, waiting included; default 90 s, more than any ?wait=
	Idle   time.Duration // between two requests; default 120 s
	Drain  time.Duration // requests under way may take when the server stops; default 10 s
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

// Check is one thing that readiness depends on.
type Check struct {
	Name string // a word, as /readyz?verbose shows it
	// Essential: while it fails the server is not ready. Others only show.
	Essential bool
	// Probe returns why it is not well, nil if it is. It is given two seconds.
	Probe func(ctx context.Context) error
	// Warnings, if not nil, is what people should know of it although it is well.
	Warnings func() []string
}

// Validate reports every fault, joined.
func (c Config) Validate() error {
	var faults []error
	if _, _, err := net.SplitHostPort(c.Listen); err != nil {
		faults = append(faults, fmt.Errorf("http.listen: %q is no host:port", c.Listen))
	} else if c.Open() && !loopback(c.Listen) {
		faults = append(faults, fmt.Errorf("http.listen: %s is no loopback address; an API that others can reach needs http.tokens", c.Listen))
	}
	if err := checkTokens(c.Tokens); err != nil {
		faults = append(faults, fmt.Errorf("http.tokens: %w", err))
	}
	for _, check := range c.Checks {
		if check.Name == "" || check.Probe == nil {
			faults = append(faults, errors.New("a check needs a name and a probe"))
		}
	}
	return errors.Join(faults...)
}

// Open reports whether everybody who reaches the listener may do everything.
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
