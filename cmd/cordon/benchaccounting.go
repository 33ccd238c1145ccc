package main

import (
	"encoding/json"
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/lab/bench"
)

// newBenchAccounting is "cordon bench accounting", which make bench-accounting
// runs.
func newBenchAccounting(sh *shell) *cobra.Command {
	var config bench.AccountingConfig
	var asJSON bool
	var write string
	c := &cobra.Command{
		Use: "accounting", Args: cobra.NoArgs,
		Short: "Measure accounting into a real Redis beside FreeRADIUS with rlm_rediswho, its memory and look-ups",
		Long: "Starts its own redis-server and, in turn, \"cordon serve\" and FreeRADIUS with rlm_rediswho on loopback,\n" +
			"sends both the same load of Start, Interim-Update and Stop, and fills Redis with sessions to measure\n" +
			"their memory and the latency of an attribution. Needs redis-server and freeradius with its Redis\n" +
			"modules (Debian: redis-server, freeradius, freeradius-redis).",
		RunE: func(c *cobra.Command, _ []string) error {
			if err := config.Load.Validate(); err != nil {
				return usage("%w", err)
			}
			program, err := os.Executable()
			if err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			config.Program = program
			m, err := bench.MeasureAccounting(c.Context(), config)
			if err != nil {
				return fmt.Errorf("bench: %w", err)
			}
			if write != "" {
				if err := m.WriteFiles(write); err != nil {
					return fmt.Errorf("bench: %w", err)
				}
			}
			if asJSON {
				return json.NewEncoder(sh.out).Encode(m) // of standard output
			}
			return m.Write(sh.out) // of standard output
		},
	}
	f := c.Flags()
	f.BoolVar(&asJSON, "json", false, "one line of JSON")
	f.StringVar(&write, "write", "", "directory for bench-accounting.md and bench-accounting.svg")
	f.IntVar(&config.Rounds, "rounds", 3, "rounds per server")
	f.IntVarP(&config.Load.Records, "records", "n", 100_000, "records per round")
	f.IntVar(&config.Load.Lines, "sessions", 20_000, "live sessions at a time")
	f.IntVar(&config.Load.Window, "window", 256, "records in flight")
	f.IntVar(&config.Load.Sources, "ports", 8, "source ports")
	f.IntSliceVar(&config.Sizes, "memory", []int{100_000, 1_000_000}, "numbers of sessions at which to measure Redis' memory; 0 disables it")
	f.IntSliceVar(&config.Lookups, "lookups", []int{10_000, 100_000, 1_000_000, 2_000_000},
		"numbers of sessions at which to measure look-ups; 0 disables it")
	return c
}
