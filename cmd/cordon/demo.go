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
		Use: "demo [--once]", Short: "Show what Cordon does, on simulated BNGs; needs nothing", Args: cobra.NoArgs,
		Long: "Run the real server with two simulated BNGs and a few hundred subscribers, and tell a short story on\n" +
			"them over real UDP and the real API. Every step is checked at the BNG. Afterwards the server stays up\n" +
			"until Ctrl-C; with --once it ends, with exit code 0 only if every step was seen to happen.\n" +
			"Sessions are kept in a redis-server of its own if there is one on PATH, else in an embedded one.",
		Example: "  cordon demo\n  cordon demo --once; echo $?",
		RunE: func(c *cobra.Command, _ []string) error {
			// A terminal that is closed, or a pipe whose reader left, must not
			// leave children and files behind.
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
	f.BoolVar(&config.Once, "once", false, "end after the story")
	f.Uint64Var(&config.Seed, "seed", 1, "who plays which part")
	f.BoolVar(&config.Embedded, "embedded", false, "use the embedded Redis even if there is a redis-server")
	f.BoolVar(&log, "log", false, "show the server's log on standard error")
	return c
}

// bold reports whether headings may be bold: on a terminal that can, unless
// NO_COLOR is set.
func bold(w io.Writer, getenv func(string) string) bool {
	file, ok := w.(*os.File)
	return ok && getenv("NO_COLOR") == "" && getenv("TERM") != "dumb" && term.IsTerminal(int(file.Fd()))
}
