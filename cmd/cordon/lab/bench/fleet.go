package bench

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"runtime"
	"sync"
	"text/tabwriter"
	"time"

	"layeh.com/radius"

	"cordon/radiusx/coa"
)

// Fleet is the measurement of one client with many BNGs, some of them silent.
type Fleet struct {
	BNGs, Silent int
	Without      Figures // exchanges with the BNGs that answer, while the silent ones are not asked; a median
	With         Figures // the same, while each silent one has an exchange open all the time
	Memory       float64 // octets of heap for each BNG that was asked once and is idle
}

// firstBNG is the address of BNG number 0; the others follow.
var firstBNG = netip.AddrFrom4([4]byte{127, 1, 0, 0})

// bngAddr is where BNG number i is: each has a loopback address of its own.
func bngAddr(i int) netip.Addr {
	a := firstBNG.As4()
	a[2], a[3] = byte(i/250), byte(1+i%250)
	return netip.AddrFrom4(a)
}

// MaxBNGs is how many fit into the addresses.
const MaxBNGs = 250 * 250

// MeasureFleet asks bngs BNGs, one in a hundred of them silent. The target of
// the configuration is a responder on all addresses; only its port is used.
func MeasureFleet(ctx context.Context, c Config, bngs int) (*Fleet, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("measure fleet: %w", err)
	}
	if bngs < 100 || bngs > MaxBNGs {
		return nil, fmt.Errorf("measure fleet: %d BNGs are not from 100 to %d", bngs, MaxBNGs)
	}
	client, err := coa.New(coa.Config{Source: netip.AddrFrom4([4]byte{127, 0, 0, 1})})
	if err != nil {
		return nil, fmt.Errorf("measure fleet: %w", err)
	}
	defer func() { _ = client.Close() }()
	f := &Fleet{BNGs: bngs, Silent: bngs / 100}
	if f.Memory, err = f.meet(ctx, client, &c); err != nil {
		return nil, fmt.Errorf("measure fleet: %w", err)
	}
	var without, with []Figures
	for range fleetRounds {
		without, err = f.answering(ctx, client, &c, without)
		if err != nil {
			return nil, fmt.Errorf("measure fleet: %w", err)
		}
		stop := f.askSilent(ctx, client, &c)
		with, err = f.answering(ctx, client, &c, with)
		stop()
		if err != nil {
			return nil, fmt.Errorf("measure fleet: %w", err)
		}
	}
	f.Without, f.With = median(without), median(with)
	return f, nil
}

// fleetRounds is how often each of the two is measured, in turn.
const fleetRounds = 5

// meet has one exchange with each BNG that answers and returns what the client
// keeps of each.
func (f *Fleet) meet(ctx context.Context, client *coa.Client, c *Config) (float64, error) {
	all := *c
	all.N = f.BNGs
	before := heap()
	t, err := all.spread(ctx, f.eachInTurn(client, c, func(int) bool { return true }))
	if err != nil {
		return 0, err
	}
	if t.lost > 0 {
		return 0, fmt.Errorf("%d of %d BNGs do not answer: is the responder on all addresses?", t.lost, f.BNGs)
	}
	t.took = nil
	return (float64(heap()) - float64(before)) / float64(f.BNGs), nil
}

// heap is what is in use after everything unused was freed.
func heap() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools held survives one
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// answering measures one run with the BNGs that answer and appends it.
func (f *Fleet) answering(ctx context.Context, client *coa.Client, c *Config, to []Figures) ([]Figures, error) {
	runtime.GC()
	watch := startWatch()
	t, err := c.spread(ctx, f.eachInTurn(client, c, func(i int) bool { return i%100 != 0 }))
	if err != nil {
		return nil, err
	}
	return append(to, watch.figures(t)), nil
}

// eachInTurn asks the next of the chosen BNGs in each exchange.
func (f *Fleet) eachInTurn(client *coa.Client, c *Config, chosen func(bng int) bool) func(context.Context, *worker) error {
	var mu sync.Mutex
	next := 0
	return func(ctx context.Context, w *worker) error {
		mu.Lock()
		for !chosen(next) {
			next = (next + 1) % f.BNGs
		}
		i := next
		next = (next + 1) % f.BNGs
		mu.Unlock()
		return w.exchange(ctx, client, netip.AddrPortFrom(bngAddr(i), c.Target.Port()))
	}
}

// askSilent keeps an exchange waiting with every hundredth BNG, which does not
// answer it, until the returned function is called. It returns when all of them
// have been sent.
func (f *Fleet) askSilent(ctx context.Context, client *coa.Client, c *Config) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var running, sent sync.WaitGroup
	for i := range f.Silent {
		w := newWorker(c)
		w.request.Timeout = time.Minute
		w.request.Attributes[1].Attribute = radius.Attribute(silence + " BNG")
		sent.Add(1)
		w.request.Sending = func(coa.Datagram) error { sent.Done(); w.request.Sending = nil; return nil }
		running.Go(func() {
			for ctx.Err() == nil {
				if err := w.exchange(ctx, client, netip.AddrPortFrom(bngAddr(100*i), c.Target.Port())); err != nil &&
					!errors.Is(err, context.Canceled) {
					return
				}
			}
		})
	}
	sent.Wait()
	return func() {
		cancel()
		running.Wait()
	}
}

// Write prints the measurement.
func (f *Fleet) Write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(tw, "%d BNGS\tEXCHANGES/S\tP50 US\tP99 US\tLOST\n", f.BNGs)
	fmt.Fprintf(tw, "those that answer, alone\t%.0f\t%.0f\t%.0f\t%d\n", f.Without.PerSecond, f.Without.P50, f.Without.P99, f.Without.Lost)
	fmt.Fprintf(tw, "those that answer, while %d are silent\t%.0f\t%.0f\t%.0f\t%d\n", f.Silent, f.With.PerSecond, f.With.P50, f.With.P99,
		f.With.Lost)
	fmt.Fprintf(tw, "medians of %d runs each, taken in turn; load after: %s\n", fleetRounds, loadAverage())
	fmt.Fprintf(tw, "heap for each idle BNG\t%.0f octets\n", f.Memory)
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}
