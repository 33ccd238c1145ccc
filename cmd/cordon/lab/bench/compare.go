package bench

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"text/tabwriter"
)

// rival is one client that is measured.
type rival struct {
	name  string
	share int // of the exchanges that it gets: 1/share, because it is that much slower
	run   func(context.Context, Config) (Figures, error)
}

// rivals is the one table of them. The first is what the ratios are of.
var rivals = []rival{
	{"cordon", 1, Cordon},
	{"raw echo, one packet a system call", 1, RawEcho},
	{"layeh.com/radius", 4, Layeh},
	{"radclient, a file of all packets", 50, RadclientFile},
	{"radclient, one window again and again", 10, RadclientAgain},
}

// mark is what Cordon should reach against one contender.
type mark struct {
	against int // index of rivals
	ratio   float64
	name    string
}

// marks are the floors and the goal of an exchange rate.
var marks = []mark{
	{1, 0.9, "floor"},
	{1, 1.0, "goal"},
	{2, 3, "floor"},
	{3, 10, "floor"},
	{4, 10, "floor"},
}

// Comparison is what Compare measured.
type Comparison struct {
	Runs [][]Figures // by contender, in the order in which they were made
	load string
}

// Compare measures all clients against the same responder, rounds times one
// after the other, so that whatever else the machine does falls on all alike.
func Compare(ctx context.Context, c Config, rounds int) (*Comparison, error) {
	if err := c.Validate(); err != nil {
		return nil, fmt.Errorf("compare: %w", err)
	}
	m := &Comparison{Runs: make([][]Figures, len(rivals)), load: loadAverage()}
	for range rounds {
		for i, who := range rivals {
			part := c
			part.N = max(c.InFlight, c.N/who.share)
			runtime.GC() // what the one before left is not this one's
			f, err := who.run(ctx, part)
			if err != nil {
				return nil, fmt.Errorf("compare: %w", err)
			}
			m.Runs[i] = append(m.Runs[i], f)
		}
	}
	return m, nil
}

// loadAverage is what else runs on this machine, as Linux reports it.
func loadAverage() string {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return "unknown"
	}
	return strings.Join(strings.Fields(string(text))[:3], " ")
}

// ratio is Cordon's median rate to that of a contender.
func (m *Comparison) ratio(against int) float64 {
	return median(m.Runs[0]).PerSecond / median(m.Runs[against]).PerSecond
}

// Write prints the table.
func (m *Comparison) Write(w io.Writer) error {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, "CLIENT\tEXCHANGES/S\tLOWEST\tHIGHEST\tP50 US\tP99 US\tCPU US\tLOST\tCORDON IS")
	for i, who := range rivals {
		f := median(m.Runs[i])
		low, high := span(m.Runs[i])
		p50, p99 := "-", "-"
		if f.P99 > 0 {
			p50, p99 = fmt.Sprintf("%.0f", f.P50), fmt.Sprintf("%.0f", f.P99)
		}
		fmt.Fprintf(tw, "%s\t%.0f\t%.0f\t%.0f\t%s\t%s\t%.2f\t%d\t%.2f x\n", who.name, f.PerSecond, low, high, p50, p99, f.CPU, f.Lost, m.ratio(i))
	}
	for _, k := range marks {
		verdict := "met"
		if m.ratio(k.against) < k.ratio {
			verdict = "NOT MET"
		}
		fmt.Fprintf(tw, "%s: %.1f x %s\t%s\n", k.name, k.ratio, rivals[k.against].name, verdict)
	}
	fmt.Fprintf(tw, "medians of %d runs each, taken in turn; load before: %s; %d CPUs\n", len(m.Runs[0]), m.load, runtime.NumCPU())
	if err := tw.Flush(); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

func span(runs []Figures) (low, high float64) {
	rates := make([]float64, len(runs))
	for i, f := range runs {
		rates[i] = f.PerSecond
	}
	return slices.Min(rates), slices.Max(rates)
}
