package bench

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/redis/go-redis/v9"
)

// AccountingConfig is a measurement of accounting.
type AccountingConfig struct {
	Program string // a built cordon, which is measured
	Load    Load   // without Target, Secret and Dual: both kinds of lines are measured
	Rounds  int    // how often each server is measured
	Sizes   []int  // sessions at which memory is read, 0 and none: not measured
	Lookups []int  // sessions at which look-ups are measured, 0 and none: not measured
}

// Accounting is what came of it.
type Accounting struct {
	Machine Machine     `json:"machine"`
	Load    LoadFigures `json:"load"`
	Taken   []Compared  `json:"taken"` // IPv4 alone, of which both store the same, then dual stack
	Memory  []Memory    `json:"memory,omitempty"`
	Lookups []Lookup    `json:"lookups,omitempty"`
}

// Compared is the throughput of the servers with one kind of lines.
type Compared struct {
	Dual    bool         `json:"dual_stack"` // two IPv6 prefixes beside each IPv4 address
	Servers []ServerRuns `json:"servers"`    // Cordon first
	Ratio   float64      `json:"ratio"`      // records a second, Cordon's median to FreeRADIUS'
}

// LoadFigures is what was sent.
type LoadFigures struct {
	Lines   int `json:"sessions"`
	Records int `json:"records"`
	Window  int `json:"window"`
	Sources int `json:"ports"`
}

// ServerRuns is one server's runs; Throughput is the median by records a second.
type ServerRuns struct {
	Name string `json:"name"`
	Throughput
	Runs []Throughput `json:"runs"`
}

// Machine is what was measured on.
type Machine struct {
	CPU        string `json:"cpu"`
	Cores      int    `json:"cores"`
	LoadBefore string `json:"load_before"` // 1, 5 and 15 minutes
	Go         string `json:"go"`
	Redis      string `json:"redis"`
	FreeRADIUS string `json:"freeradius"`
}

// MeasureAccounting measures all servers in turn, Rounds times,
// against one redis-server that is emptied in between, then memory and look-ups.
func MeasureAccounting(ctx context.Context, c AccountingConfig) (*Accounting, error) {
	if err := c.Load.Validate(); err != nil {
		return nil, fmt.Errorf("measure accounting: %w", err)
	}
	m := &Accounting{Machine: thisMachine(ctx), Load: LoadFigures{c.Load.Lines, c.Load.Records, c.Load.Window, c.Load.Sources}}
	if err := m.measureServers(ctx, c); err != nil {
		return nil, fmt.Errorf("measure accounting: %w", err)
	}
	if err := m.measureSizes(ctx, c); err != nil {
		return nil, fmt.Errorf("measure accounting: %w", err)
	}
	return m, nil
}

func (m *Accounting) measureServers(ctx context.Context, c AccountingConfig) error {
	dir, err := os.MkdirTemp("", "bench-accounting")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	server, client, err := startRedis(ctx, dir, "--appendonly", "yes", "--appendfsync", "everysec")
	if err != nil {
		return err
	}
	defer server.stop()
	defer func() { _ = client.Close() }()
	for _, dual := range []bool{false, true} {
		c.Load.Dual = dual
		taken, err := compare(ctx, c, dir, server, client)
		if err != nil {
			return err
		}
		m.Taken = append(m.Taken, taken)
	}
	return nil
}

// compare measures the servers in turn.
func compare(ctx context.Context, c AccountingConfig, dir string, server *daemon, client *redis.Client) (Compared, error) {
	m := Compared{Dual: c.Load.Dual}
	who := accountants(c.Program)
	for _, a := range who {
		m.Servers = append(m.Servers, ServerRuns{Name: a.name})
	}
	for range max(c.Rounds, 1) {
		for i, a := range who {
			if err := client.FlushAll(ctx).Err(); err != nil {
				return m, err
			}
			taken, err := a.measure(ctx, dir, server, client.Options().Addr, c.Load)
			if err != nil {
				return m, fmt.Errorf("%s: %w", a.name, err)
			}
			m.Servers[i].Runs = append(m.Servers[i].Runs, taken)
		}
	}
	for i := range m.Servers {
		m.Servers[i].Throughput = medianThroughput(m.Servers[i].Runs)
	}
	m.Ratio = m.Servers[0].PerSecond / m.Servers[1].PerSecond
	return m, nil
}

// measure starts the server afresh and puts the load on it: a fifth of it to
// warm up, then all of it.
func (a *accountant) measure(ctx context.Context, dir string, server *daemon, redis string, load Load) (Throughput, error) {
	dir, err := os.MkdirTemp(dir, "server")
	if err != nil {
		return Throughput{}, err
	}
	port, err := freePort("udp")
	if err != nil {
		return Throughput{}, err
	}
	d, err := a.start(ctx, dir, redis, port)
	if err != nil {
		return Throughput{}, err
	}
	defer d.stop()
	load.Target, load.Secret = netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)), []byte(accountingSecret)
	if err := d.serving(ctx, load.Target); err != nil {
		return Throughput{}, err
	}
	warm := max(load.Window, load.Records/5)
	traffic, err := load.open(warm)
	if err != nil {
		return Throughput{}, err
	}
	defer func() { _ = traffic.Close() }()
	if _, err := traffic.run(ctx, warm); err != nil {
		return Throughput{}, err
	}
	runtime.GC() // what came before is not this run's
	own, others := d.cpu(), server.cpu()
	taken, err := traffic.run(ctx, load.Records)
	if err != nil {
		return Throughput{}, err
	}
	taken.CPU = micros(d.cpu()-own) / float64(taken.Answered)
	taken.RedisCPU = micros(server.cpu()-others) / float64(taken.Answered)
	return taken, nil
}

func medianThroughput(runs []Throughput) Throughput {
	sorted := slices.Clone(runs)
	slices.SortFunc(sorted, func(a, b Throughput) int { return int(a.PerSecond - b.PerSecond) })
	return sorted[len(sorted)/2]
}

// thisMachine describes this machine, and what of it cannot be found out.
func thisMachine(ctx context.Context) Machine {
	m := Machine{CPU: "unknown", Cores: runtime.NumCPU(), LoadBefore: loadAverage(), Go: runtime.Version(), Redis: "unknown",
		FreeRADIUS: "unknown"}
	text, _ := os.ReadFile("/proc/cpuinfo") // not everywhere
	for line := range strings.Lines(string(text)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			m.CPU = strings.TrimSpace(value)
		}
	}
	m.Redis = wordAfter(ctx, "v=", "redis-server", "--version")
	m.FreeRADIUS = wordAfter(ctx, "FreeRADIUS Version ", "freeradius", "-v")
	return m
}

// wordAfter runs a program and returns the word after mark in its output.
func wordAfter(ctx context.Context, mark, program string, args ...string) string {
	path, err := exec.LookPath(program)
	if err != nil {
		path = filepath.Join("/usr/sbin", program)
	}
	out, err := exec.CommandContext(ctx, path, args...).CombinedOutput()
	_, rest, found := strings.Cut(string(out), mark)
	if err != nil || !found || rest == "" {
		return "unknown"
	}
	return strings.Trim(strings.Fields(rest)[0], ",")
}
