package main

import (
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"cordon/cmd/cordon/app"
	"cordon/cmd/cordon/lab/probe"
)

// newBNGTest is "cordon bng test".
func newBNGTest(r *remote) *cobra.Command {
	var file string
	var dryRun bool
	var timeout time.Duration
	c := &cobra.Command{
		Use: "test NAME -c FILE", Short: "Send a BNG harmless requests, and explain its replies or their absence", Args: cobra.ExactArgs(1),
		Long: "Sends CoA-Requests about a subscriber who cannot exist, from this host and with the BNG's secret; they cannot\n" +
			"change a session, and none is a Disconnect-Request. Without a reply it tries other settings and ports in turn.\n" +
			"Exit code 0: alive; 1: it replies, and something is wrong; 3: no reply.",
		Example: "  cordon bng test bng1 -c /etc/cordon/cordon.yaml\n  cordon bng test bng1 -c /etc/cordon/cordon.yaml --dry-run",
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case file == "":
				return usage("-c FILE is required")
			case timeout <= 0:
				return usage("--timeout must be > 0")
			}
			if err := checkFormat(r.output); err != nil {
				return err
			}
			cfg, parts, err := app.LoadToProve(file)
			if err != nil {
				return failed("cordon check config "+file, "%w", err)
			}
			if dryRun {
				return r.printPlan(parts, args[0])
			}
			report, err := probe.RunOn(c.Context(), cfg, parts, args[0], func(p *probe.Config) {
				p.Timeout = timeout
				p.OnTry = func(t probe.Try) { r.say("%s: %s", t.What, t.Outcome) }
			})
			if err != nil {
				return failed("cordon bng test --help, or the names under bngs in "+file, "%w", err)
			}
			return r.printReport(&report)
		},
	}
	f := c.Flags()
	f.StringVarP(&file, "config", "c", "", "configuration file")
	f.BoolVar(&dryRun, "dry-run", false, "print the packets without sending them")
	f.DurationVarP(&timeout, "timeout", "t", probe.DefaultTimeout, "timeout of the first request; that of the others is at most 3s")
	return c
}

func (r *remote) printPlan(parts *app.Parts, name string) error {
	plan, err := probe.PlanOf(parts, name)
	if err != nil {
		return failed("cordon check config, and see its bngs", "%w", err)
	}
	return r.printProbe(plan, "dry-run", plan.Text())
}

// printReport prints what was found out and turns it into the exit code.
func (r *remote) printReport(report *probe.Report) error {
	if err := r.printProbe(report, report.Verdict.String(), report.Text()); err != nil {
		return err
	}
	if exit := report.Verdict.Exit(); exit != probe.ExitAlive {
		return &exitError{code: int(exit), err: fmt.Errorf("%s: %s", report.BNG, report.Verdict)}
	}
	return nil
}

func (r *remote) printProbe(answer any, name, text string) error {
	raw, err := json.Marshal(answer)
	if err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return r.print(printed{raw: raw, names: []string{name}, text: func(w io.Writer) { _, _ = io.WriteString(w, text) }})
}
