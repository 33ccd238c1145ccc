package bench

import (
	"fmt"
	"slices"
	"syscall"
	"time"
)

// Figures is what one run of one client came to.
type Figures struct {
	Acked     int     `json:"acked"`      // exchanges that were answered with an ACK
	Lost      int     `json:"lost"`       // exchanges without an answer, after all retransmissions
	PerSecond float64 `json:"per_second"` // exchanges with an answer, ACK or NAK
	P50       float64 `json:"p50_us"`     // of the exchanges with an answer, in microseconds; 0 if the client does not report it
	P99       float64 `json:"p99_us"`
	CPU       float64 `json:"cpu_us_per_exchange"` // of the client's process, user and system, in microseconds
}

// Text is the figures for a terminal.
func (f *Figures) Text() string {
	return fmt.Sprintf("%d acked, %d lost, %.0f exchanges/s, p50 %.0f us, p99 %.0f us, %.2f us CPU an exchange",
		f.Acked, f.Lost, f.PerSecond, f.P50, f.P99, f.CPU)
}

// stopwatch measures a run in this process.
type stopwatch struct {
	began time.Time
	cpu   time.Duration
}

func startWatch() stopwatch {
	return stopwatch{began: time.Now(), cpu: cpuTime(syscall.RUSAGE_SELF)}
}

// tally is what the workers of a run have counted.
type tally struct {
	acked, refused, lost int
	took                 []time.Duration // of each answered exchange
}

func (t *tally) add(other *tally) {
	t.acked, t.refused, t.lost = t.acked+other.acked, t.refused+other.refused, t.lost+other.lost
	t.took = append(t.took, other.took...)
}

// figures ends the measurement.
func (w stopwatch) figures(t *tally) Figures {
	elapsed, cpu := time.Since(w.began), cpuTime(syscall.RUSAGE_SELF)-w.cpu
	answered := t.acked + t.refused
	f := Figures{Acked: t.acked, Lost: t.lost, PerSecond: float64(answered) / elapsed.Seconds()}
	if all := answered + t.lost; all > 0 {
		f.CPU = micros(cpu) / float64(all)
	}
	slices.Sort(t.took)
	f.P50, f.P99 = micros(quantile(t.took, 0.50)), micros(quantile(t.took, 0.99))
	return f
}

// quantile returns the value below which that share of the sorted ones lies; 0
// of none.
func quantile(sorted []time.Duration, share float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(share*float64(len(sorted)-1))]
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// cpuTime is what this process, or its children that have ended, have used.
func cpuTime(whose int) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(whose, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// median is the run in the middle, by exchanges a second.
func median(runs []Figures) Figures {
	sorted := slices.Clone(runs)
	slices.SortFunc(sorted, func(a, b Figures) int {
		switch {
		case a.PerSecond < b.PerSecond:
			return -1
		case a.PerSecond > b.PerSecond:
			return 1
		}
		return 0
	})
	return sorted[len(sorted)/2]
}
