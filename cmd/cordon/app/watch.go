package app

import (
	"context"
	"errors"
	"io"
	"maps"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"go.uber.org/zap"

	"cordon/integration/httpx"
	"cordon/radiusx"
	"cordon/radiusx/acct"
	"cordon/radiusx/bng"
	"cordon/radiusx/coa"
)

// checks are what /readyz asks.
func (a *App) checks() []httpx.Check {
	return []httpx.Check{
		{Name: "log", Essential: true, Probe: func(context.Context) error { return a.journal.Writable() }},
		{Name: "redis-seen", Essential: true, Probe: func(context.Context) error {
			if !a.redisSeen.Load() {
				return errors.New("Redis has not answered since the start")
			}
			return nil
		}},
		{Name: "redis", Probe: a.store.Ping},
		{Name: "restricting", Probe: func(context.Context) error {
			if reason, paused := a.gate.paused(); paused {
				return errors.New(reason)
			}
			return nil
		}},
		{Name: "sender", Probe: func(context.Context) error {
			if !a.engine.Sender() {
				return errors.New("another instance is the sender, or nobody")
			}
			return nil
		}},
	}
}

// watch looks for Redis until it has answered once, and tells in the log what
// accounting was dropped, until ctx ends.
func (a *App) watch(ctx context.Context) error {
	ticker := time.NewTicker(watchEvery)
	defer ticker.Stop()
	told := map[string]uint64{}
	for n := 0; ; n++ {
		if !a.redisSeen.Load() {
			a.redisSeen.Store(a.store.Ping(ctx) == nil)
		}
		if n%tellEvery == 0 {
			a.tellDropped(told)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

const (
	watchEvery = time.Second
	tellEvery  = 10 // watches between two lines about dropped accounting
)

// tellDropped writes one line about the accounting that was dropped or ignored
// since the last one, by reason.
func (a *App) tellDropped(told map[string]uint64) {
	if a.acct == nil {
		return
	}
	now := map[string]uint64{}
	for counter, n := range a.acct.Stats() {
		if c := acct.Counter(counter); c.Dropped() {
			now[c.String()] = n
		}
	}
	ignored := a.accounting.Stats()
	now["foreign"], now["nameless"], now["forbidden"] = ignored.Foreign, ignored.Nameless, ignored.Forbidden
	var fields []zap.Field
	for _, reason := range slices.Sorted(maps.Keys(now)) {
		if more := now[reason] - told[reason]; more > 0 {
			fields = append(fields, zap.Uint64(reason, more))
		}
		told[reason] = now[reason]
	}
	if len(fields) > 0 {
		a.log.Warn("accounting dropped or ignored; see the counters in /metrics", fields...)
	}
}

// registry collects the figures of all parts. No label names an address or a
// subscriber.
func (a *App) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), figures{a})
	return r
}

// figures reads the parts' own counters when asked.
type figures struct{ app *App }

var (
	acctRecords = prometheus.NewDesc("cordon_accounting_datagrams_total", "Accounting datagrams by what became of them.", []string{"outcome"}, nil)
	acctIgnored = prometheus.NewDesc("cordon_accounting_records_ignored_total", "Records that tell nothing about a session.", []string{"reason"}, nil)
	coaSent     = prometheus.NewDesc("cordon_coa_exchanges_total", "CoA and Disconnect exchanges by outcome.", []string{"outcome"}, nil)
	coaAgain    = prometheus.NewDesc("cordon_coa_retransmissions_total", "Requests sent again.", nil, nil)
	coaDropped  = prometheus.NewDesc("cordon_coa_discarded_total", "Datagrams that answered nothing.", []string{"reason"}, nil)
	isSender    = prometheus.NewDesc("cordon_sender", "1 if this instance is the sender.", nil, nil)
)

// Describe implements prometheus.Collector.
func (f figures) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(f, out) }

// Collect implements prometheus.Collector.
func (f figures) Collect(out chan<- prometheus.Metric) {
	count := func(d *prometheus.Desc, n uint64, labels ...string) {
		out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
	}
	if f.app.acct != nil {
		for counter, n := range f.app.acct.Stats() {
			count(acctRecords, n, acct.Counter(counter).String())
		}
		ignored := f.app.accounting.Stats()
		count(acctIgnored, ignored.Foreign, "foreign")
		count(acctIgnored, ignored.Nameless, "nameless")
		count(acctIgnored, ignored.Forbidden, "forbidden")
	}
	stats := f.app.coa.Stats()
	count(coaSent, stats.ACKs, "ack")
	count(coaSent, stats.NAKs, "nak")
	count(coaSent, stats.Unanswered, "unanswered")
	count(coaSent, stats.Abandoned, "abandoned")
	count(coaAgain, stats.Retransmitted)
	for reason, n := range stats.Discarded {
		if reason != int(coa.NotDiscarded) {
			count(coaDropped, n, coa.Discard(reason).String())
		}
	}
	sender := 0.0
	if f.app.engine.Sender() {
		sender = 1
	}
	out <- prometheus.MustNewConstMetric(isSender, prometheus.GaugeValue, sender)
}

// transcript writes exchanges in radclient's wording; nil if there is nowhere
// to write to.
func transcript(w io.Writer) bng.Observer {
	if w == nil {
		return nil
	}
	var mu sync.Mutex
	return func(direction radiusx.Direction, d *radiusx.Dictionary, from, to netip.AddrPort, octets []byte) {
		mu.Lock()
		defer mu.Unlock()
		_ = d.Text(w, direction, from, to, octets) // a terminal that went away reads nothing
	}
}
