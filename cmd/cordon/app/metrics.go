package app

import (
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// registry collects the metrics of all parts. No label names an address or a
// subscriber.
func (a *App) registry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), metrics{a})
	return r
}

// metrics reads the parts' own counters at each scrape. A metric is described and
// written in the file of its part.
type metrics struct{ app *App }

// describe makes the description of a metric; help is in Prometheus' manner.
func describe(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(name, help, labels, nil)
}

// Describe implements prometheus.Collector.
func (m metrics) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(m, out) }

// Collect implements prometheus.Collector.
func (m metrics) Collect(out chan<- prometheus.Metric) {
	s := samples{out}
	s.accounting(m.app)
	s.spool(m.app.spool)
	s.sources(m.app)
	s.template(m.app.template)
	s.decisions(m.app)
	s.instances(m.app.engine.AwaitedInstances())
	s.logIns(m.app.authorize)
	s.client(m.app.coa.Stats())
	s.maintenance(m.app.cfg.BNGs, m.app.engine.Maintenances())
	if m.app.engine.Sender() {
		for _, h := range m.app.fleet.Health() {
			s.bng(&h)
		}
	}
}

// samples writes the samples of one scrape.
type samples struct{ out chan<- prometheus.Metric }

// count writes a counter, gauge a gauge; label values are spelt with underscores.
func (s samples) count(d *prometheus.Desc, n uint64, labels ...string) {
	s.out <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, float64(n), labels...)
}

func (s samples) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

// seconds is a moment in seconds since 1970.
func seconds(t time.Time) float64 {
	return float64(t.UnixMilli()) / float64(time.Second/time.Millisecond)
}

// label spells the name of an outcome or reason as Prometheus' users expect.
func label(name string) string { return strings.ReplaceAll(name, "-", "_") }

// number is 1 for true and 0 for false.
func number(is bool) float64 {
	if is {
		return 1
	}
	return 0
}
