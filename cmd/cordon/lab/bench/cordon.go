package bench

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"layeh.com/radius"

	"cordon/radiusx"
	"cordon/radiusx/coa"
)

// Config is a run.
type Config struct {
	Target   netip.AddrPort // of the responder
	Secret   radiusx.Secret
	N        int           // exchanges, at least 1
	InFlight int           // exchanges at a time, at least 1: the window
	Timeout  time.Duration // of each exchange; 0 means 10 s
}

// exchangeTimeout is long enough for two retransmissions, so that a datagram that is
// lost on the way does not count as lost.
const exchangeTimeout = 10 * time.Second

// Validate reports every fault.
func (c *Config) Validate() error {
	var faults []error
	if !c.Target.IsValid() || c.Target.Port() == 0 {
		faults = append(faults, errors.New("target: an address with a port is needed"))
	}
	if c.Secret.IsZero() {
		faults = append(faults, errors.New("secret: must be set"))
	}
	if c.N < 1 {
		faults = append(faults, fmt.Errorf("exchanges: %d is not at least 1", c.N))
	}
	if c.InFlight < 1 {
		faults = append(faults, fmt.Errorf("in flight: %d is not at least 1", c.InFlight))
	}
	return errors.Join(faults...)
}

// ReadSecret returns the secret that is given, or the one in the file.
func ReadSecret(given, file string) (radiusx.Secret, error) {
	if file != "" {
		return radiusx.ReadSecret(file) // its error names the file
	}
	return radiusx.NewSecret(given) // its error is complete
}

// Cordon measures Cordon's own client: whole exchanges with
// Message-Authenticator and Event-Timestamp, unpaced. The run ends early, with
// an error, if the context does or if an exchange cannot be begun.
func Cordon(ctx context.Context, c Config) (Figures, error) {
	if err := c.Validate(); err != nil {
		return Figures{}, fmt.Errorf("measure: %w", err)
	}
	client, err := coa.New(coa.Config{Ports: coa.MaxPorts}) // as many identifiers as there can be
	if err != nil {
		return Figures{}, fmt.Errorf("measure: %w", err)
	}
	defer func() { _ = client.Close() }()
	if err := c.probe(ctx, client); err != nil {
		return Figures{}, fmt.Errorf("measure: %w", err)
	}
	watch := startWatch()
	t, err := c.spread(ctx, func(ctx context.Context, w *worker) error { return w.exchange(ctx, client, c.Target) })
	if err != nil {
		return Figures{}, fmt.Errorf("measure: %w", err)
	}
	return watch.figures(t), nil
}

// ErrNoReply is what Cordon fails with if not even one exchange is answered.
var ErrNoReply = errors.New("no reply")

// probe has one exchange that does not count, so that a responder that is not
// there shows after one timeout and not after all of them.
func (c *Config) probe(ctx context.Context, client *coa.Client) error {
	w := newWorker(c)
	w.request.Peer = c.Target
	r, err := client.Do(ctx, w.request)
	switch {
	case err != nil:
		return fmt.Errorf("exchange with %v: %w", c.Target, err)
	case r.Kind != coa.Unanswered:
		return nil
	case r.Discarded > 0:
		return fmt.Errorf("%w at %v that is accepted: %v", ErrNoReply, c.Target, r.LastDiscard)
	case r.Hint != nil:
		return fmt.Errorf("%w at %v: %w", ErrNoReply, c.Target, r.Hint)
	}
	return fmt.Errorf("%w at %v", ErrNoReply, c.Target)
}

// spread has InFlight workers do N exchanges between them.
func (c *Config) spread(ctx context.Context, do func(context.Context, *worker) error) (*tally, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var running sync.WaitGroup
	workers := make([]*worker, min(c.InFlight, c.N))
	for i := range workers {
		w := newWorker(c)
		workers[i] = w
		running.Go(func() {
			for n := next.Add(1); n <= int64(c.N) && ctx.Err() == nil; n = next.Add(1) {
				w.number(n)
				if err := do(ctx, w); err != nil {
					cancel(err)
				}
			}
		})
	}
	running.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err // the caller names what was measured
	}
	total := &tally{took: make([]time.Duration, 0, c.N)}
	for _, w := range workers {
		total.add(&w.tally)
	}
	return total, nil
}

// worker does one exchange after the other.
type worker struct {
	tally
	request coa.Exchange
	session radius.Attribute // the Acct-Session-Id of request: each exchange has its own
}

func newWorker(c *Config) *worker {
	w := &worker{session: radius.Attribute("00000000")}
	w.tally.took = make([]time.Duration, 0, c.N/c.InFlight+1)
	w.request = coa.Exchange{
		Secret: c.Secret, Code: radius.CodeCoARequest, Timeout: c.Timeout,
		Attributes: radius.Attributes{
			{Type: 1, Attribute: radius.Attribute("bench@example.net")},
			{Type: 44, Attribute: w.session},
			{Type: 11, Attribute: radius.Attribute("GARDEN")},
		},
	}
	if w.request.Timeout == 0 {
		w.request.Timeout = exchangeTimeout
	}
	return w
}

// number writes n into the session of the next request.
func (w *worker) number(n int64) {
	const digits = "0123456789abcdef"
	for i := range w.session {
		w.session[len(w.session)-1-i] = digits[n>>(4*i)&15]
	}
}

func (w *worker) exchange(ctx context.Context, client *coa.Client, peer netip.AddrPort) error {
	began := time.Now()
	w.request.Peer = peer
	r, err := client.Do(ctx, w.request)
	if err != nil {
		return fmt.Errorf("exchange with %v: %w", peer, err)
	}
	switch r.Kind {
	case coa.ACK:
		w.acked++
	case coa.NAK:
		w.refused++
	default:
		w.lost++
		return nil
	}
	w.took = append(w.took, time.Since(began))
	return nil
}
