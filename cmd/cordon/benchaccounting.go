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
		Short: "Measure accounting into a real Redis beside FreeRADIUS with rlm_rediswho, memory and look-ups",
		Long: "Starts a redis-server of its own and, in turn, \"cordon serve\" and FreeRADIUS with rlm_rediswho on\n" +
			"loopback, puts the same load of Start, Interim-Update and Stop on each, and fills Redis with sessions\n" +
			"to read what they take and what it costs to find out who held an address. Needs redis-server and\n" +
			"freeradius with its Redis modules (Debian: redis-server, freeradius, freeradius-redis).",
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
	f.StringVar(&write, "write", "", "directory to write bench-accounting.md and bench-accounting.svg to")
	f.IntVar(&config.Rounds, "rounds", 3, "how often each server is measured")
	f.IntVarP(&config.Load.Records, "records", "n", 100_000, "records a run")
	f.IntVar(&config.Load.Lines, "sessions", 20_000, "sessions on line at a time")
	f.IntVar(&config.Load.Window, "window", 256, "records on their way at a time")
	f.IntVar(&config.Load.Sources, "ports", 8, "ports that they are sent from")
	f.IntSliceVar(&config.Sizes, "memory", []int{100_000, 1_000_000}, "sessions at which Redis' memory is read; 0: not")
	f.IntSliceVar(&config.Lookups, "lookups", []int{10_000, 100_000, 1_000_000, 2_000_000}, "sessions at which look-ups are measured; 0: not")
	return c
}
