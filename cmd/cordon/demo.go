package main

import (
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"cordon/cmd/cordon/lab/demo"
)

// newDemo is "cordon demo".
func newDemo(sh *shell) *cobra.Command {
	config := demo.Config{Out: sh.out, Version: thisBuild()}
	var log bool
	c := &cobra.Command{
		Use: "demo [--once]", Short: "Show what Cordon does, on simulated BNGs", Args: cobra.NoArgs,
		Long: "Run the real server with two simulated BNGs and a few hundred subscribers through a series of steps, over\n" +
			"real UDP and the real API. Every step is verified at the BNG. Afterwards the server runs until Ctrl-C; with\n" +
			"--once it stops, with exit code 0 only if every step succeeded. It starts its own redis-server if there is one\n" +
			"on PATH, else an embedded one.",
		Example: "  cordon demo\n  cordon demo --once; echo $?",
		RunE: func(c *cobra.Command, _ []string) error {
			// A closed terminal or pipe must not leave children and files behind.
			ctx, stop := signal.NotifyContext(c.Context(), syscall.SIGHUP, syscall.SIGPIPE)
			defer stop()
			config.Bold = bold(sh.out, sh.getenv)
			if log {
				logger, err := newLogger(sh.err, "info", "")
				if err != nil {
					return err
				}
				config.Logger = logger
			}
			return demo.Run(ctx, config)
		},
	}
	f := c.Flags()
	f.BoolVar(&config.Once, "once", false, "stop after the last step")
	f.Uint64Var(&config.Seed, "seed", 1, "random seed")
	f.BoolVar(&config.Embedded, "embedded", false, "use the embedded Redis even if redis-server is on PATH")
	f.BoolVar(&log, "log", false, "print the server's log on standard error")
	return c
}

// bold reports whether headings may be bold: on a terminal, unless NO_COLOR is set.
func bold(w io.Writer, getenv func(string) string) bool {
	file, ok := w.(*os.File)
	return ok && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}
