package app

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"cordon/quarantine"
)

func TestAloneForIsWithinItsBounds(t *testing.T) {
	with := func(alone string) error {
		_, _, _, err := parse("cordon.yaml", []byte(strings.Replace(goodConfig, "accounting:\n", "accounting:\n  spool: {alone_for: "+alone+"}\n",
			1)))
		return err
	}
	for _, good := range []string{"0s", "1m", "168h"} {
		if err := with(good); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	for _, bad := range []string{"59s", "169h"} {
		if err := with(bad); err == nil || !strings.Contains(err.Error(), "accounting.spool.alone_for: must be from 1m to 168h, or 0") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestWithoutASpoolNothingIsAnsweredAlone(t *testing.T) {
	cfg := Default()
	if got := aloneFor(&cfg); got != 30*time.Minute {
		t.Errorf("by default %s", got)
	}
	cfg.Accounting.Spool.Max = 0
	if got := aloneFor(&cfg); got != 0 {
		t.Errorf("without a spool %s", got)
	}
}

func TestOthersAreGivenAnAddressThatLeadsHere(t *testing.T) {
	for _, c := range []struct{ bound, redis, want string }{
		{"192.0.2.9:8480", "127.0.0.1:6379", "192.0.2.9:8480"},
		{"127.0.0.1:8480", "127.0.0.1:6379", "127.0.0.1:8480"},
		{"0.0.0.0:8480", "127.0.0.1:6379", "127.0.0.1:8480"},
		{"[::]:8480", "127.0.0.1:6379", "127.0.0.1:8480"},
		{"0.0.0.0:8480", "/run/redis.sock", ""},
	} {
		bound, err := net.ResolveTCPAddr("tcp", c.bound)
		if err != nil {
			t.Fatal(err)
		}
		a := &App{cfg: &Config{Redis: Redis{Addrs: []string{c.redis}}}, addr: bound}
		if got := a.advertised(); got != c.want {
			t.Errorf("listening on %s, Redis at %s: %q, want %q", c.bound, c.redis, got, c.want)
		}
	}
}

// gathered collects the figures of instances as a registry does, which refuses
// one series twice.
type gathered struct{ all []quarantine.InstanceStatus }

func (g gathered) Describe(out chan<- *prometheus.Desc) { prometheus.DescribeByCollect(g, out) }
func (g gathered) Collect(out chan<- prometheus.Metric) { samples{out}.instances(g.all) }

func TestInstancesOfOneNameAreOneSeries(t *testing.T) {
	status := func(id string, silence time.Duration, verdicts int) quarantine.InstanceStatus {
		return quarantine.InstanceStatus{Instance: quarantine.Instance{ID: id, Name: "cordon-b"}, Silence: silence, Verdicts: verdicts}
	}
	r := prometheus.NewRegistry()
	r.MustRegister(gathered{[]quarantine.InstanceStatus{status("1", time.Hour, 2), status("2", 0, 0), status("3", time.Minute, 3)}})
	families, err := r.Gather()
	if err != nil || len(families) != 2 {
		t.Fatalf("%v, %v", families, err)
	}
	for _, f := range families {
		want := map[string]float64{"cordon_instance_silent_seconds": 3600, "cordon_verdicts_awaiting_instance": 5}[f.GetName()]
		if m := f.GetMetric(); len(m) != 1 || m[0].GetGauge().GetValue() != want || m[0].GetLabel()[0].GetValue() != "cordon-b" {
			t.Errorf("%s: %v, want %v", f.GetName(), m, want)
		}
	}
}
