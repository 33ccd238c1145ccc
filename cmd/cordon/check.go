package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/app"
)

// newCheck is "cordon check config".
func newCheck(sh *shell) *cobra.Command {
	var strict bool
	var journal string
	config := &cobra.Command{
		Use: "config FILE...", Short: "Check configuration files, and list every fault with its line", Args: cobra.MinimumNArgs(1),
		Example: "  cordon check config /etc/cordon/cordon.yaml\n  cordon check config --journal /var/lib/cordon new.yaml",
		RunE: func(c *cobra.Command, files []string) error {
			bad := 0
			for _, file := range files {
				if !checkConfig(c.Context(), sh, file, journal, strict) {
					bad++
				}
			}
			switch {
			case bad == 0:
				return nil
			case bad < len(files):
				return &exitError{code: exitPartly, err: fmt.Errorf("%d of %d files are invalid", bad, len(files))}
			}
			return failed("correct the faults above", "the configuration is invalid")
		},
	}
	config.Flags().BoolVar(&strict, "strict", false, "treat warnings as faults")
	config.Flags().StringVar(&journal, "journal", "",
		"also check that every unfinished release in this journal directory could be sent; it may be in use")
	return group("check", "Check files before they are used", config)
}

func checkConfig(ctx context.Context, sh *shell, file, journal string, strict bool) bool {
	_, _ = fmt.Fprintf(sh.out, "Checking %q", file)
	cfg, parts, warnings, err := app.Load(file)
	if err == nil && journal != "" {
		err = app.CheckJournal(ctx, journal, parts)
	}
	if err != nil || (strict && len(warnings) > 0) {
		_, _ = fmt.Fprintln(sh.out, "  FAILED")
		var faults app.Faults
		if errors.As(err, &faults) || err == nil {
			printFaults(sh.out, "", faults)
			printFaults(sh.out, "warning: ", warnings)
			return false
		}
		for line := range strings.Lines(err.Error()) {
			_, _ = fmt.Fprintln(sh.out, safe(strings.TrimSuffix(line, "\n")))
		}
		return false
	}
	_, _ = fmt.Fprintf(sh.out, "  SUCCESS\nFound:\n - BNGs: %d\n - profiles: %d\n - rules: %d, mode %s\n - exemptions: %d\n",
		len(cfg.BNGs), len(cfg.Profiles), len(cfg.Policy.Rules), cfg.Policy.Mode, len(cfg.Exemptions))
	printFaults(sh.out, "warning: ", warnings)
	return true
}

func printFaults(w io.Writer, prefix string, faults app.Faults) {
	for _, f := range faults {
		_, _ = fmt.Fprintf(w, "%s%s\n", prefix, safe(f.Error()))
	}
}
